/**
 * What passes between the fuzzer and the thread in which its targets run.
 *
 * @module
 */

/** How long one input may take before it is said never to end, in milliseconds. */
export const HANG_MS = 30_000

/** A counter that every input moves, the input's length, and the input. */
const HEAD_BYTES = 8
const MAX_INPUT_BYTES = 4 * 1024 * 1024
export const SHARED_BYTES = HEAD_BYTES + MAX_INPUT_BYTES

export interface Job {
  readonly seconds: number
  /** Only this one, or null for all. */
  readonly target: string | null
  /** Only those behind this one. */
  readonly after?: string | null
  readonly seed: number
  readonly keep: boolean
  readonly memory: SharedArrayBuffer
}

export interface Report {
  readonly kind: "begin" | "end"
  readonly target: string
  readonly line: string
  readonly faults: number
}

export function noteInput(memory: SharedArrayBuffer, input: Uint8Array): void {
  const head = new Int32Array(memory, 0, 2)
  new Uint8Array(memory, HEAD_BYTES).set(input.subarray(0, MAX_INPUT_BYTES))
  head[1] = Math.min(input.length, MAX_INPUT_BYTES)
  Atomics.add(head, 0, 1)
}

export function inputOf(memory: SharedArrayBuffer): Uint8Array {
  const [, length = 0] = new Int32Array(memory, 0, 2)
  return new Uint8Array(memory, HEAD_BYTES, length).slice()
}
