/**
 * Looking at folders, files and links, without following the last segment.
 *
 * @module
 */
import * as fs from "node:fs"
import {
  DONE,
  done,
  type FolderItem,
  isSameStat,
  type Outcome,
  type ReadFile,
  refuse,
  type Stat,
} from "../../../ports/workspace.ts"
import { errnoOf } from "../fsErrors.ts"

/** Windows allows names that are no Unicode text: half of a pair. */
const LONE_SURROGATE = /\p{Surrogate}/u
const { O_RDONLY } = fs.constants
/** Windows has neither. */
export const O_NOFOLLOW = fs.constants.O_NOFOLLOW ?? 0
export const O_NONBLOCK = fs.constants.O_NONBLOCK ?? 0

export function toStat(stat: fs.BigIntStats): Stat {
  return {
    type: stat.isFile() ? "file" : stat.isDirectory() ? "folder" : stat.isSymbolicLink() ? "link" : "other",
    mode: Number(stat.mode & 0o777n),
    size: Number(stat.size),
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    inode: stat.ino,
    device: stat.dev,
  }
}

/** Fewer names are not worth a look at the folder itself. */
const FEW = 4

/**
 * @param at - The folder by its descriptor.
 * @param path - The same folder by its name, which the system is twice as quick to follow; but links in it are, too.
 */
export function listFolder(at: string, path: string): FolderItem[] {
  const names = fs.readdirSync(at)
  // U+FFFD is what bytes that are not UTF-8 decode to; only then is it worth to look at the bytes.
  if (names.some((name) => name.includes("\ufffd"))) return listBytes(at)
  return (at !== path && names.length >= FEW ? lookByName(names, at, path) : null) ?? look(names, at)
}

/** `null` if the name does not lead there, or is too long. */
function lookByName(names: readonly string[], at: string, path: string): FolderItem[] | null {
  try {
    const items = look(names, path)
    return isSameFolder(at, path) ? items : null
  } catch {
    return null
  }
}

function look(names: readonly string[], at: string): FolderItem[] {
  const items: FolderItem[] = []
  for (const name of names) {
    const stat = fs.lstatSync(`${at}/${name}`, { bigint: true, throwIfNoEntry: false })
    if (stat === undefined) continue
    items.push({ name: LONE_SURROGATE.test(name) ? null : name, shown: name, stat: toStat(stat) })
  }
  return items
}

/** Whether the name still leads to the folder that is held. */
function isSameFolder(at: string, path: string): boolean {
  const [held, named] = [`${at}/.`, path].map((each) => fs.lstatSync(each, { bigint: true, throwIfNoEntry: false }))
  return held !== undefined && named?.ino === held.ino && named.dev === held.dev
}

function listBytes(at: string): FolderItem[] {
  const items: FolderItem[] = []
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  for (const bytes of fs.readdirSync(at, { encoding: "buffer" })) {
    const whole = Buffer.concat([Buffer.from(`${at}/`), bytes])
    const stat = fs.lstatSync(whole, { bigint: true, throwIfNoEntry: false })
    if (stat === undefined) continue
    let name: string | null = null
    try {
      name = decoder.decode(bytes)
    } catch {
      // Stays null.
    }
    items.push({ name, shown: bytes.toString("utf8"), stat: toStat(stat) })
  }
  return items
}

/** Opens a regular file; `changed` if something else lies there now. Opening a FIFO does not wait. */
export function openFile(place: string): { readonly fd: number; readonly stat: fs.BigIntStats } | null {
  const fd = fs.openSync(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  const stat = fs.fstatSync(fd, { bigint: true })
  if (stat.isFile()) return { fd, stat }
  fs.closeSync(fd)
  return null
}

export function withFile<T>(place: string, run: (fd: number, stat: fs.BigIntStats) => Outcome<T>): Outcome<T> {
  const file = openFile(place)
  if (file === null) return refuse("changed")
  try {
    return run(file.fd, file.stat)
  } finally {
    fs.closeSync(file.fd)
  }
}

/** Fills `into` from an offset on. */
export function readRange(fd: number, offset: number, into: Uint8Array): Outcome {
  for (let filled = 0; filled < into.length; ) {
    const count = fs.readSync(fd, into, filled, into.length - filled, offset + filled)
    if (count === 0) return refuse("changed")
    filled += count
  }
  return DONE
}

export function isUnmoved(fd: number, before: fs.BigIntStats): boolean {
  const after = fs.fstatSync(fd, { bigint: true })
  return after.size === before.size && after.mtimeNs === before.mtimeNs && after.ctimeNs === before.ctimeNs
}

export function readWhole(fd: number, before: fs.BigIntStats, maxBytes: number): Outcome<ReadFile> {
  if (before.size > BigInt(maxBytes)) return refuse("changed")
  const bytes = readBytes(fd, Number(before.size))
  return bytes !== null && isUnmoved(fd, before) ? done({ bytes, stat: toStat(before) }) : refuse("changed")
}

/**
 * The same of a file that was looked at just now: one look afterwards says whether it is still that file, and has not
 * moved since. A look between opening and reading would say no more.
 *
 * @param into - Room for the content, at least `expected.size` long; what is answered lies there.
 */
export function readExpected(
  place: string,
  maxBytes: number,
  expected: Stat,
  into?: Uint8Array<ArrayBuffer>,
): Outcome<ReadFile> {
  if (expected.type !== "file" || expected.size > maxBytes) return refuse("changed")
  const fd = fs.openSync(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    const bytes = readBytes(fd, expected.size, into)
    if (bytes === null || !isSameStat(toStat(fs.fstatSync(fd, { bigint: true })), expected)) return refuse("changed")
    return done({ bytes, stat: expected })
  } catch (error) {
    // What reading says of a FIFO or a folder that lies there now.
    if (errnoOf(error) === "EAGAIN" || errnoOf(error) === "EISDIR") return refuse("changed")
    throw error
  } finally {
    fs.closeSync(fd)
  }
}

/** `null` if there are fewer. */
function readBytes(fd: number, size: number, into = new Uint8Array(size)): Uint8Array | null {
  for (let length = 0; length < size; ) {
    const read = fs.readSync(fd, into, length, size - length, null)
    if (read === 0) return null
    length += read
  }
  return into.length === size ? into : into.subarray(0, size)
}

export function readLink(place: string): Outcome<string> {
  try {
    return done(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(fs.readlinkSync(place, "buffer")))
  } catch (error) {
    if (error instanceof TypeError) return refuse("name")
    // What readlink says of something that is no link.
    if (errnoOf(error) === "EINVAL") return refuse("changed")
    throw error
  }
}
