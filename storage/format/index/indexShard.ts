/**
 * The plaintext of one index shard: the entries and tombstones of the paths that
 * fall to it. How it is sealed: `storage/shardSeal.ts`; which paths fall to it:
 * `storage/indexShards.ts`. Normative text: `docs/spec/index.md`; vectors:
 * `test/vectors/index-shard-v1.json`.
 *
 *     payload   = u8 flags || [gear seed[32]] || packs || writers || entries || tombstones
 *     packs     = v n || n × pack id[32]           ascending, each used
 *     writers   = v n || n × machine id[52]        ascending, each used
 *     entries   = v n || n × entry                 ascending by path
 *     entry     = v length || path || u8 type || v mode || v mtime || v version || v writer || file | target | (nothing)
 *     file      = v size || hash[32] || v n || n × run
 *     run       = v epoch || salt[32] || v first number || v n || n × chunk
 *     chunk     = v pack || v offset || [v plain bytes || hash[32]] || u8 codec || [v sealed bytes]
 *     target    = v length || text
 *     tombstone = v length || path || hash[32] || v sequence || v writer
 *
 * `v` is a variable-length integer, in its shortest form and below 2^48. Every
 * shard has one encoding only: what decodes, encodes to the same bytes.
 *
 * Pure: no keys, no I/O. Hashes and salts that come out are views into the payload.
 *
 * @module
 */
import { HASH_BYTES } from "../../../crypto/crypto.ts"
import { GEAR_SEED_BYTES } from "../../chunker.ts"
import { StorageError } from "../../errors.ts"
import { UINT48_END } from "../codec.ts"
import type { IndexEntry, Tombstone } from "./entry.ts"
import { readFile, writeFile } from "./indexFile.ts"
import { comparePaths, decodePath, decodeTarget, requirePath, requireTarget } from "./indexPath.ts"
import {
  readPackTable,
  readWriterTable,
  type TableNumbers,
  type Tables,
  writePackTable,
  writeWriterTable,
} from "./indexTables.ts"
import { type ByteReader, type ByteWriter, createByteReader, createByteWriter, exactly } from "../wire.ts"

/** Longest payload that is written or read, in bytes (32 MiB). */
export const MAX_SHARD_PAYLOAD_BYTES = 32 * 1024 * 1024
/** Highest permission bits. */
export const MAX_MODE = 0o777

/** What one shard holds. */
export interface ShardContent {
  /** Seed of the chunker's gear table; in shard 0, and in no other. */
  readonly gearSeed?: Uint8Array
  /** Strictly ascending by {@link comparePaths}. */
  readonly entries: readonly IndexEntry[]
  /** Strictly ascending, too; of no path that has an entry. */
  readonly tombstones: readonly Tombstone[]
}

const FLAG_GEAR_SEED = 1
const TYPE_NUMBERS = { file: 1, link: 2, folder: 3 } as const
const MIN_ENTRY_BYTES = 7
const MIN_TOMBSTONE_BYTES = 1 + 1 + HASH_BYTES + 1 + 1

/**
 * Encodes a shard.
 *
 * A modification time that the format cannot hold is moved to the nearest it can: it is for display only.
 *
 * @throws {StorageError} `FORMAT_INVALID` or `FORMAT_LIMIT_EXCEEDED` if the content is not what a reader accepts.
 */
export function encodeShard(content: ShardContent): Uint8Array {
  const packs = new Set<string>()
  const writers = new Set<string>()
  for (const entry of content.entries) {
    writers.add(entry.writer)
    if (entry.type === "file") for (const chunk of entry.chunks) packs.add(chunk.pack)
  }
  for (const tombstone of content.tombstones) writers.add(tombstone.writer)

  const out = createByteWriter()
  out.u8(content.gearSeed === undefined ? 0 : FLAG_GEAR_SEED)
  if (content.gearSeed !== undefined) out.bytes(exactly(content.gearSeed, GEAR_SEED_BYTES, "gear seed length"))
  const packNumbers = writePackTable(out, packs)
  const writerNumbers = writeWriterTable(out, writers)
  const tables = { packNumbers, writerNumbers }

  out.varint(content.entries.length)
  for (const entry of content.entries) writeEntry(out, entry, tables)
  out.varint(content.tombstones.length)
  for (const tombstone of content.tombstones) writeTombstone(out, tombstone, tables)
  checkOrder(content)

  const payload = out.finish()
  if (payload.length > MAX_SHARD_PAYLOAD_BYTES) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "shard length")
  return payload
}

/**
 * Decodes a shard.
 *
 * @param payload - Kept: the hashes and salts of the result are views into it.
 * @throws {StorageError} `FORMAT_INVALID`, `FORMAT_NEWER` or `FORMAT_LIMIT_EXCEEDED`.
 */
export function decodeShard(payload: Uint8Array): ShardContent {
  if (payload.length > MAX_SHARD_PAYLOAD_BYTES) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "shard length")
  const reader = createByteReader(payload)
  const flags = reader.u8()
  if ((flags & ~FLAG_GEAR_SEED) !== 0) throw new StorageError("FORMAT_NEWER", "shard flags")
  const gearSeed = flags & FLAG_GEAR_SEED ? reader.bytes(GEAR_SEED_BYTES) : undefined
  const packs = readPackTable(reader)
  const writers = readWriterTable(reader)
  const tables = { packs, writers }

  const entries: IndexEntry[] = []
  for (let left = reader.count(MIN_ENTRY_BYTES); left > 0; left--) entries.push(readEntry(reader, tables))
  const tombstones: Tombstone[] = []
  for (let left = reader.count(MIN_TOMBSTONE_BYTES); left > 0; left--) tombstones.push(readTombstone(reader, tables))
  reader.end()

  packs.requireAllUsed()
  writers.requireAllUsed()
  const content = gearSeed === undefined ? { entries, tombstones } : { gearSeed, entries, tombstones }
  checkOrder(content)
  return content
}

function writeEntry(out: ByteWriter, entry: IndexEntry, tables: TableNumbers): void {
  out.text(requirePath(entry.path))
  out.u8(TYPE_NUMBERS[entry.type])
  out.varint(requireMode(entry.mode))
  out.varint(Math.min(Math.max(0, Math.floor(entry.mtimeMs) || 0), UINT48_END - 1))
  out.varint(entry.version)
  out.varint(tables.writerNumbers.get(entry.writer) as number)
  if (entry.type === "file") writeFile(out, entry, tables)
  if (entry.type === "link") out.text(requireTarget(entry.target))
}

function readEntry(reader: ByteReader, tables: Tables): IndexEntry {
  const path = decodePath(reader.sized())
  const type = reader.u8()
  const mode = requireMode(reader.varint())
  const mtimeMs = reader.varint()
  const version = reader.varint()
  const writer = tables.writers.name(reader.varint())
  switch (type) {
    case TYPE_NUMBERS.file:
      return { type: "file", path, mode, mtimeMs, version, writer, ...readFile(reader, tables) }
    case TYPE_NUMBERS.link:
      return { type: "link", path, mode, mtimeMs, version, writer, target: decodeTarget(reader.sized()) }
    case TYPE_NUMBERS.folder:
      return { type: "folder", path, mode, mtimeMs, version, writer }
    default:
      throw new StorageError(type === 0 ? "FORMAT_INVALID" : "FORMAT_NEWER", "entry type")
  }
}

function requireMode(mode: number): number {
  if (mode > MAX_MODE) throw new StorageError("FORMAT_INVALID", "mode")
  return mode
}

function writeTombstone(out: ByteWriter, tombstone: Tombstone, tables: TableNumbers): void {
  out.text(requirePath(tombstone.path))
  out.bytes(exactly(tombstone.hash, HASH_BYTES, "hash length"))
  out.varint(tombstone.sequence)
  out.varint(tables.writerNumbers.get(tombstone.writer) as number)
}

function readTombstone(reader: ByteReader, tables: Tables): Tombstone {
  return {
    path: decodePath(reader.sized()),
    hash: reader.bytes(HASH_BYTES),
    sequence: reader.varint(),
    writer: tables.writers.name(reader.varint()),
  }
}

/** @throws {StorageError} `FORMAT_INVALID` unless paths ascend and none has both an entry and a tombstone. */
function checkOrder({ entries, tombstones }: ShardContent): void {
  requireAscending(entries)
  requireAscending(tombstones)
  let at = 0
  for (const { path } of tombstones) {
    while (at < entries.length && comparePaths((entries[at] as IndexEntry).path, path) < 0) at++
    if (entries[at]?.path === path) throw new StorageError("FORMAT_INVALID", "tombstone of a path that is there")
  }
}

function requireAscending(items: readonly { readonly path: string }[]): void {
  for (let i = 1; i < items.length; i++) {
    const before = items[i - 1] as { readonly path: string }
    const after = items[i] as { readonly path: string }
    if (comparePaths(before.path, after.path) >= 0) throw new StorageError("FORMAT_INVALID", "paths not ascending")
  }
}
