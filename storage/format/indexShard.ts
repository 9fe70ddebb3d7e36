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
import { equalBytes, fromHex, toHex, utf8 } from "../../crypto/bytes.ts"
import { HASH_BYTES, TAG_BYTES } from "../../crypto/crypto.ts"
import { GEAR_SEED_BYTES } from "../chunker.ts"
import { StorageError } from "../errors.ts"
import { MAX_EPOCH, OBJECT_SALT_BYTES } from "../keys.ts"
import { UINT48_END } from "./codec.ts"
import type { ChunkRef, FileEntry, IndexEntry, Tombstone } from "./entry.ts"
import { comparePaths, decodePath, decodeTarget, encodePath, encodeTarget } from "./indexPath.ts"
import { CODEC_NUMBERS, CODECS, checkChunkRef } from "./pack.ts"
import { type ByteReader, type ByteWriter, createByteReader, createByteWriter } from "./wire.ts"

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
const MACHINE_ID = /^[a-z2-7]{51}[aq]$/
const MACHINE_ID_BYTES = 52
const EMPTY_HASH = fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

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
  const packNumbers = writeTable(out, packs, (pack) => exactly(fromHex(pack), HASH_BYTES, "pack id length"))
  const writerNumbers = writeTable(out, writers, encodeMachineId)
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
  const packs = readTable(reader, HASH_BYTES, toHex, "pack table")
  const writers = readTable(reader, MACHINE_ID_BYTES, decodeMachineId, "writer table")
  const tables = { packs, writers }

  const entries: IndexEntry[] = []
  for (let left = readCount(reader, MIN_ENTRY_BYTES); left > 0; left--) entries.push(readEntry(reader, tables))
  const tombstones: Tombstone[] = []
  for (let left = readCount(reader, MIN_TOMBSTONE_BYTES); left > 0; left--) tombstones.push(readTombstone(reader, tables))
  reader.end()

  packs.requireAllUsed()
  writers.requireAllUsed()
  const content = gearSeed === undefined ? { entries, tombstones } : { gearSeed, entries, tombstones }
  checkOrder(content)
  return content
}

// Tables

interface TableNumbers {
  readonly packNumbers: ReadonlyMap<string, number>
  readonly writerNumbers: ReadonlyMap<string, number>
}

/** Writes names in ascending order. @returns The number of each. Hex and base32 sort as text like their bytes. */
function writeTable(
  out: ByteWriter,
  names: ReadonlySet<string>,
  encode: (name: string) => Uint8Array,
): Map<string, number> {
  const sorted = [...names].sort()
  out.varint(sorted.length)
  for (const name of sorted) out.bytes(encode(name))
  return new Map(sorted.map((name, number) => [name, number]))
}

interface Table {
  /** The name of that number, which is used from now on. */
  name(number: number): string
  requireAllUsed(): void
}

interface Tables {
  readonly packs: Table
  readonly writers: Table
}

function readTable(reader: ByteReader, width: number, decode: (bytes: Uint8Array) => string, what: string): Table {
  const names: string[] = []
  for (let left = readCount(reader, width); left > 0; left--) {
    const name = decode(reader.bytes(width))
    const before = names.at(-1)
    if (before !== undefined && before >= name) throw new StorageError("FORMAT_INVALID", `${what} not ascending`)
    names.push(name)
  }
  const used = new Uint8Array(names.length)
  return {
    name(number) {
      const name = names[number]
      if (name === undefined) throw new StorageError("FORMAT_INVALID", `beyond the ${what}`)
      used[number] = 1
      return name
    },
    requireAllUsed() {
      if (used.includes(0)) throw new StorageError("FORMAT_INVALID", `${what} holds what nothing refers to`)
    },
  }
}

function encodeMachineId(id: string): Uint8Array {
  if (!MACHINE_ID.test(id)) throw new StorageError("FORMAT_INVALID", "machine id")
  return utf8(id)
}

function decodeMachineId(bytes: Uint8Array): string {
  const id = String.fromCharCode(...bytes)
  if (!MACHINE_ID.test(id)) throw new StorageError("FORMAT_INVALID", "machine id")
  return id
}

// Entries

const MIN_ENTRY_BYTES = 7
const MIN_TOMBSTONE_BYTES = 1 + 1 + HASH_BYTES + 1 + 1
const MIN_RUN_BYTES = 1 + OBJECT_SALT_BYTES + 1 + 1
const MIN_CHUNK_BYTES = 3

function writeEntry(out: ByteWriter, entry: IndexEntry, tables: TableNumbers): void {
  writeText(out, encodePath(entry.path))
  out.u8(TYPE_NUMBERS[entry.type])
  out.varint(requireMode(entry.mode))
  out.varint(Math.min(Math.max(0, Math.floor(entry.mtimeMs) || 0), UINT48_END - 1))
  out.varint(entry.version)
  out.varint(tables.writerNumbers.get(entry.writer) as number)
  if (entry.type === "file") writeFile(out, entry, tables)
  if (entry.type === "link") writeText(out, encodeTarget(entry.target))
}

function readEntry(reader: ByteReader, tables: Tables): IndexEntry {
  const path = decodePath(reader.bytes(reader.varint()))
  const type = reader.u8()
  const mode = requireMode(reader.varint())
  const mtimeMs = reader.varint()
  const version = reader.varint()
  const writer = tables.writers.name(reader.varint())
  switch (type) {
    case TYPE_NUMBERS.file:
      return { type: "file", path, mode, mtimeMs, version, writer, ...readFile(reader, tables) }
    case TYPE_NUMBERS.link:
      return { type: "link", path, mode, mtimeMs, version, writer, target: decodeTarget(reader.bytes(reader.varint())) }
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
  writeText(out, encodePath(tombstone.path))
  out.bytes(exactly(tombstone.hash, HASH_BYTES, "hash length"))
  out.varint(tombstone.sequence)
  out.varint(tables.writerNumbers.get(tombstone.writer) as number)
}

function readTombstone(reader: ByteReader, tables: Tables): Tombstone {
  return {
    path: decodePath(reader.bytes(reader.varint())),
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

// Files

type FileContent = Pick<FileEntry, "size" | "hash" | "chunks">

function writeFile(out: ByteWriter, file: FileContent, tables: TableNumbers): void {
  checkFile(file)
  out.varint(file.size)
  out.bytes(file.hash)
  const runs = runsOf(file.chunks)
  out.varint(runs.length)
  for (const run of runs) {
    const first = run[0] as ChunkRef
    out.varint(first.epoch)
    out.bytes(exactly(first.salt, OBJECT_SALT_BYTES, "salt length"))
    out.varint(first.number)
    out.varint(run.length)
    for (const chunk of run) writeChunk(out, chunk, file, tables)
  }
}

function readFile(reader: ByteReader, tables: Tables): FileContent {
  const size = reader.varint()
  const hash = reader.bytes(HASH_BYTES)
  const chunks: ChunkRef[] = []
  const runs = readCount(reader, MIN_RUN_BYTES)
  for (let run = 0; run < runs; run++) {
    const epoch = reader.varint()
    const salt = reader.bytes(OBJECT_SALT_BYTES)
    const number = reader.varint()
    const count = readCount(reader, MIN_CHUNK_BYTES)
    if (count === 0) throw new StorageError("FORMAT_INVALID", "empty run")
    const before = chunks.at(-1)
    if (before !== undefined && isNext(before, { epoch, salt, number })) {
      throw new StorageError("FORMAT_INVALID", "run split in two")
    }
    const whole = runs === 1 && count === 1 ? { size, hash } : undefined
    for (let i = 0; i < count; i++) chunks.push(readChunk(reader, { epoch, salt, number: number + i }, whole, tables))
  }
  const file = { size, hash, chunks }
  checkFile(file)
  return file
}

/** What a chunk does not say because its run, or its file, does. */
type RunPlace = Pick<ChunkRef, "epoch" | "salt" | "number">
type WholeFile = Pick<FileEntry, "size" | "hash">

function writeChunk(out: ByteWriter, chunk: ChunkRef, file: FileContent, tables: TableNumbers): void {
  out.varint(tables.packNumbers.get(chunk.pack) as number)
  out.varint(chunk.offset)
  if (file.chunks.length > 1) {
    out.varint(chunk.plainBytes)
    out.bytes(exactly(chunk.hash, HASH_BYTES, "hash length"))
  }
  out.u8(CODEC_NUMBERS[chunk.codec])
  if (chunk.codec !== "none") out.varint(chunk.sealedBytes)
}

function readChunk(reader: ByteReader, place: RunPlace, whole: WholeFile | undefined, tables: Tables): ChunkRef {
  const pack = tables.packs.name(reader.varint())
  const offset = reader.varint()
  const plainBytes = whole === undefined ? reader.varint() : whole.size
  const hash = whole === undefined ? reader.bytes(HASH_BYTES) : whole.hash
  const codec = CODECS[reader.u8()]
  if (codec === undefined) throw new StorageError("FORMAT_NEWER", "codec")
  const sealedBytes = codec === "none" ? plainBytes + TAG_BYTES : reader.varint()
  const { epoch, salt, number } = place
  return { pack, offset, sealedBytes, plainBytes, codec, epoch, salt, number, hash }
}

/** The chunks of a file, divided where salt or epoch change or numbers do not follow one another. */
function runsOf(chunks: readonly ChunkRef[]): ChunkRef[][] {
  const runs: ChunkRef[][] = []
  for (const chunk of chunks) {
    const run = runs.at(-1)
    const before = run?.at(-1)
    if (run !== undefined && before !== undefined && isNext(before, chunk)) run.push(chunk)
    else runs.push([chunk])
  }
  return runs
}

function isNext(before: RunPlace, after: RunPlace): boolean {
  return (
    before.number + 1 === after.number &&
    before.epoch === after.epoch &&
    (before.salt === after.salt || equalBytes(before.salt, after.salt))
  )
}

/** What a file's parts must say of each other. */
function checkFile({ size, hash, chunks }: FileContent): void {
  exactly(hash, HASH_BYTES, "hash length")
  let total = 0
  for (const chunk of chunks) {
    checkChunkRef(chunk)
    if (chunk.epoch < 1 || chunk.epoch > MAX_EPOCH) throw new StorageError("FORMAT_INVALID", "epoch")
    total += chunk.plainBytes
  }
  if (total !== size) throw new StorageError("FORMAT_INVALID", "file size is not that of its chunks")
  const whole = chunks.length === 0 ? EMPTY_HASH : chunks.length === 1 ? (chunks[0] as ChunkRef).hash : hash
  if (whole !== hash && !equalBytes(whole, hash)) throw new StorageError("FORMAT_INVALID", "file hash is not that of its chunk")
}

// Small parts

/** A count of things that each take at least `minBytes`: more than can follow is refused before any is read. */
function readCount(reader: ByteReader, minBytes: number): number {
  const count = reader.varint()
  if (count > reader.left / minBytes) throw new StorageError("FORMAT_INVALID", "count beyond the end")
  return count
}

function writeText(out: ByteWriter, text: Uint8Array): void {
  out.varint(text.length)
  out.bytes(text)
}

function exactly(bytes: Uint8Array, length: number, what: string): Uint8Array {
  if (bytes.length !== length) throw new StorageError("FORMAT_INVALID", what)
  return bytes
}
