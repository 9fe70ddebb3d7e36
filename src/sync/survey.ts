/**
 * What one sync sees before it acts: base, local and remote, and the plan that
 * follows from them.
 *
 * @module
 */
import { utf8 } from "../../crypto/bytes.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import type { Workspace } from "../ports/workspace.ts"
import type { Plan, PlanInput } from "../tree/plan/plan.ts"
import { plan as makePlan } from "../tree/plan/planner.ts"
import type { ScanResult } from "../tree/scan/scan.ts"
import { baseOf, type ScanCache } from "../tree/scan/scanCache.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import { readIndex, type VaultIndex } from "../vault/vaultIndex.ts"
import type { Local } from "./local.ts"

export interface Survey {
  readonly index: VaultIndex
  readonly cache: ScanCache
  readonly scanned: ScanResult
  readonly input: PlanInput
  readonly plan: Plan
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

function platformOf({ windowsNames, caseInsensitive, normalizes, links }: Workspace) {
  return { windowsNames, caseInsensitive, normalizes, links }
}
