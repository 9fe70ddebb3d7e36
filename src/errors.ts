/**
 * Errors of the sync engine.
 *
 * @module
 */
import { CodedError } from "../crypto/errors.ts"

/** Every code a {@link SyncError} can carry. */
export type SyncErrorCode =
  /** The folder to sync is missing, or is not the one that was set up (a drive not mounted, say). */
  | "ROOT_MISSING"
  /** The folder cannot be written to. */
  | "ROOT_READ_ONLY"
  /** The disk of the workspace or of the state folder is full. */
  | "DISK_FULL"
  /** Another Sessyn process is at work on this workspace. */
  | "BUSY"
  /** This folder is not set up for syncing. */
  | "NOT_SET_UP"
  /** This folder is set up already. */
  | "ALREADY_SET_UP"
  /** `init` on a store that holds a vault, or `join` on one that holds none. */
  | "VAULT_EXISTS"
  | "VAULT_MISSING"
  /** `join` on a store with several vaults that it could be. */
  | "VAULT_AMBIGUOUS"
  /** A vault was seen here before and is gone or empty now. */
  | "VAULT_VANISHED"
  /** The store shows an older head than this machine has seen: hosts do that for some minutes. Wait, try again. */
  | "STORE_BEHIND"
  /** It has done so for more than five minutes, or shows another history. */
  | "VAULT_WENT_BACK"
  | "VAULT_FORKED"
  /** The passphrase does not open this vault. */
  | "WRONG_PASSPHRASE"
  /** The passphrase is too easy to guess. */
  | "WEAK_PASSPHRASE"
  /** No passphrase at hand and none remembered. */
  | "LOCKED"
  /** This machine is not approved yet, or not any more. */
  | "PENDING"
  | "REVOKED"
  /** A second copy of this machine is at work: a cloned disk or a restored backup. */
  | "CLONED"
  /** No such machine, or one in a state that does not allow the operation. */
  | "MACHINE_UNKNOWN"
  | "MACHINE_STATE"
  /** A policy that not every machine meets. */
  | "POLICY_UNMET"
  /** More than half of the files would be deleted or emptied. */
  | "MASS_DELETE"
  /** Local edits put back old versions of many files: a folder restored from a backup, probably. */
  | "MASS_REVERT"
  /** The trust log changed under a trust operation: look again, then ask again. */
  | "TRUST_CHANGED"
  /** Two machines revoked each other: a person must choose. */
  | "TRUST_FORKED"
  /** The folder for this machine's own state may not be used. */
  | "STATE_FORBIDDEN"
  /** The state on this machine's disk cannot be read: `repair` finds out again what it said. */
  | "STATE_DAMAGED"
  /** What makes this the machine that was set up (its keys, where it syncs) cannot be read: only joining again helps. */
  | "SETUP_DAMAGED"
  /** No version of that file in the vault. */
  | "VERSION_UNKNOWN"
  /** That version is older than what a compaction left of the history. */
  | "VERSION_DROPPED"
  /** The store lacks versions that a compaction would have to keep. */
  | "HISTORY_MISSING"
  /** That version could not be put where it was to go. */
  | "RESTORE_BLOCKED"
  /** The user said no, or pressed Ctrl-C. */
  | "CANCELLED"
  /** The store moved under us again and again. */
  | "CONTENDED"

/** Facts for the message, never secrets. Paths only of this machine's own folders, for its own user's eyes. */
export type ErrorDetails = Readonly<Record<string, string | number | readonly string[]>>

export class SyncError extends CodedError<SyncErrorCode> {
  readonly details: ErrorDetails

  constructor(
    code: SyncErrorCode,
    message: string,
    details: ErrorDetails = {},
    options?: { readonly cause?: unknown },
  ) {
    super(code, message, options)
    this.details = details
  }
}
