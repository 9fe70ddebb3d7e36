/**
 * Where a large file is cut, and what its chunks are, found as it is read for
 * another reason: an upload then reads only those that the vault lacks.
 *
 * @module
 */
import type { Crypto } from "../crypto/crypto.ts"
import { createCutter, type Gear } from "./chunker.ts"

/** One chunk of a file that was cut. */
export interface Cut {
  /** Of its first byte in the file. */
  readonly offset: number
  readonly plainBytes: number
  /** SHA-256. */
  readonly hash: Uint8Array
}

/** Takes a file longer than `MAX_WHOLE_BYTES`, piece by piece. */
export interface CutSeeker {
  /** The piece is not needed any more when it returns. */
  push(piece: Uint8Array): void
  /** The file is over. @returns Its chunks, in order. Call once. */
  finish(): readonly Cut[]
}

/** @param gear - The workspace's. */
export function createCutSeeker(crypto: Pick<Crypto, "createSha256">, gear: Gear): CutSeeker {
  const cutter = createCutter(gear)
  const cuts: Cut[] = []
  let hasher = crypto.createSha256()
  let offset = 0
  let plainBytes = 0

  function take(part: Uint8Array): void {
    hasher.update(part)
    plainBytes += part.length
  }

  function close(): void {
    cuts.push({ offset, plainBytes, hash: hasher.digest() })
    hasher = crypto.createSha256()
    offset += plainBytes
    plainBytes = 0
  }

  return {
    push(piece) {
      let from = 0
      for (const cut of cutter.push(piece)) {
        take(piece.subarray(from, cut))
        close()
        from = cut
      }
      take(piece.subarray(from))
    },
    finish() {
      if (plainBytes > 0) close()
      return cuts
    },
  }
}
