/**
 * What the scan read, so that an upload reads and hashes nothing twice: small files are kept, and of large ones
 * where they were cut. What is kept is bounded; beyond that a file is read again when its turn comes.
 *
 * @module
 */
import { equalBytes, toHex } from "../../crypto/bytes.ts"
import { MAX_WHOLE_BYTES } from "../../storage/chunker.ts"
import type { Compressor } from "../../storage/compress.ts"
import type { Cut } from "../../storage/cuts.ts"
import { isSealed, type WholeContent } from "../../storage/packWriter.ts"
import type { Ready } from "../ports/intake.ts"
import { looksSecret } from "../tree/sensitive.ts"

const MAX_HELD_BYTES = 32 * 1024 * 1024
/** Of some 200 bytes each, for a MiB of a file or so. */
const MAX_CUTS = 65_536

export type StoredContent = WholeContent["stored"]

export interface ReadAhead {
  /** Takes a file's content as it was read, which must not change any more. */
  keep(path: string, bytes: Uint8Array, hash: Uint8Array): void
  /** Takes a file's content as it is to be uploaded; whoever made it so has seen to what it holds. */
  keepReady(path: string, ready: Ready, hash: Uint8Array): void
  /**
   * Gives away the content of that hash; `undefined` if it was not kept, or is sealed under another epoch than this.
   */
  take(path: string, hash: Uint8Array, epoch: number): StoredContent | undefined
  /** Takes where a large file was cut. */
  keepCuts(path: string, cuts: readonly Cut[], hash: Uint8Array): void
  /** Gives away the chunks of the large file of that hash, if they were kept. */
  takeCuts(path: string, hash: Uint8Array): readonly Cut[] | undefined
  /** Forgets everything: the files are looked at anew. */
  clear(): void
}

export function createReadAhead(compressor: Compressor, maxHeldBytes = MAX_HELD_BYTES): ReadAhead {
  const kept = new Map<string, Kept>()
  /** Made when the first file is asked for that is not kept: an intake keeps one of several copies. */
  let byContent: ReadonlyMap<string, Kept> | null = null
  let heldBytes = 0
  const cutFiles = new Map<string, { readonly cuts: readonly Cut[]; readonly hash: Uint8Array }>()
  let cutCount = 0

  function copyOf(path: string, hash: Uint8Array): Kept | undefined {
    if (looksSecret(path)) return undefined
    byContent ??= new Map(
      [...kept].flatMap(([each, file]) => (looksSecret(each) ? [] : [[toHex(file.hash), file] as const])),
    )
    return byContent.get(toHex(hash))
  }

  return {
    keep(path, bytes, hash) {
      if (bytes.length > MAX_WHOLE_BYTES || heldBytes + bytes.length > maxHeldBytes) return
      heldBytes += bytes.length
      // A secret's compressed length would tell about it.
      const stored = () => (looksSecret(path) ? ({ codec: "none", bytes } as const) : compressor.compress(bytes))
      kept.set(path, { hash, epoch: null, stored })
    },
    keepReady(path, ready, hash) {
      kept.set(path, { hash, epoch: isSealed(ready) ? ready.epoch : null, stored: () => ready })
    },
    take(path, hash, epoch) {
      const found = kept.get(path) ?? copyOf(path, hash)
      // An earlier look at a file that was edited since.
      if (found === undefined || !equalBytes(found.hash, hash)) return undefined
      kept.delete(path)
      return found.epoch === null || found.epoch === epoch ? found.stored : undefined
    },
    keepCuts(path, cuts, hash) {
      if (cutCount + cuts.length > MAX_CUTS) return
      cutCount += cuts.length
      cutFiles.set(path, { cuts, hash })
    },
    takeCuts(path, hash) {
      const found = cutFiles.get(path)
      if (found === undefined || !equalBytes(found.hash, hash)) return undefined
      cutFiles.delete(path)
      return found.cuts
    },
    clear() {
      cutFiles.clear()
      cutCount = 0
      kept.clear()
      byContent = null
      heldBytes = 0
    },
  }
}

interface Kept {
  readonly hash: Uint8Array
  /** Of the keys it is sealed under; `null` if it is not. */
  readonly epoch: number | null
  readonly stored: StoredContent
}
