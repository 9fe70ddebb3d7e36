/**
 * The workspace port in memory, with the manners of several platforms. Two
 * workspaces on one {@link MemoryDisk} are two processes on one folder.
 *
 * @module
 */
import { SyncError } from "../../errors.ts"
import { lookOf } from "../../ports/footprint.ts"
import { createInSteps } from "../../ports/newFile.ts"
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
} from "../../ports/workspace.ts"
import {
  createMemoryDisk,
  type MemoryDisk,
  type MemoryDiskOptions,
  type MemoryFileInode,
  type MemoryFolderInode,
  type MemoryInode,
} from "./memoryDisk.ts"

export type WorkspaceOperation =
  | Exclude<keyof Workspace, "root" | "modes" | "links" | "caseInsensitive" | "normalizes" | "windowsNames">
  | "write"
  | "close"

export interface MemoryWorkspaceOptions extends MemoryDiskOptions {
  readonly disk?: MemoryDisk
  readonly windowsNames?: boolean
  readonly modes?: "posix" | "none"
  readonly links?: boolean
  /**
   * Called before every operation. A refusal it returns is the outcome; what it throws is thrown. Nothing was
   * done then.
   */
  readonly before?: (operation: WorkspaceOperation, path: string) => WorkspaceRefusal | undefined
}

const MAX_NAME_BYTES = 255
const PIECE_BYTES = 64 * 1024
const RESERVED = /^(con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³])(\.|$)/i
// biome-ignore lint/suspicious/noControlCharactersInRegex: Windows forbids them in names.
const FORBIDDEN = /[<>:"|?*\\\u0000-\u001f]|[. ]$/
const encoder = new TextEncoder()

/** Where a path is, or would be. */
interface Spot {
  readonly folder: MemoryFolderInode
  readonly name: string
  readonly key: string
  readonly inode: MemoryInode | null
}

export function createMemoryWorkspace(options: MemoryWorkspaceOptions = {}): Workspace {
  const disk = options.disk ?? createMemoryDisk(options)
  const { windowsNames = false, modes = "posix", links = true } = options

  function refusedName(name: string): boolean {
    if (name === "" || name === "." || name === ".." || name.includes("\0")) return true
    if (encoder.encode(name).length > MAX_NAME_BYTES) return true
    return windowsNames && (FORBIDDEN.test(name) || RESERVED.test(name))
  }

  function find(path: string): Outcome<Spot> {
    let folder = disk.root
    const segments = path.split("/")
    const name = segments.pop() as string
    if (refusedName(name) || segments.some(refusedName)) return refuse("name")
    for (const segment of segments) {
      const item = folder.items.get(disk.fold(segment))?.inode
      if (item === undefined) return refuse("missing")
      if (item.type !== "folder") return refuse("not-a-folder")
      folder = item
    }
    const key = disk.fold(name)
    return done({ folder, name, key, inode: folder.items.get(key)?.inode ?? null })
  }

  /** Runs an operation on what is, or is not, at a path. */
  async function at<T>(
    operation: WorkspaceOperation,
    path: string,
    run: (spot: Spot) => Outcome<T>,
  ): Promise<Outcome<T>> {
    const refusal = options.before?.(operation, path)
    if (refusal !== undefined) return refuse(refusal)
    if (!disk.mounted) throw new SyncError("ROOT_MISSING", "the folder to sync is not there")
    if (path === "") return run({ folder: disk.root, name: "", key: "", inode: disk.root })
    const spot = find(path)
    return spot.ok ? run(spot.value) : spot
  }

  function on<T>(
    operation: WorkspaceOperation,
    path: string,
    run: (inode: MemoryInode, spot: Spot) => Outcome<T>,
  ): Promise<Outcome<T>> {
    return at(operation, path, (spot) => (spot.inode === null ? refuse("missing") : run(spot.inode, spot)))
  }

  function put(spot: Spot, inode: MemoryInode): void {
    // A name that is there keeps its spelling, as case-insensitive file systems do.
    spot.folder.items.set(spot.key, { name: spot.folder.items.get(spot.key)?.name ?? spot.name, inode })
    disk.touch(spot.folder, "content")
  }

  function take(spot: Spot): void {
    spot.folder.items.delete(spot.key)
    disk.touch(spot.folder, "content")
  }

  function toStat(inode: MemoryInode): Stat {
    const size = inode.type === "file" ? inode.bytes.length : inode.type === "link" ? inode.target.length : 0
    const mode = modes === "posix" ? inode.mode : inode.type === "folder" ? 0o777 : 0o666
    const { mtimeNs, ctimeNs, number } = inode
    return { type: inode.type, mode, size, mtimeNs, ctimeNs, inode: number, device: 1n }
  }

  function createWriter(path: string, file: MemoryFileInode): FileWriter {
    const check = (operation: "write" | "close") => {
      const refusal = options.before?.(operation, path)
      if (refusal !== undefined) throw new Error(refusal)
    }
    return {
      write: async (offset, bytes) => {
        check("write")
        const growth = Math.max(0, offset + bytes.length - file.bytes.length)
        if (growth > disk.freeBytes) throw new SyncError("DISK_FULL", "no space left on the disk")
        disk.freeBytes -= growth
        const whole = new Uint8Array(file.bytes.length + growth)
        whole.set(file.bytes)
        whole.set(bytes, offset)
        file.bytes = whole
        disk.touch(file, "content")
      },
      close: async () => check("close"),
    }
  }

  function moveTo(source: Spot, target: Spot, replace: boolean): Outcome {
    const inode = source.inode as MemoryInode
    const isSameName = source.folder === target.folder && source.key === target.key
    if (!isSameName && target.inode !== null) {
      if (!replace || inode.type === "folder" || target.inode.type === "folder") return refuse("exists")
    }
    take(source)
    put(target, inode)
    disk.touch(inode, "facts")
    return DONE
  }

  const workspace: Workspace = {
    root: "memory:",
    modes,
    links,
    caseInsensitive: options.caseInsensitive ?? false,
    normalizes: options.normalizes ?? false,
    windowsNames,

    stat: (path) => on("stat", path, (inode) => done(toStat(inode))),
    list: (path) =>
      on("list", path, (inode) => {
        if (inode.type !== "folder") return refuse("not-a-folder")
        const items = [...inode.items.values()]
        return done(
          items.map(({ name, inode }) => ({ name: isUnicode(name) ? name : null, shown: name, stat: toStat(inode) })),
        )
      }),
    read: (path, maxBytes, expected) =>
      on("read", path, (inode) => {
        if (inode.type !== "file" || inode.bytes.length > maxBytes) return refuse("changed")
        const stat = toStat(inode)
        if (expected !== undefined && !isSameStat(stat, expected)) return refuse("changed")
        return done({ bytes: inode.bytes.slice(), stat })
      }),
    readPieces: async (path, onPiece) => {
      const opened = await on<MemoryFileInode>("readPieces", path, (inode) =>
        inode.type === "file" ? done(inode) : refuse("changed"),
      )
      if (!opened.ok) return opened
      const file = opened.value
      const before = toStat(file)
      const lent = new Uint8Array(PIECE_BYTES)
      for (let offset = 0; offset < before.size; offset += PIECE_BYTES) {
        const piece = file.bytes.subarray(offset, Math.min(offset + PIECE_BYTES, before.size))
        lent.set(piece)
        await onPiece(lent.subarray(0, piece.length))
      }
      const after = toStat(file)
      return after.mtimeNs === before.mtimeNs && after.size === before.size ? done(before) : refuse("changed")
    },
    readRange: (path, offset, into) =>
      on("readRange", path, (inode) => {
        const end = offset + into.length
        if (inode.type !== "file" || end > inode.bytes.length) return refuse("changed")
        into.set(inode.bytes.subarray(offset, end))
        return DONE
      }),
    readLink: (path) =>
      on("readLink", path, (inode) => (inode.type === "link" ? done(inode.target) : refuse("changed"))),

    compare: async (footprint, signal) => {
      const changed: string[] = []
      for (const [i, path] of footprint.paths.entries()) {
        signal?.throwIfAborted()
        const stat = await on("compare", path, (inode) => done(toStat(inode)))
        if (!stat.ok || !isSameStat(lookOf(footprint, i), stat.value)) changed.push(path)
      }
      return changed
    },

    create: (path, { resume = false, mode = 0o600 } = {}) =>
      at("create", path, (spot) => {
        const isOurs = resume && spot.inode?.type === "file" && countNames(disk.root, spot.inode) === 1
        if (spot.inode !== null && !isOurs) return refuse("exists")
        const file = (spot.inode ??
          disk.make({ type: "file", bytes: new Uint8Array() }, mode & 0o777)) as MemoryFileInode
        if (spot.inode === null) put(spot, file)
        return done(createWriter(path, file))
      }),
    createWhole: (path, file) => createInSteps(workspace, path, file),
    makeFolder: (path) =>
      at("makeFolder", path, (spot) => {
        if (spot.inode !== null) return refuse("exists")
        put(spot, disk.make({ type: "folder", items: new Map() }, 0o700))
        return DONE
      }),
    makeLink: (path, target) =>
      at("makeLink", path, (spot) => {
        if (!links) return refuse("denied")
        if (spot.inode !== null) return refuse("exists")
        put(spot, disk.make({ type: "link", target }, 0o777))
        return DONE
      }),
    setMode: (path, mode) =>
      on("setMode", path, (inode) => {
        if (inode.type !== "file" && inode.type !== "folder") return refuse("changed")
        inode.mode = mode & 0o777
        disk.touch(inode, "facts")
        return DONE
      }),
    setModified: (path, mtimeMs) =>
      on("setModified", path, (inode) => {
        disk.touch(inode, "facts")
        inode.mtimeNs = BigInt(Math.trunc(mtimeMs)) * 1_000_000n
        return DONE
      }),
    rename: (from, to, { replace, expect }) =>
      on("rename", from, (_inode, source) => {
        if (from === "") return refuse("denied")
        const target = find(to)
        if (!target.ok) return target
        const found = target.value.inode
        if (expect !== undefined && (found === null || !isSameStat(toStat(found), expect))) return refuse("changed")
        return moveTo(source, target.value, replace)
      }),
    link: (from, to) =>
      on("link", from, (inode) => {
        const target = find(to)
        if (!target.ok) return target
        if (target.value.inode !== null) return refuse("exists")
        if (inode.type === "folder" || inode.type === "other") return refuse("changed")
        put(target.value, inode.type === "link" ? disk.make({ type: "link", target: inode.target }, 0o777) : inode)
        disk.touch(inode, "facts")
        return DONE
      }),
    removeFile: (path) =>
      on("removeFile", path, (inode, spot) => {
        if (inode.type === "folder") return refuse("changed")
        take(spot)
        return DONE
      }),
    removeFolder: (path) =>
      on("removeFolder", path, (inode, spot) => {
        if (path === "") return refuse("denied")
        if (inode.type !== "folder") return refuse("not-a-folder")
        if (inode.items.size > 0) return refuse("not-empty")
        take(spot)
        return DONE
      }),
    freeBytes: async () => disk.freeBytes,

    flush: async () => {
      options.before?.("flush", "")
    },
  }
  return workspace
}

/** How many names lead to an inode. */
function countNames({ items }: MemoryFolderInode, wanted: MemoryInode): number {
  let count = 0
  for (const { inode } of items.values()) {
    if (inode === wanted) count++
    else if (inode.type === "folder") count += countNames(inode, wanted)
  }
  return count
}

function isUnicode(name: string): boolean {
  return !/\p{Surrogate}/u.test(name)
}
