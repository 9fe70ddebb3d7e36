/**
 * The form a public key and a signature must have before any library looks at
 * them. Libraries differ in what they let through (small-order and non-canonical
 * Ed25519 points, high-s ECDSA); a vault that one machine accepts and another
 * refuses would part their histories, so what is let through is decided here,
 * by `docs/spec/crypto.md`, section "Signatures".
 *
 * Not a verification: it looks at encodings only and holds no curve arithmetic.
 *
 * @module
 */
import { toHex } from "./bytes.ts"
import type { SignatureAlgorithm } from "./crypto.ts"
import { invalidInput } from "./inputs.ts"
import type { Secret } from "./secret.ts"

interface Lengths {
  readonly publicKey: number
  readonly signature: number
}

/** Bytes of a public key and of a signature. */
export const SIGNATURE_LENGTHS: Readonly<Record<SignatureAlgorithm, Lengths>> = {
  ed25519: { publicKey: 32, signature: 64 },
  "ecdsa-p256": { publicKey: 65, signature: 64 },
  "ml-dsa-87": { publicKey: 2592, signature: 4627 },
}

/** The prime of the field of Curve25519, the order of its base point, and the order of P-256. */
const ED25519_P = 2n ** 255n - 19n
const ED25519_L = 2n ** 252n + 27742317777372353535851937790883648493n
const P256_N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** The y-coordinate of a point of order 8; the other such points have -y or the other sign of x. */
const ORDER_8_Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n

/** The y-coordinates of the eight points of small order: orders 4, 1, 2, and twice 8. Each covers both signs of x. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([0n, 1n, ED25519_P - 1n, ORDER_8_Y, ED25519_P - ORDER_8_Y])

/** Whether both have the one form that is accepted. What is not of this form is no signature. */
export function isSignatureForm(algorithm: SignatureAlgorithm, publicKey: Uint8Array, signature: Uint8Array): boolean {
  const lengths = SIGNATURE_LENGTHS[algorithm]
  if (publicKey.length !== lengths.publicKey || signature.length !== lengths.signature) return false
  switch (algorithm) {
    case "ed25519":
      return (
        isFullOrderForm(publicKey) &&
        isFullOrderForm(signature.subarray(0, 32)) &&
        littleEndian(signature.subarray(32)) < ED25519_L
      )
    case "ecdsa-p256":
      return publicKey[0] === 0x04 && isLowSForm(signature)
    case "ml-dsa-87":
      return true
  }
}

/** The same P-256 signature (r || s) with the smaller of s and n - s. A new buffer. */
export function withLowS(signature: Uint8Array): Uint8Array {
  const low = new Uint8Array(signature)
  let s = bigEndian(signature.subarray(32))
  if (s <= P256_N / 2n) return low
  s = P256_N - s
  for (let i = 63; i >= 32; i--, s >>= 8n) low[i] = Number(s & 0xffn)
  return low
}

/** @throws {CryptoError} `CRYPTO_INVALID_INPUT` unless the seed is 32 bytes and, for P-256, in [1, n-1]. */
export function checkSigningSeed(algorithm: SignatureAlgorithm, seed: Secret): void {
  if (seed.length !== 32) throw invalidInput("seed length")
  if (algorithm !== "ecdsa-p256") return
  const scalar = bigEndian(seed.expose())
  if (scalar === 0n || scalar >= P256_N) throw invalidInput("P-256 scalar")
}

/** A canonical encoding (y < p) of what is not one of the eight points of small order. */
function isFullOrderForm(point: Uint8Array): boolean {
  const y = littleEndian(point) & (2n ** 255n - 1n)
  return y < ED25519_P && !SMALL_ORDER_Y.has(y)
}

function isLowSForm(signature: Uint8Array): boolean {
  const r = bigEndian(signature.subarray(0, 32))
  const s = bigEndian(signature.subarray(32))
  return r > 0n && r < P256_N && s > 0n && s <= P256_N / 2n
}

function bigEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`)
}

function littleEndian(bytes: Uint8Array): bigint {
  return bigEndian(Uint8Array.from(bytes).reverse())
}
