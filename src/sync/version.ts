/**
 * From a plan to the next version of the vault: which entries and tombstones
 * change, which shards that touches, which packs stay in the tree.
 *
 * @module
 */
import { utf8 } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { StorageError } from "../../storage/errors.ts"
import type { ChunkRef, IndexEntry, Tombstone } from "../../storage/format/index/entry.ts"
import type { ShardRef } from "../../storage/format/header.ts"
import { requireTree } from "../../storage/format/index/indexTree.ts"
import type { ShardContent } from "../../storage/format/index/indexShard.ts"
import {
  changeShards,
  divideIndex,
  estimatePayloadBytes,
  nextShardCount,
  type SealedShard,
  sealShards,
} from "../../storage/indexShards.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import { packsOf } from "../../storage/layout.ts"
import type { ObjectId } from "../../storage/remote/store.ts"
import type { TreeNode } from "../tree/node.ts"
import type { Operation } from "../tree/plan/plan.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import { chunksOf, indexOf, type VaultIndex } from "../vault/vaultIndex.ts"

/** Sequences for which a pack stays in the tree after the last reference to it went. */
const IDLE_SEQUENCES = 2

const FOLDER_HASH = new Uint8Array(32)

/** What the vault learns from a plan. */
export interface VaultChanges {
  readonly entries: readonly IndexEntry[]
  readonly tombstones: readonly Tombstone[]
  /** Tombstones to drop, by path. */
  readonly forget?: readonly string[]
}

export interface Authorship {
  readonly crypto: Crypto
  readonly sequence: number
  readonly writer: string
  /** Modification time of a path for display. */
  readonly mtimeMs: (path: string) => number
  /** Where the content of an uploaded file lies. */
  readonly chunks: (path: string) => readonly ChunkRef[]
}

/** @param skip - Paths whose turn has not come. */
export function vaultChanges(
  operations: readonly Operation[],
  by: Authorship,
  skip: ReadonlySet<string>,
): VaultChanges {
  const entries = new Map<string, IndexEntry>()
  const tombstones: Tombstone[] = []
  for (const operation of operations) {
    const { path } = operation
    if (skip.has(path)) continue
    if (operation.kind === "upload") {
      const chunks = operation.from?.chunks ?? by.chunks(path)
      entries.set(path, toEntry(path, operation.node, chunks, by))
    } else if (operation.kind === "merge") {
      const { content, mode } = operation
      const node = { type: "file" as const, mode, size: content.length, hash: by.crypto.sha256(content) }
      entries.set(path, toEntry(path, node, by.chunks(path), by))
    } else if (operation.kind === "bury") {
      const { sequence, writer } = by
      tombstones.push({ path, hash: nodeHash(by.crypto, operation.before), sequence, writer })
    }
  }
  return { entries: [...entries.values()], tombstones: tombstones.filter(({ path }) => !entries.has(path)) }
}

/** What a tombstone holds of a node: the hash of its content, of a link's target, zeros for a folder. */
export function nodeHash(crypto: Crypto, node: TreeNode): Uint8Array {
  if (node.type === "file") return node.hash
  return node.type === "link" ? crypto.sha256(utf8(node.target)) : FOLDER_HASH
}

function toEntry(path: string, node: TreeNode, chunks: readonly ChunkRef[], by: Authorship): IndexEntry {
  const common = { path, mode: node.mode, mtimeMs: by.mtimeMs(path), version: by.sequence, writer: by.writer }
  switch (node.type) {
    case "file":
      return { ...common, type: "file", size: node.size, hash: node.hash, chunks: node.size === 0 ? [] : chunks }
    case "link":
      return { ...common, type: "link", target: node.target }
    case "folder":
      return { ...common, type: "folder" }
  }
}

export interface NextIndex {
  readonly index: VaultIndex
  readonly refs: readonly ShardRef[]
  readonly sealed: readonly SealedShard[]
}

/**
 * The index with changes worked in; only touched shards are sealed, or all if their number changes.
 *
 * @throws {StorageError} `FORMAT_INVALID` if it would be no tree: a version that every reader refuses is not made.
 */
export async function nextIndex(
  { host }: Pick<Context, "host">,
  keys: EpochKeys,
  head: Head,
  before: VaultIndex,
  changes: VaultChanges,
): Promise<NextIndex> {
  const { crypto, compressor } = host
  const { header } = head.verified
  const changed = changeShards(crypto, keys, before.shards, changes, header.tombstoneFloor)
  const index = indexOf(changed.shards)
  requireTree(index.entries)
  const content = { gearSeed: index.gearSeed, entries: index.entries.values(), tombstones: index.tombstones.values() }
  const payloadBytes = estimatePayloadBytes({
    entries: index.entries.values(),
    tombstones: index.tombstones.values(),
  })
  const count = nextShardCount(header.index.length, payloadBytes, index.entries.size + index.tombstones.size)
  const isSameCount = count === header.index.length
  const shards: readonly ShardContent[] = isSameCount ? changed.shards : divideIndex(crypto, keys, content, count)
  const sealed = await sealShards({ crypto, keys, compressor }, shards, isSameCount ? changed.touched : undefined)
  const fresh = new Map(sealed.map(({ number, ref }) => [number, ref]))
  const refs = shards.map((_, number) => fresh.get(number) ?? (header.index[number] as ShardRef))
  return { index: isSameCount ? index : { ...index, shards }, refs, sealed }
}

/**
 * The packs that an index refers to, and no other.
 *
 * @throws {StorageError} `OBJECT_MISSING` if one is not among those at hand.
 */
export function referredPacks(
  entries: Iterable<IndexEntry>,
  atHand: ReadonlyMap<string, Uint8Array | ObjectId>,
): ReadonlyMap<string, Uint8Array | ObjectId> {
  const packs = new Map<string, Uint8Array | ObjectId>()
  for (const { pack } of chunksOf(entries)) {
    const content = atHand.get(pack)
    if (content === undefined) throw new StorageError("OBJECT_MISSING", "no such pack in the tree")
    packs.set(pack, content)
  }
  return packs
}

export interface TreePacks {
  readonly packs: ReadonlyMap<string, Uint8Array | ObjectId>
  readonly idle: readonly { readonly pack: string; readonly since: number }[]
}

/**
 * The packs of the next tree: all that its index refers to, and for a while those of before. What was sealed for an
 * upload that came to nothing is left out.
 *
 * @throws {StorageError} `OBJECT_MISSING` if the index refers to a pack that is in neither: for `repair` to mend.
 */
export function nextPacks(
  head: Head,
  index: VaultIndex,
  uploaded: ReadonlyMap<string, Uint8Array | ObjectId>,
  idleBefore: readonly { readonly pack: string; readonly since: number }[],
  sequence: number,
): TreePacks {
  const referred = new Set<string>()
  for (const { pack } of chunksOf(index.entries.values())) referred.add(pack)
  const since = new Map(idleBefore.map((idle) => [idle.pack, idle.since]))
  const packs = new Map<string, Uint8Array | ObjectId>()
  const idle: { pack: string; since: number }[] = []
  for (const [pack, id] of packsOf(head.snapshot)) {
    if (referred.has(pack)) packs.set(pack, id)
    else {
      const from = since.get(pack) ?? sequence
      if (sequence - from >= IDLE_SEQUENCES) continue
      packs.set(pack, id)
      idle.push({ pack, since: from })
    }
  }
  for (const [pack, content] of uploaded) if (referred.has(pack) && !packs.has(pack)) packs.set(pack, content)
  for (const pack of referred) {
    if (!packs.has(pack)) throw new StorageError("OBJECT_MISSING", "no such pack in the tree")
  }
  return { packs, idle }
}
