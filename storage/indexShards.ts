/**
 * How the index is divided into shards: which path falls to which, how many
 * there are, and making them anew, all or only those that changed. Normative
 * text: `docs/spec/index.md`, "Sharding".
 *
 *     shard of a path = the first log2(count) bits of HMAC-SHA256(path key, path)
 *
 * @module
 */
import { equalBytes, utf8 } from "../crypto/bytes.ts"
import type { Crypto } from "../crypto/crypto.ts"
import type { Compressor, Decompress } from "./compress.ts"
import { StorageError } from "./errors.ts"
import type { IndexEntry, Tombstone } from "./format/index/entry.ts"
import { MAX_INDEX_SHARDS, type ShardRef } from "./format/header.ts"
import { comparePaths, requirePath } from "./format/index/indexPath.ts"
import type { ShardContent } from "./format/index/indexShard.ts"
import type { EpochKeys } from "./keys.ts"
import { openShard, sealShard } from "./shardSeal.ts"

/**
 * What a shard's payload should come to, in bytes. Compressed that is little more than the smallest padded size, so that
 * a changed file costs one such shard and the index as a whole is hardly padding.
 */
export const TARGET_SHARD_PAYLOAD_BYTES = 24 * 1024
/** More than {@link SMALL_INDEX_SHARDS} shards only from this many paths on: each is an object of its own in the tree. */
const LARGE_INDEX_PATHS = 200_000
const SMALL_INDEX_SHARDS = 512

/** The index of one version by path. */
export interface IndexContent {
  /** Seed of the chunker, for the life of the workspace. */
  readonly gearSeed: Uint8Array
  readonly entries: Iterable<IndexEntry>
  /** Of paths that have no entry. */
  readonly tombstones: Iterable<Tombstone>
}

/** What one version changes. A path is in one of the three at most. */
export interface IndexChanges {
  /** New or different entries. They take the place of tombstones. */
  readonly entries: Iterable<IndexEntry>
  /** Of paths that are deleted. They take the place of entries. */
  readonly tombstones: Iterable<Tombstone>
  /** Paths to drop without a trace. */
  readonly forget?: Iterable<string>
}

/** A shard as it goes to the store. */
export interface SealedShard {
  readonly number: number
  readonly bytes: Uint8Array
  readonly ref: ShardRef
}

/** What sealing shards takes. */
export interface ShardWriterOptions {
  readonly crypto: Crypto
  /** Of the current epoch. */
  readonly keys: EpochKeys
  readonly compressor: Compressor
}

/**
 * The shard of a path.
 *
 * @param count - A power of two up to `MAX_INDEX_SHARDS`.
 */
export function shardOfPath(crypto: Crypto, keys: EpochKeys, path: string, count: number): number {
  if (count === 1) return 0
  const hash = crypto.hmacSha256(keys.path, utf8(requirePath(path)))
  const bits = 31 - Math.clz32(count)
  return (((hash[0] as number) << 8) | (hash[1] as number)) >>> (16 - bits)
}

/** The number of shards for an index of so many payload bytes and paths, tombstones included. */
export function shardCountFor(payloadBytes: number, paths: number): number {
  const most = paths < LARGE_INDEX_PATHS ? SMALL_INDEX_SHARDS : MAX_INDEX_SHARDS
  const wanted = Math.max(1, payloadBytes / TARGET_SHARD_PAYLOAD_BYTES)
  return Math.min(most, 2 ** Math.round(Math.log2(wanted)))
}

/**
 * The number of shards for the next version: the present one unless it is off by four times or more, since
 * another number means that all shards are written again.
 */
export function nextShardCount(present: number, payloadBytes: number, paths: number): number {
  const wanted = shardCountFor(payloadBytes, paths)
  return wanted >= 4 * present || 4 * wanted <= present ? wanted : present
}

/** About how many bytes an index takes as payload; exact enough for {@link shardCountFor}. */
export function estimatePayloadBytes(content: Pick<IndexContent, "entries" | "tombstones">): number {
  let bytes = 0
  for (const entry of content.entries) {
    bytes += entry.path.length + 14
    if (entry.type === "link") bytes += entry.target.length
    if (entry.type === "file") bytes += 80 + 42 * Math.max(0, entry.chunks.length - 1)
  }
  for (const { path } of content.tombstones) bytes += path.length + 37
  return bytes
}

/**
 * Divides an index, for a first version, a new epoch or another number of shards.
 *
 * @returns The contents of all shards, in order of their numbers.
 * @throws {StorageError} `FORMAT_INVALID` for a path the index cannot hold.
 */
export function divideIndex(
  crypto: Crypto,
  keys: EpochKeys,
  content: IndexContent,
  count: number,
): readonly ShardContent[] {
  requireCount(count)
  const shards = Array.from({ length: count }, () => ({ entries: [] as IndexEntry[], tombstones: [] as Tombstone[] }))
  const shardOf = (path: string) => shards[shardOfPath(crypto, keys, path, count)] as (typeof shards)[number]
  for (const entry of content.entries) shardOf(entry.path).entries.push(entry)
  for (const tombstone of content.tombstones) shardOf(tombstone.path).tombstones.push(tombstone)
  for (const { entries, tombstones } of shards) {
    entries.sort(byPath)
    tombstones.sort(byPath)
  }
  return shards.map((shard, number) => (number === 0 ? { gearSeed: content.gearSeed, ...shard } : shard))
}

/** All entries and tombstones of the shards, and the gear seed. The opposite of {@link divideIndex}. */
export function joinShards(shards: readonly ShardContent[]): {
  readonly gearSeed: Uint8Array
  readonly entries: readonly IndexEntry[]
  readonly tombstones: readonly Tombstone[]
} {
  const gearSeed = shards[0]?.gearSeed
  if (gearSeed === undefined) throw new StorageError("FORMAT_INVALID", "gear seed belongs in shard 0")
  return {
    gearSeed,
    entries: shards.flatMap((shard) => shard.entries),
    tombstones: shards.flatMap((shard) => shard.tombstones),
  }
}

/**
 * Applies changes to the contents of shards. Only the touched ones are made anew; they are rid of tombstones
 * below the floor, too.
 *
 * @param shards - All of them, as they are; not changed.
 * @param tombstoneFloor - Lowest sequence of tombstones to keep.
 * @returns All contents as they are to be, and the numbers of those that changed, ascending.
 */
export function changeShards(
  crypto: Crypto,
  keys: EpochKeys,
  shards: readonly ShardContent[],
  changes: IndexChanges,
  tombstoneFloor = 0,
): { readonly shards: readonly ShardContent[]; readonly touched: readonly number[] } {
  type Change = { readonly entry?: IndexEntry; readonly tombstone?: Tombstone }
  const changesByShard = new Map<number, Map<string, Change>>()
  const note = (path: string, change: Change): void => {
    const number = shardOfPath(crypto, keys, path, shards.length)
    const changesByPath = changesByShard.get(number) ?? new Map<string, Change>()
    changesByShard.set(number, changesByPath.set(path, change))
  }
  for (const path of changes.forget ?? []) note(path, {})
  for (const tombstone of changes.tombstones) note(tombstone.path, { tombstone })
  for (const entry of changes.entries) note(entry.path, { entry })

  const changed = shards.slice()
  for (const [number, changesByPath] of changesByShard) {
    const old = shards[number] as ShardContent
    const entries = old.entries.filter(({ path }) => !changesByPath.has(path))
    const tombstones = old.tombstones.filter(
      ({ path, sequence }) => sequence >= tombstoneFloor && !changesByPath.has(path),
    )
    for (const { entry, tombstone } of changesByPath.values()) {
      if (entry !== undefined) entries.push(entry)
      if (tombstone !== undefined) tombstones.push(tombstone)
    }
    changed[number] = { ...old, entries: entries.sort(byPath), tombstones: tombstones.sort(byPath) }
  }
  return { shards: changed, touched: [...changesByShard.keys()].sort((a, b) => a - b) }
}

/**
 * Seals shards.
 *
 * @param shards - The contents of all shards.
 * @param numbers - Which of them; by default all.
 * @throws {StorageError} as `encodeShard`.
 */
export async function sealShards(
  options: ShardWriterOptions,
  shards: readonly ShardContent[],
  numbers: Iterable<number> = shards.keys(),
): Promise<readonly SealedShard[]> {
  const { crypto, keys, compressor } = options
  const count = requireCount(shards.length)
  const sealed: SealedShard[] = []
  for (const number of numbers) {
    const bytes = await sealShard(crypto, keys, compressor, { number, count }, shards[number] as ShardContent)
    sealed.push({ number, bytes, ref: { sha256: crypto.sha256(bytes), size: bytes.length } })
  }
  return sealed
}

/**
 * Opens one shard that a store delivered, with every check there is.
 *
 * @param keys - Of the epoch that the header names.
 * @param refs - The header's list of shards.
 * @throws {StorageError} `HASH_MISMATCH` if it is not the one the header names; `FORMAT_INVALID` also if it holds a
 * path that falls to another shard; otherwise as `openShard`.
 */
export async function openVerifiedShard(
  crypto: Crypto,
  keys: EpochKeys,
  refs: readonly ShardRef[],
  number: number,
  bytes: Uint8Array,
  decompress?: Decompress,
): Promise<ShardContent> {
  const ref = refs[number]
  if (ref === undefined) throw new StorageError("FORMAT_INVALID", "shard number")
  if (bytes.length !== ref.size || !equalBytes(crypto.sha256(bytes), ref.sha256)) {
    throw new StorageError("HASH_MISMATCH", "shard hash")
  }
  const content = await openShard(crypto, keys, { number, count: refs.length }, bytes, decompress)
  for (const items of [content.entries, content.tombstones]) {
    for (const { path } of items) {
      if (shardOfPath(crypto, keys, path, refs.length) === number) continue
      throw new StorageError("FORMAT_INVALID", "path in the wrong shard")
    }
  }
  return content
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return comparePaths(a.path, b.path)
}

function requireCount(count: number): number {
  const fits = Number.isInteger(count) && count >= 1 && count <= MAX_INDEX_SHARDS && (count & (count - 1)) === 0
  if (!fits) throw new StorageError("FORMAT_INVALID", "number of shards")
  return count
}
