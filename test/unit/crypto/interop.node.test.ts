import { describe, expect, it } from "vitest"
import { toHex, utf8 } from "../../../crypto/bytes.ts"
import type { SignatureAlgorithm } from "../../../crypto/crypto.ts"
import { createPortableCrypto } from "../../../crypto/portableCrypto.ts"
import { Secret } from "../../../crypto/secret.ts"
import { createWebCrypto } from "../../../crypto/webCrypto.ts"
import { createNodeCrypto } from "../../../src/platform/node/nodeCrypto.ts"

const implementations = [createNodeCrypto(), await createPortableCrypto(), await createWebCrypto()]
const pairs = implementations.flatMap((a) => implementations.map((b) => ({ from: a.name, to: b.name, a, b })))
const ALGORITHMS: readonly SignatureAlgorithm[] = ["ed25519", "ecdsa-p256", "ml-dsa-87"]
const key = new Secret(new Uint8Array(32).fill(9))
const nonce = new Uint8Array(12)

describe.each(pairs)("from $from to $to", ({ a, b }) => {
  it("opens what was sealed", async () => {
    const sealed = await a.seal(key, nonce, utf8("about"), utf8("text"))
    expect(toHex(await b.open(key, nonce, utf8("about"), sealed))).toBe(toHex(utf8("text")))
  })

  it.each(ALGORITHMS)("verifies what was signed with %s", async (algorithm) => {
    const publicKey = await a.signingPublicKey(algorithm, key)
    expect(toHex(await b.signingPublicKey(algorithm, key))).toBe(toHex(publicKey))
    const signature = await a.sign(algorithm, key, utf8("message"))
    expect(await b.verify(algorithm, publicKey, utf8("message"), signature)).toBe(true)
  })

  it("opens what was sealed to its public key", async () => {
    const sealed = await a.sealTo(await b.sealingPublicKey(key), utf8("info"), utf8("text"))
    expect(toHex((await b.openFrom(key, utf8("info"), sealed)).expose())).toBe(toHex(utf8("text")))
  })

  it("derives the same", async () => {
    const costs = { memoryKiB: 64, passes: 1, lanes: 4 }
    const derived = await a.argon2id(key, utf8("salt and salt"), costs, 32)
    expect(toHex((await b.argon2id(key, utf8("salt and salt"), costs, 32)).expose())).toBe(toHex(derived.expose()))
    expect(toHex(b.hkdf(derived, nonce, utf8("info"), 99).expose())).toBe(
      toHex(a.hkdf(derived, nonce, utf8("info"), 99).expose()),
    )
  })
})
