/**
 * The index of a head: every path of the vault, decrypted and checked. Sealed
 * shards are kept as they are in the state, named by hash, so that only those
 * that changed are fetched and nothing readable rests there.
 *
 * @module
 */
import { equalBytes, toHex } from "../../crypto/bytes.ts"
import { createGear, GEAR_SEED_BYTES, type Gear } from "../../storage/chunker.ts"
import type { ChunkRef, IndexEntry, Tombstone } from "../../storage/format/index/entry.ts"
import type { ShardRef } from "../../storage/format/header.ts"
import { requireTree } from "../../storage/format/index/indexTree.ts"
import type { ShardContent } from "../../storage/format/index/indexShard.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import { joinShards, openVerifiedShard } from "../../storage/indexShards.ts"
import { openShard } from "../../storage/shardSeal.ts"
import { StorageError } from "../../storage/errors.ts"
import { shardPath } from "../../storage/layout.ts"
import { paddedLength } from "../../storage/padding.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import type { VerifiedHeader } from "../../storage/verify/header.ts"
import type { Context } from "./context.ts"
import { isVaultFault } from "./faults.ts"
import { type Head, readPaths } from "./head.ts"

const CACHE = "shards/"

export interface VaultIndex {
  readonly shards: readonly ShardContent[]
  readonly gearSeed: Uint8Array
  readonly entries: ReadonlyMap<string, IndexEntry>
  readonly tombstones: ReadonlyMap<string, Tombstone>
}

/** Contents of shards by their hash in hex: versions of the vault share most of them. */
export type ShardMemo = Map<string, ShardContent>

/** Headers whose index was found to be a tree; shards alone, which are kept, cannot tell. */
const trees = new WeakSet<VerifiedHeader>()

/**
 * Reads the index of a believed head, and keeps its shards for the next time.
 *
 * @throws {StorageError} if a shard is missing, or is not the one the header names; `FORMAT_INVALID` if an entry lies below
 * a file or a link.
 */
export async function readIndex(context: Context, head: Head, call: CallOptions): Promise<VaultIndex> {
  const index = await openIndex(context, head, call, { keep: true, memo: new Map() })
  if (!trees.has(head.verified)) requireTree(index.entries)
  trees.add(head.verified)
  return index
}

/** The same of a version of the past, of which one path at a time is used, with what `memo` holds of others already. */
export function readPastIndex(context: Context, head: Head, memo: ShardMemo, call: CallOptions): Promise<VaultIndex> {
  return openIndex(context, head, call, { keep: false, memo })
}

/**
 * What is left of an index: shards that are missing or damaged are as if they were empty. What lies below a file or a link
 * is still there.
 */
export async function readRemains(context: Context, head: Head, call: CallOptions): Promise<VaultIndex> {
  const { crypto, compressor } = context.host
  const { index, epoch } = head.verified.header
  const keys = context.keyring.get(epoch) as EpochKeys
  const shards: ShardContent[] = []
  for (const number of index.keys()) {
    try {
      const { bytes } = (await sealedShards(context, head, [number], call)).get(number) as FoundShard
      shards.push(await openVerifiedShard(crypto, keys, index, number, bytes, compressor.decompress))
    } catch (error) {
      if (!isVaultFault(error)) throw error
      // The seed is in the first shard. Another one only means that large files are cut anew when they next change.
      const seed = number === 0 ? { gearSeed: crypto.randomBytes(GEAR_SEED_BYTES) } : {}
      shards.push({ ...seed, entries: [], tombstones: [] })
    }
  }
  return indexOf(shards)
}

async function openIndex(
  context: Context,
  head: Head,
  call: CallOptions,
  { keep, memo }: { readonly keep: boolean; readonly memo: ShardMemo },
): Promise<VaultIndex> {
  const { host, keyring } = context
  const { header } = head.verified
  const keys = keyring.get(header.epoch)
  if (keys === undefined) throw new StorageError("SEAL_BROKEN", "no key of this epoch")
  const hashes = header.index.map(({ sha256 }) => toHex(sha256))
  const wanted = hashes.flatMap((hash, number) => (memo.has(hash) ? [] : [number]))
  const sealed = await sealedShards(context, head, wanted, call)
  const { crypto, compressor } = host
  const open = (number: number, { bytes, isKnown }: FoundShard): Promise<ShardContent> =>
    isKnown
      ? openShard(crypto, keys, { number, count: hashes.length }, bytes, compressor.decompress)
      : openVerifiedShard(crypto, keys, header.index, number, bytes, compressor.decompress)
  const shards: ShardContent[] = []
  for (const [number, hash] of hashes.entries()) {
    const shard = sealed.get(number)
    const content = shard === undefined ? (memo.get(hash) as ShardContent) : await open(number, shard)
    // Only what was checked is kept: what is found there is not checked again.
    if (keep && shard?.isKnown === false)
      await cacheShards(context, [{ ...shard, ref: header.index[number] as ShardRef }])
    memo.set(hash, content)
    shards.push(content)
  }
  return indexOf(shards)
}

/** The lookups over the contents of all shards. */
export function indexOf(shards: readonly ShardContent[]): VaultIndex {
  const { gearSeed, entries, tombstones } = joinShards(shards)
  return {
    shards,
    gearSeed,
    entries: new Map(entries.map((entry) => [entry.path, entry])),
    tombstones: new Map(tombstones.map((tombstone) => [tombstone.path, tombstone])),
  }
}

/** All chunks that an index refers to, in no order. */
export function* chunksOf(entries: Iterable<IndexEntry>): Generator<ChunkRef> {
  for (const entry of entries) if (entry.type === "file") yield* entry.chunks
}

/** About how much the newest version takes in the store, in bytes; older ones it still keeps come on top. */
export function storedBytes({ verified }: Head, { entries }: VaultIndex): number {
  const ends = new Map<string, number>()
  for (const { pack, offset, sealedBytes } of chunksOf(entries.values())) {
    ends.set(pack, Math.max(offset + sealedBytes, ends.get(pack) ?? 0))
  }
  let bytes = 0
  for (const end of ends.values()) bytes += paddedLength(end)
  for (const { size } of verified.header.index) bytes += size
  return bytes
}

/** What large files are cut with, if that can be had without a request: its seed is in the first shard. */
export async function gearAtHand({ host, state, keyring }: Context, { verified }: Head): Promise<Gear | null> {
  const { crypto, compressor } = host
  const { index, epoch } = verified.header
  const [ref] = index
  const keys = keyring.get(epoch)
  const kept = ref === undefined ? null : await state.read(cacheName(ref))
  if (ref === undefined || keys === undefined || kept === null) return null
  if (!equalBytes(crypto.sha256(kept), ref.sha256)) return null
  const first = { number: 0, count: index.length }
  const { gearSeed } = await openShard(crypto, keys, first, kept, compressor.decompress)
  return gearSeed === undefined ? null : createGear(crypto, gearSeed)
}

interface FoundShard {
  readonly bytes: Uint8Array
  /** It is the very one that this machine opened and checked, or made, before. */
  readonly isKnown: boolean
}

async function sealedShards(
  { host, state, store }: Context,
  { verified, snapshot }: Head,
  numbers: readonly number[],
  call: CallOptions,
): Promise<ReadonlyMap<number, FoundShard>> {
  const refs = verified.header.index
  const found = new Map<number, FoundShard>()
  for (const number of numbers) {
    const ref = refs[number] as ShardRef
    const kept = await state.read(cacheName(ref))
    if (kept !== null && equalBytes(host.crypto.sha256(kept), ref.sha256)) {
      found.set(number, { bytes: kept, isKnown: true })
    }
  }
  const missing = numbers.filter((number) => !found.has(number))
  const read = await readPaths(store, snapshot, missing.map(shardPath), call)
  for (const number of missing) {
    const bytes = read.get(shardPath(number)) as Uint8Array
    found.set(number, { bytes, isKnown: false })
  }
  return found
}

/** Keeps shards that this machine made or checked. */
export async function cacheShards(
  { state }: Context,
  shards: Iterable<{ readonly bytes: Uint8Array; readonly ref: ShardRef }>,
): Promise<void> {
  for (const { bytes, ref } of shards) await state.write(cacheName(ref), bytes, { cache: true })
}

/** Drops cached shards that the head does not name. */
export async function sweepShards({ state }: Context, { verified }: Head): Promise<void> {
  const named = new Set(verified.header.index.map(cacheName))
  for (const name of await state.list(CACHE)) if (!named.has(name)) await state.remove(name, { cache: true })
}

function cacheName(ref: ShardRef): string {
  return `${CACHE}${toHex(ref.sha256)}`
}
