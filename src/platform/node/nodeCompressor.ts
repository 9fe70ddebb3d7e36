/**
 * Compression by node:zlib: zstd level 3 where this Node has it (22.15 and
 * later), deflate elsewhere. Reads all codecs. Synchronous on purpose: a trip
 * through the thread pool costs more than compressing a small file.
 *
 * @module
 */
import zlib from "node:zlib"
import {
  type Compressed,
  type Compressor,
  checkZstdFrame,
  decompress,
  keepIfShorter,
  looksCompressible,
} from "../../../storage/compress.ts"
import { StorageError } from "../../../storage/errors.ts"

const DEFLATE_LEVEL = 6
const ZSTD_LEVEL = 3

/** Compresses at once. */
export interface NodeCompressor extends Compressor {
  compress(bytes: Uint8Array): Compressed
}

/** A {@link Compressor} over node:zlib. `codec` is for tests; by default zstd where this Node has it. */
export function createNodeCompressor(
  codec: "zstd" | "deflate-raw" = hasZstd() ? "zstd" : "deflate-raw",
): NodeCompressor {
  const squeeze = codec === "zstd" ? compressZstd : compressDeflate
  const compress = (bytes: Uint8Array): Compressed =>
    looksCompressible(bytes) ? keepIfShorter(codec, bytes, squeeze(bytes)) : { codec: "none", bytes }
  return {
    compress,
    decompress(codec, stored, plainBytes) {
      if (codec === "deflate-raw") return inflate(inflateRawWhole, stored, plainBytes)
      if (codec !== "zstd" || !hasZstd()) return decompress(codec, stored, plainBytes)
      checkZstdFrame(stored, plainBytes)
      return inflate(zlib.zstdDecompressSync, stored, plainBytes)
    },
  }
}

function hasZstd(): boolean {
  return typeof zlib.zstdCompressSync === "function"
}

const ZSTD_PARAMS = { [zlib.constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL }
/** Of the smallest piece of output that zlib allows. */
const MIN_OUTPUT_BYTES = 64

/** Into one buffer that holds it all: zlib's own pieces of 16 KiB cost more than compressing a small file. */
function compressZstd(bytes: Uint8Array): Uint8Array {
  return zlib.zstdCompressSync(bytes, { params: ZSTD_PARAMS, chunkSize: zstdBound(bytes.length) })
}

/** ZSTD_compressBound, rounded up. */
function zstdBound(length: number): number {
  return Math.max(MIN_OUTPUT_BYTES, length + (length >>> 8) + 128)
}

function compressDeflate(bytes: Uint8Array): Uint8Array {
  return zlib.deflateRawSync(bytes, { level: DEFLATE_LEVEL })
}

/** Refuses what follows the stream, as the web's decoder does. */
const inflateRawWhole: InflateSync = (stored, options) => {
  // With `info` the result is the buffer and the engine, which the typings leave out.
  const result = zlib.inflateRawSync(stored, { ...options, info: true }) as unknown as {
    readonly buffer: Uint8Array
    readonly engine: { readonly bytesWritten: number }
  }
  if (result.engine.bytesWritten !== stored.length) throw new RangeError("bytes after the stream")
  return result.buffer
}

type InflateSync = (stored: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Uint8Array

function inflate(run: InflateSync, stored: Uint8Array, plainBytes: number): Uint8Array {
  let plain: Uint8Array
  try {
    // One byte of room more than it takes, or zlib asks for another buffer to find out that it is done.
    const chunkSize = Math.max(MIN_OUTPUT_BYTES, plainBytes + 1)
    plain = run(stored, { maxOutputLength: plainBytes, chunkSize })
  } catch (cause) {
    throw new StorageError("FORMAT_INVALID", "compressed bytes", { cause })
  }
  if (plain.length !== plainBytes) throw new StorageError("FORMAT_INVALID", "inflated length")
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length)
}
