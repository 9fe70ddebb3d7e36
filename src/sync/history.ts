/**
 * The past of the vault: which versions there were of a file, and what was in
 * them. Every head of the past is verified by its own tree, its MAC, and the
 * chain of headers that leads to it from the present.
 *
 * @module
 */
import { equalBytes, toHex } from "../../crypto/bytes.ts"
import type { FileEntry, IndexEntry } from "../../storage/format/index/entry.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import { verifyHeaderMac } from "../../storage/verify/macs.ts"
import type { TrustState } from "../../storage/verify/trustState.ts"
import { SyncError } from "../errors.ts"
import type { VersionView } from "../reports.ts"
import { namesOf } from "../trust/names.ts"
import type { TreeNode } from "../tree/node.ts"
import { sameContent } from "../tree/plan/plan.ts"
import type { Context } from "../vault/context.ts"
import { isVaultFault } from "../vault/faults.ts"
import { type Head, readPastHead } from "../vault/head.ts"
import { readPastIndex, type ShardMemo, type VaultIndex } from "../vault/vaultIndex.ts"

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

/** The versions of the vault from `head` back, newest first, the present one included. */
export async function* versions(context: Context, head: Head, call: CallOptions): AsyncGenerator<Past> {
  const { host, store, config, keyring } = context
  const looking = { crypto: host.crypto, store, workspace: config.workspace, call }
  const memo: ShardMemo = new Map()
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
      const { previous, supersedes, index: refs } = past.verified.header
      for (const hash of [previous, supersedes]) if (hash !== null) named.add(toHex(hash))
      yield { head: past, index: await readPastIndex(context, past, memo, call) }
      // Neighbours share most shards; all that ever were would fill the memory.
      const current = new Set(refs.map(({ sha256 }) => toHex(sha256)))
      for (const hash of memo.keys()) if (!current.has(hash)) memo.delete(hash)
    }
    first = false
    const last = commits.at(-1)
    from = commits.length === PAGE && last !== undefined ? last : null
  }
}

/** null if there is no sound header in that commit. */
async function soundHead(
  looking: Parameters<typeof readPastHead>[0],
  commit: string,
  newest: TrustState,
): Promise<Head | null> {
  try {
    return await readPastHead(looking, commit, newest)
  } catch (error) {
    if (isVaultFault(error)) return null
    throw error
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
    if (newer !== null) views.push(...differences(newer, before, path, names))
  }
  for await (const past of versions(context, head, call)) {
    collect(past)
    newer = past
    if (views.length >= limit) return views.slice(0, limit)
  }
  collect(null)
  return views.slice(0, limit)
}

function differences(
  { head, index }: Past,
  before: Past | null,
  path: string | null,
  names: (id: string) => string,
): readonly VersionView[] {
  const { sequence, time } = head.verified.header
  const wanted = (candidate: string): boolean => path === null || candidate === path || candidate.startsWith(`${path}/`)
  const views: VersionView[] = []
  const view = (of: string, change: VersionView["change"], size: number, writer: string): void => {
    views.push({ path: of, sequence, change, size, machine: names(writer), timeMs: time })
  }
  for (const [each, entry] of index.entries) {
    if (entry.version !== sequence || entry.type === "folder" || !wanted(each)) continue
    const old = before?.index.entries.get(each)
    const change = old === undefined ? "new" : sameContent(old, entry) ? "mode" : "modified"
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
 * @throws {SyncError} `VERSION_UNKNOWN`.
 */
export async function findVersion(
  context: Context,
  head: Head,
  path: string,
  wanted: { readonly sequence: number } | { readonly unlike: TreeNode | null },
  call: CallOptions,
): Promise<FileVersion> {
  for await (const { head: past, index } of versions(context, head, call)) {
    const entry = index.entries.get(path)
    const { sequence } = past.verified.header
    if ("sequence" in wanted) {
      if (sequence > wanted.sequence) continue
      if (entry !== undefined && entry.type !== "folder") return { head: past, entry }
      break
    }
    if (entry === undefined || entry.type === "folder") continue
    if (wanted.unlike === null || !sameContent(entry, wanted.unlike)) return { head: past, entry }
  }
  throw new SyncError("VERSION_UNKNOWN", "no such version in the vault", { path })
}
