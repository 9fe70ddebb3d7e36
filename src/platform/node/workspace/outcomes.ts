/**
 * Short words for what the workspace port answers.
 *
 * @module
 */
import type { Outcome, WorkspaceRefusal } from "../../../ports/workspace.ts"

export const DONE: Outcome = { ok: true, value: undefined }

/** It went well. */
export function done<T>(value: T): Outcome<T> {
  return { ok: true, value }
}

/** It was refused, which is an answer. */
export function refuse<T>(refusal: WorkspaceRefusal): Outcome<T> {
  return { ok: false, refusal }
}
