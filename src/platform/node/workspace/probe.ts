/**
 * What the workspace's own file system can do, found by trying once in the
 * state folder. Where nothing can be written, what the platform usually does.
 *
 * @module
 */
import { closeSync, lstatSync, mkdirSync, openSync, rmdirSync, symlinkSync, unlinkSync } from "node:fs"
import { errnoOf } from "../fsErrors.ts"
import { removeLeftovers, temporaryName } from "../state/replaceFile.ts"

export interface Abilities {
  readonly caseInsensitive: boolean
  readonly normalizes: boolean
  readonly links: boolean
}

const USUAL: Abilities = {
  caseInsensitive: process.platform === "win32" || process.platform === "darwin",
  normalizes: process.platform === "darwin",
  links: process.platform !== "win32",
}

/** @param folder - Absolute: the state folder. Made for the trial, and removed again, if it is not there. */
export function probe(folder: string): Abilities {
  let made = false
  try {
    made = makeFolder(folder)
    return tryOut(folder)
  } catch {
    return USUAL
  } finally {
    if (made) removeFolder(folder)
  }
}

function makeFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 })
    return true
  } catch (error) {
    if (errnoOf(error) !== "EEXIST" || !lstatSync(folder).isDirectory()) throw error
    return false
  }
}

function removeFolder(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    // Another process has begun to use it.
    if (errnoOf(error) !== "ENOTEMPTY") throw error
  }
}

function tryOut(folder: string): Abilities {
  removeLeftovers(folder)
  // One name tells both: its letters in another case, and its é in two code points.
  const name = temporaryName("case-\u00e9")
  closeSync(openSync(`${folder}/${name}`, "wx", 0o600))
  try {
    return {
      caseInsensitive: exists(`${folder}/${name.replace("case", "CASE")}`),
      normalizes: exists(`${folder}/${name.normalize("NFD")}`),
      links: canLink(`${folder}/${temporaryName("link")}`),
    }
  } finally {
    unlinkSync(`${folder}/${name}`)
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function canLink(path: string): boolean {
  try {
    symlinkSync("nowhere", path)
  } catch {
    return false
  }
  unlinkSync(path)
  return true
}
