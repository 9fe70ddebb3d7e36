/**
 * Takes one file after another in: reads it into memory that is used again,
 * hashes, compresses and seals it. The same on whatever thread.
 *
 * Folders are reached as `anchor.ts` says: no link is followed on the way.
 *
 * @module
 */
import type { Crypto } from "../../../../crypto/crypto.ts"
import { toHex } from "../../../../crypto/bytes.ts"
import { MAX_WHOLE_BYTES } from "../../../../storage/chunker.ts"
import type { EpochKeys } from "../../../../storage/keys.ts"
import { sealWhole } from "../../../../storage/packWriter.ts"
import type { Ready, TakenIn } from "../../../ports/intake.ts"
import type { Stat } from "../../../ports/workspace.ts"
import { looksSecret } from "../../../tree/sensitive.ts"
import type { NodeCompressor } from "../nodeCompressor.ts"
import { type Anchor, createAnchor, hasDescriptorPaths } from "../workspace/anchor.ts"
import { readExpected } from "../workspace/reading.ts"

export interface TakerOptions {
  /** The workspace's root, with links resolved. */
  readonly root: string
  readonly crypto: Crypto
  readonly compressor: NodeCompressor
}

export interface Taker {
  /**
   * @param listed - At most {@link MAX_WHOLE_BYTES} long.
   * @param keeps - Whether its content is wanted. The bytes answered are good until the next call.
   * @returns `null` if it is not as listed, or cannot be read.
   */
  takeIn(path: string, listed: Stat, keeps: boolean): Promise<TakenIn | null>
  sealUnder(keys: EpochKeys): void
  close(): void
}

export function createTaker({ root, crypto, compressor }: TakerOptions): Taker {
  let anchor: Anchor | null = null
  const room = new Uint8Array(MAX_WHOLE_BYTES)
  /** Contents that were kept: another copy of one is not. */
  const kept = new Set<string>()
  let keys: EpochKeys | null = null

  function read(path: string, listed: Stat): Uint8Array | null {
    try {
      anchor ??= createAnchor(root, hasDescriptorPaths(root))
      anchor.begin()
      const place = anchor.place(path)
      const read = place.ok ? readExpected(place.at, MAX_WHOLE_BYTES, listed, room) : place
      return read.ok ? read.value.bytes : null
    } catch {
      // Whoever looks at it in the other way learns why.
      return null
    }
  }

  async function prepare(path: string, bytes: Uint8Array, hash: Uint8Array): Promise<Ready | null> {
    const secret = looksSecret(path)
    if (!secret) {
      const key = toHex(hash)
      if (kept.has(key)) return null
      kept.add(key)
    }
    // A secret's compressed length would tell about it.
    const content = secret ? { codec: "none" as const, bytes } : compressor.compress(bytes)
    return keys === null ? content : sealWhole(crypto, keys, content)
  }

  return {
    async takeIn(path, listed, keeps) {
      const bytes = read(path, listed)
      if (bytes === null) return null
      const hash = crypto.sha256(bytes)
      return { hash, ready: keeps && bytes.length > 0 ? await prepare(path, bytes, hash) : null }
    },
    sealUnder(given) {
      keys = given
    },
    close() {
      anchor?.release()
      room.fill(0)
    },
  }
}
