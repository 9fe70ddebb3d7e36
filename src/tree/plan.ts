/**
 * The planner: from what both sides last agreed on (base), what is here
 * (local) and what the vault says (remote) to a list of operations. Pure: no
 * I/O, no clock, no randomness; the same input gives the same plan.
 *
 * @module
 */
import type { IndexEntry, Tombstone } from "../../storage/format/entry.ts"
import type { TreeNode } from "./node.ts"

/** Why a path is left alone on this machine this time, for all sides. */
export type HoldReason =
  /** The platform cannot hold this name. */
  | "name-not-allowed"
  | "name-too-long"
  /** Another path here differs only in case, or only in Unicode normalisation. */
  | "case-collision"
  | "unicode-collision"
  /** The name is not valid Unicode. */
  | "name-not-unicode"
  | "unreadable"
  /** A socket, FIFO or device. */
  | "not-a-file"
  /** A link that leads out of the workspace, without consent. */
  | "outward-link"
  /** The platform has no symbolic links. */
  | "no-links"
  /** Kept changing while it was read. */
  | "changing"
  /** Too large for this store. */
  | "too-large"
  /** Something lies where its folder should be. */
  | "blocked-folder"
  /** Refused whatever the platform: absolute, climbing out, `.git`, control characters that hide. */
  | "hostile-path"

export type ConflictKind = "edit-edit" | "edit-delete" | "delete-edit" | "create-create" | "type-type"

/** Both sides changed one path differently since they last agreed. */
export interface Conflict {
  readonly path: string
  readonly kind: ConflictKind
  readonly base: TreeNode | null
  /** `null`: deleted here. */
  readonly local: TreeNode | null
  /** `null`: deleted there. */
  readonly remote: IndexEntry | null
  /** Machine id of who changed it there. */
  readonly writer: string
}

/** What a person, or a flag, decided about one conflict. */
export type Resolution =
  | { readonly choice: "keep-local" }
  | { readonly choice: "keep-remote" }
  /** The remote version lies beside the local one, as `name.remote.ext`. */
  | { readonly choice: "keep-both" }
  /** The outcome of a three-way merge, or of an editor: these bytes replace both. */
  | { readonly choice: "merged"; readonly content: Uint8Array }
  /** Not now: asked again at the next sync, nothing changes meanwhile. */
  | { readonly choice: "skip" }

export type Operation =
  /** The vault gets the local node. `from`: a base path with the same content (rename, copy), nothing to send. */
  | { readonly kind: "upload"; readonly path: string; readonly node: TreeNode; readonly before: IndexEntry | null }
  /** The vault forgets the path and keeps a tombstone. */
  | { readonly kind: "bury"; readonly path: string; readonly before: IndexEntry }
  /** The disk gets the vault's node; `before` is what the plan saw there and apply must find. */
  | { readonly kind: "write"; readonly path: string; readonly node: IndexEntry; readonly before: TreeNode | null }
  /** What lies on the disk goes to quarantine. */
  | { readonly kind: "delete"; readonly path: string; readonly before: TreeNode }
  /** Both sides have the same already; only the base learns it. */
  | { readonly kind: "agree"; readonly path: string; readonly node: TreeNode | null }

export interface Held {
  readonly path: string
  readonly reason: HoldReason
}

export interface Plan {
  /** In the order in which they can be carried out: folders before what is in them, deletes from the inside out. */
  readonly operations: readonly Operation[]
  readonly conflicts: readonly Conflict[]
  /** Paths left alone, each with its reason. */
  readonly held: readonly Held[]
}

export interface PlanInput {
  /** What this machine and the vault last agreed on; empty for a new or re-joined machine. */
  readonly base: ReadonlyMap<string, TreeNode>
  readonly local: ReadonlyMap<string, TreeNode>
  readonly remote: ReadonlyMap<string, IndexEntry>
  readonly tombstones: ReadonlyMap<string, Tombstone>
  /** Paths (and, with a trailing `/`, whole folders) that are ignored or held back: no side is touched, base stays. */
  readonly excluded: (path: string) => boolean
  readonly held: ReadonlyMap<string, HoldReason>
}
