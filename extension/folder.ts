/**
 * Which folder a command is about.
 *
 * @module
 */
import { window, workspace } from "vscode"
import { SyncError } from "../src/errors.ts"
import { ExtensionError } from "./messages.ts"

/**
 * The open folder on disk; asks if several are open.
 *
 * @throws {ExtensionError} `NO_FOLDER`, `VIRTUAL_FOLDER`.
 * @throws {SyncError} `CANCELLED` if none was chosen.
 */
export async function chooseRoot(): Promise<string> {
  const folders = workspace.workspaceFolders ?? []
  if (folders.length === 0) throw new ExtensionError("NO_FOLDER", "no folder is open")
  const onDisk = folders.filter(({ uri }) => uri.scheme === "file")
  const [first, ...others] = onDisk
  if (first === undefined) throw new ExtensionError("VIRTUAL_FOLDER", "no open folder lies on a disk")
  if (others.length === 0) return first.uri.fsPath
  const picked = await window.showQuickPick(
    onDisk.map(({ name, uri }) => ({ label: name, description: uri.fsPath, root: uri.fsPath })),
    { title: "Sessyn: Which Folder?", ignoreFocusOut: true },
  )
  if (picked === undefined) throw new SyncError("CANCELLED", "no folder was chosen")
  return picked.root
}
