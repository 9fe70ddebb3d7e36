/**
 * Fetches just the packs that hold wanted chunks, checks them, and hands over
 * plaintext chunk by chunk. A pack is read once, whatever it is wanted for.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import { StorageError } from "../../storage/errors.ts"
import type { ChunkRef, FileEntry } from "../../storage/format/index/entry.ts"
import { verifyPack } from "../../storage/format/pack.ts"
import { packPath } from "../../storage/layout.ts"
import { createPackOpener, type PackOpener, type TakeChunk } from "../../storage/packOpener.ts"
import type { CallOptions, ObjectId, Snapshot } from "../../storage/remote/store.ts"
import type { Context } from "../vault/context.ts"

/** Identifies a chunk's place in the vault. */
export function chunkPlace({ pack, offset }: ChunkRef): string {
  return `${pack} ${offset}`
}

/** From so many chunks, or bytes of plaintext, on another thread is worth its start. */
const MANY_CHUNKS = 400
const MANY_BYTES = 8 * 1024 * 1024

/**
 * Reads chunks in any order, each place once.
 *
 * @throws {StorageError} `OBJECT_MISSING` if the tree lacks a pack; `HASH_MISMATCH`, `SEAL_BROKEN`… if one is damaged.
 */
export async function fetchChunks(
  context: Context,
  snapshot: Snapshot,
  refs: Iterable<ChunkRef>,
  take: TakeChunk,
  call: CallOptions,
): Promise<void> {
  const { host, store } = context
  const refsByPack = groupByPack(refs)
  const packById = new Map<ObjectId, string>()
  for (const pack of refsByPack.keys()) {
    const id = snapshot.get(packPath(pack))
    if (id === undefined) throw new StorageError("OBJECT_MISSING", "no such pack in the tree")
    packById.set(id, pack)
  }
  if (packById.size === 0) return
  const takeOne: TakeChunk = (ref, plain) => {
    call.signal?.throwIfAborted()
    host.progress.advance(ref.plainBytes)
    return take(ref, plain)
  }
  const opener = openerFor(context, refsByPack.values())
  /** The pack before: it is opened while the next is on its way, and no further. */
  let opening: Promise<void> = Promise.resolve()
  const onPack = async (id: ObjectId, bytes: Uint8Array): Promise<void> => {
    const pack = packById.get(id) as string
    verifyPack(host.crypto, pack, bytes)
    await opening
    opening = opener.open(bytes, refsByPack.get(pack) ?? [], takeOne)
    // Thrown where the next pack, or the end, waits for it.
    opening.catch(() => {})
  }
  try {
    await store.read([...packById.keys()], onPack, call)
    await opening
  } finally {
    await opening.catch(() => {})
    await opener.close()
  }
}

function openerFor({ host, keyring }: Context, packs: Iterable<readonly ChunkRef[]>): PackOpener {
  let chunks = 0
  let bytes = 0
  for (const refs of packs) {
    chunks += refs.length
    for (const { plainBytes } of refs) bytes += plainBytes
  }
  const isMuch = chunks >= MANY_CHUNKS || bytes >= MANY_BYTES
  const elsewhere = isMuch ? host.openElsewhere?.(keyring) : undefined
  return elsewhere ?? createPackOpener(host.crypto, keyring, host.compressor.decompress)
}

/**
 * Hands over a file's content piece by piece, in order.
 *
 * @throws {StorageError} as {@link fetchChunks}; `HASH_MISMATCH` at the end if the pieces are not the file that the index
 * says, whose order and number no chunk vouches for.
 */
export async function readInOrder(
  context: Context,
  snapshot: Snapshot,
  entry: FileEntry,
  take: (bytes: Uint8Array) => void | Promise<void>,
  call: CallOptions,
): Promise<void> {
  const hasher = context.host.crypto.createSha256()
  const takeChunk = (_: ChunkRef, plain: Uint8Array): void | Promise<void> => {
    hasher.update(plain)
    // It is the taker's: he may keep it.
    return take(plain.slice())
  }
  for (const run of runsByPack(entry.chunks)) await fetchChunks(context, snapshot, run, takeChunk, call)
  if (!equalBytes(hasher.digest(), entry.hash)) throw new StorageError("HASH_MISMATCH", "file hash")
}

/** The whole content of one file of a snapshot. For small things: conflicts, merges, diffs. */
export async function readContent(
  context: Context,
  snapshot: Snapshot,
  entry: FileEntry,
  call: CallOptions,
): Promise<Uint8Array> {
  const plainByPlace = new Map<string, Uint8Array>()
  await fetchChunks(
    context,
    snapshot,
    entry.chunks,
    (ref, plain) => {
      plainByPlace.set(chunkPlace(ref), plain.slice())
    },
    call,
  )
  // Not all chunks at once: there may be more than a call takes arguments.
  const content = new Uint8Array(entry.size)
  let at = 0
  for (const ref of entry.chunks) {
    const plain = plainByPlace.get(chunkPlace(ref)) as Uint8Array
    content.set(plain, at)
    at += plain.length
  }
  return content
}

/** Neighbours in one pack, at growing offsets, together: one read of the pack delivers them in order. */
function runsByPack(chunks: readonly ChunkRef[]): readonly (readonly ChunkRef[])[] {
  const runs: ChunkRef[][] = []
  for (const chunk of chunks) {
    const last = runs.at(-1)?.at(-1)
    if (last !== undefined && last.pack === chunk.pack && last.offset < chunk.offset) runs.at(-1)?.push(chunk)
    else runs.push([chunk])
  }
  return runs
}

function groupByPack(refs: Iterable<ChunkRef>): Map<string, readonly ChunkRef[]> {
  const byPack = new Map<string, Map<number, ChunkRef>>()
  for (const ref of refs) {
    const places = byPack.get(ref.pack) ?? new Map<number, ChunkRef>()
    byPack.set(ref.pack, places.set(ref.offset, ref))
  }
  return new Map(
    [...byPack].map(([pack, places]) => [pack, [...places.values()].sort((a, b) => a.offset - b.offset)] as const),
  )
}
