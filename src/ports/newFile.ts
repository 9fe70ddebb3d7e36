/**
 * A new file made whole by the single steps of the port, for platforms that
 * have no shorter way: {@link Workspace.createWhole}.
 *
 * @module
 */
import { SyncError } from "../errors.ts"
import type { NewFile, Outcome, Stat, Workspace } from "./workspace.ts"

type Steps = Pick<Workspace, "modes" | "create" | "removeFile" | "setModified" | "setMode" | "stat">

export async function createInSteps(workspace: Steps, path: string, file: NewFile): Promise<Outcome<Stat>> {
  const { bytes, mode, unfinishedMode, mtimeMs } = file
  const created = await workspace.create(path, { mode: unfinishedMode })
  if (!created.ok) return created
  try {
    if (bytes.length > 0) await created.value.write(0, bytes)
    await created.value.close()
  } catch (error) {
    await created.value.close().catch(() => {})
    await workspace.removeFile(path)
    if (error instanceof SyncError) throw error
    return { ok: false, refusal: "denied" }
  }
  if (mtimeMs !== null) await workspace.setModified(path, mtimeMs)
  if (workspace.modes === "posix") await workspace.setMode(path, mode)
  return workspace.stat(path)
}
