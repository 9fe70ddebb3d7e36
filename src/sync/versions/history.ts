/**
 * The past of the vault: which versions there were of a file, and what was in
 * them. Every head of the past is verified by its own tree, its MAC, and the
 * chain of headers that leads to it from the present.
 *
 * @module
 */
import { equalBytes, toHex } from "../../../crypto/bytes.ts"
import type { FileEntry, IndexEntry } from "../../../storage/format/index/entry.ts"
import { StorageError } from "../../../storage/errors.ts"
import type { CallOptions } from "../../../storage/remote/store.ts"
import { verifyHeaderMac } from "../../../storage/verify/macs.ts"
import { SyncError } from "../../errors.ts"
import type { VersionView } from "../../reports.ts"
import { namesOf } from "../../trust/names.ts"
import type { TreeNode } from "../../tree/node.ts"
import { sameContent } from "../../tree/plan/plan.ts"
import type { Context } from "../../vault/context.ts"
import { type Head, soundHead } from "../../vault/head.ts"
import { readPastIndex, type ShardMemo, type VaultIndex } from "../../vault/vaultIndex.ts"

/** Commits asked for at a time. */
const PAGE = 64

/** One version of the vault in the past. */
interface Past {
  readonly head: Head
  readonly index: VaultIndex
}

/** A version of one file that can be brought back. */
export interface FileVersion {
  readonly head: Head
  readonly entry: IndexEntry
}

/**
 * The versions of the vault from `head` back, newest first, the present one included, down to the floor of its history.
 * Whether there ought to be more than came is for {@link isLast} to say.
 */
export async function* versions(context: Context, head: Head, call: CallOptions): AsyncGenerator<Past> {
  const indexOf = createIndexReader(context, call)
  for await (const past of pastHeads(context, head, call)) yield { head: past, index: await indexOf(past) }
}

/** Reads the indexes of versions, one after the other. */
export function createIndexReader(context: Context, call: CallOptions): (past: Head) => Promise<VaultIndex> {
  const memo: ShardMemo = new Map()
  return async (past) => {
    const index = await readPastIndex(context, past, memo, call)
    // Neighbours share most shards; all that ever were would fill the memory.
    const current = new Set(past.verified.header.index.map(({ sha256 }) => toHex(sha256)))
    for (const hash of memo.keys()) if (!current.has(hash)) memo.delete(hash)
    return index
  }
}

/**
 * Whether nothing need be below this version of `newest`'s history: it is the first, or the oldest that a compaction
 * kept, or a repair, which says itself that something before it was lost.
 */
export function isLast({ verified }: Head, newest: Head): boolean {
  const { previous, sequence, kind } = verified.header
  return previous === null || kind === "repair" || sequence <= newest.verified.header.historyFloor
}

/** The same versions without what they hold. */
export async function* pastHeads(context: Context, head: Head, call: CallOptions): AsyncGenerator<Head> {
  const { host, store, config, keyring } = context
  const looking = { crypto: host.crypto, store, workspace: config.workspace, call }
  const { historyFloor } = head.verified.header
  /** Hashes, in hex, of the headers that the ones walked through name. */
  const named = new Set([toHex(head.verified.hash)])
  let from: string | null = head.commit
  let first = true
  while (from !== null) {
    const commits: readonly string[] = await store.history(from, PAGE, call)
    for (const commit of first ? commits : commits.slice(1)) {
      call.signal?.throwIfAborted()
      const past = commit === head.commit ? head : await soundHead(looking, commit, head.trust)
      // Garbage that a repair was put on top of; or a version that never was one of this vault's.
      if (past === null || !named.has(toHex(past.verified.hash))) continue
      verifyHeaderMac(host.crypto, past.verified, (epoch) => keyring.get(epoch)?.mac)
      const { previous, supersedes, sequence } = past.verified.header
      for (const hash of [previous, supersedes]) if (hash !== null) named.add(toHex(hash))
      yield past
      // What a compaction dropped is no part of the vault any more, though the store may still show it.
      if (sequence <= historyFloor) return
    }
    first = false
    const last = commits.at(-1)
    from = commits.length === PAGE && last !== undefined ? last : null
  }
}

/** How many versions back the content that both sides of a conflict began with is looked for. */
const MAX_BASE_VERSIONS = 256

/** The newest version of a file with this very content, or null if it lies too far back. */
export async function findContent(
  context: Context,
  head: Head,
  path: string,
  hash: Uint8Array,
  call: CallOptions,
): Promise<{ readonly head: Head; readonly entry: FileEntry } | null> {
  let looked = 0
  for await (const { head: past, index } of versions(context, head, call)) {
    const entry = index.entries.get(path)
    if (entry?.type === "file" && equalBytes(entry.hash, hash)) return { head: past, entry }
    if (++looked >= MAX_BASE_VERSIONS) break
  }
  return null
}

/** What changed when, newest first: of one path (or, for a folder, of what is in it), or of everything. */
export async function log(
  context: Context,
  head: Head,
  path: string | null,
  limit: number,
  call: CallOptions,
): Promise<readonly VersionView[]> {
  const names = await namesOf(context, head.trust)
  const views: VersionView[] = []
  let newer: Past | null = null
  const collect = (before: Past | null): void => {
    // One by one: a version may change more files than a call takes arguments.
    if (newer !== null) for (const view of differences(newer, before, path, names)) views.push(view)
  }
  for await (const past of versions(context, head, call)) {
    collect(past)
    newer = past
    if (views.length >= limit) return views.slice(0, limit)
  }
  collect(null)
  // In a loop's callback the narrowing is lost.
  const oldest = newer as Past | null
  if (oldest !== null && oldest.head.verified.header.previous !== null) {
    for (const view of keptOf(oldest, path, names)) views.push(view)
  }
  return views.slice(0, limit)
}

/** What the oldest version that is left took over from those that were dropped. */
function keptOf({ head, index }: Past, path: string | null, names: (id: string) => string): readonly VersionView[] {
  const { sequence, time } = head.verified.header
  const views: VersionView[] = []
  for (const entry of index.entries.values()) {
    if (entry.type === "folder" || entry.version >= sequence || !isWanted(entry.path, path)) continue
    const size = entry.type === "file" ? entry.size : 0
    views.push({ path: entry.path, sequence, change: "kept", size, machine: names(entry.writer), timeMs: time })
  }
  return views.sort((a, b) => (a.path < b.path ? -1 : 1))
}

function isWanted(candidate: string, path: string | null): boolean {
  return path === null || candidate === path || candidate.startsWith(`${path}/`)
}

function differences(
  { head, index }: Past,
  before: Past | null,
  path: string | null,
  names: (id: string) => string,
): readonly VersionView[] {
  const { sequence, time, previous } = head.verified.header
  const isCut = before === null && previous !== null
  const wanted = (candidate: string): boolean => isWanted(candidate, path)
  const views: VersionView[] = []
  const view = (of: string, change: VersionView["change"], size: number, writer: string): void => {
    views.push({ path: of, sequence, change, size, machine: names(writer), timeMs: time })
  }
  for (const [each, entry] of index.entries) {
    if (entry.version !== sequence || entry.type === "folder" || !wanted(each)) continue
    const old = before?.index.entries.get(each)
    const change = isCut ? "kept" : old === undefined ? "new" : sameContent(old, entry) ? "mode" : "modified"
    view(each, change, entry.type === "file" ? entry.size : 0, entry.writer)
  }
  for (const [each, tombstone] of index.tombstones) {
    const old = before?.index.entries.get(each)
    if (tombstone.sequence !== sequence || old?.type === "folder" || !wanted(each)) continue
    view(each, "deleted", 0, tombstone.writer)
  }
  return views.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/**
 * The version to bring back: that of `sequence`, or the newest that is not what lies on the disk now.
 *
 * @throws {SyncError} `VERSION_UNKNOWN`; `VERSION_DROPPED` if a compaction dropped it.
 * @throws {StorageError} `OBJECT_MISSING` if the store lacks versions that it should have.
 */
export async function findVersion(
  context: Context,
  head: Head,
  path: string,
  wanted: { readonly sequence: number } | { readonly unlike: TreeNode | null },
  call: CallOptions,
): Promise<FileVersion> {
  const { historyFloor } = head.verified.header
  if ("sequence" in wanted && wanted.sequence < historyFloor) {
    throw new SyncError("VERSION_DROPPED", "dropped by a compaction", { path, "oldest version": historyFloor })
  }
  let oldest = head
  for await (const { head: past, index } of versions(context, head, call)) {
    oldest = past
    const entry = index.entries.get(path)
    const { sequence } = past.verified.header
    if ("sequence" in wanted) {
      if (sequence > wanted.sequence) continue
      if (entry !== undefined && entry.type !== "folder") return { head: past, entry }
      throw unknown(path)
    }
    if (entry === undefined || entry.type === "folder") continue
    if (wanted.unlike === null || !sameContent(entry, wanted.unlike)) return { head: past, entry }
  }
  if (!isLast(oldest, head)) throw new StorageError("OBJECT_MISSING", "the history ends too early")
  throw unknown(path)
}

function unknown(path: string): SyncError {
  return new SyncError("VERSION_UNKNOWN", "no such version in the vault", { path })
}
