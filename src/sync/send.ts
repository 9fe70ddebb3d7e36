/**
 * What a plan has for the vault: seals what is new, and publishes it as the next
 * version.
 *
 * @module
 */
import { toHex } from "../../crypto/bytes.ts"
import type { ChunkRef, FileEntry } from "../../storage/format/index/entry.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import { uploadBranch } from "../../storage/layout.ts"
import { MIN_SHARED_BYTES } from "../../storage/packWriter.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import type { Workspace } from "../ports/workspace.ts"
import type { FileNode } from "../tree/node.ts"
import type { Operation, Plan } from "../tree/plan/plan.ts"
import type { Context, Fresh } from "../vault/context.ts"
import { believe } from "../vault/refresh.ts"
import type { Head } from "../vault/head.ts"
import { nextSequence, publish } from "../vault/publish.ts"
import { cacheShards, chunksOf, type VaultIndex } from "../vault/vaultIndex.ts"
import type { ReadAhead } from "./readAhead.ts"
import type { Staging } from "./staging.ts"
import type { Survey } from "./survey.ts"
import { type FileToSeal, uploadFiles } from "./upload.ts"
import { nextIndex, nextPacks, vaultChanges } from "./version.ts"

/** A plan, and what it was made from. */
export interface Sending {
  readonly fresh: Fresh
  readonly seen: Survey
  readonly plan: Plan
  readonly readAhead: ReadAhead
  readonly call: CallOptions
}

/** The vault as it is afterwards. */
export interface Sent {
  readonly head: Head
  readonly index: VaultIndex
  readonly sequence: number
  readonly changed: ReadonlySet<string>
  readonly bytesSent: number
}

/** Brings what the plan has for the vault; null if the vault moved. */
export async function send(context: Context, workspace: Workspace, sending: Sending): Promise<Sent | null> {
  const { fresh, seen, plan, call } = sending
  const { head } = fresh
  const unchanged = { head, index: seen.index, sequence: head.verified.header.sequence, bytesSent: 0 }
  if (!plan.operations.some(tellsVault)) return { ...unchanged, changed: new Set() }

  const keys = context.keyring.get(head.trust.epoch.epoch) as EpochKeys
  const destination = {
    keys,
    gearSeed: seen.index.gearSeed,
    uploadHead: uploadHeadOf(context, fresh),
    sharedChunks: sharedChunks(seen.index),
    readAhead: sending.readAhead,
  }
  const files = filesToSeal(plan.operations, seen, context)
  const sealed = await uploadFiles(context, workspace, destination, files, call)
  return commit(context, sending, { keys, ...sealed })
}

interface SealedUpload {
  readonly keys: EpochKeys
  readonly staging: Staging
  readonly chunksByPath: ReadonlyMap<string, readonly ChunkRef[]>
  readonly changed: ReadonlySet<string>
}

async function commit(
  context: Context,
  { fresh, seen, plan, call }: Sending,
  upload: SealedUpload,
): Promise<Sent | null> {
  const { head } = fresh
  const { keys, staging, changed } = upload
  const sequence = nextSequence(head)
  const by = {
    crypto: context.host.crypto,
    sequence,
    writer: context.config.machine,
    mtimeMs: (path: string) => Number((seen.scanned.seen.get(path)?.mtimeNs ?? 0n) / 1_000_000n),
    chunks: (path: string) => upload.chunksByPath.get(path) ?? [],
  }
  const changes = vaultChanges(plan.operations, by, changed)
  const next = await nextIndex(context, keys, head, seen.index, changes)
  const tree = nextPacks(head, next.index, staging.packs(), context.seen?.stored.idlePacks ?? [], sequence)
  const branch = staging.branch()
  const { header } = head.verified
  const result = await publish(
    context,
    head,
    {
      kind: "sync",
      keys,
      trust: head.trust,
      vaultFile: head.vaultFile,
      index: next.refs,
      sealed: next.sealed,
      packs: tree.packs,
      tombstoneFloor: header.tombstoneFloor,
      historyFloor: header.historyFloor,
      deleteBranches: branch === null ? [] : [branch],
    },
    call,
  )
  if (result.kind === "moved") return null
  await believe(context, result.head, { idlePacks: tree.idle })
  await cacheShards(context, next.sealed)
  await staging.clear()
  return { head: result.head, index: next.index, sequence, changed, bytesSent: staging.sealedBytes }
}

/** Whether the vault has to hear of it. */
export function tellsVault({ kind }: Operation): boolean {
  return kind === "upload" || kind === "bury" || kind === "merge"
}

function uploadHeadOf({ config }: Context, { branches }: Fresh): string | null {
  const name = uploadBranch(config.workspace, config.machine)
  return branches.find((branch) => branch.name === name)?.head ?? null
}

/** Long chunks anywhere in the vault; the table is made when the first large file asks for it. */
function sharedChunks(index: VaultIndex): (hash: Uint8Array, plainBytes: number) => ChunkRef | undefined {
  let byHash: Map<string, ChunkRef> | null = null
  return (hash, plainBytes) => {
    if (byHash === null) {
      byHash = new Map()
      for (const chunk of chunksOf(index.entries.values())) {
        if (chunk.plainBytes >= MIN_SHARED_BYTES) byHash.set(toHex(chunk.hash), chunk)
      }
    }
    const found = byHash.get(toHex(hash))
    return found?.plainBytes === plainBytes ? found : undefined
  }
}

function filesToSeal(operations: readonly Operation[], seen: Survey, { host }: Context): readonly FileToSeal[] {
  const files: FileToSeal[] = []
  for (const operation of operations) {
    const { path } = operation
    const before = fileBefore(seen.index, path)
    if (operation.kind === "merge") {
      const { content, mode } = operation
      const node: FileNode = { type: "file", mode, size: content.length, hash: host.crypto.sha256(content) }
      if (content.length > 0) files.push({ path, node, content, before })
    } else if (operation.kind === "upload" && operation.node.type === "file" && operation.from === undefined) {
      if (operation.node.size > 0) files.push({ path, node: operation.node, before })
    }
  }
  return files
}

function fileBefore(index: VaultIndex, path: string): FileEntry | null {
  const entry = index.entries.get(path)
  return entry?.type === "file" ? entry : null
}
