/**
 * What one sync sees before it acts: base, local and remote, and the plan that
 * follows from them.
 *
 * @module
 */
import { utf8 } from "../../crypto/bytes.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import type { Workspace } from "../ports/workspace.ts"
import { createIgnoreRules } from "../tree/scan/ignoreRules.ts"
import type { Plan, PlanInput } from "../tree/plan/plan.ts"
import { plan as makePlan } from "../tree/plan/planner.ts"
import { type ScanResult, scan } from "../tree/scan/scan.ts"
import { baseOf, type ScanCache } from "../tree/scan/scanCache.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import { readIndex, type VaultIndex } from "../vault/vaultIndex.ts"
import { readBase } from "./base.ts"

export interface Survey {
  readonly index: VaultIndex
  readonly cache: ScanCache
  readonly scanned: ScanResult
  readonly input: PlanInput
  readonly plan: Plan
}

/** Scans, reads the index, plans. Changes nothing. */
export async function survey(context: Context, workspace: Workspace, head: Head, call: CallOptions): Promise<Survey> {
  const { host, config } = context
  const index = await readIndex(context, head, call)
  const { cache, isLost, dormant } = await knownBase(context, head)
  const scanned = await scan({
    workspace,
    crypto: host.crypto,
    rules: createIgnoreRules(),
    cache,
    workspaceId: config.workspace,
    progress: host.progress,
    signal: call.signal,
  })
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
    ...(isLost && { baseLost: { hashTarget: (target) => host.crypto.sha256(utf8(target)) } }),
  }
  return { index, cache, scanned, input, plan: makePlan(input) }
}

function platformOf({ windowsNames, caseInsensitive, normalizes, links }: Workspace) {
  return { windowsNames, caseInsensitive, normalizes, links }
}

/**
 * The base. Lost if it cannot be read though this machine has synced before, or if the vault is another than the one it
 * was agreed on with; none, as for a new machine, if the vault has dropped the tombstones of what happened since.
 */
async function knownBase(
  context: Context,
  head: Head,
): Promise<{ readonly cache: ScanCache; readonly isLost: boolean; readonly dormant: ReadonlySet<string> }> {
  const synced = context.seen?.stored.syncedSequence ?? 0
  const { cache, dormant } = await readBase(context)
  if (cache === null) return { cache: new Map(), isLost: synced > 0, dormant }
  if (context.seen?.stored.base === "superseded") return { cache: withoutBase(cache), isLost: true, dormant }
  if (synced < head.verified.header.tombstoneFloor) return { cache: withoutBase(cache), isLost: false, dormant }
  return { cache, isLost: false, dormant }
}

function withoutBase(cache: ScanCache): ScanCache {
  return new Map([...cache].map(([path, { seen }]) => [path, { base: null, seen }] as const))
}
