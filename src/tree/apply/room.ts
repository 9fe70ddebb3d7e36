/**
 * Whether the disk has room for what the vault describes, asked before anything
 * is written: an index says in a few bytes what takes terabytes on a disk, and
 * a disk that is filled to the brim harms more than this folder. Pure but for
 * two looks at the workspace.
 *
 * @module
 */
import { toHex } from "../../../crypto/bytes.ts"
import { SyncError } from "../../errors.ts"
import type { Workspace } from "../../ports/workspace.ts"
import type { Operation } from "../plan/plan.ts"
import { TEMPORARY } from "../stateFolder.ts"

/**
 * Where the platform cannot say how much is free, writing finds out.
 *
 * @throws {SyncError} `DISK_FULL`: nothing was written.
 */
export async function requireRoom(workspace: Workspace, operations: readonly Operation[]): Promise<void> {
  const needed = bytesToWrite(operations)
  if (needed === 0) return
  const free = await workspace.freeBytes()
  if (free === null || needed <= free) return
  // What an interrupted download left is room that is taken already.
  if (needed - (await bytesAtHand(workspace)) <= free) return
  throw new SyncError("DISK_FULL", "the disk has no room for what is to be written", { needed, free })
}

/** Bytes of new files. One that goes takes its content along to one that comes with the same. */
function bytesToWrite(operations: readonly Operation[]): number {
  const leaving = new Map<string, number>()
  for (const operation of operations) {
    if (operation.kind !== "delete" || operation.before.type !== "file") continue
    const content = toHex(operation.before.hash)
    leaving.set(content, (leaving.get(content) ?? 0) + 1)
  }
  let bytes = 0
  for (const operation of operations) {
    if (operation.kind === "merge") bytes += operation.content.length
    if (operation.kind !== "write" || operation.node.type !== "file") continue
    const content = toHex(operation.node.hash)
    const moves = leaving.get(content) ?? 0
    if (moves > 0) leaving.set(content, moves - 1)
    else bytes += operation.node.size
  }
  return bytes
}

async function bytesAtHand(workspace: Workspace): Promise<number> {
  const listed = await workspace.list(TEMPORARY)
  return listed.ok ? listed.value.reduce((sum, { stat }) => sum + stat.size, 0) : 0
}
