/**
 * Compressing chunks before they are sealed, and inflating them after. Every
 * platform reads all codecs; each writes the one it has natively. Inflating
 * never yields a byte more than the index states. Normative text:
 * `docs/spec/pack.md`, "Codecs".
 *
 * @module
 */
import type { Awaitable } from "../crypto/crypto.ts"
import { StorageError } from "./errors.ts"
import type { Codec } from "./format/index/entry.ts"
import { decodeZstd } from "./zstd/decoder.ts"

/** Bytes as they will be sealed, and how they got so. */
export interface Compressed {
  readonly codec: Codec
  /** The input itself where `codec` is `none`. */
  readonly bytes: Uint8Array
}

/**
 * Undoes a codec.
 *
 * @param plainBytes - The length the result must have; nothing longer is ever allocated.
 * @returns A buffer of exactly `plainBytes`; `stored` itself for `none`.
 * @throws {StorageError} `FORMAT_INVALID` if the bytes are not of that codec or not of that length.
 */
export type Decompress = (codec: Codec, stored: Uint8Array, plainBytes: number) => Awaitable<Uint8Array>

/** What a platform offers. Its methods may be called concurrently. */
export interface Compressor {
  /** Compresses if that is worth it. The input is neither changed nor kept. */
  compress(bytes: Uint8Array): Awaitable<Compressed>
  readonly decompress: Decompress
}

/** Leaves everything as it is; reads all codecs. For tests, and for platforms that can compress nothing. */
export const storingCompressor: Compressor = {
  compress: (bytes) => ({ codec: "none", bytes }),
  decompress,
}

/** The portable {@link Decompress}: zstd in WebAssembly, deflate by the platform's stream. */
export async function decompress(codec: Codec, stored: Uint8Array, plainBytes: number): Promise<Uint8Array> {
  switch (codec) {
    case "none":
      if (stored.length !== plainBytes) throw wrongLength()
      return stored
    case "deflate-raw":
      return inflateRaw(stored, plainBytes)
    case "zstd":
      checkZstdFrame(stored, plainBytes)
      return inflateZstd(stored, plainBytes)
  }
}

/** The input or the shorter form of it, whichever is worth keeping: less than 1/32 saved is not. */
export function keepIfShorter(codec: Codec, bytes: Uint8Array, compressed: Uint8Array): Compressed {
  const worth = compressed.length < bytes.length - (bytes.length >>> 5)
  return worth ? { codec, bytes: compressed } : { codec: "none", bytes }
}

const SAMPLE_BYTES = 4096
/** Neighbours, not single bytes far apart: those could all fall on the same field of a table. */
const SAMPLE_RUN_BYTES = 256
const MAX_SAMPLE_ENTROPY_BITS = 7.8

/**
 * Whether compressing is worth a try. Looks at how often each byte occurs in a sample, so it errs on the side of
 * trying: 4,096 random bytes come to about 7.95 bits a byte, base64 to 6, source code below 5.
 */
export function looksCompressible(bytes: Uint8Array): boolean {
  if (bytes.length < 64) return false
  if (bytes.length < 2 * SAMPLE_BYTES) return true
  const counts = new Uint16Array(256)
  const stride = Math.floor(bytes.length / (SAMPLE_BYTES / SAMPLE_RUN_BYTES))
  for (let run = 0; run + SAMPLE_RUN_BYTES <= bytes.length; run += stride) {
    for (let at = run; at < run + SAMPLE_RUN_BYTES; at++) (counts[bytes[at] as number] as number)++
  }
  let total = 0
  for (const count of counts) total += count
  let bits = 0
  for (const count of counts) if (count > 0) bits += (count / total) * Math.log2(total / count)
  return bits < MAX_SAMPLE_ENTROPY_BITS
}

const ZSTD_MAGIC = 0x28b52ffd
const ZSTD_MAX_WINDOW_BYTES = 8 * 1024 * 1024

/**
 * Checks the outside of a zstd frame (RFC 8878 section 3.1.1) before a decoder sees it: one frame and nothing after it,
 * its content size stated and right, no dictionary, a window of at most 8 MiB.
 *
 * @throws {StorageError} `FORMAT_INVALID`.
 */
export function checkZstdFrame(frame: Uint8Array, plainBytes: number): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const descriptor = frame[4] ?? 0
  const single = (descriptor & 0x20) !== 0
  const sizeFlag = descriptor >> 6
  const sizeBytes = sizeFlag === 0 ? (single ? 1 : 0) : 1 << sizeFlag
  const sizeAt = single ? 5 : 6
  if (frame.length < sizeAt + sizeBytes || view.getUint32(0) !== ZSTD_MAGIC) throw notOfCodec()
  // Reserved bit, dictionary id, or no content size.
  if ((descriptor & 0x0b) !== 0 || sizeBytes === 0) throw notOfCodec()
  const windowLog = 10 + ((frame[5] ?? 0) >> 3)
  const windowBytes = 2 ** windowLog + 2 ** (windowLog - 3) * ((frame[5] ?? 0) & 7)
  if (!single && windowBytes > ZSTD_MAX_WINDOW_BYTES) throw notOfCodec()
  if (readZstdSize(view, sizeAt, sizeBytes) !== plainBytes) throw wrongLength()
  const checksumBytes = (descriptor & 4) === 0 ? 0 : 4
  if (endOfZstdBlocks(frame, sizeAt + sizeBytes) + checksumBytes !== frame.length) throw notOfCodec()
}

/** Where the last block ends: what follows a frame is passed over by some decoders, taken for another frame by others. */
function endOfZstdBlocks(frame: Uint8Array, start: number): number {
  for (let at = start; at + 3 <= frame.length; ) {
    const [a = 0, b = 0, c = 0] = frame.subarray(at, at + 3)
    const isRepeated = ((a >> 1) & 3) === 1
    at += 3 + (isRepeated ? 1 : (a >> 3) | (b << 5) | (c << 13))
    if ((a & 1) === 1) return at
  }
  throw notOfCodec()
}

function readZstdSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at)
  if (bytes === 2) return view.getUint16(at, true) + 256
  if (bytes === 4) return view.getUint32(at, true)
  return Number(view.getBigUint64(at, true))
}

async function inflateZstd(stored: Uint8Array, plainBytes: number): Promise<Uint8Array> {
  const plain = await decodeZstd(stored, plainBytes)
  if (plain === undefined) throw notOfCodec()
  return plain
}

async function inflateRaw(stored: Uint8Array, plainBytes: number): Promise<Uint8Array> {
  const stream = new DecompressionStream("deflate-raw")
  const writer = stream.writable.getWriter()
  // Reading reports what goes wrong; these two only must not go unhandled.
  writer.write(stored as Uint8Array<ArrayBuffer>).catch(() => {})
  writer.close().catch(() => {})
  const reader = stream.readable.getReader() as ReadableStreamDefaultReader<Uint8Array>
  const plain = new Uint8Array(plainBytes)
  let length = 0
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw notOfCodec(cause)
    })
    if (done) break
    if (length + value.length > plainBytes) {
      await reader.cancel().catch(() => {})
      throw wrongLength()
    }
    plain.set(value, length)
    length += value.length
  }
  if (length !== plainBytes) throw wrongLength()
  return plain
}

function wrongLength(): StorageError {
  return new StorageError("FORMAT_INVALID", "inflated length")
}

function notOfCodec(cause?: unknown): StorageError {
  return new StorageError("FORMAT_INVALID", "compressed bytes", { cause })
}
