/**
 * Compares what lies on the disk with what is expected there, by content.
 *
 * @module
 */
import { equalBytes } from "../../../crypto/bytes.ts"
import type { Crypto } from "../../../crypto/crypto.ts"
import type { Outcome, Stat, Workspace, WorkspaceRefusal } from "../../ports/workspace.ts"
import type { TreeNode } from "../node.ts"
import type { HoldReason } from "../plan/plan.ts"

/** Why an operation was not carried out; the path is planned again at the next sync. */
export type SkipReason = HoldReason | "changed-meanwhile" | "denied"

/** Files up to this size are read at once. */
export const SMALL_BYTES = 1024 * 1024

/**
 * Looks whether `node`'s content lies at `path`: the stat it has then, else `changed` (something else lies there),
 * `missing`, or why it cannot be told. Permissions are not compared.
 */
export async function lookFor(
  workspace: Workspace,
  crypto: Pick<Crypto, "sha256" | "createSha256">,
  path: string,
  node: TreeNode,
): Promise<Outcome<Stat>> {
  const stat = await workspace.stat(path)
  if (!stat.ok) return stat
  if (stat.value.type !== node.type) return CHANGED
  if (node.type === "folder") return stat
  if (node.type === "link") {
    const target = await workspace.readLink(path)
    if (!target.ok) return target
    return target.value === node.target ? stat : CHANGED
  }
  if (stat.value.size !== node.size) return CHANGED
  if (node.size <= SMALL_BYTES) {
    const read = await workspace.read(path, SMALL_BYTES)
    if (!read.ok) return read
    return equalBytes(crypto.sha256(read.value.bytes), node.hash) ? { ok: true, value: read.value.stat } : CHANGED
  }
  const hasher = crypto.createSha256()
  const read = await workspace.readPieces(path, (piece) => hasher.update(piece))
  if (!read.ok) return read
  return equalBytes(hasher.digest(), node.hash) ? read : CHANGED
}

const CHANGED = { ok: false, refusal: "changed" } as const

/** What a refusal about a path means for its operation. */
export function toSkip(refusal: WorkspaceRefusal): SkipReason {
  switch (refusal) {
    case "changed":
    case "exists":
    case "missing":
    case "not-empty":
      return "changed-meanwhile"
    case "not-a-folder":
      return "blocked-folder"
    case "denied":
      return "denied"
    case "name":
      return "name-not-allowed"
  }
}
