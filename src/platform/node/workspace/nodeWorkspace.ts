/**
 * The workspace port over the local file system. Calls are synchronous inside:
 * for a tree of many small files that is three times faster than promises. So
 * that timers and an editor's other work are not starved, every operation first
 * lets the event loop turn if it has not for a while.
 *
 * Parent folders are reached as `anchor.ts` says; the last segment is only ever
 * opened with O_NOFOLLOW or handled by calls that do not follow links.
 *
 * @module
 */
import * as fs from "node:fs"
import { SyncError } from "../../../errors.ts"
import {
  DONE,
  done,
  type FileWriter,
  isSameStat,
  type Outcome,
  refuse,
  type Stat,
  type Workspace,
  type WorkspaceRefusal,
} from "../../../ports/workspace.ts"
import { type Anchor, createAnchor, hasDescriptorPaths } from "./anchor.ts"
import { compare } from "./comparing.ts"
import { createBatch } from "./durability.ts"
import { errnoOf, refusalOf, throwIfFull } from "../fsErrors.ts"
import { type Ends, linkOrCopy, moveExclusively, moveReplacing } from "./moves.ts"
import { probe } from "./probe.ts"
import {
  isUnmoved,
  listFolder,
  openFile,
  readExpected,
  readLink,
  readRange,
  readWhole,
  toStat,
  withFile,
  O_NOFOLLOW,
  O_NONBLOCK,
} from "./reading.ts"
import { writeWholeFile } from "./wholeFile.ts"

/** How long the event loop may stand still, in milliseconds. */
const BREATH_MS = 12
const PIECE_BYTES = 1024 * 1024
const STATE_FOLDER = ".sessyn"
const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = fs.constants

export interface NodeWorkspaceOptions {
  /** `check` reaches folders as platforms without /proc do. For tests; by default the best there is. */
  readonly anchor?: "descriptors" | "check"
  /** False: never `sync -f`. For tests. */
  readonly syncfs?: boolean
}

/**
 * @param folder - The workspace's root. If it is a link, what it leads to now is the root.
 * @throws {SyncError} `ROOT_MISSING` if it is not there or not a folder.
 */
export function createNodeWorkspace(folder: string, options: NodeWorkspaceOptions = {}): Workspace {
  const root = resolveRoot(folder)
  const windows = process.platform === "win32"
  const byDescriptors = options.anchor === undefined ? hasDescriptorPaths(root) : options.anchor === "descriptors"
  const anchor = createAnchor(root, byDescriptors)
  const batch = createBatch(options.syncfs ?? process.platform === "linux")
  const abilities = probe(`${root}/${STATE_FOLDER}`)
  const breathe = createBreather()

  /** Runs one operation on one path; system errors become refusals. */
  async function at<T>(path: string, run: (place: string, device: bigint) => Outcome<T>): Promise<Outcome<T>> {
    await breathe()
    anchor.begin()
    try {
      const place = anchor.place(path)
      return place.ok ? run(place.at, place.device) : place
    } catch (error) {
      return refuse(refusalHere(error, root))
    }
  }

  /** The same for one that changes what lies there. */
  function change(path: string, run: (place: string) => Outcome | undefined): Promise<Outcome> {
    if (path === "") return Promise.resolve(refuse("denied"))
    return at(path, (place, device) => {
      const outcome = run(place) ?? DONE
      if (outcome.ok) touched(path, device)
      return outcome
    })
  }

  function touched(path: string, device: bigint): void {
    batch.touched(`${root}/${path}`, device)
  }

  async function between(from: string, to: string, run: (ends: Ends) => Outcome): Promise<Outcome> {
    return change(to, (toAt) => {
      const source = anchor.place(from)
      if (!source.ok) return source
      const outcome = run({ from, to, fromAt: source.at, toAt })
      if (outcome.ok) touched(from, source.device)
      return outcome
    })
  }

  const sameName = (from: string, to: string) => {
    const fold = (path: string) => {
      const normal = abilities.normalizes ? path.normalize("NFC") : path
      return abilities.caseInsensitive ? normal.toLowerCase().toUpperCase() : normal
    }
    return fold(from) === fold(to)
  }

  return {
    root,
    modes: windows ? "none" : "posix",
    links: abilities.links,
    caseInsensitive: abilities.caseInsensitive,
    normalizes: abilities.normalizes,
    windowsNames: windows,

    stat: async (path) => {
      if (path === "") anchor.repin()
      return at(path, (place) => done(toStat(fs.lstatSync(place, { bigint: true }))))
    },
    list: async (path) => {
      await breathe()
      anchor.begin()
      try {
        const place = anchor.folder(path)
        return place.ok ? done(listFolder(place.at, path === "" ? root : `${root}/${path}`)) : place
      } catch (error) {
        return refuse(refusalHere(error, root))
      }
    },
    read: (path, maxBytes, expected) =>
      at(path, (place) =>
        expected === undefined
          ? withFile(place, (fd, stat) => readWhole(fd, stat, maxBytes))
          : readExpected(place, maxBytes, expected),
      ),
    readPieces: (path, onPiece) => readPieces(anchor, root, breathe, path, onPiece),
    readRange: (path, offset, into) => at(path, (place) => withFile(place, (fd) => readRange(fd, offset, into))),
    readLink: (path) => at(path, (place) => readLink(place)),
    compare: (footprint, signal) => compare(root, footprint, breathe, signal),

    create: async (path, { resume = false, mode = 0o600 } = {}) => {
      if (path === "") return refuse("exists")
      return at(path, (place, device) => {
        const flags = O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK | (resume ? 0 : O_EXCL)
        const fd = fs.openSync(place, flags, mode & 0o777)
        const stat = fs.fstatSync(fd)
        if (!stat.isFile() || stat.nlink > 1) {
          fs.closeSync(fd)
          return refuse("exists")
        }
        touched(path, device)
        return done(createWriter(fd, breathe))
      })
    },
    createWhole: async (path, file) => {
      if (path === "") return refuse("exists")
      return at(path, (place, device) => {
        const made = writeWholeFile(place, file, !windows)
        if (made.ok) touched(path, device)
        return made
      })
    },
    makeFolder: (path) => change(path, (place) => fs.mkdirSync(place, 0o700) as undefined),
    makeLink: (path, target) => change(path, (place) => fs.symlinkSync(target, place) as undefined),
    setMode: (path, mode) => change(path, (place) => setMode(place, mode, byDescriptors)),
    setModified: (path, mtimeMs) =>
      change(path, (place) => fs.lutimesSync(place, Date.now() / 1000, mtimeMs / 1000) as undefined),
    rename: (from, to, { replace, expect }) =>
      between(from, to, (ends) => {
        if (!replace) return moveExclusively(ends, { sameName })
        if (expect !== undefined && !isAsExpected(ends.toAt, expect)) return refuse("changed")
        return moveReplacing(ends, { sameName })
      }),
    link: (from, to) => between(from, to, linkOrCopy),
    removeFile: (path) => change(path, (place) => fs.unlinkSync(place) as undefined),
    removeFolder: (path) => change(path, (place) => fs.rmdirSync(place) as undefined),
    freeBytes: async () => {
      try {
        const { bavail, bsize, blocks } = await fs.promises.statfs(root)
        // Some file systems over a network, or made up by a program, do not say.
        return blocks === 0 ? null : bavail * bsize
      } catch {
        return null
      }
    },

    flush: async () => {
      await batch.flush()
      anchor.release()
    },
  }
}

function resolveRoot(folder: string): string {
  try {
    const root = fs.realpathSync(folder)
    if (fs.statSync(root).isDirectory()) return root
  } catch (error) {
    throw new SyncError("ROOT_MISSING", "the folder to sync is not there", { root: folder }, { cause: error })
  }
  throw new SyncError("ROOT_MISSING", "what is to be synced is not a folder", { root: folder })
}

/** A mount below the root may be read-only for itself: only if the root is, nothing at all can be done. */
function refusalHere(error: unknown, root: string): WorkspaceRefusal {
  if (errnoOf(error) === "EROFS") {
    try {
      fs.accessSync(root, fs.constants.W_OK)
    } catch (cause) {
      if (errnoOf(cause) === "EROFS")
        throw new SyncError("ROOT_READ_ONLY", "the folder to sync is read-only", {}, { cause })
    }
  }
  return refusalOf(error)
}

/** Resolves at once, or after a turn of the event loop if the last is long ago. */
function createBreather(): () => Promise<void> | undefined {
  let breathedAt = performance.now()
  return () => {
    if (performance.now() - breathedAt < BREATH_MS) return undefined
    return new Promise((resolve) =>
      setImmediate(() => {
        breathedAt = performance.now()
        resolve()
      }),
    )
  }
}

function isAsExpected(place: string, expected: Stat): boolean {
  const found = fs.lstatSync(place, { bigint: true, throwIfNoEntry: false })
  return found !== undefined && isSameStat(toStat(found), expected)
}

async function readPieces(
  anchor: Anchor,
  root: string,
  breathe: () => Promise<void> | undefined,
  path: string,
  onPiece: (bytes: Uint8Array) => void | Promise<void>,
): Promise<Outcome<Stat>> {
  await breathe()
  anchor.begin()
  const open = guarded(root, () => {
    const place = anchor.place(path)
    return place.ok ? done(openFile(place.at)) : place
  })
  if (!open.ok) return open
  if (open.value === null) return refuse("changed")
  const { fd, stat } = open.value
  try {
    const lent = new Uint8Array(Math.min(PIECE_BYTES, Number(stat.size) + 1))
    // No further than it was long at first: one that grows as fast as it is read would have no end.
    for (let left = Number(stat.size); ; ) {
      await breathe()
      const piece = lent.subarray(0, Math.min(PIECE_BYTES, left + 1))
      const read = guarded(root, () => done(fs.readSync(fd, piece)))
      if (!read.ok) return read
      // A file system with stale facts may end it before the length that it told.
      if (read.value === 0) return left === 0 && isUnmoved(fd, stat) ? done(toStat(stat)) : refuse("changed")
      left -= read.value
      if (left < 0) return refuse("changed")
      await onPiece(piece.subarray(0, read.value))
    }
  } finally {
    fs.closeSync(fd)
  }
}

function guarded<T>(root: string, run: () => Outcome<T>): Outcome<T> {
  try {
    return run()
  } catch (error) {
    return refuse(refusalHere(error, root))
  }
}

/** chmod follows links: the file is opened without following and changed through its descriptor. */
function setMode(place: string, mode: number, byDescriptors: boolean): Outcome | undefined {
  // O_PATH needs no permission on the file itself, so that a mode without `r` can be left again.
  const fd = fs.openSync(place, byDescriptors ? 0x200000 | O_NOFOLLOW : O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    const stat = fs.fstatSync(fd)
    if (!stat.isFile() && !stat.isDirectory()) return refuse("changed")
    if (byDescriptors) fs.chmodSync(`/proc/self/fd/${fd}`, mode & 0o777)
    else fs.fchmodSync(fd, mode & 0o777)
    return undefined
  } finally {
    fs.closeSync(fd)
  }
}

function createWriter(fd: number, breathe: () => Promise<void> | undefined): FileWriter {
  let open = true
  return {
    write: async (offset, bytes) => {
      await breathe()
      try {
        for (let done = 0; done < bytes.length; ) {
          done += fs.writeSync(fd, bytes, done, bytes.length - done, offset + done)
        }
      } catch (error) {
        throwIfFull(error)
        throw error
      }
    },
    close: async () => {
      if (!open) return
      open = false
      try {
        fs.closeSync(fd)
      } catch (error) {
        // Network file systems report a full disk only now.
        throwIfFull(error)
        throw error
      }
    },
  }
}
