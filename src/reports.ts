/**
 * What the engine tells its host: plain data, ready for `--json` and for a
 * table. Paths in here are the user's own, for the user's own screen.
 *
 * @module
 */
import type { Conflict, HoldReason, Resolution } from "./tree/plan/plan.ts"

export type MachineStatus = "this" | "trusted" | "pending" | "revoked"

export interface MachineView {
  /** Full machine id; hosts show the first 8 characters. */
  readonly id: string
  readonly name: string
  readonly status: MachineStatus
  /** When it was approved, asked, or revoked; milliseconds since the epoch, display only. */
  readonly sinceMs: number
  readonly approvedBy: string | null
  /** The 8 words to compare, for a pending machine and this approver. */
  readonly fingerprint: readonly string[] | null
  readonly algorithms: readonly string[]
  /** Sequence of the last header it wrote, or null. */
  readonly lastSequence: number | null
  /** Days on which this machine looked and saw nothing new of it; null for this one, and those that are not trusted. */
  readonly silentDays: number | null
}

export interface Change {
  readonly path: string
  readonly type: "file" | "link" | "folder"
  readonly change: "new" | "modified" | "deleted" | "renamed" | "mode"
  readonly size: number
  /** Runs code when the folder is opened (tasks, hooks): look before you sync. */
  readonly runsOnOpen: boolean
  /** Name of the machine it comes from; null if from here. */
  readonly from: string | null
}

export interface Skipped {
  readonly path: string
  readonly reason: HoldReason | "changed-meanwhile" | "denied" | "conflict" | "new-code"
}

export interface ConflictView {
  readonly path: string
  readonly kind: Conflict["kind"]
  readonly machine: string
  readonly choice: Resolution["choice"]
}

export interface SyncReport {
  readonly kind: "in-sync" | "synced" | "conflicts" | "dry-run"
  /** Sequence of the vault after this sync. */
  readonly sequence: number
  /** What went, or would go, from here to the vault. */
  readonly sent: readonly Change[]
  /** What came, or would come, from the vault to here. */
  readonly received: readonly Change[]
  readonly conflicts: readonly ConflictView[]
  readonly skipped: readonly Skipped[]
  readonly bytesSent: number
  readonly bytesReceived: number
}

export interface StatusReport {
  readonly workspace: string
  readonly root: string
  readonly store: string
  readonly machine: { readonly id: string; readonly name: string; readonly status: MachineStatus }
  readonly locked: boolean
  /** null while pending, locked or offline. */
  readonly sequence: number | null
  readonly lastSyncMs: number | null
  readonly toSend: readonly Change[]
  readonly toReceive: readonly Change[]
  readonly conflicts: readonly ConflictView[]
  readonly skipped: readonly Skipped[]
  readonly pendingMachines: readonly MachineView[]
  readonly storeBytes: number | null
  /** Words to compare with the approver's screen, while pending: one set for each machine that could approve. */
  readonly fingerprints: readonly { readonly machine: string; readonly words: readonly string[] }[]
  /** Why the store could not be asked, if it could not: an error code. */
  readonly offline: string | null
}

export interface InitReport {
  readonly workspace: string
  readonly root: string
  readonly store: string
  readonly machine: { readonly id: string; readonly name: string }
}

export interface JoinReport extends InitReport {
  /** `recovered` if the passphrase's recovery key let this machine in alone. */
  readonly status: "pending" | "trusted" | "recovered"
  readonly fingerprints: readonly { readonly machine: string; readonly words: readonly string[] }[]
}

export interface RevokeReport {
  readonly revoked: readonly MachineView[]
  /** Secret-looking files that it could read: rotate these. */
  readonly rotate: readonly string[]
  readonly epoch: number
}

export interface VersionView {
  readonly path: string
  readonly sequence: number
  /** `kept`: as it was in the oldest version that is left, from one that a compaction dropped. */
  readonly change: "new" | "modified" | "deleted" | "renamed" | "mode" | "kept"
  readonly size: number
  readonly machine: string
  readonly timeMs: number
}

export interface RestoreReport {
  readonly path: string
  readonly to: string
  readonly sequence: number
  readonly size: number
}

export type AuditProblemKind =
  | "header"
  | "trust-entry"
  | "key-boxes"
  | "shard"
  | "pack"
  /** One chunk of a pack that is otherwise what it is named. */
  | "chunk"
  /** A file whose chunks are all good, and are not the file. */
  | "file"
  /** Versions that are gone, or a commit that cannot be read. */
  | "history"
  /** In the tree, but no part of the vault. */
  | "unnamed"

export interface AuditProblem {
  readonly kind: AuditProblemKind
  /** Which object of the vault, e.g. `packs/ab/abcd…`; never a user's path. */
  readonly object: string
  /** The check that failed. */
  readonly reason: string
  /** The versions of the vault in which it is wrong, newest first, and the user's files of each that it touches. */
  readonly touches: readonly { readonly sequence: number; readonly files: readonly string[] }[]
  /** All of those files. */
  readonly files: readonly string[]
}

export interface AuditReport {
  readonly sequence: number
  readonly trustEntries: number
  /** Versions of the vault, the present one included, that can be gone back to. */
  readonly versions: number
  readonly shards: number
  readonly packs: number
  readonly files: number
  readonly bytes: number
  readonly problems: readonly AuditProblem[]
  /** What is wrong only with versions from before a repair, which says itself that something of them was lost. */
  readonly beforeRepair: readonly AuditProblem[]
}

export interface CompactReport {
  readonly kind: "compacted" | "nothing-to-do" | "dry-run"
  /** Sequence of the vault afterwards. */
  readonly sequence: number
  readonly versionsBefore: number
  readonly versionsAfter: number
  /** The oldest version that can be gone back to, and when it was made: milliseconds since the epoch, display only. */
  readonly oldest: { readonly sequence: number; readonly timeMs: number }
  readonly tombstonesDropped: number
  /** Packs of which less than half was needed, whose rest went into new ones. */
  readonly packsRewritten: number
  readonly bytesSent: number
  /** Of the store where it lies, as measured; null where that cannot be known. */
  readonly storeBytes: { readonly before: number; readonly after: number } | null
  /** Whether the room was given back. If not it is for the store's host to do. */
  readonly isReclaimed: boolean
}

export interface RepairReport {
  readonly sequence: number
  readonly reuploaded: number
  /** Files whose content neither the vault nor this machine has any more. */
  readonly lost: readonly string[]
}
