/**
 * What lies in packs that were sent ahead of their commit. Binary, because there
 * are as many chunks as small files. It never leaves the machine, so it has no
 * specification but this:
 *
 *     note  = "SYNSTAG" || version u8 (1) || v packs || packs || SHA-256 of all before
 *     pack  = id[32] || v length || the store's id || v chunks || chunks
 *     chunk = v offset || v sealed bytes || v plain bytes || u8 codec || v epoch || salt[32] || v number || hash[32]
 *
 * v: a varint as in the index (`docs/spec/index.md`). What is damaged, or of another version, counts as lost.
 *
 * @module
 */
import { concatBytes, equalBytes, fromHex, fromUtf8, toHex, utf8 } from "../../crypto/bytes.ts"
import { type Crypto, HASH_BYTES } from "../../crypto/crypto.ts"
import { StorageError } from "../../storage/errors.ts"
import type { ChunkRef } from "../../storage/format/index/entry.ts"
import { checkChunkRef, CODEC_NUMBERS, CODECS } from "../../storage/format/pack.ts"
import { type ByteReader, type ByteWriter, createByteReader, createByteWriter } from "../../storage/format/wire.ts"
import { LARGEST_EPOCH_NUMBER, OBJECT_SALT_BYTES } from "../../storage/keys.ts"
import type { ObjectId } from "../../storage/remote/store.ts"

/** A pack that the store has. */
export interface StagedPack {
  readonly pack: string
  /** The store's name for it. */
  readonly id: ObjectId
  readonly chunks: readonly ChunkRef[]
}

const HEADER = concatBytes(utf8("SYNSTAG"), Uint8Array.of(1))
const MIN_CHUNK_BYTES = 6 + OBJECT_SALT_BYTES + HASH_BYTES
const MIN_PACK_BYTES = HASH_BYTES + 2

export function encodeNote(crypto: Pick<Crypto, "sha256">, packs: readonly StagedPack[]): Uint8Array {
  const out = createByteWriter()
  out.bytes(HEADER)
  out.varint(packs.length)
  for (const { pack, id, chunks } of packs) {
    out.bytes(fromHex(pack))
    out.text(id)
    out.varint(chunks.length)
    for (const chunk of chunks) writeChunk(out, chunk)
  }
  const body = out.finish()
  return concatBytes(body, crypto.sha256(body))
}

/** `null` if the bytes are damaged, or of a version that this build does not read. Keeps views into them. */
export function decodeNote(crypto: Pick<Crypto, "sha256">, bytes: Uint8Array): readonly StagedPack[] | null {
  const end = bytes.length - HASH_BYTES
  if (end < HEADER.length || !equalBytes(bytes.subarray(0, HEADER.length), HEADER)) return null
  if (!equalBytes(crypto.sha256(bytes.subarray(0, end)), bytes.subarray(end))) return null
  try {
    return readPacks(createByteReader(bytes.subarray(HEADER.length, end)))
  } catch (error) {
    // What our own hash vouches for is malformed only if an earlier build had a fault; lost all the same.
    if (error instanceof StorageError || error instanceof TypeError) return null
    throw error
  }
}

function readPacks(reader: ByteReader): readonly StagedPack[] {
  const packs: StagedPack[] = []
  for (let left = reader.count(MIN_PACK_BYTES); left > 0; left--) {
    const pack = toHex(reader.bytes(HASH_BYTES))
    const id = fromUtf8(reader.sized())
    const chunks: ChunkRef[] = []
    for (let more = reader.count(MIN_CHUNK_BYTES); more > 0; more--) chunks.push(readChunk(reader, pack))
    packs.push({ pack, id, chunks })
  }
  reader.end()
  return packs
}

function writeChunk(out: ByteWriter, chunk: ChunkRef): void {
  out.varint(chunk.offset)
  out.varint(chunk.sealedBytes)
  out.varint(chunk.plainBytes)
  out.u8(CODEC_NUMBERS[chunk.codec])
  out.varint(chunk.epoch)
  out.bytes(chunk.salt)
  out.varint(chunk.number)
  out.bytes(chunk.hash)
}

function readChunk(reader: ByteReader, pack: string): ChunkRef {
  const [offset, sealedBytes, plainBytes] = [reader.varint(), reader.varint(), reader.varint()]
  const codec = CODECS[reader.u8()]
  const epoch = reader.varint()
  const salt = reader.bytes(OBJECT_SALT_BYTES)
  const [number, hash] = [reader.varint(), reader.bytes(HASH_BYTES)]
  if (codec === undefined || epoch < 1 || epoch > LARGEST_EPOCH_NUMBER) {
    throw new StorageError("FORMAT_INVALID", "staged chunk")
  }
  const chunk = { pack, offset, sealedBytes, plainBytes, codec, epoch, salt, number, hash }
  checkChunkRef(chunk)
  return chunk
}
