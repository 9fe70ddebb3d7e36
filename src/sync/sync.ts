/**
 * One sync, from head to head: look, plan, ask, upload, publish, apply. Nothing
 * on disk is touched before the vault has what this machine brings; the base
 * learns only what is true on both sides. Killed anywhere, the next sync
 * finishes or undoes.
 *
 * @module
 */
import { toHex } from "../../crypto/bytes.ts"
import type { ChunkRef, FileEntry } from "../../storage/format/entry.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import { uploadBranch } from "../../storage/layout.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import { SyncError } from "../errors.ts"
import type { Workspace } from "../ports/workspace.ts"
import type { Skipped, SyncReport } from "../reports.ts"
import type { SyncOptions } from "../session.ts"
import { confirmApproval } from "../trust/join.ts"
import { namesOf } from "../trust/names.ts"
import { unlock } from "../trust/unlock.ts"
import { checkBrakes } from "../tree/brake.ts"
import type { FileNode, TreeNode } from "../tree/node.ts"
import { baseAfter, type Conflict, type Operation, type Plan, type Resolution } from "../tree/plan.ts"
import { applyResolutions } from "../tree/resolve.ts"
import { remember } from "../tree/scanCache.ts"
import { prepareStateFolder } from "../tree/stateFolder.ts"
import {
  believe,
  type Context,
  type Fresh,
  refresh,
  requireNotRevoked,
  requireTrusted,
  type TakeOver,
} from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import { nextSequence, publish } from "../vault/publish.ts"
import { cacheShards, chunksOf, sweepShards, type VaultIndex } from "../vault/vaultIndex.ts"
import { applyOperations, type CarriedOut, prune, recoverApply } from "./carryOut.ts"
import { writeBase } from "./base.ts"
import { changesOf, conflictViews, type MachineNames } from "./changes.ts"
import { resolveConflicts } from "./conflicts.ts"
import { dropLeftovers } from "./leftovers.ts"
import { isOldVersion, notePast, readPast } from "./past.ts"
import type { Staging } from "./staging.ts"
import { type Survey, survey } from "./survey.ts"
import { type FileToSeal, MIN_SHARED_BYTES, uploadFiles } from "./upload.ts"
import { nextIndex, nextPacks, vaultChanges } from "./version.ts"

const MAX_TRIES = 12

/** Looks at the store, opens the keys, and makes sure that this machine may sync. */
export async function enter(context: Context, call: CallOptions & TakeOver): Promise<Fresh> {
  const fresh = await refresh(context, call)
  // A revoked machine gets no key any more: it is to hear why, not that its passphrase is wrong.
  requireNotRevoked(context.config, fresh.head.trust)
  await unlock(context, fresh.head)
  await believe(context, fresh.head)
  requireTrusted(context.config, fresh.head.trust)
  await confirmApproval(context, fresh.head)
  return fresh
}

/** What a sync would do, without doing any of it. */
export async function preview(
  context: Context,
  workspace: Workspace,
  { head }: Fresh,
  call: CallOptions,
): Promise<SyncReport> {
  const names = await namesOf(context, head.trust)
  const { plan, input } = await survey(context, workspace, head, call)
  return {
    kind: "dry-run",
    sequence: head.verified.header.sequence,
    ...changesOf(plan, input, names),
    conflicts: conflictViews(plan.conflicts, names, () => "skip"),
    skipped: plan.held,
    bytesSent: 0,
    bytesReceived: 0,
  }
}

/** The caller holds the workspace's lock. */
export async function syncOnce(context: Context, workspace: Workspace, options: SyncOptions): Promise<SyncReport> {
  const call: CallOptions = { signal: options.signal }
  let fresh = await enter(context, call)
  if (options.dryRun === true) return preview(context, workspace, fresh, call)
  await recoverApply(context, workspace)
  const answers = new Map<string, Resolution>()
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const names = await namesOf(context, fresh.head.trust)
    const seen = await survey(context, workspace, fresh.head, call)
    // What was answered before the vault moved under us holds only for the same two versions.
    const open = seen.plan.conflicts.filter((conflict) => !answers.has(answerKey(conflict)))
    const resolving = { context, workspace, head: fresh.head, names, call }
    const fromNow = await resolveConflicts(resolving, open, options)
    for (const conflict of open) {
      const answer = fromNow.get(conflict.path)
      if (answer !== undefined) answers.set(answerKey(conflict), answer)
    }
    const choices = choicesOf(seen.plan.conflicts, answers)
    const { plan, skipped } = applyResolutions(seen.plan, seen.input, choices)
    await brake(context, seen, plan, options)
    const outcome = await carryOut(context, workspace, { fresh, seen, plan, names, call })
    if (outcome !== null) {
      await dropLeftovers(context, fresh, isUploadOver(plan, skipped), call)
      return report(seen, { ...outcome, choices, open: skipped })
    }
    await context.host.clock.sleep(backOffMs(context, tries), call.signal)
    fresh = await enter(context, call)
  }
  throw new SyncError("CONTENDED", "the vault kept changing")
}

/** One conflict between two very versions. */
function answerKey({ path, local, remote }: Conflict): string {
  const key = (node: TreeNode | null): string =>
    node === null ? "-" : node.type === "file" ? toHex(node.hash) : node.type === "link" ? `> ${node.target}` : "/"
  return JSON.stringify([path, key(local), key(remote)])
}

function choicesOf(
  conflicts: readonly Conflict[],
  answers: ReadonlyMap<string, Resolution>,
): ReadonlyMap<string, Resolution> {
  const choices = new Map<string, Resolution>()
  for (const conflict of conflicts) {
    const answer = answers.get(answerKey(conflict))
    if (answer !== undefined) choices.set(conflict.path, answer)
  }
  return choices
}

/** Jittered, so that two machines that collided do not collide again. */
function backOffMs({ host }: Context, tries: number): number {
  const [random = 0] = host.crypto.randomBytes(1)
  return Math.round((50 + 2 * random) * 1.6 ** tries)
}

async function brake({ host, state }: Context, seen: Survey, plan: Plan, options: SyncOptions): Promise<void> {
  if (options.allowMassDelete === true) return
  const past = await readPast(state)
  const found = checkBrakes(plan, seen.input, (path, hash) => isOldVersion(past, path, hash))
  if (found === null) return
  const lines = found.lines
  if ((await host.prompts.confirm({ code: found.kind, lines })) === true) return
  throw new SyncError(found.kind === "mass-delete" ? "MASS_DELETE" : "MASS_REVERT", lines[0] ?? found.kind, {
    paths: found.paths,
  })
}

interface Carrying {
  readonly fresh: Fresh
  readonly seen: Survey
  readonly plan: Plan
  readonly names: MachineNames
  readonly call: CallOptions
}

interface Finished {
  readonly head: Head
  readonly plan: Plan
  readonly failed: ReadonlyMap<string, Skipped["reason"]>
  readonly names: MachineNames
  readonly bytesSent: number
  readonly bytesReceived: number
}

/** null if somebody else moved the vault first: nothing was changed. */
async function carryOut(context: Context, workspace: Workspace, carrying: Carrying): Promise<Finished | null> {
  const { plan, names, call } = carrying
  await prepareStateFolder(workspace, context.config.workspace)
  const sent = await upload(context, workspace, carrying)
  if (sent === null) return null
  const failed = new Map<string, Skipped["reason"]>()
  for (const path of sent.changed) failed.set(path, "changed-meanwhile")
  const todo = plan.operations.filter(({ path }) => !failed.has(path))
  const applied = await applyOperations(context, workspace, todo, sent.head.snapshot, call)
  for (const [path, reason] of applied.skipped) failed.set(path, reason)
  await learn(context, { ...carrying, sent, applied, failed })
  await prune(context, workspace)
  const { bytesReceived } = applied
  return { head: sent.head, plan, failed, names, bytesSent: sent.bytesSent, bytesReceived }
}

/** The base learns what holds on both sides now; then the journal may go. */
async function learn(
  context: Context,
  done: Carrying & {
    readonly sent: Sent
    readonly applied: CarriedOut
    readonly failed: ReadonlyMap<string, unknown>
  },
): Promise<void> {
  const { seen, plan, sent, applied, failed } = done
  const base = baseAfter(seen.input.base, plan, new Set(failed.keys()), applied.merged)
  const about = (path: string) => {
    const entry = sent.index.entries.get(path)
    return { version: entry?.version ?? sent.sequence, writer: entry?.writer ?? context.config.machine }
  }
  const facts = new Map(seen.scanned.seen)
  const modes = new Map(seen.scanned.diskModes)
  for (const path of applied.done.keys()) {
    facts.delete(path)
    modes.delete(path)
  }
  for (const [path, fact] of applied.seen) facts.set(path, fact)
  for (const [path, mode] of applied.diskModes) modes.set(path, mode)
  await writeBase(context, remember(seen.cache, base, about, facts, modes), plan.dormant)
  await applied.finish()
  await notePast(context.state, await readPast(context.state), seen.input.base, base)
  await believe(context, sent.head, {
    base: "agreed",
    syncedSequence: sent.head.verified.header.sequence,
    lastSyncMs: context.host.clock.now(),
  })
  await sweepShards(context, sent.head)
}

interface Sent {
  readonly head: Head
  readonly index: VaultIndex
  readonly sequence: number
  readonly changed: ReadonlySet<string>
  readonly bytesSent: number
}

/** Brings what the plan has for the vault; null if the vault moved. */
async function upload(context: Context, workspace: Workspace, carrying: Carrying): Promise<Sent | null> {
  const { fresh, seen, plan, call } = carrying
  const { head } = fresh
  const unchanged = { head, index: seen.index, sequence: head.verified.header.sequence, bytesSent: 0 }
  if (!plan.operations.some(tellsVault)) return { ...unchanged, changed: new Set() }

  const keys = context.keyring.get(head.trust.epoch.epoch) as EpochKeys
  const destination = {
    keys,
    gearSeed: seen.index.gearSeed,
    uploadHead: uploadHeadOf(context, fresh),
    sharedChunks: sharedChunks(seen.index),
  }
  const files = filesToSeal(plan.operations, seen, context)
  const sealed = await uploadFiles(context, workspace, destination, files, call)
  return commit(context, carrying, { keys, ...sealed })
}

interface SealedUpload {
  readonly keys: EpochKeys
  readonly staging: Staging
  readonly chunksByPath: ReadonlyMap<string, readonly ChunkRef[]>
  readonly changed: ReadonlySet<string>
}

async function commit(
  context: Context,
  { fresh, seen, plan, call }: Carrying,
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

/** Whether there is nothing that waits, or might wait, to be uploaded. */
function isUploadOver({ operations, held }: Plan, open: readonly string[]): boolean {
  return !operations.some(tellsVault) && held.length === 0 && open.length === 0
}

function tellsVault({ kind }: Operation): boolean {
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
      if (operation.node.size === 0) continue
      const content = seen.scanned.contents.get(path)
      files.push({ path, node: operation.node, before, ...(content !== undefined && { content }) })
    }
  }
  return files
}

function fileBefore(index: VaultIndex, path: string): FileEntry | null {
  const entry = index.entries.get(path)
  return entry?.type === "file" ? entry : null
}

function report(
  seen: Survey,
  done: Finished & {
    readonly choices: ReadonlyMap<string, Resolution>
    readonly open: readonly string[]
  },
): SyncReport {
  const failed = new Set(done.failed.keys())
  const { sent, received } = changesOf(done.plan, seen.input, done.names, failed)
  const open = new Set(done.open)
  const conflicts = conflictViews(seen.plan.conflicts, done.names, (path) =>
    open.has(path) ? "skip" : (done.choices.get(path)?.choice ?? "skip"),
  )
  const skipped: Skipped[] = [...done.plan.held]
  for (const [path, reason] of done.failed) skipped.push({ path, reason })
  const quiet = sent.length === 0 && received.length === 0
  return {
    kind: open.size > 0 ? "conflicts" : quiet ? "in-sync" : "synced",
    sequence: done.head.verified.header.sequence,
    sent,
    received,
    conflicts,
    skipped,
    bytesSent: done.bytesSent,
    bytesReceived: done.bytesReceived,
  }
}
