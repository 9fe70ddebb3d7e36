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
}

/** Found by trying: a file is made, and said to be old. */
export async function readFileClock(workspace: Workspace): Promise<FileClock> {
  const path = `${TEMPORARY}/time`
  const old = await touch(workspace, path, async () => workspace.setModified(path, LONG_AGO_MS))
  if (old === null) return { nowNs: 0n, hasCtime: false }
  if (old.ctimeNs > old.mtimeNs) return { nowNs: old.ctimeNs, hasCtime: true }
  const fresh = await touch(workspace, path, async () => DONE)
  if (fresh === null) return { nowNs: 0n, hasCtime: false }
  return { nowNs: fresh.ctimeNs > fresh.mtimeNs ? fresh.ctimeNs : fresh.mtimeNs, hasCtime: false }
}

const LONG_AGO_MS = Date.UTC(2000, 0)

/** Makes a file, changes it and removes it; `null` if that cannot be done: a full or read-only disk can still be looked at. */
async function touch(workspace: Workspace, path: string, change: () => Promise<Outcome>): Promise<Stat | null> {
  try {
    // One that a killed scan left is not of now.
    await workspace.removeFile(path)
    const created = await workspace.create(path)
    if (!created.ok) return null
    await created.value.close()
    const stat = (await change()).ok ? await workspace.stat(path) : null
    await workspace.removeFile(path)
    return stat?.ok ? stat.value : null
  } catch (error) {
    if (error instanceof SyncError && (error.code === "ROOT_READ_ONLY" || error.code === "DISK_FULL")) return null
    throw error
  }
}
