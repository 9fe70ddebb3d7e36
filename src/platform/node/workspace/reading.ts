/**
 * Looking at folders, files and links, without following the last segment.
 *
 * @module
 */
import * as fs from "node:fs"
import { done, type FolderItem, type Outcome, refuse, type Stat } from "../../../ports/workspace.ts"
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

export function listFolder(at: string): FolderItem[] {
  const names = fs.readdirSync(at)
  // U+FFFD is what bytes that are not UTF-8 decode to; only then is it worth to look at the bytes.
  if (names.some((name) => name.includes("\ufffd"))) return listBytes(at)
  const items: FolderItem[] = []
  for (const name of names) {
    const stat = fs.lstatSync(`${at}/${name}`, { bigint: true, throwIfNoEntry: false })
    if (stat === undefined) continue
    items.push({ name: LONE_SURROGATE.test(name) ? null : name, shown: name, stat: toStat(stat) })
  }
  return items
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

export function isUnmoved(fd: number, before: fs.BigIntStats): boolean {
  const after = fs.fstatSync(fd, { bigint: true })
  return after.size === before.size && after.mtimeNs === before.mtimeNs && after.ctimeNs === before.ctimeNs
}

export function readWhole(
  fd: number,
  before: fs.BigIntStats,
  maxBytes: number,
): Outcome<{ readonly bytes: Uint8Array; readonly stat: Stat }> {
  if (before.size > BigInt(maxBytes)) return refuse("changed")
  const bytes = new Uint8Array(Number(before.size))
  let length = 0
  while (length < bytes.length) {
    const read = fs.readSync(fd, bytes, length, bytes.length - length, null)
    if (read === 0) return refuse("changed")
    length += read
  }
  return isUnmoved(fd, before) ? done({ bytes, stat: toStat(before) }) : refuse("changed")
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
