/**
 * What a verified trust log says: who is trusted, since when, by which keys.
 * Only `verifyTrustLog` makes one; whoever holds one need not check it again.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import type { Envelope } from "../format/envelope.ts"
import type { MachineRecord, PassphraseEntry, Policy, SealedName } from "../format/machine.ts"
import type { TrustEntry } from "../format/trustEntry.ts"

/** One link of the log. */
export interface LogEntry {
  readonly sequence: number
  /** SHA-256 over the signed bytes: what `previous` of the next entry names. */
  readonly hash: Uint8Array
  readonly entry: TrustEntry
  /** As it was read, for its MAC and for passing it on. */
  readonly envelope: Envelope
}

/** A machine's keys from one entry on. */
export interface DatedRecord {
  readonly record: MachineRecord
  /** Sequence of the entry that brought it. That entry itself is signed by the keys before. */
  readonly since: number
}

export interface MachineState {
  readonly id: string
  /** `deleted` machines were revoked first; they stay known so that their keys stay refused. */
  readonly status: "trusted" | "revoked" | "deleted"
  /** The keys in force, or the last ones. */
  readonly record: MachineRecord
  /** Oldest first; the last one is `record`. */
  readonly records: readonly DatedRecord[]
  readonly name: SealedName
  /** `null` for the first machine and for one that recovered the workspace. */
  readonly approvedBy: string | null
  /** Sequence of the entry that let it in. */
  readonly since: number
  /** Sequence of the entry that put it out, or `null`. */
  readonly revokedAt: number | null
}

/** One epoch: whatever key is said to be its workspace key must have this commitment. */
export interface EpochState {
  readonly epoch: number
  readonly commitment: Uint8Array
  /** Sequence of the entry that opened it. */
  readonly since: number
}

export interface TrustState {
  readonly workspace: string
  /** Number of entries, at least 1. */
  readonly length: number
  /** Hash of the last entry. */
  readonly head: Uint8Array
  readonly entries: readonly LogEntry[]
  readonly machines: ReadonlyMap<string, MachineState>
  /** All epochs from 1 on; the last is the current one. */
  readonly epochs: readonly EpochState[]
  readonly epoch: EpochState
  /** The one in force, and the sequence of the entry that set it. */
  readonly passphrase: PassphraseEntry
  readonly passphraseSince: number
  readonly policy: Policy
  /** Digests of every public key, salt and commitment that the log has ever held: none may come again. */
  readonly spent: ReadonlySet<string>
  /** Length of all envelopes. */
  readonly bytes: number
}

/** The machines trusted now, by id, ascending. */
export function trustedMachines(state: TrustState): readonly MachineState[] {
  return [...state.machines.values()]
    .filter(({ status }) => status === "trusted")
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The machine if it is trusted now. */
export function trustedMachine(state: TrustState, id: string): MachineState | undefined {
  const machine = state.machines.get(id)
  return machine?.status === "trusted" ? machine : undefined
}

/** Whether the log is `length` entries long up to an entry with the hash `head`, or goes on from there. */
export function passesThrough(state: TrustState, length: number, head: Uint8Array): boolean {
  const entry = state.entries[length - 1]
  return entry !== undefined && equalBytes(entry.hash, head)
}

/** Whether `newer` is `older` or goes on from its end. */
export function extendsLog(older: TrustState, newer: TrustState): boolean {
  return passesThrough(newer, older.length, older.head)
}
