import { describe, expect, it } from "vitest"
import { toHex } from "../../../../crypto/bytes.ts"
import { Secret } from "../../../../crypto/secret.ts"
import { createWebCrypto } from "../../../../crypto/webCrypto.ts"
import { createIdentity, identityEpoch, openIdentity, sealIdentity, signersOf } from "../../../../src/vault/identity.ts"
import { createEpochKeys, createKeyring } from "../../../../storage/keys.ts"

const WORKSPACE = "abcdefghijklmnopqrstuvwxyz"
const crypto = await createWebCrypto()

function keysOf(epoch: number, fill: number) {
  return createEpochKeys(crypto, WORKSPACE, epoch, new Secret(new Uint8Array(32).fill(fill)))
}

describe("a machine's own keys at rest", () => {
  it.each([["ed25519"], ["ecdsa-p256"], ["ed25519", "ml-dsa-87"], ["ml-dsa-87"]] as const)(
    "come back as they were: %j",
    async (...algorithms) => {
      const identity = await createIdentity(crypto, algorithms)
      const ring = createKeyring()
      ring.add(keysOf(2, 7))
      const stored = await sealIdentity(crypto, keysOf(2, 7), identity)
      expect(identityEpoch(stored)).toBe(2)
      const opened = await openIdentity(crypto, ring, stored)
      expect(opened.id).toBe(identity.id)
      for (const [i, signer] of signersOf(opened).entries()) {
        expect(toHex(await crypto.signingPublicKey(signer.algorithm, signer.seed))).toBe(
          toHex(identity.record.signing[i]?.publicKey as Uint8Array),
        )
      }
      expect(toHex(opened.sealingSeed.expose())).toBe(toHex(identity.sealingSeed.expose()))
    },
  )

  it("do not show in what lies on the disk, and open under no other key", async () => {
    const identity = await createIdentity(crypto, ["ed25519"])
    const stored = await sealIdentity(crypto, keysOf(1, 1), identity)
    const text = new TextDecoder().decode(stored)
    for (const seed of [...identity.signingSeeds, identity.sealingSeed]) {
      expect(text).not.toContain(btoa(String.fromCharCode(...seed.expose())).slice(0, 40))
    }
    const other = createKeyring()
    other.add(keysOf(1, 2))
    await expect(openIdentity(crypto, other, stored)).rejects.toMatchObject({ code: "SETUP_DAMAGED" })
    await expect(openIdentity(crypto, createKeyring(), stored)).rejects.toMatchObject({ code: "SETUP_DAMAGED" })
  })

  it("that were damaged are named so, wherever the damage is", async () => {
    const identity = await createIdentity(crypto, ["ed25519"])
    const stored = await sealIdentity(crypto, keysOf(1, 1), identity)
    const ring = createKeyring()
    ring.add(keysOf(1, 1))
    for (let at = 0; at < stored.length; at += 37) {
      const damaged = stored.slice()
      damaged[at] = (damaged[at] as number) ^ 1
      await expect(openIdentity(crypto, ring, damaged)).rejects.toMatchObject({ code: "SETUP_DAMAGED" })
    }
  })
})
