/**
 * Turns a path of the workspace into one the operating system may be given,
 * such that no symbolic link in a parent segment is ever followed.
 *
 * Linux: every parent folder is opened, segment by segment, with `O_PATH |
 * O_DIRECTORY | O_NOFOLLOW`, and names below it are reached as
 * `/proc/self/fd/<n>/<name>`: what `openat` does, which Node lacks. A folder
 * swapped for a link between check and use thus cannot lead anywhere else. The
 * descriptors are kept for a short while; each is compared with what lies at its
 * path every {@link FRESH_MS}. Within that time a folder may have been moved
 * away by the user: then we act as if he had moved it a moment later.
 *
 * Elsewhere (or without /proc): every parent is looked at with lstat before
 * each use. A process that swaps a folder for a link in the microseconds
 * between is not noticed there; a vault that contains links is.
 *
 * @module
 */
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, statSync } from "node:fs"
import { SyncError } from "../../../errors.ts"
import type { WorkspaceRefusal } from "../../../ports/workspace.ts"
import { errnoOf, refusalOf } from "../fsErrors.ts"

/** How long a folder that was looked at counts as looked at, in milliseconds. */
const FRESH_MS = 20
/** Most folders kept open between operations. */
const MAX_OPEN = 96
/** How long folders stay open without use: an open folder keeps its drive from being unmounted. */
const IDLE_MS = 200
/** Linux (asm-generic, so all architectures Node is built for); not in `fs.constants`. */
const O_PATH = 0x200000

/** Where a path lies. Good for use at once, without waiting in between. */
export interface Place {
  readonly ok: true
  readonly at: string
  /** Of the folder it lies in. */
  readonly device: bigint
}
export type Placed = Place | { readonly ok: false; readonly refusal: WorkspaceRefusal }

export interface Anchor {
  /** Call once at the start of every operation, before {@link Anchor.place}. */
  begin(): void
  /** @throws {SyncError} `ROOT_MISSING` if the root is gone or is another folder than before. */
  place(path: string): Placed
  /** The folder `path` itself: append `/` and a name from its own listing. Throws as {@link Anchor.place}. */
  folder(path: string): Placed
  /** Looks at the root afresh: from now on whatever folder lies there is the root. */
  repin(): void
  /** Closes what is kept open. It opens again when needed. */
  release(): void
}

interface Folder {
  readonly fd: number
  readonly inode: bigint
  readonly device: bigint
  checkedAt: number
}

/** A segment that is empty, `.` or `..`; or NUL, at which the system would cut the path. */
const NOT_PLAIN = /(?:^|\/)\.{0,2}(?:\/|$)|\0/
const FORBIDDEN_ON_WINDOWS = /[<>:"|?*\\]/

/** Whether a path stays below the root by its spelling alone. What else a platform cannot hold, it says itself. */
export function isPlainPath(path: string, windows: boolean): boolean {
  return !NOT_PLAIN.test(path) && !(windows && FORBIDDEN_ON_WINDOWS.test(path))
}

/** Whether folders can be reached through `/proc/self/fd` here. */
export function hasDescriptorPaths(root: string): boolean {
  if (process.platform !== "linux") return false
  let fd = -1
  try {
    fd = openSync(root, O_PATH | constants.O_DIRECTORY)
    const there = statSync(`/proc/self/fd/${fd}/.`, { bigint: true })
    return there.ino === fstatSync(fd, { bigint: true }).ino
  } catch {
    return false
  } finally {
    if (fd >= 0) closeSync(fd)
  }
}

/** @param root - Absolute, with links resolved. */
export function createAnchor(root: string, descriptors: boolean): Anchor {
  return descriptors ? createDescriptorAnchor(root) : createCheckingAnchor(root)
}

function rootMissing(cause?: unknown): SyncError {
  return new SyncError("ROOT_MISSING", "the folder to sync is not there", {}, { cause })
}

function statRoot(root: string): BigIntStats {
  let stat: BigIntStats
  try {
    stat = lstatSync(root, { bigint: true })
  } catch (error) {
    throw rootMissing(error)
  }
  if (!stat.isDirectory()) throw rootMissing()
  return stat
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/")
  return slash < 0 ? "" : path.slice(0, slash)
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1)
}

function createCheckingAnchor(root: string): Anchor {
  const windows = process.platform === "win32"
  let pinned = statRoot(root)

  function checkRoot(): void {
    const stat = statRoot(root)
    if (stat.ino !== pinned.ino || stat.dev !== pinned.dev) throw rootMissing()
  }

  function place(path: string): Placed {
    checkRoot()
    if (path === "") return { ok: true, at: root, device: pinned.dev }
    if (!isPlainPath(path, windows)) return { ok: false, refusal: "name" }
    let device = pinned.dev
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      try {
        const stat = lstatSync(`${root}/${path.slice(0, slash)}`, { bigint: true })
        if (!stat.isDirectory()) return { ok: false, refusal: "not-a-folder" }
        device = stat.dev
      } catch (error) {
        return { ok: false, refusal: refusalOf(error) }
      }
    }
    return { ok: true, at: `${root}/${path}`, device }
  }

  function folder(path: string): Placed {
    const placed = place(path)
    if (!placed.ok || path === "") return placed
    try {
      const stat = lstatSync(placed.at, { bigint: true })
      return stat.isDirectory() ? { ...placed, device: stat.dev } : { ok: false, refusal: "not-a-folder" }
    } catch (error) {
      return { ok: false, refusal: refusalOf(error) }
    }
  }

  function repin(): void {
    pinned = statRoot(root)
  }

  return { begin: () => {}, place, folder, repin, release: () => {} }
}

function createDescriptorAnchor(root: string): Anchor {
  const folders = new Map<string, Folder>()
  let pinned = statRoot(root)
  let timer: NodeJS.Timeout | null = null
  let usedAt = 0

  function drop(path: string): void {
    const folder = folders.get(path)
    if (folder === undefined) return
    folders.delete(path)
    closeSync(folder.fd)
  }

  function release(): void {
    for (const path of [...folders.keys()]) drop(path)
    if (timer !== null) clearTimeout(timer)
    timer = null
  }

  function releaseWhenIdle(): void {
    if (timer !== null) return
    timer = setTimeout(() => {
      timer = null
      if (performance.now() - usedAt >= IDLE_MS) release()
      else releaseWhenIdle()
    }, IDLE_MS)
    timer.unref()
  }

  function begin(): void {
    usedAt = performance.now()
    releaseWhenIdle()
    if (folders.size <= MAX_OPEN) return
    // Oldest first; a Map iterates in the order of insertion.
    let surplus = folders.size - MAX_OPEN / 2
    for (const path of [...folders.keys()]) {
      if (surplus-- <= 0) break
      drop(path)
    }
  }

  function isStill(folder: Folder, at: string): boolean {
    const stat = lstatSync(at, { bigint: true, throwIfNoEntry: false })
    return stat?.isDirectory() === true && stat.ino === folder.inode && stat.dev === folder.device
  }

  function keep(path: string, at: string): Folder {
    const fd = openSync(at, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    const stat = fstatSync(fd, { bigint: true })
    const folder: Folder = { fd, inode: stat.ino, device: stat.dev, checkedAt: performance.now() }
    folders.set(path, folder)
    return folder
  }

  function enterRoot(): Folder {
    const stat = statRoot(root)
    if (stat.ino !== pinned.ino || stat.dev !== pinned.dev) throw rootMissing()
    const known = folders.get("")
    if (known === undefined) return keep("", root)
    known.checkedAt = performance.now()
    return known
  }

  /** @throws system errors of opening the folder. */
  function enter(path: string): Folder {
    const known = folders.get(path)
    if (known !== undefined && performance.now() - known.checkedAt < FRESH_MS) return known
    if (path === "") return enterRoot()
    const at = `/proc/self/fd/${enter(parentOf(path)).fd}/${nameOf(path)}`
    if (known !== undefined) {
      if (isStill(known, at)) {
        known.checkedAt = performance.now()
        return known
      }
      drop(path)
    }
    return keep(path, at)
  }

  function folder(path: string): Placed {
    if (path !== "" && !isPlainPath(path, false)) return { ok: false, refusal: "name" }
    return enterSafely(path)
  }

  function enterSafely(path: string): Placed {
    try {
      const entered = enter(path)
      return { ok: true, at: `/proc/self/fd/${entered.fd}`, device: entered.device }
    } catch (error) {
      if (error instanceof SyncError) throw error
      return { ok: false, refusal: errnoOf(error) === "ELOOP" ? "not-a-folder" : refusalOf(error) }
    }
  }

  function place(path: string): Placed {
    if (path !== "" && !isPlainPath(path, false)) return { ok: false, refusal: "name" }
    const parent = enterSafely(parentOf(path))
    return parent.ok ? { ...parent, at: `${parent.at}/${path === "" ? "." : nameOf(path)}` } : parent
  }

  function repin(): void {
    const stat = statRoot(root)
    if (stat.ino !== pinned.ino || stat.dev !== pinned.dev) release()
    pinned = stat
  }

  return { begin, place, folder, repin, release }
}
