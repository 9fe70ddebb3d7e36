/**
 * The other core: compresses batches of files. A program of its own, started by
 * `compressAhead.ts`; it gets plaintext of the same process, and no key.
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads"
import type { Compressed } from "../../../storage/compress.ts"
import { createNodeCompressor } from "./nodeCompressor.ts"

/** Files one after another in one buffer, which goes with the message. */
export interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly lengths: readonly number[]
}

/** The same files as they will be sealed. */
export interface CompressedBatch extends Batch {
  readonly codecs: readonly Compressed["codec"][]
}

/** Its `workerData`. */
export type WorkerCodec = "zstd" | "deflate-raw"

const compressor = createNodeCompressor(workerData as WorkerCodec)

function compressBatch({ bytes, lengths }: Batch): CompressedBatch {
  const out = new Uint8Array(bytes.length)
  const outLengths: number[] = []
  const codecs: Compressed["codec"][] = []
  let from = 0
  let to = 0
  for (const length of lengths) {
    // What does not become shorter stays as it is: the output is never longer than the input.
    const { codec, bytes: stored } = compressor.compress(bytes.subarray(from, from + length))
    out.set(stored, to)
    outLengths.push(stored.length)
    codecs.push(codec)
    from += length
    to += stored.length
  }
  return { bytes: out.slice(0, to), lengths: outLengths, codecs }
}

parentPort?.on("message", (batch: Batch) => {
  const done = compressBatch(batch)
  parentPort?.postMessage(done, [done.bytes.buffer])
})
