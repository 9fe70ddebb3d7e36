/**
 * The decoder of libzstd as WebAssembly, for where there is no native one. Strict and linear: it stops at the first
 * thing that a frame must not have, and never writes beyond the stated length.
 *
 * @module
 */
import { fromBase64 } from "../../crypto/bytes.ts"

/** As much of it as is used: the types of Node alone do not have it. */
declare const WebAssembly: {
  instantiate(
    wasm: Uint8Array,
    imports: { readonly env: Readonly<Record<string, () => void>> },
  ): Promise<{ readonly instance: { readonly exports: unknown } }>
}

/** What `wasm.ts` exports, as far as it is used. Pointers and lengths are of 32 bits. */
interface Decoder {
  readonly memory: { readonly buffer: ArrayBuffer }
  /** 0 if there is no room. */
  malloc(bytes: number): number
  free(at: number): void
  /** The length of what came out; negative if the frame is not sound. */
  ZSTD_decompress(to: number, capacity: number, from: number, bytes: number): number
}

/** How far the heap can grow; a length beyond would be cut to 32 bits. */
const MAX_HEAP_BYTES = 2 ** 31
/** Enough for any chunk. A heap never shrinks, so one that a large shard made larger is not kept. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024

let decoder: Promise<Decoder> | undefined

/**
 * Decodes one frame, whose header must have been checked.
 *
 * @returns A buffer of exactly `plainBytes`; `undefined` if the frame is not sound or not of that length.
 * @throws {RangeError} If there is no memory for it.
 */
export async function decodeZstd(frame: Uint8Array, plainBytes: number): Promise<Uint8Array | undefined> {
  decoder ??= load()
  // From here on nothing waits: calls at the same time do not meet in the heap.
  const { memory, malloc, free, ZSTD_decompress } = await decoder
  const bytes = plainBytes + frame.length
  const to = bytes < MAX_HEAP_BYTES ? malloc(bytes) : 0
  if (to === 0) throw new RangeError("no memory for a zstd frame")
  const from = to + plainBytes
  new Uint8Array(memory.buffer, from, frame.length).set(frame)
  const sound = ZSTD_decompress(to, plainBytes, from, frame.length) === plainBytes
  // Decoding takes memory too, and what grows has another buffer.
  const plain = sound ? new Uint8Array(memory.buffer, to, plainBytes).slice() : undefined
  free(to)
  if (memory.buffer.byteLength > MAX_KEPT_BYTES) decoder = undefined
  return plain
}

/** Compiled with the first frame: most sessions see none. */
async function load(): Promise<Decoder> {
  try {
    const { ZSTD_WASM } = await import("./wasm.ts")
    const { instance } = await WebAssembly.instantiate(fromBase64(ZSTD_WASM), {
      env: { emscripten_notify_memory_growth: () => {} },
    })
    return instance.exports as Decoder
  } catch (cause) {
    // What was missing then, memory say, may be there the next time.
    decoder = undefined
    throw cause
  }
}
