/**
 * Our own folder in the workspace, never synced:
 *
 *     .sessyn/                 0700
 *       workspace              the workspace's id: this folder is the one that was set up
 *       .gitignore             `*`
 *       quarantine/            see quarantine.ts
 *       tmp/                   content on its way to its place
 *
 * @module
 */
import { fromUtf8, utf8 } from "../../crypto/bytes.ts"
import { SyncError } from "../errors.ts"
import { DONE, type Outcome, type Workspace } from "../ports/workspace.ts"

export const STATE_FOLDER = ".sessyn"
export const MARKER = `${STATE_FOLDER}/workspace`
export const QUARANTINE = `${STATE_FOLDER}/quarantine`
export const TEMPORARY = `${STATE_FOLDER}/tmp`
/** Names of copies that a killed move between file systems can leave beside its target. Ours, never synced. */
export const STRAY_PREFIX = ".sessyn-tmp-"

const MAX_MARKER_BYTES = 256
/** Anything else was not written by us. */
const WORKSPACE_ID = /^[a-z2-7]{1,64}$/

/** The id of the workspace that this folder was set up for; `null` if for none, or if it cannot be read. */
export async function readMarker(workspace: Workspace): Promise<string | null> {
  const read = await workspace.read(MARKER, MAX_MARKER_BYTES)
  if (!read.ok) return null
  try {
    const text = fromUtf8(read.value.bytes).trim()
    return WORKSPACE_ID.test(text) ? text : null
  } catch {
    return null
  }
}

/**
 * Makes the state folder, or what is missing of it.
 *
 * @throws {SyncError} `ROOT_READ_ONLY` if that cannot be done; `ALREADY_SET_UP` if it is another workspace's.
 */
export async function prepareStateFolder(workspace: Workspace, workspaceId: string): Promise<void> {
  const marker = await readMarker(workspace)
  if (marker !== null && marker !== workspaceId) {
    throw new SyncError("ALREADY_SET_UP", "this folder is set up for another workspace")
  }
  for (const folder of [STATE_FOLDER, QUARANTINE, TEMPORARY]) {
    must(await ensureFolder(workspace, folder))
    // An older umask or a copy may have opened it to others. Where there are no modes, there is nothing to do.
    if (workspace.modes === "posix") must(await workspace.setMode(folder, 0o700))
  }
  if (marker === null) await writeSmall(workspace, MARKER, `${workspaceId}\n`)
  const ignore = `${STATE_FOLDER}/.gitignore`
  if (!(await workspace.stat(ignore)).ok) await writeSmall(workspace, ignore, "*\n")
}

/** Makes a folder, its parents included, if it is not there. */
export async function ensureFolder(workspace: Workspace, path: string): Promise<Outcome> {
  const made = await workspace.makeFolder(path)
  if (made.ok) return made
  if (made.refusal === "exists") {
    const stat = await workspace.stat(path)
    return stat.ok && stat.value.type === "folder" ? DONE : { ok: false, refusal: "not-a-folder" }
  }
  const slash = path.lastIndexOf("/")
  if (made.refusal !== "missing" || slash < 0) return made
  const parent = await ensureFolder(workspace, path.slice(0, slash))
  return parent.ok ? workspace.makeFolder(path) : parent
}

async function writeSmall(workspace: Workspace, path: string, content: string): Promise<void> {
  const temporary = `${TEMPORARY}/${path.slice(path.lastIndexOf("/") + 1)}.new`
  await workspace.removeFile(temporary)
  const created = await workspace.create(temporary)
  if (!created.ok) return must(created)
  await created.value.write(0, utf8(content))
  await created.value.close()
  must(await workspace.rename(temporary, path, { replace: true }))
}

function must(outcome: Outcome<unknown>): void {
  if (!outcome.ok) throw new SyncError("ROOT_READ_ONLY", "the state folder cannot be made", { reason: outcome.refusal })
}
