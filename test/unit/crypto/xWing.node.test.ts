/** X-Wing a third time, over OpenSSL's ML-KEM-768, X25519 and SHA-3, from the draft's text. */
import * as node from "node:crypto"
import { describe, expect, it } from "vitest"
import { createXWing } from "../../../crypto/hpke.ts"
import { bytesOf, CRYPTO_VECTORS } from "../../support/cryptoVectors.ts"

const PKCS8_ML_KEM_768_SEED = "3054020100300b060960864801650304040204428040"
const PKCS8_X25519 = "302e020100300506032b656e04220420"
const SPKI_X25519 = "302a300506032b656e032100"

function decapsulate(seed: Uint8Array, ciphertext: Uint8Array): Buffer {
  const expanded = node.createHash("shake256", { outputLength: 96 }).update(seed).digest()
  const mlKem = privateKey(PKCS8_ML_KEM_768_SEED, expanded.subarray(0, 64))
  const x25519 = privateKey(PKCS8_X25519, expanded.subarray(64))
  const ctX = ciphertext.subarray(1088)
  const spki = Buffer.concat([Buffer.from(SPKI_X25519, "hex"), ctX])
  const publicX = node.createPublicKey({ key: spki, format: "der", type: "spki" })
  return node
    .createHash("sha3-256")
    .update(node.decapsulate(mlKem, ciphertext.subarray(0, 1088)))
    .update(node.diffieHellman({ privateKey: x25519, publicKey: publicX }))
    .update(ctX)
    .update(node.createPublicKey(x25519).export({ format: "der", type: "spki" }).subarray(12))
    .update("\\.//^\\")
    .digest()
}

function privateKey(prefix: string, key: Uint8Array): node.KeyObject {
  return node.createPrivateKey({ key: Buffer.concat([Buffer.from(prefix, "hex"), key]), format: "der", type: "pkcs8" })
}

describe.skipIf(typeof node.decapsulate !== "function")("X-Wing by OpenSSL", () => {
  it("agrees with the draft's vectors", () => {
    const tests = CRYPTO_VECTORS.get("x-wing.json")?.testGroups.flatMap((group) => group.tests) ?? []
    const valid = tests.filter((test) => test.result === "valid")
    expect(valid).toHaveLength(3)
    for (const test of valid) {
      expect(decapsulate(bytesOf(test, "seed"), bytesOf(test, "ct")).toString("hex")).toBe(test["ss"])
    }
  })

  it("agrees with ours, on ciphertexts that fit and on ones that do not", async () => {
    const kem = createXWing((length) => node.randomBytes(length))
    for (let i = 0; i < 10; i++) {
      const seed = node.randomBytes(32)
      const expanded = node.createHash("shake256", { outputLength: 96 }).update(seed).digest()
      const spki = (key: node.KeyObject) => node.createPublicKey(key).export({ format: "der", type: "spki" })
      const publicKey = Buffer.concat([
        spki(privateKey(PKCS8_ML_KEM_768_SEED, expanded.subarray(0, 64))).subarray(-1184),
        spki(privateKey(PKCS8_X25519, expanded.subarray(64))).subarray(-32),
      ])
      const { enc, shared_secret: secret } = await kem.Encap(await kem.DeserializePublicKey(publicKey))
      expect(decapsulate(seed, enc)).toEqual(Buffer.from(secret))
      const altered = Uint8Array.from(enc)
      altered[i] = (altered[i] as number) ^ 1
      const implicit = await kem.Decap(altered, await kem.DeserializePrivateKey(seed, true), undefined)
      expect(decapsulate(seed, altered)).toEqual(Buffer.from(implicit))
      expect(implicit).not.toEqual(secret)
    }
  })
})
