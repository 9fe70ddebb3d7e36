/**
 * The part of an index entry that only files have: size, hash, and where the
 * chunks lie. Chunks of one run of sealing share its epoch and salt. Normative
 * text: `docs/spec/index.md`, "Files".
 *
 *     file  = v size || hash[32] || v n || n × run
 *     run   = v epoch || salt[32] || v first number || v n || n × chunk
 *     chunk = v pack || v offset || [v plain bytes || hash[32]] || u8 codec || [v sealed bytes]
 *
 * The only chunk of a file does not repeat the file's size and hash; a chunk
 * that is not compressed does not state its sealed length.
 *
 * @module
 */
import { equalBytes, fromHex } from "../../../crypto/bytes.ts"
import { HASH_BYTES, TAG_BYTES } from "../../../crypto/crypto.ts"
import { StorageError } from "../../errors.ts"
import { LARGEST_EPOCH_NUMBER, OBJECT_SALT_BYTES } from "../../keys.ts"
import type { ChunkRef, FileEntry } from "./entry.ts"
import type { TableNumbers, Tables } from "./indexTables.ts"
import { CODEC_NUMBERS, CODECS, checkChunkRef } from "../pack.ts"
import { type ByteReader, type ByteWriter, exactly } from "../wire.ts"

const MIN_RUN_BYTES = 1 + OBJECT_SALT_BYTES + 1 + 1
const MIN_CHUNK_BYTES = 3
/** SHA-256 of nothing. */
const EMPTY_HASH = fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

/** The part of an entry that only files have. */
export type FileContent = Pick<FileEntry, "size" | "hash" | "chunks">

export function writeFile(out: ByteWriter, file: FileContent, tables: TableNumbers): void {
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

export function readFile(reader: ByteReader, tables: Tables): FileContent {
  const size = reader.varint()
  const hash = reader.bytes(HASH_BYTES)
  const chunks: ChunkRef[] = []
  const runs = reader.count(MIN_RUN_BYTES)
  for (let run = 0; run < runs; run++) {
    const epoch = reader.varint()
    const salt = reader.bytes(OBJECT_SALT_BYTES)
    const number = reader.varint()
    const count = reader.count(MIN_CHUNK_BYTES)
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
    if (chunk.epoch < 1 || chunk.epoch > LARGEST_EPOCH_NUMBER) throw new StorageError("FORMAT_INVALID", "epoch")
    total += chunk.plainBytes
  }
  if (total !== size) throw new StorageError("FORMAT_INVALID", "file size is not that of its chunks")
  const whole = chunks.length === 0 ? EMPTY_HASH : chunks.length === 1 ? (chunks[0] as ChunkRef).hash : hash
  if (whole !== hash && !equalBytes(whole, hash))
    throw new StorageError("FORMAT_INVALID", "file hash is not that of its chunk")
}
