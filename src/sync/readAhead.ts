/**
 * Small files that the scan read: kept, and compressed on another core where
 * there is one, so that an upload reads, hashes and compresses nothing twice.
 * What is kept is bounded; beyond that a file is read again when its turn comes.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import { MAX_WHOLE_BYTES } from "../../storage/chunker.ts"
import type { Compressing, Compressor } from "../../storage/compress.ts"
import type { WholeContent } from "../../storage/packWriter.ts"
import { looksSecret } from "../tree/sensitive.ts"

const MAX_HELD_BYTES = 32 * 1024 * 1024
/** Between two counts of what is held. */
const RECOUNT_BYTES = 1024 * 1024

export interface ReadAhead {
  /** Takes a file's content, which must not change any more. */
  keep(path: string, bytes: Uint8Array, hash: Uint8Array): void
  /** Gives away the content of that hash; `undefined` if it was not kept. */
  take(path: string, hash: Uint8Array): WholeContent | undefined
  close(): void
}

export function createReadAhead(compressor: Compressor, maxHeldBytes = MAX_HELD_BYTES): ReadAhead {
  const ahead = compressor.compressAhead?.()
  const kept = new Map<string, Kept>()
  let room = maxHeldBytes
  let recountAt = 0

  /** What is compressed takes less room than it did. */
  function hasRoom(bytes: number): boolean {
    if (bytes <= room) return true
    recountAt -= bytes
    if (recountAt > 0) return false
    recountAt = RECOUNT_BYTES
    room = maxHeldBytes
    for (const { compressing } of kept.values()) room -= compressing.heldBytes
    return bytes <= room
  }

  return {
    keep(path, bytes, hash) {
      if (bytes.length > MAX_WHOLE_BYTES || !hasRoom(bytes.length)) return
      room -= bytes.length
      kept.set(path, { size: bytes.length, hash, compressing: looksSecret(path) ? asItIs(bytes) : compress(bytes) })
    },
    take(path, hash) {
      const found = kept.get(path)
      // An earlier look at a file that was edited since.
      if (found === undefined || !equalBytes(found.hash, hash)) return undefined
      kept.delete(path)
      return { size: found.size, hash: found.hash, stored: () => found.compressing.result() }
    },
    close() {
      kept.clear()
      ahead?.close()
    },
  }

  function compress(bytes: Uint8Array): Compressing {
    return ahead?.add(bytes) ?? { heldBytes: bytes.length, result: () => compressor.compress(bytes) }
  }
}

interface Kept {
  readonly size: number
  readonly hash: Uint8Array
  readonly compressing: Compressing
}

/** A secret's compressed length would tell about it. */
function asItIs(bytes: Uint8Array): Compressing {
  return { heldBytes: bytes.length, result: () => ({ codec: "none", bytes }) }
}
