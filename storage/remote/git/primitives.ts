/**
 * What the Git code needs of its platform: SHA-1 and zlib, both synchronous.
 * Git's SHA-1 is an address here, never evidence.
 *
 * @module
 */
import type { ObjectId } from "../store.ts"

/** A running SHA-1 (FIPS 180-4). */
export interface Sha1 {
  update(bytes: Uint8Array): void
  /** The 20 bytes. Call once. */
  digest(): Uint8Array
}

/** What came out of a zlib stream, and how many bytes of the input it took. */
export interface Inflated {
  readonly bytes: Uint8Array
  readonly consumedBytes: number
}

export interface GitPrimitives {
  /** SHA-1 over the concatenation of `parts`, in hex. */
  sha1(...parts: readonly Uint8Array[]): ObjectId
  createSha1(): Sha1

  /** A zlib stream (RFC 1950) of `bytes`, compressed. */
  deflate(bytes: Uint8Array): Uint8Array
  /** The checksum of RFC 1950, section 8.2, as an unsigned number. */
  adler32(bytes: Uint8Array): number

  /**
   * Inflates the zlib stream that `input` starts with; what follows it is ignored.
   *
   * @throws {Error} if the stream is damaged, ends early or yields more than `maxBytes`.
   */
  inflate(input: Uint8Array, maxBytes: number): Inflated
}
