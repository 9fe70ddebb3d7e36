/**
 * What a refused command looks like: one clear sentence and one thing to do, on
 * standard error; the exit status; and everything as it was.
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { expect } from "vitest"
import type { AnyCode } from "../../../cli/errors.ts"
import { exitCodes } from "../../../cli/exitCodes.ts"
import { messages } from "../../../cli/messages.ts"
import { treeOf } from "../../support/files.node.ts"
import type { How, Machine, Variables } from "../cli/command.ts"

export interface Refusal {
  readonly code: AnyCode
  /** As it is documented: never taken from the table that is under test. */
  readonly status: number
  /** What else must be told. */
  readonly says?: RegExp
  readonly env?: Variables
  /** A bare repository that must stay as it is, if it is there. */
  readonly store?: string
  readonly how?: How
}

/** Runs the command, twice the same, and sees that it is refused and changes nothing. */
export async function expectRefusal(machine: Machine, args: readonly string[], refusal: Refusal): Promise<string> {
  const { code, status, says, env, store, how } = refusal
  expect([code, exitCodes[code]]).toEqual([code, status])
  const before = surroundings(machine, store)
  let all = ""
  for (let time = 0; time < 2; time++) {
    const outcome = await machine.start(args, env, how).ended
    const { message, action } = messages[code]
    expect({ ...outcome, says: [message, action] }).toMatchObject({
      status,
      out: "",
      err: expect.stringContaining(message),
    })
    expect(outcome.err).toContain(action)
    expect(outcome.err).not.toMatch(/\n\s+at |UnhandledPromise|\[object|undefined/)
    if (says !== undefined) expect(outcome.err).toMatch(says)
    all += outcome.err
  }
  expect(surroundings(machine, store)).toEqual(before)
  return all
}

/** The folder, its own Sessyn folder too, and every branch of the store. */
export function surroundings({ root }: Machine, store?: string) {
  const files = existsSync(root) ? treeOf(root, [".sessyn/tmp"]) : null
  return { files, refs: store === undefined ? null : refsOf(store) }
}

export function refsOf(store: string): string | null {
  if (!existsSync(store)) return null
  return execFileSync("git", ["--git-dir", store, "for-each-ref"], { encoding: "utf8" })
}
