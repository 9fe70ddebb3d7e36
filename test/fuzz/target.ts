/**
 * What a fuzz target is: one decoder, what it may throw, and how it must bear
 * whatever bytes it is given.
 *
 * @module
 */

/** Inputs of about so many bytes that are the worst a decoder can be given, as far as anybody knows. */
export type Growth = Readonly<Record<string, (bytes: number) => Uint8Array>>

export interface Target {
  readonly name: string
  /** Good and nearly good inputs to start from. */
  seeds(): readonly Uint8Array[] | Promise<readonly Uint8Array[]>
  /** Decodes. Throws what the decoder throws; a plain error where what came out is not as it must be. */
  run(input: Uint8Array): unknown
  /** Codes of the errors that may come out; none for a decoder that takes whatever comes. */
  readonly codes: readonly string[]
  /** How inputs are changed besides byte by byte. */
  readonly form?: "bytes" | "json" | "text"
  /** Magic values and keywords. */
  readonly words?: readonly (string | Uint8Array)[]
  /** Longest input that is made. */
  readonly maxBytes?: number
  /** Bytes that may be allocated: so many, and so many for each byte of input. */
  readonly memory?: { readonly base: number; readonly factor: number }
  /** Microseconds that a byte may take; twenty if not said. */
  readonly microsecondsPerByte?: number
  /** Milliseconds that any input may take, for what is bounded though it does not grow with the input alone. */
  readonly mostMs?: number
  /** Inputs by which it is shown that time and memory grow with the input's length. */
  readonly growth?: Growth
}

/** Codes of the faults of the vault's own bytes. */
export const FORMAT_CODES = ["FORMAT_INVALID", "FORMAT_NEWER", "FORMAT_LIMIT_EXCEEDED"] as const
/** Codes of what a store may answer. */
export const STORE_CODES = [
  "STORE_MALFORMED",
  "STORE_UNREACHABLE",
  "STORE_FAILED",
  "STORE_OBJECT_MISSING",
  "STORE_NOT_FOUND",
  "STORE_FORBIDDEN",
  "STORE_FULL",
  "STORE_RATE_LIMITED",
  "STORE_UNAUTHENTICATED",
] as const

/** @throws an error that is no coded one, so that it is found. */
export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`what came out is wrong: ${what}`)
}
