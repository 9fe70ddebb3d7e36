/**
 * A zlib stream (RFC 1950) of stored blocks (RFC 1951, section 3.2.4), for what
 * cannot shrink, written while its bytes are still being made.
 *
 *     stream = 78 01 || blocks || Adler-32 of all bytes, big-endian
 *     block  = 01 if it is the last, else 00 || length || one's complement of length || bytes      both u16, little-endian
 *
 * @module
 */
import type { GitPrimitives } from "./primitives.ts"

const HEADER = Uint8Array.of(0x78, 0x01)
const MAX_BLOCK_BYTES = 0xffff
const BLOCK_HEAD_BYTES = 5
/** Largest prime below 2^16. */
const ADLER_BASE = 65_521

/**
 * @param pieces - The bytes, each piece lent until the next is asked for.
 * @param byteLength - Of all of them.
 * @returns Pieces a little longer than those, which do not change any more.
 */
export function* storedZlib(
  git: Pick<GitPrimitives, "adler32">,
  pieces: Iterable<Uint8Array>,
  byteLength: number,
): Generator<Uint8Array, void> {
  let left = byteLength
  let adler = 1
  yield HEADER
  if (byteLength === 0) yield blocksOf(new Uint8Array(0), true)
  for (const piece of pieces) {
    if (piece.length === 0) continue
    left -= piece.length
    adler = joinAdler(adler, git.adler32(piece), piece.length)
    yield blocksOf(piece, left === 0)
  }
  if (left !== 0) throw new RangeError("another length than was said")
  yield Uint8Array.of(adler >>> 24, adler >>> 16, adler >>> 8, adler)
}

function blocksOf(bytes: Uint8Array, isLast: boolean): Uint8Array {
  const count = Math.max(1, Math.ceil(bytes.length / MAX_BLOCK_BYTES))
  const blocks = new Uint8Array(bytes.length + BLOCK_HEAD_BYTES * count)
  for (let i = 0, to = 0; i < count; i++) {
    const block = bytes.subarray(i * MAX_BLOCK_BYTES, (i + 1) * MAX_BLOCK_BYTES)
    const { length } = block
    const isFinal = isLast && i === count - 1
    blocks.set([isFinal ? 1 : 0, length & 0xff, length >>> 8, ~length & 0xff, (~length >>> 8) & 0xff], to)
    blocks.set(block, to + BLOCK_HEAD_BYTES)
    to += BLOCK_HEAD_BYTES + length
  }
  return blocks
}

/** The checksum of two strings, one after the other, from those of each and the length of the second. */
function joinAdler(first: number, second: number, secondLength: number): number {
  const [a1, b1] = [first & 0xffff, first >>> 16]
  const [a2, b2] = [second & 0xffff, second >>> 16]
  // The sum of the second began with 1, too; it should have begun with that of the first.
  const more = (a1 + ADLER_BASE - 1) % ADLER_BASE
  const a = (a2 + more) % ADLER_BASE
  const b = (b1 + b2 + (secondLength % ADLER_BASE) * more) % ADLER_BASE
  return ((b << 16) | a) >>> 0
}
