/**
 * Makes a batch of writes durable at once: an fsync per file costs ten times
 * the writing itself. On Linux `sync -f` flushes the file system that a path lies
 * on (syncfs, which Node cannot call); where that is not to be had, every path
 * written since the last flush is synced, several at a time.
 *
 * @module
 */
import { constants } from "node:fs"
import { open } from "node:fs/promises"
import { errnoOf, throwIfFull } from "../fsErrors.ts"

/** More at a time gains nothing. */
const PARALLEL = 16
/** Not waiting for a FIFO that took a file's place; Windows syncs only what is open for writing. */
const FLAGS =
  process.platform === "win32" ? constants.O_RDWR : constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export interface Batch {
  /** Notes that `path` (absolute) changed; `folder` is the one it lies in and `device` that folder's. */
  touched(path: string, folder: string, device: bigint): void
  flush(): Promise<void>
}

/** @param useSyncfs - Whether to try `sync -f` first. */
export function createBatch(useSyncfs: boolean): Batch {
  let paths = new Set<string>()
  let folders = new Map<string, bigint>()

  function touched(path: string, folder: string, device: bigint): void {
    paths.add(path)
    folders.set(folder, device)
  }

  async function flush(): Promise<void> {
    if (paths.size === 0) return
    const [flushPaths, flushFolders] = [paths, folders]
    paths = new Set()
    folders = new Map()
    if (useSyncfs && (await syncDevices(flushFolders))) return
    await syncEach([...flushPaths, ...flushFolders.keys()])
  }

  return { touched, flush }
}

/** One `sync -f` a file system. False if that could not be done for every one of them. */
async function syncDevices(folders: ReadonlyMap<string, bigint>): Promise<boolean> {
  const byDevice = new Map<bigint, string>()
  for (const [folder, device] of folders) {
    const known = byDevice.get(device)
    // The shortest path is the likeliest to be there still.
    if (known === undefined || folder.length < known.length) byDevice.set(device, folder)
  }
  const done = await Promise.all([...byDevice.values()].map(syncFileSystem))
  return done.every(Boolean)
}

async function syncFileSystem(folder: string): Promise<boolean> {
  const { spawn } = await import("node:child_process")
  return new Promise((resolve) => {
    // Its own environment: ours may hold a passphrase.
    const child = spawn("sync", ["-f", "--", folder], { stdio: "ignore", env: { PATH: process.env["PATH"] } })
    child.once("error", () => resolve(false))
    child.once("close", (status) => resolve(status === 0))
  })
}

async function syncEach(paths: readonly string[]): Promise<void> {
  let next = 0
  async function work(): Promise<void> {
    for (let path = paths[next++]; path !== undefined; path = paths[next++]) await syncPath(path)
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
}

/** Syncs one file or folder. One that is gone, a link, or of a kind that cannot be synced here needs none. */
export async function syncPath(path: string): Promise<void> {
  let handle: Awaited<ReturnType<typeof open>> | null = null
  try {
    handle = await open(path, FLAGS)
    await handle.sync()
  } catch (error) {
    throwIfFull(error)
    if (errnoOf(error) === "EIO") throw error
  } finally {
    await handle?.close()
  }
}
