/**
 * Cuts large files where their content says so, so that an insertion changes
 * the chunks around it and no others: FastCDC with normalised chunking (Xia et
 * al., USENIX ATC 2016) and two bytes a step (IEEE TPDS 2020), over a gear table
 * that comes from a seed of the workspace. Files up to 1 MiB are one chunk.
 * Normative text: `docs/spec/chunker.md`; vectors: `test/vectors/chunker-v1.json`.
 *
 *     h(0) = 0;  h = (h << 1) + gear[byte]  mod 2^32, from the byte after the minimum on
 *     cut after a byte if  h & STRICT = 0  up to the average length,  h & LOOSE = 0  above it
 *
 * Pure and without I/O.
 *
 * @module
 */
import { concatBytes, utf8 } from "../crypto/bytes.ts"
import { type Crypto, HASH_BYTES } from "../crypto/crypto.ts"
import { CryptoError } from "../crypto/errors.ts"
import { LABEL_GEAR } from "../crypto/labels.ts"
import { Secret } from "../crypto/secret.ts"

/** Length in bytes of the seed, which the index keeps for the life of the workspace. */
export const GEAR_SEED_BYTES = HASH_BYTES
/** A file up to this long is one chunk. */
export const MAX_WHOLE_BYTES = 1024 * 1024
/** Bounds of a cut chunk; only the last of a file may be shorter. */
export const MIN_CUT_BYTES = 256 * 1024
export const AVERAGE_CUT_BYTES = 1024 * 1024
export const MAX_CUT_BYTES = 4 * 1024 * 1024

// Bits 30 down, since the top bits depend on the most bytes, and bit 31 stays free for the two-byte step.
const STRICT = 0x7fff_fe00 // 22 bits
const LOOSE = 0x7fff_e000 // 18 bits

/** The table of 256 32-bit numbers that a seed expands to. */
export type Gear = Int32Array

/**
 * Expands a seed: HKDF-SHA256 to 1,024 bytes, read as 256 big-endian numbers.
 *
 * @throws {CryptoError} `CRYPTO_INVALID_INPUT` unless the seed is {@link GEAR_SEED_BYTES} long.
 */
export function createGear(crypto: Crypto, seed: Uint8Array): Gear {
  if (seed.length !== GEAR_SEED_BYTES) throw new CryptoError("CRYPTO_INVALID_INPUT", "gear seed length")
  const expanded = crypto.hkdf(new Secret(seed.slice()), new Uint8Array(0), utf8(LABEL_GEAR), 4 * 256).expose()
  const view = new DataView(expanded.buffer, expanded.byteOffset, expanded.byteLength)
  return Int32Array.from({ length: 256 }, (_, byte) => view.getInt32(4 * byte))
}

/** Cuts one file. Holds at most one chunk and one piece at a time. */
export interface Chunker {
  /**
   * Takes the next piece of the file. Chunks may be views into pieces: a piece belongs to the chunker and must
   * not change before the chunks that hold its bytes are done with.
   *
   * @returns The chunks that this piece completes, in order.
   */
  push(piece: Uint8Array): readonly Uint8Array[]
  /** The file is over. @returns The last chunk; none if the file is empty. Call once. */
  finish(): readonly Uint8Array[]
}

/** Finds the cuts in one file that is longer than {@link MAX_WHOLE_BYTES}. Keeps nothing of it. */
export interface Cutter {
  /** @returns Where in `piece`, the next of the file, chunks end: offsets from 1 to its length, rising. */
  push(piece: Uint8Array): readonly number[]
}

/** A cutter for one file. */
export function createCutter(gear: Gear): Cutter {
  const shifted = gear.map((value) => value << 1)
  /** Of the chunk being filled: its length in the pieces before, and the hash so far. */
  let length = 0
  let hash = 0

  /**
   * Hashes `piece` from `from` to `to`. @returns Where the cut is, or `to` + 1 if there is none before.
   *
   * Two bytes a step: after the first, h << 1 is at hand rather than h, so the mask is shifted, too.
   */
  function scan(piece: Uint8Array, from: number, to: number, mask: number): number {
    const mask1 = mask << 1
    let h = hash
    let at = from
    for (; at + 1 < to; at += 2) {
      h = ((h << 2) + (shifted[piece[at] as number] as number)) | 0
      if ((h & mask1) === 0) return at + 1
      h = (h + (gear[piece[at + 1] as number] as number)) | 0
      if ((h & mask) === 0) return at + 2
    }
    if (at < to) {
      h = ((h << 1) + (gear[piece[at] as number] as number)) | 0
      if ((h & mask) === 0) return at + 1
    }
    hash = h
    return to + 1
  }

  /** Where in `piece`, from `from` on, the chunk being filled ends; `undefined` if beyond this piece. */
  function findCut(piece: Uint8Array, from: number): number | undefined {
    /** Offset in the piece of the chunk's first byte; negative if it came before. */
    const start = from - length
    const spans = [
      [MIN_CUT_BYTES, AVERAGE_CUT_BYTES, STRICT],
      [AVERAGE_CUT_BYTES, MAX_CUT_BYTES, LOOSE],
    ] as const
    for (const [low, high, mask] of spans) {
      const first = Math.max(from, start + low)
      const last = Math.min(piece.length, start + high)
      if (first >= last) continue
      const cut = scan(piece, first, last, mask)
      if (cut <= last) return cut
    }
    return start + MAX_CUT_BYTES <= piece.length ? start + MAX_CUT_BYTES : undefined
  }

  return {
    push(piece) {
      const cuts: number[] = []
      let from = 0
      for (let cut = findCut(piece, from); cut !== undefined; cut = findCut(piece, from)) {
        cuts.push(cut)
        length = 0
        hash = 0
        from = cut
      }
      length += piece.length - from
      return cuts
    },
  }
}

/** A chunker for one file. */
export function createChunker(gear: Gear): Chunker {
  const cutter = createCutter(gear)
  /** The chunk being filled: its parts, and its length so far. */
  let parts: Uint8Array[] = []
  let length = 0
  /** Whether the file is known to be longer than {@link MAX_WHOLE_BYTES}. */
  let large = false

  function take(part: Uint8Array): void {
    if (part.length > 0) parts.push(part)
    length += part.length
  }

  function close(): Uint8Array {
    const chunk = parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(...parts)
    parts = []
    length = 0
    return chunk
  }

  function cutAll(piece: Uint8Array): Uint8Array[] {
    const chunks: Uint8Array[] = []
    let from = 0
    for (const cut of cutter.push(piece)) {
      take(piece.subarray(from, cut))
      chunks.push(close())
      from = cut
    }
    take(piece.subarray(from))
    return chunks
  }

  return {
    push(piece) {
      if (large) return cutAll(piece)
      take(piece)
      if (length <= MAX_WHOLE_BYTES) return []
      // Only now is it known that the file is cut at all: look at what was kept back.
      large = true
      return cutAll(close())
    },
    finish: () => (length === 0 ? [] : [close()]),
  }
}
