/**
 * Compression by the platform's CompressionStream, which speaks deflate only.
 * Reads all codecs.
 *
 * @module
 */
import { type Compressor, decompress, keepIfShorter, looksCompressible } from "../../../storage/compress.ts"

/** A {@link Compressor} over CompressionStream. */
export function createWebCompressor(): Compressor {
  return {
    async compress(bytes) {
      if (!looksCompressible(bytes)) return { codec: "none", bytes }
      return keepIfShorter("deflate-raw", bytes, await deflate(bytes))
    },
    decompress,
  }
}

async function deflate(bytes: Uint8Array): Promise<Uint8Array> {
  const source = new Blob([bytes as Uint8Array<ArrayBuffer>])
  const stream = source.stream().pipeThrough(new CompressionStream("deflate-raw"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}
