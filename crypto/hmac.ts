/**
 * HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869) over any SHA-256.
 *
 * Written out here because the hot path derives a key for every file: two
 * hashes over a prepared block take a seventh of the time of Node's
 * `createHmac`, and half of `hkdfSync`. Every implementation shares it, and
 * runs the RFC 4231, RFC 5869 and Wycheproof vectors through it.
 *
 * @module
 */
import { HASH_BYTES } from "./crypto.ts"
import { invalidInput } from "./inputs.ts"
import type { Secret } from "./secret.ts"

/** SHA-256 over the concatenation of the parts, in a buffer of its own. */
export type Sha256 = (...parts: readonly Uint8Array[]) => Uint8Array

const BLOCK_BYTES = 64
const MAX_OKM_BYTES = 255 * HASH_BYTES

/** HMAC-SHA256 of the concatenation of `parts`. */
export function hmac(sha256: Sha256, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const short = key.length > BLOCK_BYTES ? sha256(key) : key
  try {
    const inner = sha256(padInto(block, short, 0x36), ...parts)
    return sha256(padInto(block, short, 0x5c), inner)
  } finally {
    block.fill(0)
  }
}

/** For every call. Outside the engine's heap, whose garbage collection would copy what is in it ({@link Secret}). */
const block = new Uint8Array(new ArrayBuffer(BLOCK_BYTES))

/** HKDF: extract from `ikm` and `salt`, then expand. An empty salt means 32 zero bytes, as in the RFC. */
export function hkdf(sha256: Sha256, ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  checkLength(length)
  const prk = hmac(sha256, salt, ikm)
  const okm = hkdfExpand(sha256, prk, info, length)
  prk.fill(0)
  return okm
}

/** The second half of HKDF (RFC 5869 section 2.3). */
export function hkdfExpand(sha256: Sha256, prk: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  checkLength(length)
  const okm = new Uint8Array(length)
  let previous: Uint8Array = new Uint8Array(0)
  for (let offset = 0, counter = 1; offset < length; offset += HASH_BYTES, counter++) {
    const block = hmac(sha256, prk, previous, info, Uint8Array.of(counter))
    okm.set(block.subarray(0, Math.min(HASH_BYTES, length - offset)), offset)
    previous.fill(0)
    previous = block
  }
  previous.fill(0)
  return okm
}

function padInto(block: Uint8Array, key: Uint8Array, pad: number): Uint8Array {
  block.fill(pad)
  for (let i = 0; i < key.length; i++) block[i] = (key[i] as number) ^ pad
  return block
}

function checkLength(length: number): void {
  if (!Number.isInteger(length) || length < 1 || length > MAX_OKM_BYTES) throw invalidInput("HKDF output length")
}
