import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { fromHex, toHex, utf8 } from "../../../../crypto/bytes.ts"
import { Secret } from "../../../../crypto/secret.ts"
import { createNodeCrypto } from "../../../../src/platform/node/nodeCrypto.ts"
import {
  arePassphraseKeys,
  createPassphraseEntry,
  derivePassphraseKeys,
  wipePassphraseKeys,
} from "../../../../src/trust/passphrase.ts"
import { requireStrongPassphrase } from "../../../../src/trust/strength.ts"
import { PASSPHRASE } from "../../../support/person.ts"

const crypto = createNodeCrypto()
const page = readFileSync(new URL("../../../../docs/spec/passphrase.md", import.meta.url), "utf8")
const COSTS = { salt: fromHex("000102030405060708090a0b0c0d0e0f"), memoryKiB: 65_536, passes: 3, lanes: 4 }
const secret = (text: string): Secret => new Secret(utf8(text))

describe("keys of a passphrase", () => {
  it("are those of the specification's example", async () => {
    const keys = await derivePassphraseKeys(crypto, secret(PASSPHRASE), COSTS)
    const values = [
      keys.recipient.expose(),
      keys.recovery.ed25519.expose(),
      keys.recovery.mlDsa87.expose(),
      crypto.sha256(await crypto.sealingPublicKey(keys.recipient)),
      await crypto.signingPublicKey("ed25519", keys.recovery.ed25519),
      crypto.sha256(await crypto.signingPublicKey("ml-dsa-87", keys.recovery.mlDsa87)),
    ]
    for (const value of values) expect(page).toContain(toHex(value))
  })

  it("do not depend on how the keyboard composes a letter, but on everything else", async () => {
    const derive = async (text: string) =>
      toHex((await derivePassphraseKeys(crypto, secret(text), COSTS)).recipient.expose())
    expect(await derive("caf\u00e9 \uff21")).toBe(await derive("cafe\u0301 A"))
    expect(await derive("a b")).not.toBe(await derive("a  b"))
  })

  it("are recognised by the entry they were made for, and by no other", async () => {
    const { entry, keys } = await createPassphraseEntry(crypto, secret(PASSPHRASE))
    const again = await createPassphraseEntry(crypto, secret(PASSPHRASE))
    expect(await arePassphraseKeys(crypto, keys, entry)).toBe(true)
    expect(await arePassphraseKeys(crypto, keys, again.entry)).toBe(false)
    expect(toHex(entry.salt)).not.toBe(toHex(again.entry.salt))
  })

  it("cost no less to guess than the one they take the place of, whose costs may have been raised", async () => {
    const before = { memoryKiB: 80 * 1024, passes: 4, lanes: 1 }
    const { entry, keys } = await createPassphraseEntry(crypto, secret(PASSPHRASE), before)
    expect(entry).toMatchObject({ memoryKiB: 80 * 1024, passes: 4 })
    expect(await arePassphraseKeys(crypto, await derivePassphraseKeys(crypto, secret(PASSPHRASE), entry), entry)).toBe(
      true,
    )
    wipePassphraseKeys(keys)
    const cheaper = await createPassphraseEntry(crypto, secret(PASSPHRASE), { memoryKiB: 8, passes: 1, lanes: 1 })
    expect(cheaper.entry).toMatchObject({ memoryKiB: 64 * 1024, passes: 3 })
  })
})

describe("the strength of a passphrase", () => {
  it.each(["", "password", "Passw0rd!2024", "correct horse", "qwertyuiopasdf", "aaaaaaaaaaaaaaaaaaaaaa"])(
    "refuses %j",
    async (text) => {
      await expect(requireStrongPassphrase(secret(text))).rejects.toMatchObject({ code: "WEAK_PASSPHRASE" })
    },
  )
  it.each([PASSPHRASE, "Zq7#vLm2@xKt9!wB"])("takes %j", async (text) => {
    await requireStrongPassphrase(secret(text))
  })
})
