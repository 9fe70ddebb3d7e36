/**
 * Trust entries: what each link of the trust log says. Pure codecs; whether an
 * entry is allowed at its place is decided in `storage/verify/trustLog.ts`.
 * Normative text: `docs/spec/trust.md`.
 *
 * Each entry is the payload of an envelope of kind `trust`, kept at
 * `trust/<sequence, six digits>.json`.
 *
 * @module
 */
import { concatBytes, toBase32, utf8 } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { LABEL_REKEY } from "../../crypto/labels.ts"
import {
  array,
  formatVersion,
  invalid,
  type JsonCodec,
  nullable,
  object,
  oneOf,
  refined,
  uint,
  union,
} from "./codec.ts"
import { type Envelope, envelopeHash, type Signature, signatureCodec } from "./envelope.ts"
import {
  encodeRecord,
  epochCodec,
  hashCodec,
  type MachineRecord,
  machineIdCodec,
  MAX_EPOCHS,
  type NamedRecord,
  namedRecordCodec,
  type PassphraseEntry,
  type Policy,
  passphraseCodec,
  policyCodec,
  recordCodec,
  sortedIds,
  workspaceIdCodec,
} from "./machine.ts"

/** Entries that a log may have. */
export const MAX_TRUST_ENTRIES = 65_536
/** Machines that may be trusted at one time. */
export const MAX_TRUSTED_MACHINES = 256
/**
 * Entries, and epochs, at the end that are kept for putting machines out. In these no machine comes in, but by the recovery
 * key, so that there are at most 255 to put out, one by one.
 */
export const RESERVED_FOR_REVOCATIONS = 512
/** Bytes of all envelopes of a log, but for the revocations at its end: what clients keep and verify is bounded by it. */
export const MAX_LOG_BYTES = 32 * 1024 * 1024

/** How far a log has come with an entry. */
export interface LogExtent {
  readonly sequence: number
  /** In force after the entry. */
  readonly epoch: number
  /** Of all envelopes, the entry's included. */
  readonly bytes: number
}

/** Whether an entry of this kind leaves the room in which machines can still be revoked. */
export function leavesRoom(kind: TrustEntry["kind"], { sequence, epoch, bytes }: LogExtent): boolean {
  if (kind === "revoke" || kind === "recover") return true
  if (sequence > MAX_TRUST_ENTRIES - RESERVED_FOR_REVOCATIONS || bytes > MAX_LOG_BYTES) return false
  return (kind !== "approve" && kind !== "epoch") || epoch <= MAX_EPOCHS - RESERVED_FOR_REVOCATIONS
}

interface EntryCommon {
  readonly format: 1
  /** Place in the log, from 1. */
  readonly sequence: number
  /** Hash of the entry before; `null` in the first. */
  readonly previous: Uint8Array | null
  /** `null` in the genesis entry, whose hash is the workspace's id. */
  readonly workspace: string | null
  /** Epoch in force after this entry; its MAC key MACs the entry. */
  readonly epoch: number
  /** Machine that signed; `null` where the recovery key did. */
  readonly writer: string | null
  /** Milliseconds since 1970, by the writer's clock. For display only. */
  readonly time: number
}

/** Starts a workspace with its first machine and passphrase. */
export interface GenesisEntry extends EntryCommon {
  readonly kind: "genesis"
  readonly machine: NamedRecord
  readonly passphrase: PassphraseEntry
  /** Of the workspace key of epoch 1. */
  readonly commitment: Uint8Array
  readonly policy: Policy
}

/** Lets a machine in. */
export interface ApproveEntry extends EntryCommon {
  readonly kind: "approve"
  readonly machine: NamedRecord
  /** Hash of the join request. */
  readonly request: Uint8Array
  /** Hash of the header that the request named. */
  readonly header: Uint8Array
}

/** Puts machines out and opens an epoch. */
export interface RevokeEntry extends EntryCommon {
  readonly kind: "revoke"
  /** Ascending; the machine, and those it approved if they go with it. */
  readonly machines: readonly string[]
  readonly reason: "lost" | "retired"
  readonly commitment: Uint8Array
  /** The new passphrase; `null` only for machines retired with the passphrase kept. */
  readonly passphrase: PassphraseEntry | null
}

/** Drops a revoked machine from lists and headers. Its keys stay known, and refused. */
export interface DeleteEntry extends EntryCommon {
  readonly kind: "delete"
  readonly machine: string
}

/** Gives the writer new keys. Its id stays. */
export interface RekeyEntry extends EntryCommon {
  readonly kind: "rekey"
  readonly record: MachineRecord
  /** By each new key, over {@link rekeyStatement}. */
  readonly proof: readonly Signature[]
}

/** Changes the passphrase within an epoch: the workspace key is sealed to the new one. */
export interface NewPassphraseEntry extends EntryCommon {
  readonly kind: "passphrase"
  readonly passphrase: PassphraseEntry
}

/** Opens an epoch. */
export interface EpochEntry extends EntryCommon {
  readonly kind: "epoch"
  readonly commitment: Uint8Array
}

/** Makes the policy stricter. */
export interface PolicyEntry extends EntryCommon {
  readonly kind: "policy"
  readonly policy: Policy
}

/** Starts over with one new machine when all others are lost; signed by the recovery key alone. */
export interface RecoverEntry extends EntryCommon {
  readonly kind: "recover"
  readonly machine: NamedRecord
  readonly commitment: Uint8Array
  readonly passphrase: PassphraseEntry | null
}

export type TrustEntry =
  | GenesisEntry
  | ApproveEntry
  | RevokeEntry
  | DeleteEntry
  | RekeyEntry
  | NewPassphraseEntry
  | EpochEntry
  | PolicyEntry
  | RecoverEntry

export type TrustEntryKind = TrustEntry["kind"]

export const trustEntryCodec: JsonCodec<TrustEntry> = refined(
  union<TrustEntry, "kind">("kind", {
    genesis: object({
      ...common("genesis"),
      machine: namedRecordCodec,
      passphrase: passphraseCodec,
      commitment: hashCodec,
      policy: policyCodec,
    }),
    approve: object({ ...common("approve"), machine: namedRecordCodec, request: hashCodec, header: hashCodec }),
    revoke: object({
      ...common("revoke"),
      machines: sortedIds(MAX_TRUSTED_MACHINES),
      reason: oneOf("lost", "retired"),
      commitment: hashCodec,
      passphrase: nullable(passphraseCodec),
    }),
    delete: object({ ...common("delete"), machine: machineIdCodec }),
    rekey: object({ ...common("rekey"), record: recordCodec, proof: array(signatureCodec, 2) }),
    passphrase: object({ ...common("passphrase"), passphrase: passphraseCodec }),
    epoch: object({ ...common("epoch"), commitment: hashCodec }),
    policy: object({ ...common("policy"), policy: policyCodec }),
    recover: object({
      ...common("recover"),
      machine: namedRecordCodec,
      commitment: hashCodec,
      passphrase: nullable(passphraseCodec),
    }),
  }),
  checkShape,
)

/** The workspace id: the first 130 bits of the genesis entry's hash in base32. */
export function workspaceId(crypto: Crypto, genesis: Envelope): string {
  return toBase32(envelopeHash(crypto, genesis), 130)
}

/**
 * What each new key of a `rekey` entry signs: that it takes over from this machine's old keys, at this place of this log.
 *
 *     label || 0x00 || workspace id || machine id || previous[32] || SHA-256(canonical JSON of the new record)
 */
export function rekeyStatement(
  crypto: Crypto,
  workspace: string,
  machine: string,
  previous: Uint8Array,
  record: MachineRecord,
): Uint8Array {
  const digest = crypto.sha256(encodeRecord(record))
  return concatBytes(utf8(LABEL_REKEY), new Uint8Array(1), utf8(workspace + machine), previous, digest)
}

/** The passphrase that an entry sets, if it sets one. */
export function passphraseOf(entry: TrustEntry): PassphraseEntry | null {
  return "passphrase" in entry ? entry.passphrase : null
}

function common<K extends TrustEntryKind>(kind: K) {
  return {
    format: formatVersion,
    kind: oneOf(kind),
    sequence: uint(1, MAX_TRUST_ENTRIES),
    previous: nullable(hashCodec),
    workspace: nullable(workspaceIdCodec),
    epoch: epochCodec,
    writer: nullable(machineIdCodec),
    time: uint(0),
  }
}

/** Which of the nullable fields are null follows from the kind. */
function checkShape(entry: TrustEntry): void {
  const isFirst = entry.kind === "genesis"
  if (isFirst !== (entry.sequence === 1)) throw invalid("genesis is the first entry and no other")
  if (isFirst !== (entry.previous === null)) throw invalid("all but the first entry name the one before")
  if (isFirst !== (entry.workspace === null)) throw invalid("all but the first entry name the workspace")
  if ((entry.kind === "recover") !== (entry.writer === null)) throw invalid("all but recover name their writer")
  if (entry.kind !== "revoke") return
  if (entry.machines.length === 0) throw invalid("revokes nobody")
  if (entry.reason === "lost" && entry.passphrase === null) throw invalid("a lost machine knows the passphrase")
}
