import { beforeAll, describe, expect, it } from "vitest"
import { fromUtf8, utf8 } from "../../../../crypto/bytes.ts"
import type { Crypto } from "../../../../crypto/crypto.ts"
import { Secret } from "../../../../crypto/secret.ts"
import { openKeyBox, openPreviousKeys, sealKeyBox, sealVaultFile } from "../../../../storage/format/keyBox.ts"
import {
  decodeVaultFile,
  encodeVaultFile,
  KEY_BOX_BYTES,
  PASSPHRASE_RECIPIENT,
  type VaultFile,
} from "../../../../storage/format/vaultFile.ts"
import { createEpochKeys, createKeyring, type EpochKeys } from "../../../../storage/keys.ts"
import { createTestCrypto, newMachine, startLog, type TestLog, type TestMachine } from "../../../support/trustLog.ts"

let crypto: Crypto
let log: TestLog
let first: TestMachine
let second: TestMachine
let file: VaultFile

beforeAll(async () => {
  crypto = await createTestCrypto(5)
  log = await startLog(crypto)
  first = log.first
  second = await newMachine(crypto)
  const third = await newMachine(crypto)
  await log.approve(first, second)
  await log.approve(first, third)
  await log.openEpoch(first)
  await log.revoke(first, [third])
  file = await sealVaultFile(crypto, log.state, log.keyring)
})

const open = (of: VaultFile, recipient: string, seed: Secret) => openKeyBox(crypto, log.state, of, recipient, seed)

async function broken(reason: string, attempt: Promise<unknown>) {
  await expect(attempt).rejects.toMatchObject({ code: "SEAL_BROKEN", reason })
}

describe("a vault file", () => {
  it("is sealed to whom the log trusts, and to the passphrase, and to nobody else", () => {
    expect(file.boxes.map(({ recipient }) => recipient)).toEqual([first.id, second.id, PASSPHRASE_RECIPIENT].sort())
    expect(file.boxes.every(({ sealed }) => sealed.length === KEY_BOX_BYTES)).toBe(true)
    expect(file.previous.map(({ epoch }) => epoch)).toEqual([1, 2])
  })

  it("comes back from its bytes", () => expect(decodeVaultFile(encodeVaultFile(file))).toEqual(file))

  it("opens for a machine and for the passphrase, with all older keys", async () => {
    for (const [recipient, seed] of [
      [second.id, second.sealingSeed],
      [PASSPHRASE_RECIPIENT, log.passphrase.recipient],
    ] as const) {
      const current = await open(file, recipient, seed)
      const keyring = createKeyring()
      await openPreviousKeys(crypto, log.state, file, current, keyring)
      expect(keyring.epochs).toEqual([1, 2])
      for (const { epoch, key } of [current, keyring.get(1) as EpochKeys, keyring.get(2) as EpochKeys]) {
        expect(key.expose()).toEqual(log.keyring.get(epoch)?.key.expose())
      }
    }
  })

  it("is not sealed with a key missing or wrong", async () => {
    const keyring = createKeyring()
    await broken("workspace key not at hand", sealVaultFile(crypto, log.state, keyring))
    for (const epoch of [1, 2, 3]) {
      keyring.add(createEpochKeys(crypto, log.workspace, epoch, new Secret(crypto.randomBytes(32))))
    }
    await broken("key does not match its commitment", sealVaultFile(crypto, log.state, keyring))
  })
})

describe("a key box", () => {
  it("opens for its recipient only", async () => {
    await broken("key box does not open", open(file, second.id, first.sealingSeed))
    await broken("no key box for the recipient", open({ ...file, boxes: [] }, second.id, second.sealingSeed))
  })

  it("does not open in another's place, nor in another workspace or epoch", async () => {
    const own = file.boxes.find(({ recipient }) => recipient === second.id)!
    const moved = { ...file, boxes: [{ recipient: PASSPHRASE_RECIPIENT, sealed: own.sealed }] }
    await broken("key box does not open", open(moved, PASSPHRASE_RECIPIENT, second.sealingSeed))
    await broken(
      "vault file of another workspace",
      open({ ...file, workspace: "a".repeat(26) }, second.id, second.sealingSeed),
    )
    await broken("vault file of another epoch", open({ ...file, epoch: 2 }, second.id, second.sealingSeed))
    const key = new Secret(log.keyring.get(3)!.key.expose().slice())
    const elsewhere = createEpochKeys(crypto, "a".repeat(26), 3, key)
    const box = await sealKeyBox(crypto, elsewhere, second.id, second.record.sealing.publicKey)
    await broken("key box does not open", open({ ...file, boxes: [box] }, second.id, second.sealingSeed))
  })

  it("with a key of the host's is not believed, though it opens", async () => {
    const planted = createEpochKeys(crypto, log.workspace, 3, new Secret(crypto.randomBytes(32)))
    const box = await sealKeyBox(crypto, planted, second.id, second.record.sealing.publicKey)
    await broken("key does not match its commitment", open({ ...file, boxes: [box] }, second.id, second.sealingSeed))
  })

  it("with an older key is not believed for the current epoch", async () => {
    const old = new Secret(log.keyring.get(2)!.key.expose().slice())
    const box = await sealKeyBox(
      crypto,
      createEpochKeys(crypto, log.workspace, 3, old),
      second.id,
      second.record.sealing.publicKey,
    )
    await broken("key does not match its commitment", open({ ...file, boxes: [box] }, second.id, second.sealingSeed))
  })
})

describe("older keys", () => {
  const openOlder = async (of: VaultFile) => {
    const current = await open(file, first.id, first.sealingSeed)
    return openPreviousKeys(crypto, log.state, of, current, createKeyring())
  }

  it("do not open when altered or swapped", async () => {
    const [one, two] = file.previous as [VaultFile["previous"][0], VaultFile["previous"][0]]
    const altered = { ...one, sealed: one.sealed.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) }
    await broken("older key does not open", openOlder({ ...file, previous: [altered, two] }))
    const swapped = [
      { ...two, epoch: 1 },
      { ...one, epoch: 2 },
    ]
    await broken("older key does not open", openOlder({ ...file, previous: swapped }))
  })

  it("do not open with the key of another epoch", async () => {
    const attempt = openPreviousKeys(crypto, log.state, file, log.keyring.get(2)!, createKeyring())
    await broken("key of another epoch", attempt)
  })
})

describe("reading a vault file refuses", () => {
  const wrong: readonly (readonly [string, () => VaultFile])[] = [
    ["recipients not ascending", () => ({ ...file, boxes: file.boxes.toReversed() })],
    ["recipients not ascending", () => ({ ...file, boxes: [file.boxes[0]!, file.boxes[0]!] })],
    ["previous epochs not all and in order", () => ({ ...file, previous: file.previous.slice(1) })],
    ["previous epochs not all and in order", () => ({ ...file, previous: file.previous.toReversed() })],
    ["previous epochs not all and in order", () => ({ ...file, epoch: 2 })],
    ["malformed text", () => ({ ...file, boxes: [{ ...file.boxes[0]!, recipient: "host" }] })],
    ["wrong number of bytes", () => ({ ...file, boxes: [{ ...file.boxes[0]!, sealed: new Uint8Array(48) }] })],
  ]
  for (const [reason, make] of wrong) {
    it(reason, () => expect(() => encodeVaultFile(make())).toThrow(expect.objectContaining({ reason })))
  }

  it("a field it does not know, as newer", () => {
    const text = fromUtf8(encodeVaultFile(file)).replace('{"boxes"', '{"also":0,"boxes"')
    expect(() => decodeVaultFile(utf8(text))).toThrow(expect.objectContaining({ code: "FORMAT_NEWER" }))
  })
})
