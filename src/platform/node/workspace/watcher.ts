/**
 * Tells when something in a folder changed. Not what: the scan finds that out,
 * cheaply and surely. On Linux one inotify watch a folder (Node's recursive
 * watch and chokidar take one a file, and the kernel's limit is soon reached);
 * on macOS and Windows the system's own recursive watch. Where watching is
 * not possible, or the limit is reached, it looks like a change every now and then.
 *
 * @module
 */
import { type FSWatcher, lstatSync, watch } from "node:fs"
import { readdir } from "node:fs/promises"
import { join, sep } from "node:path"
import { errnoOf } from "../fsErrors.ts"

export interface WatchOptions {
  /** Called when it has been quiet for `quietMs` after a change, or at the latest after `maxWaitMs` of changes. */
  readonly onChange: () => void
  /** Called once if the folder cannot be watched (whole): from then on `onChange` comes every `pollMs`. */
  readonly onPolling?: (errno: string) => void
  /** What to leave alone; `path` relative to the root, `/` between segments. */
  readonly ignores: (path: string, isFolder: boolean) => boolean
  readonly quietMs?: number
  readonly maxWaitMs?: number
  readonly pollMs?: number
  /** For tests: watch folder by folder whatever the system. */
  readonly perFolder?: boolean
}

export interface FolderWatcher {
  /** Resolves when all folders that were there are watched. */
  readonly ready: Promise<void>
  /** Folders watched one by one; 1 where the system watches the whole tree. */
  readonly folders: () => number
  close(): void
}

const QUIET_MS = 1_000
const MAX_WAIT_MS = 10_000
const POLL_MS = 30_000

/** @param root - Absolute. */
export function watchFolder(root: string, options: WatchOptions): FolderWatcher {
  const debounce = createDebounce(options.onChange, options.quietMs ?? QUIET_MS, options.maxWaitMs ?? MAX_WAIT_MS)
  let poll: NodeJS.Timeout | null = null
  const startPolling = (error: unknown): void => {
    if (poll !== null) return
    poll = setInterval(options.onChange, options.pollMs ?? POLL_MS)
    options.onPolling?.(errnoOf(error))
  }
  const perFolder = options.perFolder ?? process.platform === "linux"
  const watched = (perFolder ? watchPerFolder : watchWhole)(root, options.ignores, debounce.touch, startPolling)
  return {
    ready: watched.ready,
    folders: watched.folders,
    close() {
      watched.close()
      debounce.close()
      if (poll !== null) clearInterval(poll)
    },
  }
}

type Ignores = WatchOptions["ignores"]

function watchWhole(root: string, ignores: Ignores, touch: () => void, fail: (error: unknown) => void): FolderWatcher {
  let watcher: FSWatcher | null = null
  try {
    watcher = watch(root, { recursive: true }, (_, name) => {
      const path = name?.split(sep).join("/")
      if (path === undefined || !isIgnored(path, ignores)) touch()
    })
    watcher.on("error", fail)
  } catch (error) {
    fail(error)
  }
  return { ready: Promise.resolve(), folders: () => (watcher === null ? 0 : 1), close: () => watcher?.close() }
}

/** By every folder above it, too: the system does not know what is ignored. */
function isIgnored(path: string, ignores: Ignores): boolean {
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
    if (ignores(path.slice(0, at), true)) return true
  }
  return ignores(path, false)
}

interface Watched {
  readonly watcher: FSWatcher
  readonly inode: bigint
}

function watchPerFolder(
  root: string,
  ignores: Ignores,
  touch: () => void,
  fail: (error: unknown) => void,
): FolderWatcher {
  const folders = new Map<string, Watched>()
  let closed = false

  /** Watches a folder and all below it. Watched before it is listed, so that nothing new falls between. */
  async function add(path: string): Promise<void> {
    if (closed || !addOne(path)) return
    const items = await readdir(join(root, path), { withFileTypes: true }).catch(() => [])
    for (const item of items) {
      const below = path === "" ? item.name : `${path}/${item.name}`
      // A link is not a folder here: what it leads to is not synced.
      if (item.isDirectory() && !ignores(below, true)) await add(below)
    }
  }

  /** `false` if there is nothing (more) to watch below. */
  function addOne(path: string): boolean {
    const inode = inodeOf(join(root, path))
    if (inode === null) return false
    if (folders.get(path)?.inode === inode) return false
    drop(path)
    try {
      const watcher = watch(join(root, path), (event, name) => changed(path, event, name))
      watcher.on("error", () => drop(path))
      folders.set(path, { watcher, inode })
      return true
    } catch (error) {
      // Gone meanwhile is no fault; a full table of watches is.
      if (!["ENOENT", "ENOTDIR", "EACCES"].includes(errnoOf(error))) fail(error)
      return false
    }
  }

  function changed(folder: string, event: string, name: string | null): void {
    if (closed) return
    if (name === null) return touch()
    const path = folder === "" ? name : `${folder}/${name}`
    const isFolder = inodeOf(join(root, path)) !== null
    if (ignores(path, isFolder)) return
    touch()
    if (event !== "rename") return
    if (isFolder) add(path).then(touch, fail)
    else drop(path)
  }

  function drop(path: string): void {
    if (!folders.has(path)) return
    const below = path === "" ? "" : `${path}/`
    for (const [at, { watcher }] of folders) {
      if (at !== path && !at.startsWith(below)) continue
      watcher.close()
      folders.delete(at)
    }
  }

  if (inodeOf(root) === null) fail(Object.assign(new Error("no such folder"), { code: "ENOENT" }))
  return {
    ready: add(""),
    folders: () => folders.size,
    close() {
      closed = true
      for (const { watcher } of folders.values()) watcher.close()
      folders.clear()
    },
  }
}

/** The inode of a folder, `null` if there is none (a link to one is none). */
function inodeOf(path: string): bigint | null {
  try {
    const stat = lstatSync(path, { bigint: true })
    return stat.isDirectory() ? stat.ino : null
  } catch {
    return null
  }
}

/** Calls `run` once things are quiet; a stream of changes that never pauses does not put it off for ever. */
function createDebounce(run: () => void, quietMs: number, maxWaitMs: number): { touch(): void; close(): void } {
  let timer: NodeJS.Timeout | null = null
  let firstMs = 0
  const fire = () => {
    timer = null
    run()
  }
  return {
    touch() {
      const now = performance.now()
      if (timer === null) firstMs = now
      else clearTimeout(timer)
      timer = setTimeout(fire, Math.max(0, Math.min(quietMs, firstMs + maxWaitMs - now)))
    },
    close() {
      if (timer !== null) clearTimeout(timer)
    },
  }
}
