/**
 * The checks that every implementation of {@link Crypto} makes before it hands
 * bytes to a library, so that all of them refuse the same inputs in the same way.
 *
 * @module
 */
import type { Argon2Params } from "./crypto.ts"
import { HASH_BYTES, NONCE_BYTES, TAG_BYTES } from "./crypto.ts"
import { CryptoError } from "./errors.ts"
import type { Secret } from "./secret.ts"

/** The error for a key, nonce, salt or parameter that the algorithm does not allow. */
export function invalidInput(what: string): CryptoError {
  return new CryptoError("CRYPTO_INVALID_INPUT", `${what} out of range`)
}

/** The one error for whatever does not open. It has no cause on purpose: there is nothing to tell apart. */
export function openFailed(): CryptoError {
  return new CryptoError("CRYPTO_OPEN_FAILED", "cannot be opened with this key")
}

export function checkAeadKey(key: Secret, nonce: Uint8Array): void {
  if (key.length !== HASH_BYTES) throw invalidInput("AES-256 key length")
  if (nonce.length !== NONCE_BYTES) throw invalidInput("GCM nonce length")
}

/** For `open`, where a wrong length is as good a reason as any to fail. */
export function canBeSealed(key: Secret, nonce: Uint8Array, sealed: Uint8Array): boolean {
  return key.length === HASH_BYTES && nonce.length === NONCE_BYTES && sealed.length >= TAG_BYTES
}

export function checkSeed(seed: Secret): void {
  if (seed.length !== HASH_BYTES) throw invalidInput("seed length")
}

/** RFC 9106 section 3.1, and upper bounds that keep a slip from taking the machine down: 4 GiB, 1,024 bytes. */
export function checkArgon2(password: Secret, salt: Uint8Array, params: Argon2Params, length: number): void {
  const { memoryKiB, passes, lanes } = params
  if (password.length < 1) throw invalidInput("Argon2 password length")
  if (salt.length < 8) throw invalidInput("Argon2 salt length")
  if (!isWithin(lanes, 1, 255)) throw invalidInput("Argon2 lanes")
  if (!isWithin(memoryKiB, 8 * lanes, 0x40_0000)) throw invalidInput("Argon2 memory")
  if (!isWithin(passes, 1, 1_000_000)) throw invalidInput("Argon2 passes")
  if (!isWithin(length, 4, 1024)) throw invalidInput("Argon2 output length")
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}
