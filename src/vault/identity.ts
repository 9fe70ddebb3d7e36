/**
 * This machine: its keys, and how they rest on its disk. The private seeds
 * never leave it; at rest they are sealed under a key derived from the
 * workspace key, so that a stolen disk opens nothing without the passphrase.
 *
 * @module
 */
import { concatBytes, equalBytes, utf8 } from "../../crypto/bytes.ts"
import type { Crypto, SignatureAlgorithm } from "../../crypto/crypto.ts"
import { LABEL_IDENTITY } from "../../crypto/labels.ts"
import { Secret } from "../../crypto/secret.ts"
import { decodeDocument, encodeDocument } from "../../storage/format/canonicalJson.ts"
import { bytes, formatVersion, type JsonCodec, object } from "../../storage/format/codec.ts"
import type { SigningKey } from "../../storage/format/envelope.ts"
import {
  encodeRecord,
  epochCodec,
  type MachineRecord,
  machineId,
  machineIdCodec,
  type Policy,
  recordCodec,
} from "../../storage/format/machine.ts"
import type { EpochKeys, Keyring } from "../../storage/keys.ts"
import { SyncError } from "../errors.ts"

/** Of every new machine on this platform. */
export const SIGNING_ALGORITHM = "ed25519"
const SEED_BYTES = 32
const MAX_IDENTITY_BYTES = 64 * 1024
const ZERO_NONCE = new Uint8Array(12)

/** A machine's public record and private seeds. */
export interface Identity {
  readonly id: string
  readonly record: MachineRecord
  /** In the order of `record.signing`. */
  readonly signingSeeds: readonly Secret[]
  readonly sealingSeed: Secret
}

/** The algorithms of a new machine's keys, where the log asks for this. */
export function signingFor({ signatures }: Policy): readonly SignatureAlgorithm[] {
  return signatures === "hybrid" ? [SIGNING_ALGORITHM, "ml-dsa-87"] : [SIGNING_ALGORITHM]
}

/** New keys. `id` is kept when an existing machine gets new ones (re-key). */
export async function createIdentity(
  crypto: Crypto,
  algorithms: readonly SignatureAlgorithm[],
  id?: string,
): Promise<Identity> {
  const signingSeeds: Secret[] = []
  const signing: MachineRecord["signing"][number][] = []
  for (const algorithm of algorithms) {
    const seed = new Secret(crypto.randomBytes(SEED_BYTES))
    signingSeeds.push(seed)
    signing.push({ algorithm, publicKey: await crypto.signingPublicKey(algorithm, seed) })
  }
  const sealingSeed = new Secret(crypto.randomBytes(SEED_BYTES))
  const publicKey = await crypto.sealingPublicKey(sealingSeed)
  const record: MachineRecord = { format: 1, signing, sealing: { algorithm: "x-wing", publicKey } }
  return { id: id ?? machineId(crypto, record), record, signingSeeds, sealingSeed }
}

/** The keys with which this machine signs an envelope, one for each of its record. */
export function signersOf(identity: Identity): readonly SigningKey[] {
  return identity.record.signing.map(({ algorithm }, i) => ({
    keyid: algorithm,
    algorithm,
    seed: identity.signingSeeds[i] as Secret,
  }))
}

export function wipeIdentity({ signingSeeds, sealingSeed }: Identity): void {
  for (const seed of [...signingSeeds, sealingSeed]) seed.wipe()
}

interface SealedIdentity {
  readonly format: 1
  readonly machine: string
  readonly record: MachineRecord
  readonly epoch: number
  readonly salt: Uint8Array
  /** The seeds, signing first, sealing last, under AES-256-GCM with machine id and record as associated data. */
  readonly sealed: Uint8Array
}

const identityCodec: JsonCodec<SealedIdentity> = object({
  format: formatVersion,
  machine: machineIdCodec,
  record: recordCodec,
  epoch: epochCodec,
  salt: bytes(32),
  sealed: bytes(2 * SEED_BYTES + 16, 3 * SEED_BYTES + 16),
})

/** The form in which an identity rests on disk, openable by whoever holds the workspace key of that epoch. */
export async function sealIdentity(crypto: Crypto, keys: EpochKeys, identity: Identity): Promise<Uint8Array> {
  const salt = crypto.randomBytes(32)
  const key = crypto.hkdf(keys.machineKeys, salt, utf8(LABEL_IDENTITY), 32)
  const seeds = concatBytes(...[...identity.signingSeeds, identity.sealingSeed].map((seed) => seed.expose()))
  const sealed = await crypto.seal(key, ZERO_NONCE, boundTo(identity.id, identity.record), seeds)
  seeds.fill(0)
  key.wipe()
  const { id: machine, record } = identity
  return encodeDocument(
    identityCodec,
    { format: 1, machine, record, epoch: keys.epoch, salt, sealed },
    MAX_IDENTITY_BYTES,
  )
}

/** The epoch whose key opens a sealed identity. */
export function identityEpoch(stored: Uint8Array): number {
  return decodeIdentity(stored).epoch
}

/** Whether these are the keys of that record. */
export function isIdentityOf(stored: Uint8Array, record: MachineRecord): boolean {
  return isSameRecord(decodeIdentity(stored).record, record)
}

export function isSameRecord(a: MachineRecord, b: MachineRecord): boolean {
  return equalBytes(encodeRecord(a), encodeRecord(b))
}

/**
 * @throws {SyncError} `SETUP_DAMAGED` if it does not open under the key of its epoch.
 */
export async function openIdentity(crypto: Crypto, keyring: Keyring, stored: Uint8Array): Promise<Identity> {
  const { machine, record, epoch, salt, sealed } = decodeIdentity(stored)
  const keys = keyring.get(epoch)
  if (keys === undefined) throw damaged()
  const key = crypto.hkdf(keys.machineKeys, salt, utf8(LABEL_IDENTITY), 32)
  let seeds: Uint8Array
  try {
    seeds = await crypto.open(key, ZERO_NONCE, boundTo(machine, record), sealed)
  } catch (cause) {
    throw damaged(cause)
  } finally {
    key.wipe()
  }
  const count = record.signing.length
  if (seeds.length !== (count + 1) * SEED_BYTES) throw damaged()
  const seed = (i: number): Secret => new Secret(seeds.slice(i * SEED_BYTES, (i + 1) * SEED_BYTES))
  const signingSeeds = record.signing.map((_, i) => seed(i))
  const sealingSeed = seed(count)
  seeds.fill(0)
  return { id: machine, record, signingSeeds, sealingSeed }
}

function boundTo(machine: string, record: MachineRecord): Uint8Array {
  return concatBytes(utf8(machine), encodeRecord(record))
}

function decodeIdentity(stored: Uint8Array): SealedIdentity {
  try {
    return decodeDocument(identityCodec, stored, MAX_IDENTITY_BYTES)
  } catch (cause) {
    throw damaged(cause)
  }
}

function damaged(cause?: unknown): SyncError {
  return new SyncError("SETUP_DAMAGED", "this machine's keys cannot be read", { name: "identity" }, { cause })
}
