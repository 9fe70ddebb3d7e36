/**
 * Brings a version of the past back to the disk, with the folders it needs.
 * What lies in its place goes to quarantine; the next sync sends it on.
 *
 * @module
 */
import type { IndexEntry } from "../../../storage/format/index/entry.ts"
import type { CallOptions } from "../../../storage/remote/store.ts"
import { SyncError } from "../../errors.ts"
import type { Workspace } from "../../ports/workspace.ts"
import type { RestoreReport } from "../../reports.ts"
import type { TreeNode } from "../../tree/node.ts"
import { parentOf } from "../../tree/paths.ts"
import type { Operation } from "../../tree/plan/plan.ts"
import { prepareStateFolder } from "../../tree/stateFolder.ts"
import type { Context } from "../../vault/context.ts"
import type { Head } from "../../vault/head.ts"
import { applyOperations, recoverApply } from "../carryOut.ts"
import { findVersion } from "./history.ts"

const FOLDER_MODE = 0o755

export interface Restoring extends CallOptions {
  /** The version; by default the newest that is not what lies there. */
  readonly sequence?: number
  /** Where to; by default where it was. */
  readonly to?: string
}

/** @throws {SyncError} `VERSION_UNKNOWN`, or `RESTORE_BLOCKED` if it could not be put there. */
export async function restore(
  context: Context,
  workspace: Workspace,
  head: Head,
  path: string,
  options: Restoring,
): Promise<RestoreReport> {
  await prepareStateFolder(workspace, context.config.workspace)
  await recoverApply(context, workspace)
  const { to = path } = options
  const there = await nodeAt(context, workspace, to)
  const wanted = options.sequence === undefined ? { unlike: there } : { sequence: options.sequence }
  const { head: past, entry } = await findVersion(context, head, path, wanted, options)
  const write: Operation = { kind: "write", path: to, node: { ...entry, path: to }, before: there }
  const operations = [...(await missingFolders(workspace, to, entry)), write]
  const applied = await applyOperations(context, workspace, operations, past.snapshot, options, { restores: true })
  await applied.finish()
  const [reason] = applied.skipped.values()
  if (reason !== undefined) throw new SyncError("RESTORE_BLOCKED", "it could not be written", { path: to, reason })
  const { sequence } = past.verified.header
  return { path, to, sequence, size: entry.type === "file" ? entry.size : 0 }
}

/** What is to be made so that something can lie at `path`, from the outside in. */
async function missingFolders(
  workspace: Workspace,
  path: string,
  { mtimeMs, version, writer }: IndexEntry,
): Promise<readonly Operation[]> {
  const folders: Operation[] = []
  for (let folder = parentOf(path); folder !== ""; folder = parentOf(folder)) {
    const stat = await workspace.stat(folder)
    if (stat.ok || stat.refusal !== "missing") break
    const node = { type: "folder", path: folder, mode: FOLDER_MODE, mtimeMs, version, writer } as const
    folders.unshift({ kind: "write", path: folder, node, before: null })
  }
  return folders
}

/** What lies at a path now, hashed. */
async function nodeAt({ host }: Context, workspace: Workspace, path: string): Promise<TreeNode | null> {
  const stat = await workspace.stat(path)
  if (!stat.ok) return null
  const { type, mode, size } = stat.value
  if (type === "folder") return { type, mode }
  if (type === "link") {
    const target = await workspace.readLink(path)
    return target.ok ? { type, mode, target: target.value } : null
  }
  const hasher = host.crypto.createSha256()
  const read = await workspace.readPieces(path, (piece) => hasher.update(piece))
  return read.ok ? { type: "file", mode, size, hash: hasher.digest() } : null
}
