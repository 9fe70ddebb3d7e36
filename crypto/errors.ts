/**
 * The base of every error Sessyn throws, and the errors of this layer.
 *
 * Callers branch on `code`, never on the class name or the message: bundlers
 * rename classes and messages are for people.
 *
 * @module
 */

/** An error with a machine-readable code. Its message never holds a secret, a path or file content. */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code

  constructor(code: Code, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** Every code a {@link CryptoError} can carry. */
export type CryptoErrorCode =
  /** Wrong key, wrong associated data or altered bytes: on purpose one code for all three. */
  | "CRYPTO_OPEN_FAILED"
  /** A key, nonce, salt or parameter whose length or range the algorithm does not allow. */
  | "CRYPTO_INVALID_INPUT"
  /** This platform cannot run the algorithm. */
  | "CRYPTO_UNSUPPORTED"

export class CryptoError extends CodedError<CryptoErrorCode> {}
