/**
 * Replaces a file whole: old or new after a crash, never a mixture. Written
 * beside it first, under a name that tells which process writes:
 *
 *     <file>.<pid>.<start>.<number>.tmp
 *
 * so that what a dead one left can be removed, and what a live one is at is left
 * alone.
 *
 * @module
 */
import { constants, readdirSync, unlinkSync } from "node:fs"
import { open, rename, unlink } from "node:fs/promises"
import { dirname, join } from "node:path"
import { errnoOf, throwIfFull } from "../fsErrors.ts"
import { livenessOf, ownIdentity, type ProcessIdentity } from "./processIdentity.ts"

const TEMPORARY = /\.(\d+)\.([a-z0-9]*)\.\d+\.tmp$/
const self = ownIdentity()
let writes = 0

/** @param durable - False for what may be gone after a power cut. The mode is 0600. */
export async function replaceFile(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
  const temporary = temporaryName(path)
  try {
    await writeNew(temporary, bytes, durable)
    await rename(temporary, path)
    if (durable) await syncFolder(dirname(path))
  } catch (error) {
    await removeIfThere(temporary)
    throwIfFull(error)
    throw error
  }
}

/** A name for what will not stay; `path` may be that of the file it is for, or any other. */
export function temporaryName(path: string): string {
  return `${path}.${self.pid}.${self.start}.${writes++}.tmp`
}

/** What dead processes were writing in a folder when they died; a live one may be at it still. */
export function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    const parts = TEMPORARY.exec(name)
    if (parts === null) continue
    const writer: ProcessIdentity = { ...self, pid: Number(parts[1]), start: parts[2] ?? "" }
    if (livenessOf(writer, self) !== "dead") continue
    try {
      unlinkSync(join(folder, name))
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error
    }
  }
}

export async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error
  }
}

/** Windows cannot sync a folder, and need not: its renames are journaled. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return
  let handle: Awaited<ReturnType<typeof open>>
  try {
    handle = await open(folder, constants.O_RDONLY)
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return
    throw error
  }
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function writeNew(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
  const handle = await open(path, "wx", 0o600)
  try {
    await handle.writeFile(bytes)
    if (durable) await handle.sync()
  } finally {
    await handle.close()
  }
}
