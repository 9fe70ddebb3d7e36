/**
 * What one sync sees before it acts: base, local and remote, and the plan that
 * follows from them.
 *
 * @module
 */
import { utf8 } from "../../crypto/bytes.ts"
import type { CallOptions, ObjectId } from "../../storage/remote/store.ts"
import type { Workspace } from "../ports/workspace.ts"
import { createIgnoreRules } from "../tree/scan/ignoreRules.ts"
import { type Plan, type PlanInput, sameContent } from "../tree/plan/plan.ts"
import { plan as makePlan } from "../tree/plan/planner.ts"
import { type ScanResult, scan } from "../tree/scan/scan.ts"
import { baseOf, type ScanCache } from "../tree/scan/scanCache.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import { readIndex, type VaultIndex } from "../vault/vaultIndex.ts"
import { readBase } from "./base.ts"
import type { ReadAhead } from "./readAhead.ts"

export interface Survey {
  readonly index: VaultIndex
  readonly cache: ScanCache
  readonly scanned: ScanResult
  readonly input: PlanInput
  readonly plan: Plan
}

/** What lies on this machine, and what was agreed on. */
export interface Local {
  readonly cache: ScanCache
  readonly isBaseLost: boolean
  readonly dormant: ReadonlySet<string>
  readonly settledAt: ObjectId | null
  readonly scanned: ScanResult
}

/** Reads the base and scans; what it reads goes to `readAhead`. Changes nothing. */
export async function lookAround(
  context: Context,
  workspace: Workspace,
  head: Head,
  call: CallOptions,
  readAhead?: ReadAhead,
): Promise<Local> {
  const { host, config } = context
  const known = await knownBase(context, head)
  const scanned = await scan({
    workspace,
    crypto: host.crypto,
    rules: createIgnoreRules(),
    cache: known.cache,
    workspaceId: config.workspace,
    progress: host.progress,
    signal: call.signal,
    ...(readAhead !== undefined && { onContent: readAhead.keep }),
  })
  return { ...known, scanned }
}

/** Reads the index and plans. Changes nothing. */
export async function survey(
  context: Context,
  workspace: Workspace,
  head: Head,
  { cache, isBaseLost, dormant, scanned }: Local,
  call: CallOptions,
): Promise<Survey> {
  const { host } = context
  const index = await readIndex(context, head, call)
  const base = baseOf(cache)
  const input: PlanInput = {
    base,
    local: scanned.nodes,
    remote: index.entries,
    tombstones: index.tombstones,
    excluded: scanned.excluded,
    held: scanned.held,
    occupied: scanned.occupied,
    // A folder that lost its marker was cleaned out by something (`git clean -xfd`, say): what else is gone from it was
    // not deleted on purpose, and comes back.
    dormant: scanned.markerMissing ? new Set(base.keys()) : dormant,
    platform: { ...platformOf(workspace), mayLeadOut: () => false },
    ...(isBaseLost && { baseLost: { hashTarget: (target) => host.crypto.sha256(utf8(target)) } }),
  }
  return { index, cache, scanned, input, plan: makePlan(input) }
}

/**
 * Whether there is nothing to do, which takes neither an index nor a plan to know: the vault is the one that this disk
 * was equal to when the base was written, nothing was left out then, and the disk has not changed since.
 */
export function isSettled(head: Head, { cache, isBaseLost, settledAt, scanned }: Local): boolean {
  if (isBaseLost || settledAt !== head.commit) return false
  if (scanned.markerMissing || scanned.held.size > 0 || scanned.nodes.size !== cache.size) return false
  for (const [path, node] of scanned.nodes) {
    const known = cache.get(path)
    if (known === undefined || known.base === null) return false
    // The scan hands on what is remembered of a file if that still holds.
    if (node.type === "file" && scanned.seen.get(path) !== known.seen) return false
    if (node.mode !== known.base.node.mode || !sameContent(node, known.base.node)) return false
  }
  return true
}

function platformOf({ windowsNames, caseInsensitive, normalizes, links }: Workspace) {
  return { windowsNames, caseInsensitive, normalizes, links }
}

/**
 * The base. Lost if it cannot be read though this machine has synced before, or if the vault is another than the one it
 * was agreed on with; none, as for a new machine, if the vault has dropped the tombstones of what happened since.
 */
async function knownBase(context: Context, head: Head): Promise<Omit<Local, "scanned">> {
  const synced = context.seen?.stored.syncedSequence ?? 0
  const { cache, dormant, settledAt } = await readBase(context)
  const lost = (isBaseLost: boolean) => ({
    cache: cache === null ? new Map() : withoutBase(cache),
    isBaseLost,
    dormant,
    settledAt: null,
  })
  if (cache === null) return lost(synced > 0)
  if (context.seen?.stored.base === "superseded") return lost(true)
  if (synced < head.verified.header.tombstoneFloor) return lost(false)
  return { cache, isBaseLost: false, dormant, settledAt }
}

function withoutBase(cache: ScanCache): ScanCache {
  return new Map([...cache].map(([path, { seen }]) => [path, { base: null, seen }] as const))
}
