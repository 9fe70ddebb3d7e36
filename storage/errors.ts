/**
 * Errors of the vault and of the stores.
 *
 * @module
 */
import { CodedError } from "../crypto/errors.ts"

/** Every code a {@link StorageError} can carry. */
export type StorageErrorCode =
  /** Not the bytes of the format: a field missing, out of range, or not in its one canonical form. */
  | "FORMAT_INVALID"
  /** A newer format, or a field this build does not know: update Sessyn. */
  | "FORMAT_NEWER"
  /** A length or count above a limit of the format. */
  | "FORMAT_LIMIT_EXCEEDED"
  /** Bytes do not have the SHA-256 by which the vault names them. */
  | "HASH_MISMATCH"
  /** A chunk, shard, name or key box does not open under its key. */
  | "SEAL_BROKEN"
  /** The snapshot lacks an object that its header or index names. */
  | "OBJECT_MISSING"
  /** The trust log breaks a rule: chain, signature, signer not trusted, or an operation that is not allowed. */
  | "TRUST_LOG_INVALID"
  /** The header breaks a rule; `reason` names which. */
  | "HEADER_INVALID"

/** A fault of the vault's own bytes. `reason` is a fixed phrase that names the check that failed. */
export class StorageError extends CodedError<StorageErrorCode> {
  readonly reason: string

  constructor(code: StorageErrorCode, reason: string, options?: { readonly cause?: unknown }) {
    super(code, reason, options)
    this.reason = reason
  }
}

/** Every code a {@link StoreError} can carry. */
export type StoreErrorCode =
  /** No connection, it broke, or it timed out. */
  | "STORE_UNREACHABLE"
  /** No such repository or path; hosts also say this when access is lacking. */
  | "STORE_NOT_FOUND"
  /** The credential is missing, wrong or expired (401). */
  | "STORE_UNAUTHENTICATED"
  /** The credential may not do this (403), or the repository is read-only. */
  | "STORE_FORBIDDEN"
  /** Too many requests (429, or 403 with a rate limit); `retryAfterMs` if the host said. */
  | "STORE_RATE_LIMITED"
  /** The host failed (5xx) or answered what its protocol does not allow. */
  | "STORE_FAILED"
  /** The answer is not what the protocol says, or an object is not the one asked for. */
  | "STORE_MALFORMED"
  /** The store does not have an object that it should have. */
  | "STORE_OBJECT_MISSING"
  /** The store's disk is full or its quota is used up. */
  | "STORE_FULL"
  /** The URL is none that Sessyn can use, or carries a password. */
  | "STORE_URL_INVALID"

/** A fault of the store, not of what it keeps. */
export class StoreError extends CodedError<StoreErrorCode> {
  /** Whether the same call may succeed when made again later. */
  readonly transient: boolean
  readonly retryAfterMs: number | undefined

  constructor(
    code: StoreErrorCode,
    message: string,
    options: {
      readonly cause?: unknown
      readonly transient?: boolean
      readonly retryAfterMs?: number | undefined
    } = {},
  ) {
    super(code, message, "cause" in options ? { cause: options.cause } : undefined)
    this.transient = options.transient ?? false
    this.retryAfterMs = options.retryAfterMs
  }
}
