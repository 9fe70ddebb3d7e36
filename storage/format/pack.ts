/**
 * Pack files: sealed chunks one after another in one object, nothing else.
 * There is no footer: the index refers to a chunk by (pack, offset, length), and
 * the header signs the index. Normative text: `docs/spec/pack.md`; vectors:
 * `test/vectors/pack-v1.json`.
 *
 *     pack    = magic || sealed chunk … sealed chunk || random padding
 *     magic   = "SSYNPK" 0x00 0x01                       8 bytes, the last one the version
 *     chunk i = AES-256-GCM(key = object key of the run's salt, nonce = i, ad, codec(plaintext))
 *     nonce   = i, 12 bytes
 *     ad      = magic || workspace id (26 ASCII bytes) || u32 epoch || u8 codec || u32 i
 *
 * Integers are big-endian. The whole is padded to a length of `storage/padding.ts`
 * and named by its SHA-256. This module is pure: it holds no keys and does no I/O.
 *
 * @module
 */
import { concatBytes, toHex, utf8 } from "../../crypto/bytes.ts"
import { type Crypto, NONCE_BYTES, TAG_BYTES } from "../../crypto/crypto.ts"
import { StorageError } from "../errors.ts"
import { isPaddedLength, MIN_PADDED_BYTES, paddedLength } from "../padding.ts"
import type { ChunkRef, Codec } from "./index/entry.ts"

/** `SSYNPK`, zero, format version 1. */
export const PACK_MAGIC = Uint8Array.of(0x53, 0x53, 0x59, 0x4e, 0x50, 0x4b, 0x00, 0x01)
/** Longest pack that is written or read, in bytes (16 MiB). */
export const MAX_PACK_BYTES = 16 * 1024 * 1024
/** Longest plaintext of one chunk, in bytes (4 MiB). */
export const MAX_CHUNK_BYTES = 4 * 1024 * 1024
/** Highest number of a chunk within its run. */
export const MAX_CHUNK_NUMBER = 0xffff_ffff

/** The byte by which each codec is written, in packs and in the index. */
export const CODEC_NUMBERS: Readonly<Record<Codec, number>> = { none: 0, "deflate-raw": 1, zstd: 2 }
/** Codecs by their byte. */
export const CODECS: readonly Codec[] = ["none", "deflate-raw", "zstd"]

/** The nonce of chunk `number` of a run. */
export function chunkNonce(number: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES)
  new DataView(nonce.buffer).setUint32(NONCE_BYTES - 4, number)
  return nonce
}

/** What chunk `number` of a run is bound to besides its key and nonce. */
export function chunkAssociatedData(workspace: string, epoch: number, codec: Codec, number: number): Uint8Array {
  const tail = new Uint8Array(9)
  const view = new DataView(tail.buffer)
  view.setUint32(0, epoch)
  view.setUint8(4, CODEC_NUMBERS[codec])
  view.setUint32(5, number)
  return concatBytes(PACK_MAGIC, utf8(workspace), tail)
}

/**
 * Joins sealed chunks to a pack.
 *
 * @param random - Fresh random bytes for the padding.
 * @returns The whole pack, in a new buffer.
 * @throws {StorageError} `FORMAT_LIMIT_EXCEEDED` above {@link MAX_PACK_BYTES}.
 */
export function encodePack(sealedChunks: readonly Uint8Array[], random: (length: number) => Uint8Array): Uint8Array {
  let length = PACK_MAGIC.length
  for (const sealed of sealedChunks) length += sealed.length
  const total = paddedLength(length)
  if (total > MAX_PACK_BYTES) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "pack length")
  return concatBytes(PACK_MAGIC, ...sealedChunks, random(total - length))
}

/**
 * Checks that a pack is the one named and has the form of one. To be done once for each pack that
 * comes from a store, before any chunk is opened.
 *
 * @param id - SHA-256 of the pack in hex, from a verified index.
 * @throws {StorageError} `FORMAT_LIMIT_EXCEEDED`, `HASH_MISMATCH`, `FORMAT_INVALID`, or `FORMAT_NEWER` for another version.
 */
export function verifyPack(crypto: Crypto, id: string, pack: Uint8Array): void {
  if (pack.length > MAX_PACK_BYTES) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "pack length")
  if (toHex(crypto.sha256(pack)) !== id) throw new StorageError("HASH_MISMATCH", "pack hash")
  if (pack.length < MIN_PADDED_BYTES || !isPaddedLength(pack.length)) {
    throw new StorageError("FORMAT_INVALID", "pack length is no padded one")
  }
  checkPackMagic(pack)
}

/** @throws {StorageError} `FORMAT_INVALID`, or `FORMAT_NEWER` for another version. */
export function checkPackMagic(pack: Uint8Array): void {
  const version = PACK_MAGIC.length - 1
  for (let i = 0; i < version; i++) {
    if (pack[i] !== PACK_MAGIC[i]) throw new StorageError("FORMAT_INVALID", "pack magic")
  }
  if (pack[version] !== PACK_MAGIC[version]) throw new StorageError("FORMAT_NEWER", "pack version")
}

/**
 * Checks the numbers of a reference against each other and the limits, before anything is allocated.
 *
 * @throws {StorageError} `FORMAT_INVALID` or `FORMAT_LIMIT_EXCEEDED`.
 */
export function checkChunkRef(ref: ChunkRef): void {
  if (!isCount(ref.offset) || !isCount(ref.sealedBytes) || !isCount(ref.plainBytes) || !isCount(ref.number)) {
    throw new StorageError("FORMAT_INVALID", "chunk numbers")
  }
  if (ref.plainBytes > MAX_CHUNK_BYTES) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "chunk length")
  if (ref.number > MAX_CHUNK_NUMBER) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "chunk number")
  if (ref.offset + ref.sealedBytes > MAX_PACK_BYTES) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "chunk end")
  if (ref.plainBytes === 0 || ref.offset < PACK_MAGIC.length) throw new StorageError("FORMAT_INVALID", "chunk place")
  const stored = ref.sealedBytes - TAG_BYTES
  // A codec that does not make a chunk shorter must not be used: one plaintext, one canonical choice less.
  const fits = ref.codec === "none" ? stored === ref.plainBytes : stored > 0 && stored < ref.plainBytes
  if (!fits) throw new StorageError("FORMAT_INVALID", "sealed length")
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
