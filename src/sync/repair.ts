/**
 * The way out of a store that went back, forked, vanished or lost objects: a
 * header of kind `repair` on top of whatever is there, which says what it
 * supersedes. Content that the store lost is uploaded again from this disk;
 * nothing on any disk is touched.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import { createGear, GEAR_SEED_BYTES } from "../../storage/chunker.ts"
import { StorageError, StoreError } from "../../storage/errors.ts"
import type { FileEntry, IndexEntry } from "../../storage/format/entry.ts"
import { verifyPack } from "../../storage/format/pack.ts"
import { divideIndex, sealShards } from "../../storage/indexShards.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import { packsOf } from "../../storage/layout.ts"
import type { CallOptions, ObjectId } from "../../storage/remote/store.ts"
import { SyncError } from "../errors.ts"
import type { Workspace } from "../ports/workspace.ts"
import type { RepairReport } from "../reports.ts"
import type { FileNode } from "../tree/node.ts"
import { unlock } from "../trust/unlock.ts"
import { believe, type Context, lookOnce, requireTrusted } from "../vault/context.ts"
import type { Head, Look } from "../vault/head.ts"
import { publish } from "../vault/publish.ts"
import { cacheShards, chunksOf, indexOf, readIndex, type VaultIndex } from "../vault/vaultIndex.ts"
import { openStaging } from "./staging.ts"
import { sealFiles } from "./upload.ts"

/** @throws {SyncError} `CANCELLED`, `CONTENDED`, `TRUST_FORKED`. */
export async function repair(context: Context, workspace: Workspace, call: CallOptions): Promise<RepairReport> {
  const { found } = await lookOnce(context, call)
  const there = found.kind === "none" ? null : found.head
  if (found.kind === "forked" && found.question)
    throw new SyncError("TRUST_FORKED", "two machines disagree about whom to trust")
  const basis = basisOf(context, found)
  await unlock(context, basis)
  requireTrusted(context.config, basis.trust)
  const index = await bestIndex(context, basis, call)
  const good = there === null ? new Map<string, ObjectId>() : await goodPacks(context, there, index, call)
  await confirm(context, found)
  return rebuild(context, workspace, { basis, there, index, good }, call)
}

/** The version to go on from: what this machine saw last, unless the store rightly has more. */
function basisOf(context: Context, found: Look): Head {
  if (found.kind === "follow" || found.kind === "repair") return found.head
  if (context.seen === null) throw new SyncError("VAULT_MISSING", "there is no such vault in the store")
  return context.seen.head
}

async function confirm({ host }: Context, found: Look): Promise<void> {
  const what = {
    none: "The vault is gone from the store. It will be written anew from what this machine has.",
    follow: "Objects that the vault needs will be looked for, and what is lost uploaded again from this machine.",
    repair: "Another machine repaired the vault. Its version will be taken, and what is lost uploaded again.",
    older: "The store shows an older version than this machine has seen. This machine's will be put on top of it.",
    forked: "The store shows another history than this machine has seen. This machine's will be put on top of it.",
  }[found.kind]
  const lines = [what, "No file on any disk is changed. Other machines ask their user once before they follow."]
  if ((await host.prompts.confirm({ code: "repair", lines })) !== true) {
    throw new SyncError("CANCELLED", "nothing was repaired")
  }
}

/** The index of the basis, from the store or the cache; empty if neither has it: then all comes from this disk. */
async function bestIndex(context: Context, basis: Head, call: CallOptions): Promise<VaultIndex> {
  try {
    return await readIndex(context, basis, call)
  } catch (error) {
    if (!isLoss(error)) throw error
    const gearSeed = context.host.crypto.randomBytes(GEAR_SEED_BYTES)
    return indexOf([{ gearSeed, entries: [], tombstones: [] }])
  }
}

/** Packs that are in the tree and are what they are named. */
async function goodPacks(
  context: Context,
  there: Head,
  index: VaultIndex,
  call: CallOptions,
): Promise<Map<string, ObjectId>> {
  const { host, store } = context
  const wanted = new Set([...chunksOf(index.entries.values())].map(({ pack }) => pack))
  const good = new Map<string, ObjectId>()
  host.progress.step("verify", wanted.size, "files")
  for (const [pack, id] of packsOf(there.snapshot)) {
    if (!wanted.has(pack)) continue
    try {
      await store.read([id], (_, bytes) => verifyPack(host.crypto, pack, bytes), call)
      good.set(pack, id)
    } catch (error) {
      if (!isLoss(error)) throw error
    }
    host.progress.advance(1)
  }
  return good
}

function isLoss(error: unknown): boolean {
  if (error instanceof StorageError) return error.code !== "FORMAT_NEWER"
  return error instanceof StoreError && ["STORE_OBJECT_MISSING", "STORE_MALFORMED"].includes(error.code)
}

interface Rebuilding {
  readonly basis: Head
  readonly there: Head | null
  readonly index: VaultIndex
  readonly good: ReadonlyMap<string, ObjectId>
}

async function rebuild(
  context: Context,
  workspace: Workspace,
  { basis, there, index, good }: Rebuilding,
  call: CallOptions,
): Promise<RepairReport> {
  const { host, config } = context
  const keys = context.keyring.get(basis.trust.epoch.epoch) as EpochKeys
  const isWhole = (entry: IndexEntry): boolean =>
    entry.type !== "file" || entry.chunks.every(({ pack }) => good.has(pack))
  const broken = [...index.entries.values()].filter((entry): entry is FileEntry => !isWhole(entry))
  const staging = await openStaging({
    store: context.store,
    state: context.state,
    workspace: config.workspace,
    machine: config.machine,
    epoch: keys.epoch,
    uploadHead: null,
    stageBytes: host.stageBytes,
    call,
  })
  const { chunksByPath } = await sealFiles(
    {
      crypto: host.crypto,
      compressor: host.compressor,
      keys,
      gear: createGear(host.crypto, index.gearSeed),
      packBytes: host.packBytes,
      workspace,
      staging,
      progress: host.progress,
      sharedChunks: () => undefined,
      signal: call.signal,
    },
    await stillHere(context, workspace, broken),
  )
  const entries = new Map(index.entries)
  const lost: string[] = []
  for (const entry of broken) {
    const chunks = chunksByPath.get(entry.path)
    if (chunks !== undefined) entries.set(entry.path, { ...entry, chunks })
    else {
      // Without a tombstone: whoever still has the file brings it back with the next sync.
      entries.delete(entry.path)
      lost.push(entry.path)
    }
  }
  const content = { gearSeed: index.gearSeed, entries: entries.values(), tombstones: index.tombstones.values() }
  const count = basis.verified.header.index.length
  const shards = divideIndex(host.crypto, keys, content, count)
  const sealed = await sealShards({ crypto: host.crypto, keys, compressor: host.compressor }, shards)
  const referred = new Set([...chunksOf(entries.values())].map(({ pack }) => pack))
  const packs = new Map<string, Uint8Array | ObjectId>()
  for (const [pack, at] of [...good, ...staging.packs()]) if (referred.has(pack)) packs.set(pack, at)
  const { header, hash } = basis.verified
  const result = await publish(
    context,
    basis,
    {
      kind: "repair",
      keys,
      trust: basis.trust,
      vaultFile: basis.vaultFile,
      index: sealed.map(({ ref }) => ref),
      sealed,
      packs,
      tombstoneFloor: header.tombstoneFloor,
      historyFloor: header.historyFloor,
      supersedes: there?.verified.hash ?? hash,
      minSequence: Math.max(header.sequence, there?.verified.header.sequence ?? 0) + 1,
      onTopOf: there,
    },
    call,
  )
  if (result.kind === "moved") throw new SyncError("CONTENDED", "the vault changed while it was being repaired")
  await believe(context, result.head)
  await cacheShards(context, sealed)
  await staging.clear()
  return { sequence: result.head.verified.header.sequence, reuploaded: chunksByPath.size, lost: lost.sort() }
}

/** Those of the files whose very content lies on this disk. */
async function stillHere({ host }: Context, workspace: Workspace, files: readonly FileEntry[]) {
  const here: { path: string; node: FileNode; before: null }[] = []
  for (const { path, mode, size, hash } of files) {
    const hasher = host.crypto.createSha256()
    const read = await workspace.readPieces(path, (piece) => hasher.update(piece))
    if (read.ok && equalBytes(hasher.digest(), hash)) {
      here.push({ path, node: { type: "file", mode, size, hash }, before: null })
    }
  }
  return here
}
