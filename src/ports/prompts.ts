/**
 * What the engine asks a person. A host without one answers by its flags, or
 * returns `null`: not answered, which stops the operation without changing anything.
 *
 * @module
 */
import type { Secret } from "../../crypto/secret.ts"
import type { Conflict, Resolution } from "../tree/plan/plan.ts"

/** What lies on both sides of a conflict, fetched only if asked for. */
export interface ConflictContents {
  readonly local: () => Promise<Uint8Array | null>
  readonly remote: () => Promise<Uint8Array | null>
  readonly base: () => Promise<Uint8Array | null>
  /** The clean three-way merge of text, if there is one. */
  readonly merged: () => Promise<Uint8Array | null>
}

export interface ConflictQuestion {
  readonly conflict: Conflict
  /** Name of the machine that changed it there. */
  readonly machine: string
  readonly contents: ConflictContents
}

/** A question with yes or no. `code` names it for hosts that have their own words. */
export interface Confirmation {
  readonly code:
    | "mass-delete"
    | "mass-revert"
    | "approve"
    | "fingerprint-matches"
    | "revoke"
    | "delete-machine"
    | "require-post-quantum"
    | "remember-in-file"
    | "repair"
    | "compact"
    | "follow-recovery"
    | "outward-link"
    | "new-code"
  /** Lines to show before the question, already in plain words. */
  readonly lines: readonly string[]
}

export interface Prompts {
  /** The passphrase that opens the vault; `retry` after a wrong one. */
  passphrase(retry: boolean): Promise<Secret | null>
  /** A new passphrase; `proposal` is six generated words. */
  newPassphrase(proposal: string): Promise<Secret | null>
  confirm(question: Confirmation): Promise<boolean | null>
  /** All conflicts of one sync at once, so that a host can offer bulk choices; missing ones are skipped. */
  resolve(questions: readonly ConflictQuestion[]): Promise<ReadonlyMap<string, Resolution>>
}
