/**
 * The exit status of every outcome: what scripts branch on. Documented in
 * `docs/cli.md` and in each command's help; never renumbered.
 *
 * @module
 */
import type { AnyCode } from "./errors.ts"

export const EXIT = {
  inSync: 0,
  error: 1,
  usage: 2,
  conflicts: 3,
  notTrusted: 4,
  locked: 5,
  massDelete: 6,
  doesNotVerify: 7,
  /** Ctrl-C: 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** The exit status for each code; a new code does not compile until it has one. */
export const exitCodes = {
  CRYPTO_OPEN_FAILED: EXIT.doesNotVerify,
  CRYPTO_INVALID_INPUT: EXIT.error,
  CRYPTO_UNSUPPORTED: EXIT.error,

  FORMAT_INVALID: EXIT.doesNotVerify,
  FORMAT_NEWER: EXIT.error,
  FORMAT_LIMIT_EXCEEDED: EXIT.doesNotVerify,
  HASH_MISMATCH: EXIT.doesNotVerify,
  SEAL_BROKEN: EXIT.doesNotVerify,
  OBJECT_MISSING: EXIT.doesNotVerify,
  TRUST_LOG_INVALID: EXIT.doesNotVerify,
  HEADER_INVALID: EXIT.doesNotVerify,

  STORE_UNREACHABLE: EXIT.error,
  STORE_NOT_FOUND: EXIT.error,
  STORE_UNAUTHENTICATED: EXIT.error,
  STORE_FORBIDDEN: EXIT.error,
  STORE_RATE_LIMITED: EXIT.error,
  STORE_FAILED: EXIT.error,
  STORE_MALFORMED: EXIT.doesNotVerify,
  STORE_OBJECT_MISSING: EXIT.doesNotVerify,
  STORE_FULL: EXIT.error,
  STORE_URL_INVALID: EXIT.usage,

  ROOT_MISSING: EXIT.error,
  ROOT_READ_ONLY: EXIT.error,
  DISK_FULL: EXIT.error,
  BUSY: EXIT.error,
  NOT_SET_UP: EXIT.usage,
  ALREADY_SET_UP: EXIT.usage,
  VAULT_EXISTS: EXIT.usage,
  VAULT_MISSING: EXIT.error,
  VAULT_AMBIGUOUS: EXIT.usage,
  VAULT_VANISHED: EXIT.doesNotVerify,
  STORE_BEHIND: EXIT.error,
  VAULT_WENT_BACK: EXIT.doesNotVerify,
  VAULT_FORKED: EXIT.doesNotVerify,
  WRONG_PASSPHRASE: EXIT.locked,
  WEAK_PASSPHRASE: EXIT.usage,
  LOCKED: EXIT.locked,
  PENDING: EXIT.notTrusted,
  REVOKED: EXIT.notTrusted,
  CLONED: EXIT.error,
  MACHINE_UNKNOWN: EXIT.usage,
  MACHINE_STATE: EXIT.usage,
  POLICY_UNMET: EXIT.error,
  MASS_DELETE: EXIT.massDelete,
  MASS_REVERT: EXIT.massDelete,
  TRUST_CHANGED: EXIT.error,
  TRUST_FORKED: EXIT.doesNotVerify,
  STATE_FORBIDDEN: EXIT.error,
  STATE_DAMAGED: EXIT.error,
  SETUP_DAMAGED: EXIT.error,
  VERSION_UNKNOWN: EXIT.usage,
  VERSION_DROPPED: EXIT.usage,
  HISTORY_MISSING: EXIT.doesNotVerify,
  RESTORE_BLOCKED: EXIT.error,
  CANCELLED: EXIT.error,
  CONTENDED: EXIT.error,

  USAGE: EXIT.usage,
  NEEDS_CONFIRMATION: EXIT.usage,
  OUTSIDE_FOLDER: EXIT.usage,
  PASSPHRASE_FILE: EXIT.usage,
  FINGERPRINT_DIFFERS: EXIT.error,
  UNEXPECTED: EXIT.error,
} satisfies Record<AnyCode, ExitCode>
