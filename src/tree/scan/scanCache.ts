/**
 * What this machine remembers of each path between syncs: the *base* (the node
 * it last agreed on with the vault) and what the disk showed (*seen*), so that
 * an unchanged file need not be read again. One binary value in the State port.
 * It never leaves the machine, so it has no specification but this:
 *
 *     "SYNSCAN" || version u8 (1) || entries u32 || paths bytes u32 || names bytes u32
 *     || paths, joined by NUL || writers and link targets, joined by NUL
 *     || entries || SHA-256 of all before
 *     entry = flags u8
 *             [base: mode u16, disk mode u16, version f64, writer u32, (file: size f64, hash 32 | link: name u32)]
 *             [seen: mode u16, size f64, mtime i64, ctime i64, inode u64, device u64, hash 32 unless the base's]
 *
 * Big-endian. Damaged bytes, and those of another version, count as lost: a
 * machine without a base only ever adds (the planner sees to that).
 *
 * @module
 */
import { concatBytes, equalBytes, fromUtf8, utf8 } from "../../../crypto/bytes.ts"
import { type Crypto, HASH_BYTES } from "../../../crypto/crypto.ts"
import type { Stat } from "../../ports/workspace.ts"
import type { TreeNode } from "../node.ts"
import { sameContent } from "../plan/plan.ts"

/** What both sides last agreed on. */
export interface BaseEntry {
  readonly node: TreeNode
  /** Of the vault's entry then. */
  readonly version: number
  readonly writer: string
  /** Permission bits that the disk showed for it; they may be fewer than the node's (secrets are kept 0600). */
  readonly diskMode: number
}

/** What a scan, or an apply, saw of a file. */
export interface Seen extends Omit<Stat, "type"> {
  readonly hash: Uint8Array
  /**
   * Whether equal facts mean equal content. Not so if the file was changed so lately, by its file system's own time,
   * that it can change again without its times showing it: then it is read once more.
   */
  readonly settled: boolean
}

export interface CacheEntry {
  readonly base: BaseEntry | null
  readonly seen: Seen | null
}

export type ScanCache = ReadonlyMap<string, CacheEntry>

const MAGIC = utf8("SYNSCAN")
const VERSION = 1
const HEADER_BYTES = 8 + 3 * 4
const MAX_ENTRIES = 10_000_000
const TYPES = ["file", "link", "folder"] as const
/** Bits of an entry's flags; the two lowest are the type of the base. */
const HAS_BASE = 4
const HAS_SEEN = 8
const SETTLED = 16
const SAME_HASH = 32
const BASE_BYTES = 2 + 2 + 8 + 4
const SEEN_BYTES = 2 + 8 + 4 * 8
const MAX_ENTRY_BYTES = 1 + BASE_BYTES + 8 + SEEN_BYTES + 2 * HASH_BYTES

/** The base as the planner wants it. */
export function baseOf(cache: ScanCache): Map<string, TreeNode> {
  const base = new Map<string, TreeNode>()
  for (const [path, entry] of cache) if (entry.base !== null) base.set(path, entry.base.node)
  return base
}

/** What else there is to remember of a path that both sides have agreed on anew. */
export type About = (path: string) => { readonly version: number; readonly writer: string }

/**
 * The cache after a sync.
 *
 * @param base - As the planner's `baseAfter` gives it.
 * @param seen - What the scan saw, and what apply left in its place.
 * @param diskModes - Permission bits on the disk now, for whatever they are known of.
 */
export function remember(
  before: ScanCache,
  base: ReadonlyMap<string, TreeNode>,
  about: About,
  seen: ReadonlyMap<string, Seen>,
  diskModes: ReadonlyMap<string, number>,
): ScanCache {
  const after = new Map<string, CacheEntry>()
  for (const [path, node] of base) {
    const old = before.get(path)?.base ?? null
    const isOld = old !== null && sameContent(old.node, node) && old.node.mode === node.mode
    const fresh = isOld ? old : { node, ...about(path), diskMode: diskModes.get(path) ?? node.mode }
    after.set(path, { base: fresh, seen: seen.get(path) ?? null })
  }
  for (const [path, facts] of seen) if (!after.has(path)) after.set(path, { base: null, seen: facts })
  return after
}

export function encodeScanCache(cache: ScanCache, crypto: Pick<Crypto, "sha256">): Uint8Array {
  const names = createNameTable()
  const buffer = new Uint8Array(cache.size * MAX_ENTRY_BYTES)
  const view = new DataView(buffer.buffer)
  let at = 0
  for (const entry of cache.values()) at = encodeEntry(view, buffer, at, entry, names.number)
  const paths = utf8([...cache.keys()].join("\0"))
  const nameBytes = utf8(names.all().join("\0"))
  const header = new Uint8Array(HEADER_BYTES)
  const headerView = new DataView(header.buffer)
  header.set(MAGIC)
  headerView.setUint8(7, VERSION)
  headerView.setUint32(8, cache.size)
  headerView.setUint32(12, paths.length)
  headerView.setUint32(16, nameBytes.length)
  const body = concatBytes(header, paths, nameBytes, buffer.subarray(0, at))
  return concatBytes(body, crypto.sha256(body))
}

function createNameTable() {
  const numbers = new Map<string, number>()
  return {
    number: (name: string): number => {
      const known = numbers.get(name)
      if (known !== undefined) return known
      numbers.set(name, numbers.size)
      return numbers.size - 1
    },
    all: () => [...numbers.keys()],
  }
}

function encodeEntry(
  view: DataView,
  buffer: Uint8Array,
  start: number,
  { base, seen }: CacheEntry,
  number: (name: string) => number,
): number {
  let at = start + 1
  let flags = 0
  if (base !== null) {
    flags |= HAS_BASE | TYPES.indexOf(base.node.type)
    view.setUint16(at, base.node.mode)
    view.setUint16(at + 2, base.diskMode)
    view.setFloat64(at + 4, base.version)
    view.setUint32(at + 12, number(base.writer))
    at += BASE_BYTES
    if (base.node.type === "file") {
      view.setFloat64(at, base.node.size)
      buffer.set(base.node.hash, at + 8)
      at += 8 + HASH_BYTES
    } else if (base.node.type === "link") {
      view.setUint32(at, number(base.node.target))
      at += 4
    }
  }
  if (seen !== null) {
    flags |= HAS_SEEN | (seen.settled ? SETTLED : 0)
    view.setUint16(at, seen.mode)
    view.setFloat64(at + 2, seen.size)
    view.setBigInt64(at + 10, seen.mtimeNs)
    view.setBigInt64(at + 18, seen.ctimeNs)
    view.setBigUint64(at + 26, seen.inode)
    view.setBigUint64(at + 34, seen.device)
    at += SEEN_BYTES
    if (base?.node.type === "file" && equalBytes(base.node.hash, seen.hash)) flags |= SAME_HASH
    else {
      buffer.set(seen.hash, at)
      at += HASH_BYTES
    }
  }
  view.setUint8(start, flags)
  return at
}

/** `null` if the bytes are damaged, or of a version that this build does not read. Keeps views into `bytes`. */
export function decodeScanCache(bytes: Uint8Array, crypto: Pick<Crypto, "sha256">): ScanCache | null {
  const end = bytes.length - HASH_BYTES
  if (end < HEADER_BYTES) return null
  if (!MAGIC.every((byte, i) => bytes[i] === byte) || bytes[7] !== VERSION) return null
  if (!equalBytes(crypto.sha256(bytes.subarray(0, end)), bytes.subarray(end))) return null
  try {
    return decodeBody(bytes.subarray(0, end))
  } catch (error) {
    // What our own hash vouches for is malformed only if an earlier build had a fault; lost all the same.
    if (error instanceof RangeError || error instanceof TypeError) return null
    throw error
  }
}

/** @throws RangeError or TypeError where the bytes make no sense. */
function decodeBody(bytes: Uint8Array): ScanCache {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint32(8)
  const namesAt = HEADER_BYTES + view.getUint32(12)
  const entriesAt = namesAt + view.getUint32(16)
  if (count > MAX_ENTRIES || entriesAt > bytes.length) throw new RangeError("lengths")
  const paths = count === 0 ? [] : fromUtf8(bytes.subarray(HEADER_BYTES, namesAt)).split("\0")
  if (paths.length !== count) throw new RangeError("paths")
  const reader = createEntryReader(view, bytes, entriesAt, fromUtf8(bytes.subarray(namesAt, entriesAt)).split("\0"))
  const cache = new Map<string, CacheEntry>()
  for (const path of paths) cache.set(path, reader.next())
  if (!reader.isAtEnd()) throw new RangeError("bytes left over")
  return cache
}

function createEntryReader(view: DataView, bytes: Uint8Array, start: number, names: readonly string[]) {
  let at = start

  function skip(length: number): number {
    const from = at
    at += length
    if (at > bytes.length) throw new RangeError("ends too early")
    return from
  }
  function hash(): Uint8Array {
    const from = skip(HASH_BYTES)
    return bytes.subarray(from, from + HASH_BYTES)
  }
  function name(number: number): string {
    const text = names[number]
    if (text === undefined) throw new RangeError("name")
    return text
  }
  function integer(value: number): number {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError("integer")
    return value
  }
  function base(type: number): BaseEntry {
    const from = skip(BASE_BYTES)
    const mode = view.getUint16(from)
    return {
      diskMode: view.getUint16(from + 2),
      version: integer(view.getFloat64(from + 4)),
      writer: name(view.getUint32(from + 12)),
      node: node(type, mode),
    }
  }
  function node(type: number, mode: number): TreeNode {
    if (TYPES[type] === "folder") return { type: "folder", mode }
    if (TYPES[type] === "link") return { type: "link", mode, target: name(view.getUint32(skip(4))) }
    if (TYPES[type] !== "file") throw new RangeError("type")
    return { type: "file", mode, size: integer(view.getFloat64(skip(8))), hash: hash() }
  }
  function seen(flags: number, node: TreeNode | undefined): Seen {
    const from = skip(SEEN_BYTES)
    const isSame = (flags & SAME_HASH) !== 0
    if (isSame && node?.type !== "file") throw new RangeError("hash")
    return {
      mode: view.getUint16(from),
      size: integer(view.getFloat64(from + 2)),
      mtimeNs: view.getBigInt64(from + 10),
      ctimeNs: view.getBigInt64(from + 18),
      inode: view.getBigUint64(from + 26),
      device: view.getBigUint64(from + 34),
      hash: isSame && node?.type === "file" ? node.hash : hash(),
      settled: (flags & SETTLED) !== 0,
    }
  }

  return {
    next(): CacheEntry {
      const flags = view.getUint8(skip(1))
      const agreed = flags & HAS_BASE ? base(flags & 3) : null
      return { base: agreed, seen: flags & HAS_SEEN ? seen(flags, agreed?.node) : null }
    },
    isAtEnd: () => at === bytes.length,
  }
}
