/**
 * Fetches just the packs that hold wanted chunks, checks them, and hands over
 * plaintext chunk by chunk. A pack is read once, whatever it is wanted for.
 *
 * @module
 */
import { concatBytes, equalBytes } from "../../crypto/bytes.ts"
import { StorageError } from "../../storage/errors.ts"
import type { ChunkRef, FileEntry } from "../../storage/format/index/entry.ts"
import { verifyPack } from "../../storage/format/pack.ts"
import { packPath } from "../../storage/layout.ts"
import { openChunk } from "../../storage/packReader.ts"
import type { CallOptions, ObjectId, Snapshot } from "../../storage/remote/store.ts"
import type { Context } from "../vault/context.ts"

/** Takes one chunk's plaintext, in a buffer of its own. */
export type TakeChunk = (ref: ChunkRef, plain: Uint8Array) => void | Promise<void>

/** Identifies a chunk's place in the vault. */
export function chunkPlace({ pack, offset }: ChunkRef): string {
  return `${pack} ${offset}`
}

/**
 * Reads chunks in any order, each place once.
 *
 * @throws {StorageError} `OBJECT_MISSING` if the tree lacks a pack; `HASH_MISMATCH`, `SEAL_BROKEN`… if one is damaged.
 */
export async function fetchChunks(
  { host, store, keyring }: Context,
  snapshot: Snapshot,
  refs: Iterable<ChunkRef>,
  take: TakeChunk,
  call: CallOptions,
): Promise<void> {
  const { crypto, compressor, progress } = host
  const refsByPack = groupByPack(refs)
  const packById = new Map<ObjectId, string>()
  for (const pack of refsByPack.keys()) {
    const id = snapshot.get(packPath(pack))
    if (id === undefined) throw new StorageError("OBJECT_MISSING", "no such pack in the tree")
    packById.set(id, pack)
  }
  if (packById.size === 0) return
  const onPack = async (id: ObjectId, bytes: Uint8Array): Promise<void> => {
    const pack = packById.get(id) as string
    verifyPack(crypto, pack, bytes)
    for (const ref of refsByPack.get(pack) ?? []) {
      call.signal?.throwIfAborted()
      await take(ref, await openChunk(crypto, keyring, bytes, ref, compressor.decompress))
      progress.advance(ref.plainBytes)
    }
  }
  await store.read([...packById.keys()], onPack, call)
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
    return take(plain)
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
      plainByPlace.set(chunkPlace(ref), plain)
    },
    call,
  )
  return concatBytes(...entry.chunks.map((ref) => plainByPlace.get(chunkPlace(ref)) as Uint8Array))
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
