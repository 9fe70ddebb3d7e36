/**
 * HPKE a second time, from RFC 9180's text: X-Wing by its draft over noble's ML-KEM and
 * X25519, the key schedule over noble's HKDF. What one seals the other must open.
 */
import { gcm } from "@noble/ciphers/aes.js"
import { x25519 } from "@noble/curves/ed25519.js"
import { expand, extract } from "@noble/hashes/hkdf.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { sha3_256, shake256 } from "@noble/hashes/sha3.js"
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js"
import { describe, expect, it } from "vitest"
import { concatBytes, fromHex, toHex, utf8 } from "../../../crypto/bytes.ts"
import { createXWing } from "../../../crypto/hpke.ts"
import { createPortableCrypto } from "../../../crypto/portableCrypto.ts"
import { Secret } from "../../../crypto/secret.ts"
import { bytesOf, CRYPTO_VECTORS } from "../../support/cryptoVectors.ts"

const SUITE = concatBytes(utf8("HPKE"), Uint8Array.of(0x64, 0x7a, 0x00, 0x01, 0x00, 0x02))
const NOTHING = new Uint8Array(0)

/** RFC 9180 section 4 */
function labeledExtract(label: string, ikm: Uint8Array, salt: Uint8Array = NOTHING): Uint8Array {
  return extract(sha256, concatBytes(utf8("HPKE-v1"), SUITE, utf8(label), ikm), salt)
}
function labeledExpand(prk: Uint8Array, label: string, info: Uint8Array, length: number): Uint8Array {
  const labeledInfo = concatBytes(Uint8Array.of(0, length), utf8("HPKE-v1"), SUITE, utf8(label), info)
  return expand(sha256, prk, labeledInfo, length)
}

/** RFC 9180 section 5.1, mode base */
function keySchedule(sharedSecret: Uint8Array, info: Uint8Array): { key: Uint8Array; nonce: Uint8Array } {
  const context = concatBytes(
    Uint8Array.of(0),
    labeledExtract("psk_id_hash", NOTHING),
    labeledExtract("info_hash", info),
  )
  const secret = labeledExtract("secret", NOTHING, sharedSecret)
  return { key: labeledExpand(secret, "key", context, 32), nonce: labeledExpand(secret, "base_nonce", context, 12) }
}

/** draft-connolly-cfrg-xwing-kem section 5.2 to 5.5 */
function expandSeed(seed: Uint8Array) {
  const expanded = shake256(seed, { dkLen: 96 })
  const mlKem = ml_kem768.keygen(expanded.subarray(0, 64))
  const x25519Key = expanded.subarray(64)
  return { mlKem, x25519Key, publicKey: concatBytes(mlKem.publicKey, x25519.getPublicKey(x25519Key)) }
}
function combine(ssM: Uint8Array, ssX: Uint8Array, ctX: Uint8Array, pkX: Uint8Array): Uint8Array {
  return sha3_256(concatBytes(ssM, ssX, ctX, pkX, fromHex("5c2e2f2f5e5c")))
}
function decapsulate(seed: Uint8Array, enc: Uint8Array): Uint8Array {
  const { mlKem, x25519Key, publicKey } = expandSeed(seed)
  const ctX = enc.subarray(1088)
  const ssM = ml_kem768.decapsulate(enc.subarray(0, 1088), mlKem.secretKey)
  return combine(ssM, x25519.getSharedSecret(x25519Key, ctX), ctX, publicKey.subarray(1184))
}
function encapsulate(publicKey: Uint8Array, coins: Uint8Array) {
  const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey.subarray(0, 1184), coins.subarray(0, 32))
  const pkX = publicKey.subarray(1184)
  const ctX = x25519.getPublicKey(coins.subarray(32))
  const ssX = x25519.getSharedSecret(coins.subarray(32), pkX)
  return { enc: concatBytes(cipherText, ctX), sharedSecret: combine(sharedSecret, ssX, ctX, pkX) }
}

describe("HPKE over X-Wing", async () => {
  const crypto = await createPortableCrypto()
  const seed = crypto.randomBytes(32)
  const [info, text] = [utf8("purpose, workspace, epoch"), crypto.randomBytes(32)]

  it("is opened by a second implementation", async () => {
    const publicKey = await crypto.sealingPublicKey(new Secret(seed.slice()))
    expect(toHex(expandSeed(seed).publicKey)).toBe(toHex(publicKey))
    const sealed = await crypto.sealTo(publicKey, info, text)
    const { key, nonce } = keySchedule(decapsulate(seed, sealed.subarray(0, 1120)), info)
    expect(toHex(gcm(key, nonce).decrypt(sealed.subarray(1120)))).toBe(toHex(text))
  })

  it("opens what a second implementation sealed", async () => {
    const { enc, sharedSecret } = encapsulate(expandSeed(seed).publicKey, crypto.randomBytes(64))
    const { key, nonce } = keySchedule(sharedSecret, info)
    const sealed = concatBytes(enc, gcm(key, nonce).encrypt(text))
    expect(toHex((await crypto.openFrom(new Secret(seed.slice()), info, sealed)).expose())).toBe(toHex(text))
  })

  it("has vectors that a second implementation makes as well", () => {
    const tests = CRYPTO_VECTORS.get("hpke.json")?.testGroups.flatMap((group) => group.tests) ?? []
    const valid = tests.filter((test) => test.result === "valid")
    expect(valid.length).toBeGreaterThan(2)
    for (const test of valid) {
      const { publicKey } = expandSeed(bytesOf(test, "seed"))
      const { enc, sharedSecret } = encapsulate(publicKey, bytesOf(test, "encapsulationRandomness"))
      const { key, nonce } = keySchedule(sharedSecret, bytesOf(test, "info"))
      expect(toHex(concatBytes(enc, gcm(key, nonce).encrypt(bytesOf(test, "msg"))))).toBe(test["sealed"])
    }
  })

  it("makes no keys of its own: HPKE's DeriveKeyPair is defined in two ways", async () => {
    const kem = createXWing(crypto.randomBytes)
    await expect(kem.DeriveKeyPair(seed, true)).rejects.toMatchObject({ code: "CRYPTO_UNSUPPORTED" })
    await expect(kem.GenerateKeyPair(true)).rejects.toMatchObject({ code: "CRYPTO_UNSUPPORTED" })
  })
})
