/**
 * Signatures in plain JavaScript, by the noble libraries: what a platform uses
 * for the algorithms it does not have. Loaded on first use only.
 *
 * @module
 */
import { ed25519 } from "@noble/curves/ed25519.js"
import { p256 } from "@noble/curves/nist.js"
import { sha512 } from "@noble/hashes/sha2.js"
import { ml_dsa87 } from "@noble/post-quantum/ml-dsa.js"
import { concatBytes, equalBytes } from "./bytes.ts"
import type { SignatureAlgorithm } from "./crypto.ts"

/** Callers have checked the seed ({@link checkSigningSeed}). */
export function portablePublicKey(algorithm: SignatureAlgorithm, seed: Uint8Array): Uint8Array {
  switch (algorithm) {
    case "ed25519":
      return ed25519.getPublicKey(seed)
    case "ecdsa-p256":
      return p256.getPublicKey(seed, false)
    case "ml-dsa-87":
      return ml_dsa87.keygen(seed).publicKey
  }
}

/** Callers have checked the seed. `entropy` is 32 random bytes for the hedged signing of ML-DSA (FIPS 204). */
export function portableSign(
  algorithm: SignatureAlgorithm,
  seed: Uint8Array,
  message: Uint8Array,
  entropy: () => Uint8Array,
): Uint8Array {
  switch (algorithm) {
    case "ed25519":
      return ed25519.sign(message, seed)
    case "ecdsa-p256":
      return p256.sign(message, seed, { lowS: true })
    case "ml-dsa-87": {
      const { secretKey } = ml_dsa87.keygen(seed)
      const signature = ml_dsa87.sign(message, secretKey, { extraEntropy: entropy() })
      secretKey.fill(0)
      return signature
    }
  }
}

/** Callers have checked the form ({@link isSignatureForm}). */
export function portableVerify(
  algorithm: SignatureAlgorithm,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    switch (algorithm) {
      case "ed25519":
        return verifyEd25519(publicKey, message, signature)
      case "ecdsa-p256":
        return p256.verify(signature, message, publicKey, { lowS: true })
      case "ml-dsa-87":
        return ml_dsa87.verify(signature, message, publicKey)
    }
  } catch {
    return false
  }
}

/**
 * RFC 8032 section 5.1.7 without the cofactor: encode(S·B - k·A) must be the bytes of R. The library's own
 * `verify` multiplies by the cofactor, so for a key with a small-order part it says yes where OpenSSL and BoringSSL say no.
 */
function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const { Point } = ed25519
  const r = signature.subarray(0, 32)
  const s = scalar(signature.subarray(32))
  const k = scalar(sha512(concatBytes(r, publicKey, message)))
  const a = Point.fromBytes(publicKey)
  const expected = Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k))
  return equalBytes(expected.toBytes(), r)

  function scalar(littleEndian: Uint8Array): bigint {
    let value = 0n
    for (let i = littleEndian.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(littleEndian[i] as number)
    return Point.Fn.create(value)
  }
}
