/**
 * The keys that come out of one workspace key K_e, and the ring that holds them
 * by epoch. Deriving only: sealing K_e to machines and checking its commitment
 * against the trust log happen elsewhere. Normative text: `docs/spec/keys.md`.
 *
 *     derived    = HKDF-SHA256(ikm = K_e, salt = empty,  info, 32)
 *     object key = HKDF-SHA256(ikm = K_e, salt[32] drawn for the object, info, 32)
 *     info       = label || 0x00 || workspace id (26 ASCII bytes) || u32 epoch
 *     commitment = HKDF-SHA256(ikm = K_e, salt = empty,  label || 0x00 || u32 epoch, 32)
 *
 * The commitment leaves the workspace out because the id is the hash of the genesis entry, which holds the commitment.
 *
 * @module
 */
import { concatBytes, equalBytes, utf8 } from "../crypto/bytes.ts"
import { type Crypto, HASH_BYTES } from "../crypto/crypto.ts"
import { CryptoError } from "../crypto/errors.ts"
import {
  LABEL_COMMITMENT,
  LABEL_MAC,
  LABEL_MACHINE_KEYS,
  LABEL_PATH,
  LABEL_PREVIOUS_EPOCHS,
  type ObjectLabel,
} from "../crypto/labels.ts"
import type { Secret } from "../crypto/secret.ts"

/** Length in bytes of a workspace key. */
export const WORKSPACE_KEY_BYTES = 32
/** Length in bytes of the salt of one run of sealing or one shard. */
export const OBJECT_SALT_BYTES = 32
/** What fits where an epoch is written, a u32. How many epochs there may be is `MAX_EPOCHS`. */
export const LARGEST_EPOCH_NUMBER = 0xffff_ffff

/** The workspace key of one epoch and what is derived from it. The secrets belong to this object: do not wipe them singly. */
export interface EpochKeys {
  readonly workspace: string
  readonly epoch: number
  /** K_e itself. */
  readonly key: Secret
  /** Public: what the trust log holds, 32 bytes. A key that does not match it is not this epoch's. */
  readonly commitment: Uint8Array
  /** Key of the MAC over headers and trust entries. */
  readonly mac: Secret
  /** Key of the hash that assigns a path to its shard. */
  readonly path: Secret
  /** Seals a machine's own private keys on its disk. */
  readonly machineKeys: Secret
  /** Seals the older workspace keys in `vault.json`. Derived when first asked for. */
  readonly previousEpochs: Secret
  /**
   * The key of one object.
   *
   * @param salt - {@link OBJECT_SALT_BYTES} random bytes, this object's own.
   * @returns A new secret; it is the caller's to wipe.
   * @throws {CryptoError} `CRYPTO_INVALID_INPUT` if the salt has another length.
   */
  objectKey(salt: Uint8Array, label: ObjectLabel): Secret
  /** Wipes K_e and everything derived here. Nothing of this object works afterwards. */
  wipe(): void
}

/** Workspace keys by epoch. */
export interface Keyring {
  /** The keys of the newest epoch added; `undefined` while the ring is empty. */
  readonly current: EpochKeys | undefined
  /** Epochs held, ascending. */
  readonly epochs: readonly number[]
  get(epoch: number): EpochKeys | undefined
  /**
   * Takes ownership. If the same key is held for that epoch already, that one stays.
   *
   * @throws {CryptoError} `CRYPTO_INVALID_INPUT` if another key is held for that epoch.
   */
  add(keys: EpochKeys): void
  /** Wipes all keys and empties the ring. */
  wipe(): void
}

/**
 * Derives the keys of one epoch.
 *
 * @param workspace - The workspace id: 26 characters of lower-case base32.
 * @param key - K_e, {@link WORKSPACE_KEY_BYTES} long. The result takes ownership of it.
 * @throws {CryptoError} `CRYPTO_INVALID_INPUT` if an argument has not the form stated.
 */
export function createEpochKeys(crypto: Crypto, workspace: string, epoch: number, key: Secret): EpochKeys {
  if (!/^[a-z2-7]{26}$/.test(workspace)) throw invalid("workspace id")
  if (!Number.isInteger(epoch) || epoch < 1 || epoch > LARGEST_EPOCH_NUMBER) throw invalid("epoch")
  if (key.length !== WORKSPACE_KEY_BYTES) throw invalid("workspace key length")

  const scope = keyScope(workspace, epoch)
  const infoByLabel = new Map<string, Uint8Array>()
  const derive = (label: string, salt: Uint8Array): Secret => {
    // A wiped secret is empty, and HKDF of nothing is a key that everybody knows.
    if (key.length !== WORKSPACE_KEY_BYTES) throw invalid("workspace key was wiped")
    let info = infoByLabel.get(label)
    if (info === undefined) {
      info = concatBytes(utf8(label), scope)
      infoByLabel.set(label, info)
    }
    return crypto.hkdf(key, salt, info, HASH_BYTES)
  }
  // Not bound to the workspace: the id is the hash of the entry that holds the first commitment.
  const commitment = keyCommitment(crypto, epoch, key)
  const mac = derive(LABEL_MAC, NO_SALT)
  const path = derive(LABEL_PATH, NO_SALT)
  const machineKeys = derive(LABEL_MACHINE_KEYS, NO_SALT)
  let previousEpochs: Secret | undefined

  return {
    workspace,
    epoch,
    key,
    commitment,
    mac,
    path,
    machineKeys,
    get previousEpochs() {
      previousEpochs ??= derive(LABEL_PREVIOUS_EPOCHS, NO_SALT)
      return previousEpochs
    },
    objectKey(salt, label) {
      if (salt.length !== OBJECT_SALT_BYTES) throw invalid("object salt length")
      return derive(label, salt)
    },
    wipe() {
      for (const secret of [key, mac, path, machineKeys, previousEpochs]) secret?.wipe()
    },
  }
}

/**
 * What the trust log says of a workspace key, 32 bytes, without giving it away. Needs no workspace id: the genesis entry
 * holds the first one, and its hash is the id.
 *
 * @throws {CryptoError} `CRYPTO_INVALID_INPUT` unless the key is {@link WORKSPACE_KEY_BYTES} long.
 */
export function keyCommitment(crypto: Crypto, epoch: number, key: Secret): Uint8Array {
  if (key.length !== WORKSPACE_KEY_BYTES) throw invalid("workspace key length")
  const info = concatBytes(utf8(LABEL_COMMITMENT), new Uint8Array(1), u32(epoch))
  return crypto.hkdf(key, NO_SALT, info, HASH_BYTES).expose().slice()
}

/** An empty ring. */
export function createKeyring(): Keyring {
  const byEpoch = new Map<number, EpochKeys>()
  return {
    get current() {
      return byEpoch.size === 0 ? undefined : byEpoch.get(Math.max(...byEpoch.keys()))
    },
    get epochs() {
      return [...byEpoch.keys()].sort((a, b) => a - b)
    },
    get: (epoch) => byEpoch.get(epoch),
    add(keys) {
      const held = byEpoch.get(keys.epoch)
      if (held === undefined) byEpoch.set(keys.epoch, keys)
      else if (!equalBytes(held.commitment, keys.commitment)) throw invalid("another key for this epoch")
    },
    wipe() {
      for (const keys of byEpoch.values()) keys.wipe()
      byEpoch.clear()
    },
  }
}

const NO_SALT = new Uint8Array(0)

/** The part of every HKDF info that says which key of which workspace is being derived from. */
function keyScope(workspace: string, epoch: number): Uint8Array {
  return concatBytes(new Uint8Array(1), utf8(workspace), u32(epoch))
}

function u32(value: number): Uint8Array {
  const number = new Uint8Array(4)
  new DataView(number.buffer).setUint32(0, value)
  return number
}

function invalid(what: string): CryptoError {
  return new CryptoError("CRYPTO_INVALID_INPUT", what)
}
