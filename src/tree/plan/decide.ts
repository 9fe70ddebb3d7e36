/**
 * What to do about one path, seen by itself: the table of three-way syncing
 * (design: "Syncing"). What folders owe to what is in them comes after, in
 * `planner.ts`. Pure.
 *
 * Content and permissions are decided apart: a change of mode never makes a
 * conflict. A deletion counts only if the vault has a tombstone for it.
 *
 * @module
 */
import { equalBytes } from "../../../crypto/bytes.ts"
import type { IndexEntry, Tombstone } from "../../../storage/format/index/entry.ts"
import type { TreeNode } from "../node.ts"
import { type ConflictKind, type PlanInput, sameContent } from "./plan.ts"

/** `none`: nothing to do and nothing to learn. The others are those of an `Operation`. */
export type Verdict = "none" | "agree" | "upload" | "bury" | "write" | "delete" | "mode" | ConflictKind

/** One path on all three sides. */
export interface Sides {
  readonly base: TreeNode | null
  readonly local: TreeNode | null
  readonly remote: IndexEntry | null
}

/** What is known of a path besides the three sides. */
export interface Circumstances {
  readonly tombstone: Tombstone | undefined
  /** The path was excluded at the last sync. */
  readonly dormant: boolean
  readonly baseLost: PlanInput["baseLost"]
}

export function decide({ base, local, remote }: Sides, circumstances: Circumstances): Verdict {
  if (local === null && remote === null) return base === null ? "none" : "agree"
  if (local === null) return decideMissingHere(base, remote as IndexEntry, circumstances)
  if (remote === null) return decideMissingThere(base, local, circumstances)
  if (sameContent(local, remote)) return decideMode(base, local, remote)
  if (base !== null && sameContent(base, local)) return "write"
  if (base !== null && sameContent(base, remote)) return "upload"
  if (local.type !== remote.type) return "type-type"
  return base?.type === local.type ? "edit-edit" : "create-create"
}

/**
 * The permissions both sides shall have. Where both changed them, the local ones stay; where nothing is known of
 * before, the vault's win, because a machine that joins only adds.
 */
export function mergeMode(base: TreeNode | null, local: TreeNode, remote: TreeNode): number {
  if (base === null || base.type !== local.type || base.mode === local.mode) return remote.mode
  return local.mode
}

function decideMissingHere(base: TreeNode | null, remote: IndexEntry, { dormant }: Circumstances): Verdict {
  if (base === null || dormant) return "write"
  // A folder holds no bytes of its own, so removing it never contradicts what the other side put in its place.
  if (base.type === "folder") return remote.type === "folder" ? "bury" : "write"
  if (remote.type === "folder") return "write"
  return sameContent(base, remote) ? "bury" : "delete-edit"
}

function decideMissingThere(base: TreeNode | null, local: TreeNode, circumstances: Circumstances): Verdict {
  const { tombstone } = circumstances
  if (tombstone === undefined) return "upload"
  if (base === null) return isBuried(local, tombstone, circumstances.baseLost) ? "delete" : "upload"
  if (base.type === "folder") return local.type === "folder" ? "delete" : "upload"
  if (local.type === "folder") return "upload"
  return sameContent(base, local) ? "delete" : "edit-delete"
}

/**
 * Only for a machine that lost its base. With a base, a path that is in neither base nor vault was made here since:
 * whoever brings back a deleted file, by checking out a branch say, wants it.
 */
function isBuried(local: TreeNode, tombstone: Tombstone, baseLost: PlanInput["baseLost"]): boolean {
  if (baseLost === undefined) return false
  switch (local.type) {
    case "file":
      return equalBytes(local.hash, tombstone.hash)
    case "link":
      return equalBytes(baseLost.hashTarget(local.target), tombstone.hash)
    case "folder":
      return tombstone.hash.every((byte) => byte === 0)
  }
}

function decideMode(base: TreeNode | null, local: TreeNode, remote: IndexEntry): Verdict {
  // Platforms disagree on the permissions of a link, and none obeys them.
  if (local.type === "link" || local.mode === remote.mode) return isKnown(base, remote) ? "none" : "agree"
  return mergeMode(base, local, remote) === remote.mode ? "mode" : "upload"
}

function isKnown(base: TreeNode | null, node: TreeNode): boolean {
  return base !== null && sameContent(base, node) && (node.type === "link" || base.mode === node.mode)
}
