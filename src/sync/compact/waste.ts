/**
 * Which packs are worth rewriting, and the rewriting.
 *
 * A version that is kept goes on referring to the packs of its own tree, so a
 * rewritten pack leaves the store only with the last version that needs it: now,
 * if the present one alone is kept, else with a later compaction. Until then its
 * living part is there twice. That is less than half of it, and it is spent once:
 * without it, a vault that always keeps its last thirty days would never get rid of
 * the dead half of anything.
 *
 * @module
 */
import type { ChunkRef, IndexEntry } from "../../../storage/format/index/entry.ts"
import { packPath } from "../../../storage/layout.ts"
import { createPackCopier } from "../../../storage/packCopier.ts"
import { paddedLength } from "../../../storage/padding.ts"
import type { CallOptions, ObjectId, Snapshot } from "../../../storage/remote/store.ts"
import type { Context } from "../../vault/context.ts"
import { chunksOf } from "../../vault/vaultIndex.ts"
import { chunkPlace } from "../download.ts"
import type { Staging } from "../staging.ts"

/** Packs of one request. */
const PACKS_AT_ONCE = 16
/** Packs have a least size, so a small vault always looks wasteful; a new version of it would gain nothing. */
const LEAST_GAIN_BYTES = 256 * 1024

/** What is known of the packs that the present version refers to. */
export interface PackUse {
  /** Takes the entries of the next older version; the first are those of the present one. */
  add(entries: Iterable<IndexEntry>): void
  /** The packs to rewrite if so many versions, from the newest on, are kept. */
  worthRewriting(kept: number): ReadonlySet<string>
}

interface Use {
  /** Of the living chunks by offset: their length, and how many versions back they were last referred to. */
  readonly chunks: Map<number, { readonly bytes: number; readonly lastIn: number }>
  /** Where the last chunk ends that any version refers to: all there was, if the one that brought the pack is among them. */
  end: number
}

export function createPackUse(): PackUse {
  const uses = new Map<string, Use>()
  let seen = 0

  const note = ({ pack, offset, sealedBytes }: ChunkRef): void => {
    let use = uses.get(pack)
    if (use === undefined) {
      // What only older versions refer to leaves the store with them.
      if (seen > 0) return
      use = { chunks: new Map(), end: 0 }
      uses.set(pack, use)
    }
    use.end = Math.max(use.end, offset + sealedBytes)
    if (!use.chunks.has(offset)) use.chunks.set(offset, { bytes: sealedBytes, lastIn: seen })
  }

  return {
    add(entries) {
      for (const chunk of chunksOf(entries)) note(chunk)
      seen++
    },
    worthRewriting(kept) {
      let all = 0
      let gain = 0
      let copied = 0
      const packs = new Set<string>()
      for (const [pack, use] of uses) {
        const length = paddedLength(use.end)
        all += length
        const [live, present] = [bytesOf(use, kept), bytesOf(use, 1)]
        if (2 * live >= length) continue
        packs.add(pack)
        gain += length
        copied += present
      }
      gain -= paddedLength(copied)
      return 4 * gain > all && gain >= LEAST_GAIN_BYTES ? packs : new Set()
    },
  }
}

/** Of the chunks that the newest so many versions refer to. */
function bytesOf({ chunks }: Use, versions: number): number {
  let sum = 0
  for (const { bytes, lastIn } of chunks.values()) if (lastIn < versions) sum += bytes
  return sum
}

/** Old place of a chunk to where it lies now. */
export type Moved = Map<string, ChunkRef>

/**
 * Copies what the entries need of some packs into new ones, which go to the staging. One pack of the store is in memory at
 * a time, and what the staging holds.
 *
 * @param moved - Is added to; what is in it already is not copied again.
 * @throws {StorageError} as `verifyPack` and `openChunk`; `OBJECT_MISSING`.
 */
export async function rewritePacks(
  { host, store, keyring }: Context,
  from: { readonly snapshot: Snapshot; readonly entries: Iterable<IndexEntry>; readonly packs: ReadonlySet<string> },
  staging: Staging,
  moved: Moved,
  call: CallOptions,
): Promise<void> {
  const { crypto, compressor, packBytes, progress } = host
  const refsById = new Map<ObjectId, Map<number, ChunkRef>>()
  for (const chunk of chunksOf(from.entries)) {
    const id = from.snapshot.get(packPath(chunk.pack))
    if (id === undefined || !from.packs.has(chunk.pack) || moved.has(chunkPlace(chunk))) continue
    refsById.set(id, (refsById.get(id) ?? new Map<number, ChunkRef>()).set(chunk.offset, chunk))
  }
  const copier = createPackCopier({
    crypto,
    keyring,
    decompress: compressor.decompress,
    targetBytes: packBytes,
    onPack: (pack) => staging.add(pack),
  })
  const ids = [...refsById.keys()]
  progress.step("upload", sum([...refsById.values()].flatMap((refs) => [...refs.values()])), "bytes")
  for (let i = 0; i < ids.length; i += PACKS_AT_ONCE) {
    const copy = async (id: ObjectId, bytes: Uint8Array): Promise<void> => {
      const refs = [...(refsById.get(id)?.values() ?? [])].sort((a, b) => a.offset - b.offset)
      call.signal?.throwIfAborted()
      await copier.copy((refs[0] as ChunkRef).pack, bytes, refs)
      progress.advance(sum(refs))
    }
    await store.read(ids.slice(i, i + PACKS_AT_ONCE), copy, call)
  }
  for (const [old, now] of await copier.finish()) moved.set(chunkPlace(old), now)
}

/** The files whose chunks lie elsewhere now. Their version stays: it is the same content. */
export function rewrittenEntries(entries: Iterable<IndexEntry>, moved: Moved): readonly IndexEntry[] {
  const rewritten: IndexEntry[] = []
  for (const entry of entries) {
    if (entry.type !== "file" || !entry.chunks.some((chunk) => moved.has(chunkPlace(chunk)))) continue
    rewritten.push({ ...entry, chunks: entry.chunks.map((chunk) => moved.get(chunkPlace(chunk)) ?? chunk) })
  }
  return rewritten
}

function sum(refs: readonly ChunkRef[]): number {
  return refs.reduce((bytes, { sealedBytes }) => bytes + sealedBytes, 0)
}
