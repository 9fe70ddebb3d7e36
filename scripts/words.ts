/**
 * Words that must not stand in the repository: notes to oneself where the work
 * should be done, paths of one developer's machine, rooms without a subject.
 *
 * @module
 */
import type { Violation } from "./layers.ts"

// Put together here so that this file does not hold what it forbids.
const NOTES = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`)
const MACHINE_PATHS = new RegExp(`(^|[\\s"'\`(=:])/(${["work", "root", "farm"].join("|")})/`)
const ROOMS = new Set(["util", "utils", "helper", "helpers", "common", "misc", "shared"])

export function isForbiddenRoom(name: string): boolean {
  return ROOMS.has(name)
}

export function findForbiddenWords(file: string, text: string): readonly Violation[] {
  const violations: Violation[] = []
  for (const [index, line] of text.split("\n").entries()) {
    const at = { file, line: index + 1 }
    const note = NOTES.exec(line)?.[1]
    if (note !== undefined) violations.push({ ...at, message: `says ${note}: do it, or leave it out` })
    if (MACHINE_PATHS.test(line)) violations.push({ ...at, message: "names a path of one machine" })
  }
  return violations
}
