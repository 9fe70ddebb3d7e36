/**
 * Vectors of the vault file and of its key boxes.
 *
 * @module
 */
import { fromUtf8, toHex } from "../../crypto/bytes.ts"
import { Secret } from "../../crypto/secret.ts"
import {
  openKeyBox,
  openPreviousKeys,
  requireRecipients,
  sealKeyBox,
  sealVaultFile,
} from "../../storage/format/keyBox.ts"
import { openName } from "../../storage/format/machineName.ts"
import {
  decodeVaultFile,
  encodeVaultFile,
  PASSPHRASE_RECIPIENT,
  type VaultFile,
} from "../../storage/format/vaultFile.ts"
import { createEpochKeys, createKeyring, type EpochKeys } from "../../storage/keys.ts"
import type { TestLog } from "../../test/support/trustLog.ts"
import { createVectorCrypto, keysInHex, refusalOf, texts, twoMachineLog } from "./signed.ts"

export async function vaultFileVectors(): Promise<unknown> {
  const crypto = await createVectorCrypto(102)
  const { log, first, second } = await twoMachineLog(crypto)
  await log.openEpoch(first)
  await log.openEpoch(second)
  const file = await sealVaultFile(crypto, log.state, log.keyring)
  const current = log.keyring.get(3) as EpochKeys
  const open = async (of: VaultFile) => {
    const keys = await openKeyBox(crypto, log.state, of, second.id, second.sealingSeed)
    await openPreviousKeys(crypto, log.state, of, keys, createKeyring())
  }
  await open(file)

  const others = file.boxes.filter(({ recipient }) => recipient !== second.id)
  const withBox = async (keys: EpochKeys, recipient = second.id): Promise<VaultFile> => {
    const { sealed } = await sealKeyBox(crypto, keys, recipient, second.record.sealing.publicKey)
    const boxes = [...others, { recipient: second.id, sealed }].sort((a, b) => (a.recipient < b.recipient ? -1 : 1))
    return { ...file, boxes }
  }
  const keysOf = (key: Secret, workspace = log.workspace) => createEpochKeys(crypto, workspace, 3, key)
  const [one, two] = file.previous as [VaultFile["previous"][0], VaultFile["previous"][0]]
  const unopenable: readonly (readonly [string, VaultFile])[] = [
    ["no box for the recipient", { ...file, boxes: others }],
    ["a key of the host's choosing", await withBox(keysOf(new Secret(crypto.randomBytes(32))))],
    [
      "the key of an older epoch",
      await withBox(keysOf(new Secret(log.keyring.get(2)?.key.expose().slice() as Uint8Array))),
    ],
    ["a box sealed for another recipient", await withBox(current, first.id)],
    [
      "a box sealed for another workspace",
      await withBox(keysOf(new Secret(current.key.expose().slice()), "a".repeat(26))),
    ],
    ["another workspace", { ...file, workspace: "a".repeat(26) }],
    ["another epoch", { ...file, epoch: 2, previous: [one] }],
    [
      "older keys swapped",
      {
        ...file,
        previous: [
          { ...two, epoch: 1 },
          { ...one, epoch: 2 },
        ],
      },
    ],
    ["an older key altered", { ...file, previous: [{ ...one, sealed: one.sealed.map((byte) => byte ^ 1) }, two] }],
  ]
  const unreadable: readonly (readonly [string, (text: string) => string])[] = [
    ["unknown field", (text) => text.replace('{"boxes"', '{"also":0,"boxes"')],
    ["newer format", (text) => text.replace('"format":1', '"format":2')],
    ["unknown recipient", (text) => text.replace(PASSPHRASE_RECIPIENT, "host")],
    ["an older epoch left out", (text) => text.replace(/\{"epoch":1,[^}]*\},/, "")],
    ["a box cut short", (text) => text.replace(/"sealed":"[^"]{8}/, '"sealed":"')],
    ["white space at the end", (text) => `${text}\n`],
  ]
  const text = fromUtf8(encodeVaultFile(file))
  const cases: unknown[] = []
  for (const [name, wrong] of unopenable) {
    cases.push({ name, vault: fromUtf8(encodeVaultFile(wrong)), ...(await refusalOf(name, () => open(wrong))) })
  }
  for (const [name, change] of unreadable) {
    const wrong = new TextEncoder().encode(change(text))
    cases.push({ name, vault: change(text), ...(await refusalOf(name, () => decodeVaultFile(wrong))) })
  }
  const { name } =
    log.state.machines.get(second.id) ??
    (() => {
      throw new Error("no machine")
    })()
  return {
    format: "docs/spec/vault-file.md",
    about: {
      recipients: "X-Wing seeds by recipient; each opens its box",
      keys: "workspace keys by epoch; they come out of every box",
      refused: "vault files that must not be read, or must not give `second` its keys",
      misdirected: "vault files whose boxes are not those of the log, to be refused without opening any",
    },
    log: texts(log.envelopes),
    vault: text,
    sha256: toHex(crypto.sha256(encodeVaultFile(file))),
    recipients: {
      [first.id]: toHex(first.sealingSeed.expose()),
      [second.id]: toHex(second.sealingSeed.expose()),
      [PASSPHRASE_RECIPIENT]: toHex(log.passphrase.recipient.expose()),
    },
    keys: keysInHex(log.keyring),
    second: second.id,
    secondName: await openName(crypto, (log.keyring.get(1) as EpochKeys).key, second.id, name),
    refused: cases,
    misdirected: await misdirected(log, file, second.id),
  }
}

async function misdirected({ state }: TestLog, file: VaultFile, left: string): Promise<readonly unknown[]> {
  const { boxes } = file
  const without = (each: string) => boxes.filter(({ recipient }) => recipient !== each)
  const [box] = boxes.filter(({ recipient }) => recipient === left) as [VaultFile["boxes"][0]]
  const stranger = { ...box, recipient: `${"b".repeat(51)}q` }
  const foreign: readonly (readonly [string, VaultFile["boxes"]])[] = [
    ["no box for a trusted machine", without(left)],
    ["no box for the passphrase", without(PASSPHRASE_RECIPIENT)],
    ["no box at all", []],
    ["a box for a machine that is not in the log", [...boxes, stranger]],
    ["a box for another in a trusted machine's place", [...without(left), stranger]],
  ]
  const cases: unknown[] = []
  for (const [name, list] of foreign) {
    const wrong = { ...file, boxes: list.toSorted((a, b) => (a.recipient < b.recipient ? -1 : 1)) }
    const refusal = await refusalOf(name, async () => requireRecipients(state, wrong))
    cases.push({ name, vault: fromUtf8(encodeVaultFile(wrong)), ...refusal })
  }
  return cases
}
