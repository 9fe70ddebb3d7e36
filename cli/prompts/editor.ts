/**
 * The user's editor on a text that is not to be found anywhere afterwards: a
 * 0600 file in a 0700 folder of its own, outside the workspace, removed when the
 * editor is done, whatever happened.
 *
 * @module
 */
import { spawn } from "node:child_process"
import { rmSync } from "node:fs"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Env } from "../terminal.ts"

/**
 * @param path - Of the file in the workspace; its ending tells the editor what it is.
 * @returns The text as the editor left it, or null if the editor failed.
 */
export async function editText(path: string, bytes: Uint8Array, env: Env): Promise<Uint8Array | null> {
  const folder = await mkdtemp(join(tmpdir(), "sessyn-merge-"))
  const removeNow = (): void => rmSync(folder, { recursive: true, force: true })
  // Also when a second Ctrl-C ends the process in the middle.
  process.on("exit", removeNow)
  try {
    const file = join(folder, `merged${endingOf(path)}`)
    await writeFile(file, bytes, { mode: 0o600, flag: "wx" })
    return (await runEditor(file, env)) ? await readFile(file) : null
  } finally {
    process.off("exit", removeNow)
    await rm(folder, { recursive: true, force: true })
  }
}

/** `.ts`; nothing that a shell or an editor could take for more than a name. */
function endingOf(path: string): string {
  return /\.[A-Za-z0-9]{1,16}$/.exec(path)?.[0] ?? ""
}

/** As git does it: the setting may hold arguments, so a shell takes it apart. */
function runEditor(file: string, { SESSYN_PASSPHRASE: _, SESSYN_NEW_PASSPHRASE: __, ...env }: Env): Promise<boolean> {
  const windows = process.platform === "win32"
  const editor = env["VISUAL"] || env["EDITOR"] || (windows ? "notepad" : "vi")
  const child = windows
    ? spawn(`${editor} "${file}"`, { stdio: "inherit", shell: true, env })
    : spawn("sh", ["-c", `${editor} "$@"`, editor, file], { stdio: "inherit", env })
  return new Promise((resolve) => {
    child.once("error", () => resolve(false))
    child.once("exit", (code) => resolve(code === 0))
  })
}
