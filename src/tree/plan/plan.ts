/**
 * The words of the planner: from what both sides last agreed on (base), what
 * is here (local) and what the vault says (remote) to a list of operations.
 * The algorithm is `planner.ts`, the choices of a person are worked in by
 * `resolve.ts`. All of it is pure: no I/O, no clock, no randomness; the same
 * input gives the same plan.
 *
 * @module
 */
import { equalBytes, toHex } from "../../../crypto/bytes.ts"
import type { FileEntry, IndexEntry, Tombstone } from "../../../storage/format/index/entry.ts"
import type { TreeNode } from "../node.ts"

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

/**
 * One step. A path may have two: a delete and a write when it changes between folder and not-folder, a write (or a
 * mode) and an upload when both sides contribute. The base may learn a path only when all its steps are done:
 * {@link baseAfter}.
 */
export type Operation =
  /**
   * The vault gets `node`. Nothing is to be read or sent if `node` has the content of `from`, an entry of the vault
   * (the same path after a change of mode, another one after a rename or copy): its chunks are used again.
   */
  | {
      readonly kind: "upload"
      readonly path: string
      readonly node: TreeNode
      readonly before: IndexEntry | null
      readonly from?: FileEntry
    }
  /** The vault forgets the path and keeps a tombstone. */
  | { readonly kind: "bury"; readonly path: string; readonly before: IndexEntry }
  /**
   * The disk gets the vault's node; `before` is what the plan saw there and apply must find. `from`: a local path
   * where the plan saw the same bytes, to copy from if they are still there.
   */
  | {
      readonly kind: "write"
      readonly path: string
      readonly node: IndexEntry
      readonly before: TreeNode | null
      readonly from?: string
    }
  /** Only the permission bits on the disk change. */
  | { readonly kind: "mode"; readonly path: string; readonly mode: number; readonly before: TreeNode }
  /** What lies on the disk goes to quarantine; a folder only if it is empty then, else it quietly stays. */
  | { readonly kind: "delete"; readonly path: string; readonly before: TreeNode }
  /** These bytes replace what is on both sides: a person merged them. */
  | {
      readonly kind: "merge"
      readonly path: string
      readonly content: Uint8Array
      readonly mode: number
      readonly local: TreeNode | null
      readonly remote: IndexEntry | null
    }
  /** Both sides have the same already (`null`: neither has it); only the base learns it. */
  | { readonly kind: "agree"; readonly path: string; readonly node: TreeNode | null }

export interface Held {
  readonly path: string
  readonly reason: HoldReason
}

export interface Plan {
  /**
   * In the order in which they can be carried out: what only the base learns; deletes that make room; folders before
   * what is in them; other deletes, from the inside out; then what the vault learns.
   */
  readonly operations: readonly Operation[]
  readonly conflicts: readonly Conflict[]
  /** Paths left alone, each with its reason, sorted by path. */
  readonly held: readonly Held[]
  /** Paths of the base that are excluded now: the next {@link PlanInput.dormant}. */
  readonly dormant: readonly string[]
}

/** What this machine's disk can hold; see `Workspace` of the ports. */
export interface PlatformRules {
  readonly windowsNames: boolean
  readonly caseInsensitive: boolean
  readonly normalizes: boolean
  readonly links: boolean
  /** Whether the user agreed to a link that points out of the workspace. */
  readonly mayLeadOut: (path: string, target: string) => boolean
}

export interface PlanInput {
  /** What this machine and the vault last agreed on; empty for a new or re-joined machine. */
  readonly base: ReadonlyMap<string, TreeNode>
  /** What the scan saw: nothing that is ignored. */
  readonly local: ReadonlyMap<string, TreeNode>
  readonly remote: ReadonlyMap<string, IndexEntry>
  /** Only these delete: what is merely absent from `remote` is put back. */
  readonly tombstones: ReadonlyMap<string, Tombstone>
  /**
   * Whether a path is ignored; a folder is asked for with a trailing `/`, and what is in an ignored folder is not
   * asked for. No side is touched, base stays.
   */
  readonly excluded: (path: string) => boolean
  /** Paths that the scan, or the caller, could not deal with. A held folder holds all that is in it. */
  readonly held: ReadonlyMap<string, HoldReason>
  /** Without it, names are checked only against what no platform may be given. */
  readonly platform?: PlatformRules
  /** Folders in which the scan saw something ignored or unsyncable, so that they will not become empty. */
  readonly occupied?: ReadonlySet<string>
  /** Paths that were excluded at the last sync: that they are missing here is not a deletion. */
  readonly dormant?: ReadonlySet<string>
  /**
   * Set when this machine has synced before and lost its base (which then is empty): a local path that matches its
   * tombstone counts as deleted there. `hashTarget` is the SHA-256 of a link's target in UTF-8.
   */
  readonly baseLost?: { readonly hashTarget: (target: string) => Uint8Array }
}

/**
 * The base after a sync: `plan` carried out, except for the paths in `failed` (skipped by apply, or not committed),
 * which stay as they were and are planned again. `merged`: what the `merge` operations brought about.
 */
export function baseAfter(
  base: ReadonlyMap<string, TreeNode>,
  plan: Plan,
  failed: ReadonlySet<string>,
  merged: ReadonlyMap<string, TreeNode> = new Map(),
): Map<string, TreeNode> {
  const next = new Map(base)
  for (const operation of plan.operations) {
    if (failed.has(operation.path)) continue
    const node = outcome(operation, merged)
    if (node === null) next.delete(operation.path)
    else next.set(operation.path, node)
  }
  return next
}

function outcome(operation: Operation, merged: ReadonlyMap<string, TreeNode>): TreeNode | null {
  switch (operation.kind) {
    case "upload":
    case "write":
      return toNode(operation.node)
    case "agree":
      return operation.node
    case "mode":
      return { ...operation.before, mode: operation.mode }
    case "merge": {
      const node = merged.get(operation.path)
      if (node === undefined) throw new TypeError("the outcome of a merge is missing")
      return node
    }
    case "bury":
    case "delete":
      return null
  }
}

/** What of an entry is also known of a local path. */
export function toNode(node: TreeNode): TreeNode {
  switch (node.type) {
    case "file":
      return { type: "file", mode: node.mode, size: node.size, hash: node.hash }
    case "link":
      return { type: "link", mode: node.mode, target: node.target }
    case "folder":
      return { type: "folder", mode: node.mode }
  }
}

/** As text: equal for nodes of the {@link sameContent}. `-` is nothing. */
export function contentKey(node: TreeNode | null): string {
  if (node === null) return "-"
  return node.type === "file" ? toHex(node.hash) : node.type === "link" ? `> ${node.target}` : "/"
}

/** Whether two nodes have the same content, whatever their permissions. */
export function sameContent(a: TreeNode, b: TreeNode): boolean {
  if (a.type === "file")
    return b.type === "file" && a.size === b.size && (a.hash === b.hash || equalBytes(a.hash, b.hash))
  if (a.type === "link") return b.type === "link" && a.target === b.target
  return b.type === "folder"
}
