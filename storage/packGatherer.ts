/**
 * Gathers sealed chunks into packs: padded, named, handed over one at a time.
 * Holds the pack being filled and one waiting to be taken. Keys are none of its
 * business.
 *
 * @module
 */
import { toHex } from "../crypto/bytes.ts"
import type { Crypto } from "../crypto/crypto.ts"
import { StorageError } from "./errors.ts"
import type { ChunkRef, Codec } from "./format/index/entry.ts"
import { encodePack, MAX_CHUNK_BYTES, MAX_PACK_BYTES, PACK_MAGIC } from "./format/pack.ts"

/** A pack as it goes to the store. */
export interface SealedPack {
  /** SHA-256 in hex. */
  readonly id: string
  /** The whole pack; belongs to the receiver. */
  readonly bytes: Uint8Array
  /** What it holds, in the order of offsets. To be kept with the pack if an upload is to be resumed. */
  readonly chunks: readonly ChunkRef[]
}

/** A chunk as its run sealed it: all of a reference that does not depend on the pack. */
export interface SealedChunk {
  readonly bytes: Uint8Array
  readonly codec: Codec
  readonly epoch: number
  readonly salt: Uint8Array
  readonly number: number
}

/** A chunk with its place, once the pack is closed that gives it one. */
export interface PlacedChunk {
  ref?: ChunkRef
}

export interface Gatherer {
  /** Adds a sealed chunk to the open pack, closing the one before if it does not fit. Does not wait. */
  place(sealed: SealedChunk, plain: { readonly plainBytes: number; readonly hash: Uint8Array }): PlacedChunk
  /** Waits until at most one pack is on its way. @throws what `onPack` threw. */
  room(): Promise<void>
  finish(): Promise<void>
}

export function createGatherer(
  crypto: Crypto,
  targetBytes: number,
  onPack: (pack: SealedPack) => Promise<void>,
): Gatherer {
  if (targetBytes > MAX_PACK_BYTES - MAX_CHUNK_BYTES) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "pack target")
  let open = emptyPack()
  /** One promise for each pack that `onPack` has, or that is in line for it, oldest first. None ever rejects. */
  const onTheWay: Promise<void>[] = []
  let failure: { readonly cause: unknown } | undefined

  function close(): void {
    if (open.chunks.length === 0) return
    const closing = open
    open = emptyPack()
    onTheWay.push(handOver(closing, onTheWay.at(-1)))
  }

  async function handOver(closing: OpenPack, before: Promise<void> | undefined): Promise<void> {
    await before
    try {
      if (failure === undefined) await onPack(sealPack(crypto, closing))
    } catch (cause) {
      failure ??= { cause }
    }
    onTheWay.shift()
  }

  function rethrow(): void {
    if (failure !== undefined) throw failure.cause
  }

  return {
    place(sealed, plain) {
      rethrow()
      if (open.length + sealed.bytes.length > targetBytes) close()
      const placed: PlacedChunk = {}
      open.chunks.push({ sealed, plain, placed, offset: open.length })
      open.length += sealed.bytes.length
      return placed
    },
    async room() {
      while (onTheWay.length > 1) await onTheWay[0]
      rethrow()
    },
    async finish() {
      close()
      await onTheWay.at(-1)
      rethrow()
    },
  }
}

interface OpenPack {
  length: number
  readonly chunks: {
    readonly sealed: SealedChunk
    readonly plain: { readonly plainBytes: number; readonly hash: Uint8Array }
    readonly placed: PlacedChunk
    readonly offset: number
  }[]
}

function emptyPack(): OpenPack {
  return { length: PACK_MAGIC.length, chunks: [] }
}

/** Pads and names a pack, and tells its chunks where they lie. */
function sealPack(crypto: Crypto, open: OpenPack): SealedPack {
  const bytes = encodePack(
    open.chunks.map((chunk) => chunk.sealed.bytes),
    (length) => crypto.randomBytes(length),
  )
  const id = toHex(crypto.sha256(bytes))
  const chunks = open.chunks.map(({ sealed, plain, placed, offset }): ChunkRef => {
    const { bytes, codec, epoch, salt, number } = sealed
    placed.ref = { pack: id, offset, sealedBytes: bytes.length, codec, epoch, salt, number, ...plain }
    return placed.ref
  })
  return { id, bytes, chunks }
}
