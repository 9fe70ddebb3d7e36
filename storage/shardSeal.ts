/**
 * Index shards as they lie in the store: compressed, padded, sealed. Normative
 * text: `docs/spec/index.md`, "Sealed form".
 *
 *     shard  = magic || u32 epoch || salt[32] || AES-256-GCM(key = object key of salt, nonce = 0, ad, inside)
 *     magic  = "SSYNIX" 0x00 0x01                  8 bytes, the last one the version
 *     ad     = magic || workspace id (26 ASCII bytes) || u32 epoch || u32 shard number || u32 shard count
 *     inside = u32 payload bytes || u8 codec || u32 stored bytes || stored || zeros
 *
 * The zeros make the whole a length of `padding.ts`. They lie inside the seal, so that every byte of a shard counts.
 *
 * @module
 */
import { concatBytes, utf8 } from "../crypto/bytes.ts"
import { type Crypto, NONCE_BYTES, TAG_BYTES } from "../crypto/crypto.ts"
import { LABEL_SHARD } from "../crypto/labels.ts"
import { type Compressor, type Decompress, decompress as portableDecompress } from "./compress.ts"
import { StorageError } from "./errors.ts"
import { decodeShard, encodeShard, MAX_SHARD_PAYLOAD_BYTES, type ShardContent } from "./format/index/indexShard.ts"
import { CODEC_NUMBERS, CODECS } from "./format/pack.ts"
import { createByteReader, createByteWriter } from "./format/wire.ts"
import { type EpochKeys, OBJECT_SALT_BYTES } from "./keys.ts"
import { MIN_PADDED_BYTES, paddedLength } from "./padding.ts"

/** `SSYNIX`, zero, format version 1. */
export const SHARD_MAGIC = Uint8Array.of(0x53, 0x53, 0x59, 0x4e, 0x49, 0x58, 0x00, 0x01)

const HEAD_BYTES = SHARD_MAGIC.length + 4 + OBJECT_SALT_BYTES
const INNER_HEAD_BYTES = 4 + 1 + 4
/** Bytes of a sealed shard that are neither payload nor padding. */
const FRAME_BYTES = HEAD_BYTES + INNER_HEAD_BYTES + TAG_BYTES
/** Longest sealed shard, in bytes. */
export const MAX_SHARD_BYTES = paddedLength(FRAME_BYTES + MAX_SHARD_PAYLOAD_BYTES)

/** Which of how many shards: a sealed shard is bound to both. */
export interface ShardPlace {
  readonly number: number
  readonly count: number
}

/**
 * Seals a shard under a salt of its own, drawn here.
 *
 * @param keys - Of the current epoch.
 * @throws {StorageError} as `encodeShard`; `FORMAT_INVALID` if the gear seed is missing from shard 0 or is in another.
 */
export async function sealShard(
  crypto: Crypto,
  keys: EpochKeys,
  compressor: Compressor,
  place: ShardPlace,
  content: ShardContent,
): Promise<Uint8Array> {
  checkGearSeed(place, content)
  const payload = encodeShard(content)
  const { codec, bytes: stored } = await compressor.compress(payload)
  const total = paddedLength(FRAME_BYTES + stored.length)

  const inside = new Uint8Array(total - HEAD_BYTES - TAG_BYTES)
  const view = new DataView(inside.buffer)
  view.setUint32(0, payload.length)
  view.setUint8(4, CODEC_NUMBERS[codec])
  view.setUint32(5, stored.length)
  inside.set(stored, INNER_HEAD_BYTES)

  const salt = crypto.randomBytes(OBJECT_SALT_BYTES)
  const key = keys.objectKey(salt, LABEL_SHARD)
  try {
    const sealed = await crypto.seal(key, NONCE, associatedData(keys, place), inside)
    return concatBytes(SHARD_MAGIC, uint32(keys.epoch), salt, sealed)
  } finally {
    key.wipe()
  }
}

/**
 * Opens a shard. Its SHA-256 has been compared with the header's before.
 *
 * @param keys - Of the epoch that the header names.
 * @throws {StorageError} `SEAL_BROKEN` if it does not open under these keys at this place; `FORMAT_INVALID`,
 * `FORMAT_NEWER` or `FORMAT_LIMIT_EXCEEDED` if it is no shard this build reads.
 */
export async function openShard(
  crypto: Crypto,
  keys: EpochKeys,
  place: ShardPlace,
  shard: Uint8Array,
  decompress: Decompress = portableDecompress,
): Promise<ShardContent> {
  const inside = await unseal(crypto, keys, place, shard)
  const reader = createByteReader(inside)
  const payloadBytes = reader.u32()
  const codec = CODECS[reader.u8()]
  const stored = reader.bytes(reader.u32())
  const padding = reader.bytes(reader.left)
  if (codec === undefined) throw new StorageError("FORMAT_NEWER", "codec")
  if (payloadBytes > MAX_SHARD_PAYLOAD_BYTES) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "shard length")
  if (codec !== "none" && stored.length >= payloadBytes) throw new StorageError("FORMAT_INVALID", "stored length")
  if (shard.length !== paddedLength(FRAME_BYTES + stored.length)) {
    throw new StorageError("FORMAT_INVALID", "shard length is not the padded one")
  }
  if (padding.some((byte) => byte !== 0)) throw new StorageError("FORMAT_INVALID", "padding not zero")

  const content = decodeShard(await decompress(codec, stored, payloadBytes))
  checkGearSeed(place, content)
  return content
}

async function unseal(crypto: Crypto, keys: EpochKeys, place: ShardPlace, shard: Uint8Array): Promise<Uint8Array> {
  if (shard.length > MAX_SHARD_BYTES) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "shard length")
  if (shard.length < MIN_PADDED_BYTES) throw new StorageError("FORMAT_INVALID", "shard length")
  const reader = createByteReader(shard)
  const magic = reader.bytes(SHARD_MAGIC.length)
  const differs = SHARD_MAGIC.findIndex((byte, i) => magic[i] !== byte)
  if (differs === SHARD_MAGIC.length - 1) throw new StorageError("FORMAT_NEWER", "shard version")
  if (differs !== -1) throw new StorageError("FORMAT_INVALID", "shard magic")
  if (reader.u32() !== keys.epoch) throw new StorageError("FORMAT_INVALID", "shard of another epoch")

  const key = keys.objectKey(reader.bytes(OBJECT_SALT_BYTES), LABEL_SHARD)
  try {
    return await crypto.open(key, NONCE, associatedData(keys, place), reader.bytes(reader.left))
  } catch (cause) {
    throw new StorageError("SEAL_BROKEN", "shard seal", { cause })
  } finally {
    key.wipe()
  }
}

/** The key is for one message, so its nonce may be constant. */
const NONCE = new Uint8Array(NONCE_BYTES)

function associatedData(keys: EpochKeys, { number, count }: ShardPlace): Uint8Array {
  return concatBytes(SHARD_MAGIC, utf8(keys.workspace), uint32(keys.epoch), uint32(number), uint32(count))
}

function checkGearSeed({ number }: ShardPlace, { gearSeed }: ShardContent): void {
  if ((number === 0) !== (gearSeed !== undefined))
    throw new StorageError("FORMAT_INVALID", "gear seed belongs in shard 0")
}

function uint32(value: number): Uint8Array {
  const bytes = createByteWriter()
  bytes.u32(value)
  return bytes.finish()
}
