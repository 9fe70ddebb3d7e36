/**
 * Opening many chunks of packs: on this thread, or, where the platform has
 * another, there. For that one, references become columns: a structured clone of
 * thousands of small objects and arrays would cost more than opening them.
 *
 * @module
 */
import type { Awaitable, Crypto } from "../crypto/crypto.ts"
import type { Decompress } from "./compress.ts"
import type { ChunkRef } from "./format/index/entry.ts"
import { CODEC_NUMBERS, CODECS } from "./format/pack.ts"
import { type Keyring, OBJECT_SALT_BYTES } from "./keys.ts"
import { openChunk } from "./packReader.ts"

/**
 * Takes one chunk's plaintext: a view that is good until what this returns is fulfilled, and not to be changed. Its
 * buffer is used again.
 */
export type TakeChunk = (ref: ChunkRef, plain: Uint8Array) => Awaitable<void>

export interface PackOpener {
  /**
   * Hands over the chunks in their order. One call at a time.
   *
   * @param pack - Checked by `verifyPack`. Given away: it may be of no use afterwards.
   * @throws as `openChunk`, and whatever `take` throws.
   */
  open(pack: Uint8Array, refs: readonly ChunkRef[], take: TakeChunk): Promise<void>
  /** To be called in any case. The keyring is left alone. */
  close(): Promise<void>
}

/** Opens on this thread. */
export function createPackOpener(crypto: Crypto, keyring: Keyring, decompress?: Decompress): PackOpener {
  return {
    async open(pack, refs, take) {
      for (const ref of refs) await take(ref, await openChunk(crypto, keyring, pack, ref, decompress))
    },
    close: async () => {},
  }
}

/** References to chunks of one pack. */
export interface RefColumns {
  /** Five to a chunk: offset, sealed bytes, plain bytes, epoch, number. */
  readonly numbers: Float64Array
  readonly codecs: Uint8Array
  readonly salts: Uint8Array
  readonly hashes: Uint8Array
}

const NUMBERS = 5
const HASH_BYTES = 32

export function toColumns(refs: readonly ChunkRef[]): RefColumns {
  const numbers = new Float64Array(refs.length * NUMBERS)
  const codecs = new Uint8Array(refs.length)
  const salts = new Uint8Array(refs.length * OBJECT_SALT_BYTES)
  const hashes = new Uint8Array(refs.length * HASH_BYTES)
  let at = 0
  for (const [i, ref] of refs.entries()) {
    numbers[at++] = ref.offset
    numbers[at++] = ref.sealedBytes
    numbers[at++] = ref.plainBytes
    numbers[at++] = ref.epoch
    numbers[at++] = ref.number
    codecs[i] = CODEC_NUMBERS[ref.codec]
    salts.set(ref.salt, i * OBJECT_SALT_BYTES)
    hashes.set(ref.hash, i * HASH_BYTES)
  }
  return { numbers, codecs, salts, hashes }
}

/** One of them back. Which pack it is of, the receiver knows. */
export function refAt({ numbers, codecs, salts, hashes }: RefColumns, i: number): ChunkRef {
  const number = (which: number): number => numbers[i * NUMBERS + which] as number
  return {
    pack: "",
    offset: number(0),
    sealedBytes: number(1),
    plainBytes: number(2),
    epoch: number(3),
    number: number(4),
    codec: CODECS[codecs[i] as number] as ChunkRef["codec"],
    salt: salts.subarray(i * OBJECT_SALT_BYTES, (i + 1) * OBJECT_SALT_BYTES),
    hash: hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  }
}
