/**
 * Git's deltas (gitformat-pack(5)): applying what a server sends, and the one
 * kind that we write, which only inserts.
 *
 *     delta  = varint base length || varint result length || instructions
 *     insert = 0nnnnnnn || n bytes                       n from 1 to 127
 *     copy   = 1sssoooo || offset bytes || size bytes    those whose bit is set
 *
 * Why we write deltas of what has nothing in common with anything: a server
 * that sends two large blobs from two packs first searches for a delta
 * between them, with seconds of CPU for nothing, unless it finds one already
 * there that it can pass on (`docs/decisions/002-own-git-objects.md`).
 *
 * @module
 */
import { utf8 } from "../../../crypto/bytes.ts"
import { StoreError } from "../../errors.ts"

/** The body of the constant blob that our deltas name as their base, and its name in the root of each tree. */
export const BASE_BLOB = utf8(
  "Sessyn keeps its packs as deltas against this file, so that Git does not look for any.\n",
)
export const BASE_NAME = ".base"
/** Its id; a test holds it against {@link BASE_BLOB}. */
export const BASE_ID = "e26126e74df75ffe77daa9617f332ac7865c903a"

/** Longest object that is read, in bytes. */
export const MAX_OBJECT_BYTES = 128 * 1024 * 1024

const MAX_INSERT_BYTES = 127
/** Whole inserts, as many as fit into one stored block of a zlib stream. */
const DELTA_PIECE_BYTES = 0xffff

/** Of {@link insertOnlyDelta}: 1/127 longer than so many bytes, and a few. */
export function insertOnlyLength(byteLength: number): number {
  return headOf(byteLength).length + byteLength + Math.ceil(byteLength / MAX_INSERT_BYTES)
}

/**
 * A delta that makes `bytes` of {@link BASE_BLOB} without using it, in pieces of some 64 KiB. Each is lent until
 * the next is asked for.
 */
export function* insertOnlyDelta(bytes: Uint8Array): Generator<Uint8Array, void> {
  yield headOf(bytes.length)
  const piece = new Uint8Array(Math.min(DELTA_PIECE_BYTES, insertOnlyLength(bytes.length)))
  for (let from = 0; from < bytes.length; ) {
    let to = 0
    while (from < bytes.length && to + 1 + MAX_INSERT_BYTES <= DELTA_PIECE_BYTES) {
      const count = Math.min(MAX_INSERT_BYTES, bytes.length - from)
      piece[to] = count
      piece.set(bytes.subarray(from, from + count), to + 1)
      to += count + 1
      from += count
    }
    yield piece.subarray(0, to)
  }
}

function headOf(byteLength: number): Uint8Array {
  return Uint8Array.from([...varint(BASE_BLOB.length), ...varint(byteLength)])
}

/**
 * The object that `delta` makes of `base`; a new buffer.
 *
 * @throws {StoreError} `STORE_MALFORMED`
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array): Uint8Array {
  const cursor = { at: 0 }
  if (readVarint(delta, cursor) !== base.length) throw malformed()
  const length = readVarint(delta, cursor)
  // Room is made for what the instructions make, not for what is said of it.
  if (length > MAX_OBJECT_BYTES || length !== madeLength(delta, cursor.at)) throw malformed()
  const result = new Uint8Array(length)
  let to = 0
  while (cursor.at < delta.length) {
    const part = readInstruction(base, delta, cursor)
    result.set(part, to)
    to += part.length
  }
  return result
}

/** How many bytes the instructions from `start` on make, if they are good. */
function madeLength(delta: Uint8Array, start: number): number {
  const cursor = { at: start }
  let made = 0
  while (cursor.at < delta.length) {
    const code = delta[cursor.at++] as number
    if ((code & 0x80) === 0) {
      cursor.at += code
      made += code
    } else {
      readSparse(delta, cursor, code & 0x0f)
      made += readSize(delta, cursor, code)
    }
  }
  return made
}

function readInstruction(base: Uint8Array, delta: Uint8Array, cursor: { at: number }): Uint8Array {
  const code = delta[cursor.at++] as number
  if ((code & 0x80) === 0) {
    const from = cursor.at
    cursor.at += code
    if (code === 0 || cursor.at > delta.length) throw malformed()
    return delta.subarray(from, cursor.at)
  }
  const offset = readSparse(delta, cursor, code & 0x0f)
  const size = readSize(delta, cursor, code)
  if (offset + size > base.length) throw malformed()
  return base.subarray(offset, offset + size)
}

function readSize(delta: Uint8Array, cursor: { at: number }, code: number): number {
  return readSparse(delta, cursor, (code >> 4) & 0x07) || 0x10000
}

/** A little-endian number of which only the bytes named by `mask` are written. */
function readSparse(delta: Uint8Array, cursor: { at: number }, mask: number): number {
  let value = 0
  for (let i = 0; i < 4; i++) {
    if ((mask & (1 << i)) === 0) continue
    const byte = delta[cursor.at++]
    if (byte === undefined) throw malformed()
    value += byte * 2 ** (8 * i)
  }
  return value
}

function readVarint(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0
  for (let scale = 1; scale <= 2 ** 42; scale *= 128) {
    const byte = bytes[cursor.at++]
    if (byte === undefined) throw malformed()
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value
  }
  throw malformed()
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) | 0x80)
  }
}

function malformed(): StoreError {
  return new StoreError("STORE_MALFORMED", "a delta in the store's answer is damaged")
}
