/**
 * The clock of the file system that the workspace lies on, which need not be
 * this machine's: files are compared with it to know whether they can still
 * change unseen.
 *
 * @module
 */
import { SyncError } from "../../errors.ts"
import { DONE, type Outcome, type Stat, type Workspace } from "../../ports/workspace.ts"
import { TEMPORARY } from "../stateFolder.ts"

/** What the workspace's file system says of time. */
export interface FileClock {
  /** Now; 0 if it cannot be had, after which nothing counts as settled. */
  readonly nowNs: bigint
  /** Whether a change always moves the ctime to now: FAT has none, and shows what anybody can set. */
  readonly hasCtime: boolean
  /** Whether a folder's time moves when names in it come and go. Some file systems over a network have it stand still. */
  readonly tellsNames: boolean
}

/** Found by trying: a file is made, and said to be old. */
export async function readFileClock(workspace: Workspace): Promise<FileClock> {
  const path = `${TEMPORARY}/time`
  const old = await touch(workspace, path, async () => workspace.setModified(path, LONG_AGO_MS))
  if (old === null) return { nowNs: 0n, hasCtime: false, tellsNames: false }
  const { stat, tellsNames } = old
  if (stat.ctimeNs > stat.mtimeNs) return { nowNs: stat.ctimeNs, hasCtime: true, tellsNames }
  const fresh = (await touch(workspace, path, async () => DONE))?.stat
  const nowNs = fresh === undefined ? 0n : fresh.ctimeNs > fresh.mtimeNs ? fresh.ctimeNs : fresh.mtimeNs
  return { nowNs, hasCtime: false, tellsNames }
}

const LONG_AGO_MS = Date.UTC(2000, 0)

/** Makes a file, changes it and removes it; `null` if that cannot be done: a full or read-only disk can still be looked at. */
async function touch(
  workspace: Workspace,
  path: string,
  change: () => Promise<Outcome>,
): Promise<{ readonly stat: Stat; readonly tellsNames: boolean } | null> {
  try {
    // One that a killed scan left is not of now.
    await workspace.removeFile(path)
    const before = await workspace.stat(TEMPORARY)
    const created = await workspace.create(path)
    if (!created.ok) return null
    await created.value.close()
    const stat = (await change()).ok ? await workspace.stat(path) : null
    await workspace.removeFile(path)
    const after = await workspace.stat(TEMPORARY)
    const tellsNames = before.ok && after.ok && after.value.mtimeNs > before.value.mtimeNs
    return stat?.ok ? { stat: stat.value, tellsNames } : null
  } catch (error) {
    if (error instanceof SyncError && (error.code === "ROOT_READ_ONLY" || error.code === "DISK_FULL")) return null
    throw error
  }
}
