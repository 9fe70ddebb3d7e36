/**
 * Copies sealed chunks out of packs of which only a part is needed any more,
 * into packs that hold nothing else. Nothing is sealed: key, nonce and associated
 * data bind a chunk to its run, not to its pack (`docs/spec/pack.md`), so the
 * bytes stay what they are and only the place in the reference changes.
 *
 * @module
 */
import type { Crypto } from "../crypto/crypto.ts"
import type { Decompress } from "./compress.ts"
import type { ChunkRef } from "./format/index/entry.ts"
import { verifyPack } from "./format/pack.ts"
import type { Keyring } from "./keys.ts"
import { createGatherer, type PlacedChunk, type SealedPack } from "./packGatherer.ts"
import { openChunk } from "./packReader.ts"

export interface PackCopierOptions {
  readonly crypto: Crypto
  readonly keyring: Keyring
  readonly decompress: Decompress
  /** As of a pack writer. */
  readonly targetBytes: number
  /** As of a pack writer. */
  readonly onPack: (pack: SealedPack) => Promise<void>
}

export interface PackCopier {
  /**
   * Takes over chunks of one pack, each of which is opened first: what is damaged is not carried on.
   *
   * @param pack - As it came from the store; not kept.
   * @throws {StorageError} as `verifyPack` and `openChunk`.
   */
  copy(id: string, pack: Uint8Array, refs: readonly ChunkRef[]): Promise<void>
  /** Closes the last pack. @returns Pairs of where a chunk lay and where it lies now. */
  finish(): Promise<readonly (readonly [from: ChunkRef, to: ChunkRef])[]>
}

export function createPackCopier(options: PackCopierOptions): PackCopier {
  const { crypto, keyring, decompress } = options
  const gatherer = createGatherer(crypto, options.targetBytes, options.onPack)
  const copied: { readonly from: ChunkRef; readonly placed: PlacedChunk }[] = []
  return {
    async copy(id, pack, refs) {
      verifyPack(crypto, id, pack)
      for (const from of refs) {
        await openChunk(crypto, keyring, pack, from, decompress)
        const { codec, epoch, salt, number, plainBytes, hash } = from
        const bytes = pack.slice(from.offset, from.offset + from.sealedBytes)
        const placed = gatherer.place({ bytes, codec, epoch, salt, number }, { plainBytes, hash })
        copied.push({ from, placed })
        await gatherer.room()
      }
    },
    async finish() {
      await gatherer.finish()
      return copied.map(({ from, placed }) => [from, placed.ref as ChunkRef] as const)
    },
  }
}
