/**
 * One sync, from head to head: look, plan, ask, upload, publish, apply. Nothing
 * on disk is touched before the vault has what this machine brings; the base
 * learns only what is true on both sides. Killed anywhere, the next sync
 * finishes or undoes.
 *
 * @module
 */
import type { CallOptions } from "../../storage/remote/store.ts"
import { SyncError } from "../errors.ts"
import type { Workspace } from "../ports/workspace.ts"
import type { Skipped, SyncReport } from "../reports.ts"
import type { SyncOptions } from "../session.ts"
import { confirmApproval } from "../trust/join.ts"
import { namesOf } from "../trust/names.ts"
import { noteSightings } from "../trust/presence.ts"
import { unlock } from "../trust/unlock.ts"
import { checkBrakes } from "../tree/plan/brake.ts"
import { baseAfter, contentKey, type Conflict, type Plan, type Resolution } from "../tree/plan/plan.ts"
import { applyResolutions } from "../tree/plan/resolve.ts"
import { remember } from "../tree/scan/scanCache.ts"
import { prepareStateFolder } from "../tree/stateFolder.ts"
import type { Context, Fresh } from "../vault/context.ts"
import { believe, hasMoved, refresh, requireNotRevoked, requireTrusted, type TakeOver } from "../vault/refresh.ts"
import { isVaultFault } from "../vault/faults.ts"
import type { Head } from "../vault/head.ts"
import { sweepShards } from "../vault/vaultIndex.ts"
import { applyOperations, type CarriedOut, prune, recoverApply } from "./carryOut.ts"
import { noteSettled, writeBase } from "./base.ts"
import { changesOf, conflictViews, type MachineNames } from "./changes.ts"
import { resolveConflicts } from "./conflicts.ts"
import { dropLeftovers } from "./leftovers.ts"
import { isOldVersion, notePast, readPast } from "./past.ts"
import { type AgreedCode, holdNewCode } from "./newCode.ts"
import { createReadAhead, type ReadAhead } from "./readAhead.ts"
import { type Sending, type Sent, send, tellsVault } from "./send.ts"
import { noteStandstill, nothingChanged } from "./standstill.ts"
import { type EarlyLook, isSettled, type Local, lookAround, lookEarly } from "./local.ts"
import { type Survey, survey } from "./survey.ts"

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
  await noteSightings(context, fresh.head)
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
  const local = await lookAround(context, workspace, head, call)
  const { plan, input } = await survey(context, workspace, head, local, call)
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
  if (options.dryRun === true) return preview(context, workspace, await enter(context, call), call)
  const readAhead = createReadAhead(context.host.compressor)
  const looking = lookEarly(context, workspace, call, readAhead)
  try {
    const fresh = await enter(context, call)
    looking.sealUnder(fresh.head)
    await recoverApply(context, workspace)
    return await tryUntilDone(context, workspace, fresh, looking, { options, readAhead, call })
  } finally {
    await looking.close()
  }
}

async function tryUntilDone(
  context: Context,
  workspace: Workspace,
  entered: Fresh,
  early: EarlyLook,
  doing: Pick<Attempting, "options" | "readAhead" | "call">,
): Promise<SyncReport> {
  const { readAhead, call } = doing
  const attempting: Attempting = { ...doing, answers: new Map(), allowed: new Map(), agreed: new Set() }
  let fresh = entered
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    try {
      const { head } = fresh
      const local = await (tries === 0 ? early.under(head) : lookAround(context, workspace, head, call, readAhead))
      const reported = await attempt(context, workspace, fresh, local, attempting)
      if (reported !== null) return reported
    } catch (error) {
      if (!isVaultFault(error) || !(await hasMoved(context, fresh.head, call))) throw error
      // A compaction took away what was just being read: there is another version to look at now.
      await recoverApply(context, workspace)
    }
    await context.host.clock.sleep(backOffMs(context, tries), call.signal)
    fresh = await enter(context, call)
  }
  throw new SyncError("CONTENDED", "the vault kept changing")
}

/** What one sync keeps from one try to the next. */
interface Attempting {
  readonly options: SyncOptions
  readonly answers: Map<string, Resolution>
  readonly allowed: Allowed
  readonly agreed: AgreedCode
  readonly readAhead: ReadAhead
  readonly call: CallOptions
}

/** null if the vault moved. */
async function attempt(
  context: Context,
  workspace: Workspace,
  fresh: Fresh,
  local: Local,
  { options, answers, allowed, agreed, readAhead, call }: Attempting,
): Promise<SyncReport | null> {
  if (isSettled(fresh.head, local)) return rest(context, workspace, fresh, local, call)
  const names = await namesOf(context, fresh.head.trust)
  const seen = await survey(context, workspace, fresh.head, local, call)
  // What was answered before the vault moved under us holds only for the same two versions.
  const open = seen.plan.conflicts.filter((conflict) => !answers.has(answerKey(conflict)))
  const resolving = { context, workspace, head: fresh.head, names, call }
  const fromNow = await resolveConflicts(resolving, open, options)
  for (const conflict of open) {
    const answer = fromNow.get(conflict.path)
    if (answer !== undefined) answers.set(answerKey(conflict), answer)
  }
  const choices = choicesOf(seen.plan.conflicts, answers)
  const { plan: decided, skipped } = applyResolutions(seen.plan, seen.input, choices)
  const { plan, held } = await holdNewCode(context, fresh.head, decided, agreed)
  await brake(context, seen, plan, options, allowed)
  const outcome = await carryOut(context, workspace, { fresh, seen, plan, names, readAhead, call })
  if (outcome === null) return null
  await dropLeftovers(context, fresh, isUploadOver(plan, skipped), call)
  const reported = report(seen, { ...outcome, choices, open: skipped, held })
  if (skipped.length === 0 && reported.skipped.length === 0) {
    await noteSettled(context, outcome.baseHash, outcome.head.commit)
    const isAsScanned = !outcome.isDiskChanged && plan.dormant.length === 0
    if (isAsScanned) await noteStandstill(context, outcome.head, local.scanned)
  }
  return reported
}

/** Nothing to do but to keep house. */
async function rest(
  context: Context,
  workspace: Workspace,
  fresh: Fresh,
  { scanned }: Local,
  call: CallOptions,
): Promise<SyncReport> {
  await prepareStateFolder(workspace, context.config.workspace)
  await prune(context, workspace)
  await believe(context, fresh.head, { lastSyncMs: context.host.clock.now() })
  await dropLeftovers(context, fresh, true, call)
  await noteStandstill(context, fresh.head, scanned)
  return nothingChanged(fresh.head.verified.header.sequence)
}

/** One conflict between two very versions. */
function answerKey({ path, local, remote }: Conflict): string {
  return JSON.stringify([path, contentKey(local), contentKey(remote)])
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
export function backOffMs({ host }: Context, tries: number): number {
  const [random = 0] = host.crypto.randomBytes(1)
  return Math.round((50 + 2 * random) * 1.6 ** tries)
}

/** What a person has allowed in this sync, by reason: a vault that moved meanwhile is no reason to ask the same again. */
type Allowed = Map<string, ReadonlySet<string>>

async function brake(
  { host, state }: Context,
  seen: Survey,
  plan: Plan,
  options: SyncOptions,
  allowed: Allowed,
): Promise<void> {
  if (options.allowMassDelete === true) return
  const past = await readPast(state)
  for (const { kind, side, paths, lines } of checkBrakes(plan, seen.input, (...version) =>
    isOldVersion(past, ...version),
  )) {
    const reason = `${kind} ${side}`
    const before = allowed.get(reason)
    if (before !== undefined && paths.every((path) => before.has(path))) continue
    if ((await host.prompts.confirm({ code: kind, lines })) !== true) {
      throw new SyncError(kind === "mass-delete" ? "MASS_DELETE" : "MASS_REVERT", lines[0] ?? kind, { paths })
    }
    allowed.set(reason, new Set(paths))
  }
}

interface Carrying extends Sending {
  readonly names: MachineNames
}

interface Finished {
  readonly head: Head
  readonly baseHash: string
  readonly plan: Plan
  readonly failed: ReadonlyMap<string, Skipped["reason"]>
  readonly names: MachineNames
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly isDiskChanged: boolean
}

/** null if somebody else moved the vault first: nothing was changed. */
async function carryOut(context: Context, workspace: Workspace, carrying: Carrying): Promise<Finished | null> {
  const { plan, names, call } = carrying
  await prepareStateFolder(workspace, context.config.workspace)
  const sent = await send(context, workspace, carrying)
  if (sent === null) return null
  const failed = new Map<string, Skipped["reason"]>()
  for (const path of sent.changed) failed.set(path, "changed-meanwhile")
  const todo = plan.operations.filter(({ path }) => !failed.has(path))
  const applied = await applyOperations(context, workspace, todo, sent.head.snapshot, call)
  for (const [path, reason] of applied.skipped) failed.set(path, reason)
  const baseHash = await learn(context, { ...carrying, sent, applied, failed })
  await prune(context, workspace)
  const { bytesReceived } = applied
  const isDiskChanged = applied.done.size > 0
  return { head: sent.head, baseHash, plan, failed, names, bytesSent: sent.bytesSent, bytesReceived, isDiskChanged }
}

/** The base learns what holds on both sides now; then the journal may go. Answers the base's hash. */
async function learn(
  context: Context,
  done: Carrying & {
    readonly sent: Sent
    readonly applied: CarriedOut
    readonly failed: ReadonlyMap<string, unknown>
  },
): Promise<string> {
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
  const baseHash = await writeBase(context, remember(seen.cache, base, about, facts, modes), plan.dormant)
  await applied.finish()
  await notePast(context.state, await readPast(context.state), seen.input.base, base)
  await believe(context, sent.head, {
    base: "agreed",
    syncedSequence: sent.head.verified.header.sequence,
    lastSyncMs: context.host.clock.now(),
  })
  await sweepShards(context, sent.head)
  return baseHash
}

/** Whether there is nothing that waits, or might wait, to be uploaded. */
function isUploadOver({ operations, held }: Plan, open: readonly string[]): boolean {
  return !operations.some(tellsVault) && held.length === 0 && open.length === 0
}

function report(
  seen: Survey,
  done: Finished & {
    readonly choices: ReadonlyMap<string, Resolution>
    readonly open: readonly string[]
    readonly held: readonly string[]
  },
): SyncReport {
  const failed = new Set(done.failed.keys())
  const { sent, received } = changesOf(done.plan, seen.input, done.names, failed)
  const open = new Set(done.open)
  const conflicts = conflictViews(seen.plan.conflicts, done.names, (path) =>
    open.has(path) ? "skip" : (done.choices.get(path)?.choice ?? "skip"),
  )
  const skipped: Skipped[] = [...done.plan.held, ...done.held.map((path) => ({ path, reason: "new-code" as const }))]
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
