/**
 * Takes one file after another in: reads it into memory that is used again,
 * hashes, compresses and seals it. The same on whatever thread.
 *
 * Folders are reached as `anchor.ts` says, one after another: files come folder
 * by folder, and the way to it is the dearer half of opening a small file.
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
import { nameOf, parentOf } from "../../../tree/paths.ts"
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
  const folders = createFolders(root)
  const room = new Uint8Array(MAX_WHOLE_BYTES)
  /** Contents that were kept: another copy of one is not. */
  const kept = new Set<string>()
  let keys: EpochKeys | null = null

  function read(path: string, listed: Stat): Uint8Array | null {
    try {
      const place = folders.place(path)
      const read = place === null ? null : readExpected(place, MAX_WHOLE_BYTES, listed, room)
      return read?.ok ? read.value.bytes : null
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
      folders.release()
      room.fill(0)
    },
  }
}

/** How long the folder of the last file counts as found, in milliseconds: less than an anchor keeps one that is not used. */
const FOUND_MS = 50

/** Finds the folder of a file, unless it is that of the file before. */
function createFolders(root: string) {
  let anchor: Anchor | null = null
  let last: { readonly path: string; readonly at: string | null; readonly foundAt: number } | null = null

  function find(path: string): string | null {
    anchor ??= createAnchor(root, hasDescriptorPaths(root))
    anchor.begin()
    const folder = anchor.folder(path)
    return folder.ok ? folder.at : null
  }

  return {
    /** `null` if there is no such folder. @throws {SyncError} `ROOT_MISSING`. */
    place(path: string): string | null {
      const parent = parentOf(path)
      const now = performance.now()
      if (last?.path !== parent || now - last.foundAt > FOUND_MS) {
        last = { path: parent, at: find(parent), foundAt: now }
      }
      return last.at === null ? null : `${last.at}/${nameOf(path)}`
    },
    release(): void {
      last = null
      anchor?.release()
    },
  }
}
