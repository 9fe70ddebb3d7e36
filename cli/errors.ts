/**
 * Errors of the command line itself: what was typed, and what it would need
 * that is not there. Everything else comes from the layers below.
 *
 * @module
 */
import type { CryptoErrorCode } from "../crypto/errors.ts"
import { CodedError } from "../crypto/errors.ts"
import type { SyncErrorCode } from "../src/errors.ts"
import type { StorageErrorCode, StoreErrorCode } from "../storage/errors.ts"

/** Every code a {@link CliError} can carry. */
export type CliErrorCode =
  /** An argument or option that the command does not take; the message says which. */
  | "USAGE"
  /** A question nobody could answer: no terminal, and no flag that answers it. */
  | "NEEDS_CONFIRMATION"
  /** A path that is not inside the synced folder. */
  | "OUTSIDE_FOLDER"
  /** The file given with `--passphrase-file` or `--new-passphrase-file` is missing, empty or too long. */
  | "PASSPHRASE_FILE"
  /** The words given with `--fingerprint` are not those of the machine to approve. */
  | "FINGERPRINT_DIFFERS"
  /** Anything that is nobody's plan: a fault of Sessyn or of the system. */
  | "UNEXPECTED"

export class CliError extends CodedError<CliErrorCode> {}

/** Every code for which the command line has words and an exit status. */
export type AnyCode = CryptoErrorCode | StorageErrorCode | StoreErrorCode | SyncErrorCode | CliErrorCode
