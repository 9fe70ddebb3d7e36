/**
 * SHA-1 and zlib for the Git code, by Node.
 *
 * @module
 */
import { createHash } from "node:crypto"
import { deflateSync, inflateSync } from "node:zlib"
import type { GitPrimitives } from "../git/primitives.ts"

export const nodeGitPrimitives: GitPrimitives = {
  sha1(...parts) {
    const hash = createHash("sha1")
    for (const part of parts) hash.update(part)
    return hash.digest("hex")
  },

  createSha1() {
    const hash = createHash("sha1")
    return {
      update: (bytes) => void hash.update(bytes),
      digest: () => plain(hash.digest()),
    }
  },

  deflate: (bytes) => plain(deflateSync(bytes)),

  adler32(bytes) {
    // Node has no such function, but every zlib stream ends with it. What it copies for that takes less than adding up here.
    const stream = deflateSync(bytes, { level: 0, chunkSize: bytes.length + (bytes.length >>> 10) + 1024 })
    return stream.readUInt32BE(stream.length - 4)
  },

  inflate(input, maxBytes) {
    const options = { info: true, maxOutputLength: Math.max(1, maxBytes), chunkSize: Math.max(64, maxBytes + 16) }
    // With `info` the result is the buffer and the engine, which the typings leave out.
    const result = inflateSync(input, options) as unknown as { buffer: Uint8Array; engine: { bytesWritten: number } }
    return { bytes: plain(result.buffer), consumedBytes: result.engine.bytesWritten }
  },
}

/** The same bytes as a plain array: a `Buffer`'s `slice` does not copy. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
