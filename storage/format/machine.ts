/**
 * What the trust log and join requests say of machines and passphrases: their
 * public keys, sealed names, and the policy they must meet. Pure codecs; names
 * are sealed and opened in `machineName.ts`. Normative text: `docs/spec/trust.md`.
 *
 * @module
 */
import { toBase32 } from "../../crypto/bytes.ts"
import { type Argon2Params, type Crypto, HASH_BYTES, type SignatureAlgorithm, TAG_BYTES } from "../../crypto/crypto.ts"
import { encodeDocument } from "./canonicalJson.ts"
import { array, bytes, formatVersion, invalid, type JsonCodec, object, oneOf, refined, text, uint } from "./codec.ts"
import type { SigningKey, VerificationKey } from "./envelope.ts"

/** Length in bytes of an X-Wing public key. */
export const SEALING_KEY_BYTES = 1216
/** Length in bytes of each algorithm's public key. */
export const SIGNING_KEY_BYTES: Readonly<Record<SignatureAlgorithm, number>> = {
  ed25519: 32,
  "ecdsa-p256": 65,
  "ml-dsa-87": 2592,
}
/** A machine's name, padded, before it is sealed: one length byte and up to 63 bytes of UTF-8. */
export const PADDED_NAME_BYTES = 64
/** Epochs that a workspace may have: each leaves a key in `vault.json`. */
export const MAX_EPOCHS = 4096
/** Largest machine record in bytes, as canonical JSON. */
const MAX_RECORD_BYTES = 8 * 1024

export interface SigningPublicKey {
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
}

/** A machine's public keys. */
export interface MachineRecord {
  readonly format: 1
  /** A classical key, a classical key and then ML-DSA-87, or ML-DSA-87 alone. The machine signs with every one. */
  readonly signing: readonly SigningPublicKey[]
  readonly sealing: { readonly algorithm: "x-wing"; readonly publicKey: Uint8Array }
}

/** A machine's name, sealed under the workspace key of an epoch. */
export interface SealedName {
  readonly epoch: number
  readonly salt: Uint8Array
  /** {@link PADDED_NAME_BYTES} and a tag. */
  readonly sealed: Uint8Array
}

/** A machine as an entry or a join request introduces it. */
export interface NamedRecord {
  readonly record: MachineRecord
  readonly name: SealedName
}

/** How a passphrase opens the workspace: salt and costs of Argon2id, and the public keys that come out. */
export interface PassphraseEntry extends Argon2Params {
  /** 16 random bytes. */
  readonly salt: Uint8Array
  /** X-Wing public key to which workspace keys are sealed. */
  readonly recipient: Uint8Array
  readonly recovery: { readonly ed25519: Uint8Array; readonly mlDsa87: Uint8Array }
}

/** What the log demands of every key from now on. Only ever becomes stricter. */
export interface Policy {
  /** `hybrid`: every machine has an ML-DSA-87 key. */
  readonly signatures: "classical" | "hybrid"
  /** Least format of whatever is written. */
  readonly format: 1
}

/** Costs of Argon2id that a reader accepts (RFC 9106); the least are the default. */
export const ARGON2_LIMITS = {
  memoryKiB: { min: 64 * 1024, max: 1024 * 1024 },
  passes: { min: 3, max: 10 },
  lanes: { min: 1, max: 4 },
} as const

/** 52 characters: all 256 bits of a hash, the last character holding one bit. */
export const machineIdCodec: JsonCodec<string> = text(/^[a-z2-7]{51}[aq]$/)
/** 26 characters: the first 130 bits of a hash. */
export const workspaceIdCodec: JsonCodec<string> = text(/^[a-z2-7]{26}$/)
export const epochCodec: JsonCodec<number> = uint(1, MAX_EPOCHS)
export const hashCodec: JsonCodec<Uint8Array> = bytes(HASH_BYTES)

const signingKeyCodec: JsonCodec<SigningPublicKey> = refined(
  object({ algorithm: oneOf("ed25519", "ecdsa-p256", "ml-dsa-87"), publicKey: bytes(32, 2592) }),
  ({ algorithm, publicKey }) => {
    if (publicKey.length !== SIGNING_KEY_BYTES[algorithm]) throw invalid("wrong length of a signing key")
  },
)

export const recordCodec: JsonCodec<MachineRecord> = refined(
  object({
    format: formatVersion,
    signing: array(signingKeyCodec, 2),
    sealing: object({ algorithm: oneOf("x-wing"), publicKey: bytes(SEALING_KEY_BYTES) }),
  }),
  ({ signing }) => {
    if (signing.length === 0) throw invalid("no signing key")
    const isPair = signing.length === 2
    if (isPair && (signing[0]?.algorithm === "ml-dsa-87" || signing[1]?.algorithm !== "ml-dsa-87")) {
      throw invalid("signing keys in another order")
    }
  },
)

export const nameCodec: JsonCodec<SealedName> = object({
  epoch: epochCodec,
  salt: bytes(32),
  sealed: bytes(PADDED_NAME_BYTES + TAG_BYTES),
})

export const namedRecordCodec: JsonCodec<NamedRecord> = object({ record: recordCodec, name: nameCodec })

export const passphraseCodec: JsonCodec<PassphraseEntry> = object({
  salt: bytes(16),
  memoryKiB: uint(ARGON2_LIMITS.memoryKiB.min, ARGON2_LIMITS.memoryKiB.max),
  passes: uint(ARGON2_LIMITS.passes.min, ARGON2_LIMITS.passes.max),
  lanes: uint(ARGON2_LIMITS.lanes.min, ARGON2_LIMITS.lanes.max),
  recipient: bytes(SEALING_KEY_BYTES),
  recovery: object({ ed25519: bytes(SIGNING_KEY_BYTES.ed25519), mlDsa87: bytes(SIGNING_KEY_BYTES["ml-dsa-87"]) }),
})

export const policyCodec: JsonCodec<Policy> = object({
  signatures: oneOf("classical", "hybrid"),
  format: formatVersion,
})

/** Up to `max` machine ids, ascending, each once. */
export function sortedIds(max: number): JsonCodec<readonly string[]> {
  return refined(array(machineIdCodec, max), (ids) => requireAscending(ids, "ids not ascending"))
}

/** @throws {StorageError} `FORMAT_INVALID` with `reason` unless each is greater than the one before. */
export function requireAscending(values: readonly (string | number)[], reason: string): void {
  for (let i = 1; i < values.length; i++) {
    if ((values[i - 1] as string | number) >= (values[i] as string | number)) throw invalid(reason)
  }
}

/** The canonical JSON of a record. */
export function encodeRecord(record: MachineRecord): Uint8Array {
  return encodeDocument(recordCodec, record, MAX_RECORD_BYTES)
}

/** The id of the machine whose first record this is. */
export function machineId(crypto: Crypto, record: MachineRecord): string {
  return toBase32(crypto.sha256(encodeRecord(record)))
}

/** The keys by which a machine signs: one signature by each, in this order. */
export function verificationKeys(record: MachineRecord): readonly VerificationKey[] {
  return record.signing.map(({ algorithm, publicKey }) => ({ keyid: algorithm, algorithm, publicKey }))
}

/** The keys by which whoever knows a passphrase signs. `prefix` is `old-` for a passphrase that is being replaced. */
export function recoveryKeys(entry: PassphraseEntry, prefix: "" | "old-" = ""): readonly VerificationKey[] {
  const { ed25519, mlDsa87 } = entry.recovery
  return [
    { keyid: `${prefix}recovery-ed25519`, algorithm: "ed25519", publicKey: ed25519 },
    { keyid: `${prefix}recovery-ml-dsa-87`, algorithm: "ml-dsa-87", publicKey: mlDsa87 },
  ]
}

/** The private halves of {@link recoveryKeys}, in the same order. */
export function recoverySigners(
  seeds: { readonly ed25519: SigningKey["seed"]; readonly mlDsa87: SigningKey["seed"] },
  prefix: "" | "old-" = "",
): readonly SigningKey[] {
  return [
    { keyid: `${prefix}recovery-ed25519`, algorithm: "ed25519", seed: seeds.ed25519 },
    { keyid: `${prefix}recovery-ml-dsa-87`, algorithm: "ml-dsa-87", seed: seeds.mlDsa87 },
  ]
}

/** Whether a machine with these keys may write under this policy. */
export function meetsPolicy(record: MachineRecord, policy: Policy): boolean {
  return policy.signatures === "classical" || hasPostQuantumKey(record)
}

export function hasPostQuantumKey(record: MachineRecord): boolean {
  return record.signing.some(({ algorithm }) => algorithm === "ml-dsa-87")
}
