/**
 * Sealing and opening what `vault.json` holds. Recipients come from the verified
 * trust log and from nowhere else; a key is believed only if it matches the
 * commitment that the log holds for its epoch, because anybody can seal to a
 * public key. Normative text: `docs/spec/vault-file.md`.
 *
 *     box      = HPKE.Seal(public key, info, K_e)
 *     info     = "sessyn/v1/key-box" || 0x00 || workspace id || u32 epoch || recipient
 *     previous = AES-256-GCM(HKDF-SHA256(previous-epochs key, salt[32], AD, 32), nonce = 12 zeros, AD, K_older)
 *     AD       = "sessyn/v1/previous-epochs" || 0x00 || workspace id || u32 current epoch || u32 older epoch
 *
 * @module
 */
import { concatBytes, equalBytes, utf8 } from "../../crypto/bytes.ts"
import { type Crypto, HASH_BYTES, NONCE_BYTES } from "../../crypto/crypto.ts"
import { LABEL_KEY_BOX, LABEL_PREVIOUS_EPOCHS } from "../../crypto/labels.ts"
import { Secret } from "../../crypto/secret.ts"
import { StorageError } from "../errors.ts"
import { createEpochKeys, type EpochKeys, type Keyring, keyCommitment } from "../keys.ts"
import type { MachineRecord, PassphraseEntry } from "./machine.ts"
import { type KeyBox, PASSPHRASE_RECIPIENT, type PreviousKey, type VaultFile } from "./vaultFile.ts"

/** What of the verified trust log decides here; a `TrustState` is one. */
export interface KeyAuthority {
  readonly workspace: string
  /** All epochs from 1 on. */
  readonly epochs: readonly { readonly epoch: number; readonly commitment: Uint8Array }[]
  /** The last of them. */
  readonly epoch: { readonly epoch: number }
  readonly machines: ReadonlyMap<
    string,
    { readonly id: string; readonly status: "trusted" | "revoked" | "deleted"; readonly record: MachineRecord }
  >
  readonly passphrase: PassphraseEntry
}

/**
 * Seals the current workspace key to every recipient of the log, and the older ones under it.
 *
 * @param trust - The log as it will be in the same tree, the new entry included.
 * @param keyring - Holds the key of every epoch of that log.
 * @throws {StorageError} `SEAL_BROKEN` if a key is missing or is not the one of the log: nothing is sealed then.
 */
export async function sealVaultFile(crypto: Crypto, trust: KeyAuthority, keyring: Keyring): Promise<VaultFile> {
  const keys = trust.epochs.map(({ epoch, commitment }) => {
    const held = keyring.get(epoch)
    if (held === undefined || held.workspace !== trust.workspace) throw broken("workspace key not at hand")
    if (!equalBytes(held.commitment, commitment)) throw broken("key does not match its commitment")
    return held
  })
  const current = keys.at(-1) as EpochKeys
  const boxes: KeyBox[] = []
  for (const [recipient, publicKey] of recipientsOf(trust))
    boxes.push(await sealKeyBox(crypto, current, recipient, publicKey))
  const previous: PreviousKey[] = []
  for (const older of keys.slice(0, -1)) previous.push(await sealPreviousKey(crypto, current, older))
  return {
    format: 1,
    workspace: trust.workspace,
    epoch: current.epoch,
    boxes: boxes.sort((a, b) => (a.recipient < b.recipient ? -1 : 1)),
    previous,
  }
}

/** Whom the current workspace key is sealed to, and by which public keys. */
function recipientsOf(trust: KeyAuthority): ReadonlyMap<string, Uint8Array> {
  const trusted = [...trust.machines.values()].filter(({ status }) => status === "trusted")
  return new Map([
    ...trusted.map(({ id, record }) => [id, record.sealing.publicKey] as const),
    [PASSPHRASE_RECIPIENT, trust.passphrase.recipient],
  ])
}

/**
 * Whether there is a box for everybody whom the log trusts and for nobody else; needs no key, and says nothing of what is in
 * the boxes. So nobody is left out in silence, to find himself locked out once his remembered key is gone.
 *
 * @throws {StorageError} `SEAL_BROKEN`: "boxes for others than the log trusts"; or as {@link openKeyBox} of another vault.
 */
export function requireRecipients(trust: KeyAuthority, file: VaultFile): void {
  requireSameEpoch(trust, file)
  const due = recipientsOf(trust)
  const isDue = file.boxes.length === due.size && file.boxes.every(({ recipient }) => due.has(recipient))
  if (!isDue) throw broken("boxes for others than the log trusts")
}

/** Seals one workspace key to one recipient. */
export async function sealKeyBox(
  crypto: Crypto,
  { workspace, epoch, key }: EpochKeys,
  recipient: string,
  publicKey: Uint8Array,
): Promise<KeyBox> {
  return { recipient, sealed: await crypto.sealTo(publicKey, boxInfo(workspace, epoch, recipient), key.expose()) }
}

/**
 * Opens the box of one recipient: the current workspace key.
 *
 * @param recipient - A machine's id or {@link PASSPHRASE_RECIPIENT}.
 * @param seed - Its X-Wing seed.
 * @returns Keys that belong to the caller.
 * @throws {StorageError} `SEAL_BROKEN` if there is no such box, it does not open, or holds another key than the log says.
 */
export async function openKeyBox(
  crypto: Crypto,
  trust: KeyAuthority,
  file: VaultFile,
  recipient: string,
  seed: Secret,
): Promise<EpochKeys> {
  requireSameEpoch(trust, file)
  const box = file.boxes.find((each) => each.recipient === recipient)
  if (box === undefined) throw broken("no key box for the recipient")
  let key: Secret
  try {
    key = await crypto.openFrom(seed, boxInfo(file.workspace, file.epoch, recipient), box.sealed)
  } catch (cause) {
    throw broken("key box does not open", cause)
  }
  return believe(crypto, trust, file.epoch, key)
}

/**
 * Opens all older workspace keys with the current one and puts them into the ring, which takes ownership.
 *
 * @throws {StorageError} `SEAL_BROKEN` if one does not open or is not the key of the log's commitment; the ring then holds
 * those opened before it.
 */
export async function openPreviousKeys(
  crypto: Crypto,
  trust: KeyAuthority,
  file: VaultFile,
  current: EpochKeys,
  keyring: Keyring,
): Promise<void> {
  requireSameEpoch(trust, file)
  if (current.epoch !== file.epoch || current.workspace !== file.workspace) throw broken("key of another epoch")
  for (const previous of file.previous) {
    if (keyring.get(previous.epoch) === undefined) {
      keyring.add(await openPreviousKey(crypto, trust, current, previous))
    }
  }
}

async function sealPreviousKey(crypto: Crypto, current: EpochKeys, older: EpochKeys): Promise<PreviousKey> {
  const salt = crypto.randomBytes(HASH_BYTES)
  const binding = previousBinding(current, older.epoch)
  const key = crypto.hkdf(current.previousEpochs, salt, binding, HASH_BYTES)
  try {
    return { epoch: older.epoch, salt, sealed: await crypto.seal(key, ZERO_NONCE, binding, older.key.expose()) }
  } finally {
    key.wipe()
  }
}

async function openPreviousKey(
  crypto: Crypto,
  trust: KeyAuthority,
  current: EpochKeys,
  { epoch, salt, sealed }: PreviousKey,
): Promise<EpochKeys> {
  const binding = previousBinding(current, epoch)
  const key = crypto.hkdf(current.previousEpochs, salt, binding, HASH_BYTES)
  try {
    return believe(crypto, trust, epoch, new Secret(await crypto.open(key, ZERO_NONCE, binding, sealed)))
  } catch (cause) {
    throw cause instanceof StorageError ? cause : broken("older key does not open", cause)
  } finally {
    key.wipe()
  }
}

const ZERO_NONCE = new Uint8Array(NONCE_BYTES)

/** A key counts only if the log committed to it. Takes ownership of `key`. */
function believe(crypto: Crypto, trust: KeyAuthority, epoch: number, key: Secret): EpochKeys {
  const expected = trust.epochs[epoch - 1]?.commitment
  const isRight = expected !== undefined && key.length === HASH_BYTES
  if (!isRight || !equalBytes(keyCommitment(crypto, epoch, key), expected)) {
    key.wipe()
    throw broken("key does not match its commitment")
  }
  return createEpochKeys(crypto, trust.workspace, epoch, key)
}

function requireSameEpoch(trust: KeyAuthority, file: VaultFile): void {
  if (file.workspace !== trust.workspace) throw broken("vault file of another workspace")
  if (file.epoch !== trust.epoch.epoch) throw broken("vault file of another epoch")
}

function boxInfo(workspace: string, epoch: number, recipient: string): Uint8Array {
  return concatBytes(utf8(LABEL_KEY_BOX), new Uint8Array(1), utf8(workspace), u32(epoch), utf8(recipient))
}

function previousBinding({ workspace, epoch }: EpochKeys, older: number): Uint8Array {
  return concatBytes(utf8(LABEL_PREVIOUS_EPOCHS), new Uint8Array(1), utf8(workspace), u32(epoch), u32(older))
}

function u32(value: number): Uint8Array {
  const number = new Uint8Array(4)
  new DataView(number.buffer).setUint32(0, value)
  return number
}

function broken(reason: string, cause?: unknown): StorageError {
  return new StorageError("SEAL_BROKEN", reason, cause === undefined ? undefined : { cause })
}
