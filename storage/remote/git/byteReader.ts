/**
 * Reads a stream of byte chunks by length: the one place where the pieces of
 * a network become a sequence. Holds no more than was asked for and one chunk.
 *
 * @module
 */
import { StoreError } from "../../errors.ts"

export interface ByteReader {
  /** How many bytes were taken or skipped so far. */
  readonly offset: number

  /**
   * At least `count` bytes from here, or all that are left if there are fewer. A view, good until the next call. What is
   * allocated grows with what comes, not with `count`, which a server may have stated.
   */
  peek(count: number): Promise<Uint8Array>

  /** Moves on by `count` bytes, which must have been peeked. */
  skip(count: number): void

  /**
   * Exactly `count` bytes in a new buffer.
   *
   * @throws {StoreError} `STORE_UNREACHABLE` (transient) if the stream ends before.
   */
  take(count: number): Promise<Uint8Array>

  /** Reads and drops the rest. */
  drain(): Promise<void>

  /** Lets go of the stream, whether read to its end or not. */
  close(): Promise<void>
}

const FIRST_CAPACITY_BYTES = 128 * 1024

export function createByteReader(chunks: AsyncIterable<Uint8Array>): ByteReader {
  const source = chunks[Symbol.asyncIterator]()
  let buffer = new Uint8Array(FIRST_CAPACITY_BYTES)
  let start = 0
  let end = 0
  let offset = 0
  let ended = false

  const makeRoom = (count: number): void => {
    if (buffer.length - end >= count) return
    const held = end - start
    const target = held + count <= buffer.length ? buffer : new Uint8Array(Math.max(held + count, 2 * buffer.length))
    if (target === buffer) buffer.copyWithin(0, start, end)
    else target.set(buffer.subarray(start, end))
    buffer = target
    start = 0
    end = held
  }

  const peek = async (count: number): Promise<Uint8Array> => {
    while (end - start < count && !ended) {
      const next = await source.next()
      if (next.done === true) {
        ended = true
        break
      }
      makeRoom(next.value.length)
      buffer.set(next.value, end)
      end += next.value.length
    }
    return buffer.subarray(start, end)
  }

  const skip = (count: number): void => {
    if (count > end - start) throw new RangeError("skipped more than was peeked")
    start += count
    offset += count
  }

  return {
    get offset() {
      return offset
    },
    peek,
    skip,
    async take(count) {
      const view = await peek(count)
      if (view.length < count) throw endedEarly()
      const taken = view.slice(0, count)
      skip(count)
      return taken
    },
    async drain() {
      start = end
      while (!ended) ended = (await source.next()).done === true
    },
    async close() {
      ended = true
      await source.return?.()
    },
  }
}

const early = new WeakSet<object>()

/** The stream stopped in the middle of something: as good as a lost connection. */
export function endedEarly(): StoreError {
  const error = new StoreError("STORE_UNREACHABLE", "the store's answer ended early", { transient: true })
  early.add(error)
  return error
}

/** Whether it was the store that ended its answer, orderly; not the connection that broke. */
export function isEndedEarly(error: object): boolean {
  return early.has(error)
}
