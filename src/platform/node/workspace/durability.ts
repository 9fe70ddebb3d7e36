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
  /** Notes that `path` (absolute, not the root) changed; `device` is that of the folder it lies in. */
  touched(path: string, device: bigint): void
  flush(): Promise<void>
}

/** What was touched on one file system. A path may be there more than once. */
interface Touched {
  readonly paths: string[]
  /** Of a path; its folder is the likeliest to be there still. */
  shortest: string
}

/** @param useSyncfs - Whether to try `sync -f` first. */
export function createBatch(useSyncfs: boolean): Batch {
  let byDevice = new Map<bigint, Touched>()

  function touched(path: string, device: bigint): void {
    const known = byDevice.get(device)
    if (known === undefined) {
      byDevice.set(device, { paths: [path], shortest: path })
      return
    }
    known.paths.push(path)
    if (path.length < known.shortest.length) known.shortest = path
  }

  async function flush(): Promise<void> {
    const flushed = [...byDevice.values()]
    byDevice = new Map()
    if (flushed.length === 0) return
    if (useSyncfs && (await syncDevices(flushed.map(({ shortest }) => folderOf(shortest))))) return
    const paths = new Set(flushed.flatMap((each) => each.paths))
    await syncEach([...paths, ...new Set([...paths].map(folderOf))])
  }

  return { touched, flush }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"))
}

/** One `sync -f` a file system. False if that could not be done for every one of them. */
async function syncDevices(folders: readonly string[]): Promise<boolean> {
  const done = await Promise.all(folders.map(syncFileSystem))
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
