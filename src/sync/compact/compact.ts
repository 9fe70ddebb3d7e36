/**
 * Drops history beyond a retention: a version of kind `compact` on a branch that
 * holds only what stays. Content is neither added nor taken away: the present is
 * what it was. Published like every version, by compare-and-swap from the head that
 * was read, so whoever writes meanwhile loses nothing: either it finds the branch
 * moved, looks again and goes on, or this one does.
 *
 * Killed before the branch moves, everything is as it was; after that, only room is
 * not given back yet, which the next compaction does.
 *
 * @module
 */
import { StoreError } from "../../../storage/errors.ts"
import type { EpochKeys } from "../../../storage/keys.ts"
import { packsOf, uploadBranch } from "../../../storage/layout.ts"
import type { CallOptions } from "../../../storage/remote/store.ts"
import { SyncError } from "../../errors.ts"
import type { CompactReport } from "../../reports.ts"
import type { Context, Fresh } from "../../vault/context.ts"
import { believe, hasMoved } from "../../vault/refresh.ts"
import { isVaultFault } from "../../vault/faults.ts"
import type { Head } from "../../vault/head.ts"
import { nextSequence, publish } from "../../vault/publish.ts"
import { cacheShards, sweepShards, type VaultIndex } from "../../vault/vaultIndex.ts"
import { createIndexReader, isLast, pastHeads } from "../versions/history.ts"
import { openStaging, type Staging } from "../staging.ts"
import { backOffMs, enter } from "../sync.ts"
import { nextIndex, referredPacks } from "../version.ts"
import { countWanted, keepTombstones, type Retention, type TombstonesKept, type VersionFacts } from "./retention.ts"
import { createPackUse, type Moved, type PackUse, rewrittenEntries, rewritePacks } from "./waste.ts"

const MAX_TRIES = 12

export interface Compacting extends CallOptions {
  readonly keep: Retention
  readonly dryRun?: boolean
}

/**
 * The caller holds the workspace's lock.
 *
 * @throws {SyncError} `CANCELLED`, `CONTENDED`, `HISTORY_MISSING`, and as `enter`.
 */
export async function compact(context: Context, options: Compacting): Promise<CompactReport> {
  const { host, store } = context
  const kept: Kept = { staging: null, moved: new Map(), promised: null }
  const before = await store.sizeBytes(options)
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const fresh = await enter(context, options)
    try {
      const done = await attempt(context, fresh, kept, options)
      if (done?.kind === "dry-run") return done
      if (done !== null) return await reclaimed(context, done, before, options)
    } catch (error) {
      // Another machine's compaction, perhaps, took away what was being read.
      if (!isVaultFault(error) || !(await hasMoved(context, fresh.head, options))) throw error
    }
    await host.clock.sleep(backOffMs(context, tries), options.signal)
  }
  throw new SyncError("CONTENDED", "the vault kept changing")
}

/** What outlives a try that came second. */
interface Kept {
  staging: Staging | null
  readonly moved: Moved
  /** The oldest version that was said to stay, when a person was asked: it does, whatever others write meanwhile. */
  promised: number | null
}

/** null if the vault moved. */
async function attempt(context: Context, fresh: Fresh, kept: Kept, options: Compacting): Promise<CompactReport | null> {
  const plan = await makePlan(context, fresh.head, kept.promised, options)
  const { sequence } = fresh.head.verified.header
  if (options.dryRun === true) return report(plan, { kind: "dry-run", sequence })
  if (!plan.drops && plan.packs.size === 0) return report(plan, { kind: "nothing-to-do", sequence })
  if (plan.drops && kept.promised === null) {
    if (!(await confirm(context, plan))) throw new SyncError("CANCELLED", "nothing was dropped")
    kept.promised = plan.historyFloor
  }
  return carryOut(context, fresh, plan, kept, options)
}

interface Plan {
  readonly head: Head
  readonly index: VaultIndex
  /** All versions there are, newest first. */
  readonly versions: readonly VersionFacts[]
  readonly kept: number
  readonly historyFloor: number
  readonly tombstones: TombstonesKept
  /** To be rewritten. */
  readonly packs: ReadonlySet<string>
  /** Whether the history begins later afterwards. */
  readonly drops: boolean
  /** No version stays but the one that comes on top, which holds just what the present one does. */
  readonly isAlone: boolean
}

async function makePlan(
  context: Context,
  head: Head,
  promised: number | null,
  { keep, ...call }: Compacting,
): Promise<Plan> {
  const nowMs = context.host.clock.now()
  const { facts, use, index, isWhole } = await goThrough(context, head, call)
  const wanted = countWanted(facts, keep, nowMs)
  if (wanted > facts.length && !isWhole) {
    throw new SyncError("HISTORY_MISSING", "the history ends too early", { "versions left": facts.length })
  }
  const promisedCount = facts.findIndex(({ sequence }) => sequence === promised) + 1
  const kept = Math.min(facts.length, Math.max(wanted, promisedCount))
  const { header } = head.verified
  // Where the store lost versions that nobody dropped, the floor is what says where the history begins.
  const drops = kept < facts.length || !isWhole
  const isAlone = drops && kept === 1
  const oldest = isAlone ? nextSequence(head) : (facts[kept - 1] as VersionFacts).sequence
  return {
    head,
    index,
    versions: facts,
    kept,
    historyFloor: drops ? Math.max(header.historyFloor, oldest) : header.historyFloor,
    tombstones: keepTombstones(index.tombstones, facts, kept, header.tombstoneFloor, nowMs),
    packs: use.worthRewriting(kept),
    drops,
    isAlone,
  }
}

/** All versions, one after the other; only what is counted stays in memory. */
async function goThrough(
  context: Context,
  head: Head,
  call: CallOptions,
): Promise<{
  readonly facts: readonly VersionFacts[]
  readonly use: PackUse
  readonly index: VaultIndex
  readonly isWhole: boolean
}> {
  context.host.progress.step("history")
  const use = createPackUse()
  const facts: VersionFacts[] = []
  const indexOf = createIndexReader(context, call)
  const present = await indexOf(head)
  let oldest = head
  for await (const past of pastHeads(context, head, call)) {
    const { sequence, time } = past.verified.header
    facts.push({ commit: past.commit, sequence, timeMs: time })
    const index = past === head ? present : await indexOf(past).catch(unlessDamaged)
    use.add(index?.entries.values() ?? [])
    oldest = past
  }
  return { facts, use, index: present, isWhole: isLast(oldest, head) }
}

/** An older version that is damaged stays as it is, or goes; its part in the packs is not known. */
function unlessDamaged(error: unknown): null {
  if (isVaultFault(error)) return null
  throw error
}

async function confirm({ host }: Context, { versions: all, kept, head, tombstones, isAlone }: Plan): Promise<boolean> {
  const oldest = all[kept - 1] as VersionFacts
  const dropped = all.length - kept
  const lines = [
    dropped === 0
      ? "The store has lost older versions. They will not be looked for any more."
      : `${dropped} of ${all.length} versions of the vault will be dropped; nobody can bring them back.`,
    isAlone
      ? "Only the files as they are now stay."
      : `The oldest one left is version ${oldest.sequence}, of ${dateOf(oldest.timeMs)}.`,
    "No file on any disk is touched.",
  ]
  if (tombstones.floor > head.verified.header.tombstoneFloor) {
    lines.push(
      `A machine that was last in sync before version ${tombstones.floor} will join as new: it loses nothing, but brings back`,
      "what others deleted since.",
    )
  }
  return (await host.prompts.confirm({ code: "compact", lines })) === true
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

async function carryOut(
  context: Context,
  fresh: Fresh,
  plan: Plan,
  rewriting: Kept,
  call: CallOptions,
): Promise<CompactReport | null> {
  const { head, index } = plan
  const { keyring } = context
  const keys = keyring.get(head.trust.epoch.epoch) as EpochKeys
  if (plan.packs.size > 0) {
    rewriting.staging ??= await stagingFor(context, fresh, call)
    const { staging, moved } = rewriting
    const from = { snapshot: head.snapshot, entries: index.entries.values(), packs: plan.packs }
    await staging.fill(() => rewritePacks(context, from, staging, moved, call))
  }
  const { staging, moved } = rewriting
  const entries = rewrittenEntries(index.entries.values(), moved)
  const changes = { entries, tombstones: [], forget: plan.tombstones.dropped }
  const next = await nextIndex(context, keys, head, index, changes)
  const branch = staging?.branch() ?? null
  const staged = staging?.packs() ?? []
  const result = await publish(
    context,
    head,
    {
      kind: "compact",
      keys,
      trust: head.trust,
      vaultFile: head.vaultFile,
      index: next.refs,
      sealed: next.sealed,
      packs: referredPacks(next.index.entries.values(), new Map([...staged, ...packsOf(head.snapshot)])),
      tombstoneFloor: plan.tombstones.floor,
      historyFloor: plan.historyFloor,
      deleteBranches: branch === null ? [] : [branch],
      ancestors: ancestorsOf(plan),
    },
    call,
  )
  if (result.kind === "moved") return null
  await believe(context, result.head, { idlePacks: [] })
  await cacheShards(context, next.sealed)
  await sweepShards(context, result.head)
  await staging?.clear()
  const { sequence, time } = result.head.verified.header
  const done = report(plan, { kind: "compacted", sequence, bytesSent: staging?.sealedBytes ?? 0 })
  return plan.isAlone ? { ...done, oldest: { sequence, timeMs: time } } : done
}

/** Commits to make again, oldest first. */
function ancestorsOf({ versions: all, kept, isAlone }: Plan): readonly string[] {
  if (isAlone) return []
  return all
    .slice(0, kept)
    .map(({ commit }) => commit)
    .reverse()
}

function stagingFor(context: Context, { head, branches }: Fresh, call: CallOptions): Promise<Staging> {
  const { host, store, state, config } = context
  const name = uploadBranch(config.workspace, config.machine)
  return openStaging({
    crypto: host.crypto,
    store,
    state,
    workspace: config.workspace,
    machine: config.machine,
    epoch: head.trust.epoch.epoch,
    uploadHead: branches.find((branch) => branch.name === name)?.head ?? null,
    stageBytes: host.stageBytes,
    call,
  })
}

/** The report of a plan, with nothing measured yet. */
function report(
  { versions: all, kept, tombstones, packs, isAlone }: Plan,
  done: Pick<CompactReport, "kind" | "sequence"> & { readonly bytesSent?: number },
): CompactReport {
  const { sequence, timeMs } = all[kept - 1] as VersionFacts
  const isPublished = done.kind === "compacted"
  const isNothing = done.kind === "nothing-to-do"
  return {
    bytesSent: 0,
    ...done,
    versionsBefore: all.length,
    versionsAfter: kept + (isPublished && !isAlone ? 1 : 0),
    oldest: { sequence, timeMs },
    tombstonesDropped: isNothing ? 0 : tombstones.dropped.length,
    packsRewritten: packs.size,
    storeBytes: null,
    isReclaimed: false,
  }
}

/** Gives back the room, and measures it. */
async function reclaimed(
  { host, store }: Context,
  done: CompactReport,
  before: number | null,
  call: CallOptions,
): Promise<CompactReport> {
  host.progress.step("commit")
  const isReclaimed = await store.reclaim(call).catch((error: unknown) => {
    // A full disk, say. What was to be done is done; the next compaction tries again.
    if (!(error instanceof StoreError)) throw error
    return false
  })
  const after = await store.sizeBytes(call)
  return { ...done, isReclaimed, storeBytes: before === null || after === null ? null : { before, after } }
}
