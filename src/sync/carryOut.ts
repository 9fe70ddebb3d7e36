/**
 * Brings a plan's writes and deletes to the disk, with content from the vault;
 * and finishes what a killed sync left.
 *
 * @module
 */
import type { ChunkRef } from "../../storage/format/index/entry.ts"
import type { CallOptions, Snapshot } from "../../storage/remote/store.ts"
import type { Workspace } from "../ports/workspace.ts"
import { type Applied, apply } from "../tree/apply/apply.ts"
import type { Fetch } from "../tree/apply/incoming.ts"
import { pruneQuarantine } from "../tree/apply/quarantine.ts"
import { recover } from "../tree/apply/recover.ts"
import type { Operation } from "../tree/plan/plan.ts"
import { looksSecret } from "../tree/sensitive.ts"
import type { Context } from "../vault/context.ts"
import { readBase, writeBase } from "./base.ts"
import { fetchChunks } from "./download.ts"

export interface CarriedOut extends Applied {
  readonly bytesReceived: number
}

/** @param snapshot - Of the version that the operations write: their packs lie there. */
export async function applyOperations(
  context: Context,
  workspace: Workspace,
  operations: readonly Operation[],
  snapshot: Snapshot,
  call: CallOptions,
  { restores = false } = {},
): Promise<CarriedOut> {
  const { host, state } = context
  let bytesReceived = 0
  const onBytes = (bytes: number): void => {
    bytesReceived += bytes
  }
  const applied = await apply({
    workspace,
    state,
    clock: host.clock,
    crypto: host.crypto,
    operations,
    restores,
    fetch: fetchFrom(context, snapshot, { ...call, onBytes }),
    isSecret: looksSecret,
    mayLeadOut: () => false,
    progress: host.progress,
    signal: call.signal,
  })
  return { ...applied, bytesReceived }
}

/** Delivers wanted pieces of files out of the packs of a snapshot; a chunk that several files want is fetched once. */
function fetchFrom(context: Context, snapshot: Snapshot, call: CallOptions): Fetch {
  return async (wanted, deliver) => {
    const targets = createTargets()
    const refs: ChunkRef[] = []
    let bytes = 0
    for (const { path, entry, missing: numbers } of wanted) {
      const missing = new Set(numbers)
      let offset = 0
      for (const [number, ref] of entry.chunks.entries()) {
        if (missing.has(number)) {
          targets.add(ref, { path, offset })
          refs.push(ref)
          bytes += ref.plainBytes
        }
        offset += ref.plainBytes
      }
    }
    context.host.progress.step("download", bytes, "bytes")
    const take = (ref: ChunkRef, plain: Uint8Array): Promise<void> => {
      const [first, ...others] = targets.of(ref)
      if (first === undefined) return Promise.resolve()
      const delivered = deliver(first.path, first.offset, plain)
      return others.length === 0 ? delivered : delivered.then(() => deliverTo(others, plain))
    }
    const deliverTo = async (others: readonly Target[], plain: Uint8Array): Promise<void> => {
      for (const { path, offset } of others) await deliver(path, offset, plain)
    }
    await fetchChunks(context, snapshot, refs, take, call)
  }
}

/** Where a chunk goes. */
interface Target {
  readonly path: string
  readonly offset: number
}

/** By a chunk's place in the vault: its pack, and where in it. */
function createTargets() {
  const byPack = new Map<string, Map<number, Target[]>>()
  return {
    add({ pack, offset }: ChunkRef, target: Target): void {
      const byOffset = byPack.get(pack) ?? new Map<number, Target[]>()
      if (byOffset.size === 0) byPack.set(pack, byOffset)
      const others = byOffset.get(offset)
      if (others === undefined) byOffset.set(offset, [target])
      else others.push(target)
    },
    of: ({ pack, offset }: ChunkRef): readonly Target[] => byPack.get(pack)?.get(offset) ?? [],
  }
}

/** Finishes or undoes what a killed sync had begun on disk; the base learns what of it was done. */
export async function recoverApply(context: Context, workspace: Workspace): Promise<void> {
  const { host, state } = context
  const recovered = await recover({
    workspace,
    state,
    clock: host.clock,
    crypto: host.crypto,
    isSecret: looksSecret,
  })
  if (recovered === null) return
  const { cache, dormant } = await readBase(context)
  const next = new Map(cache ?? [])
  for (const [path, node] of recovered.agreed) {
    if (node === null) next.delete(path)
    else {
      const stat = await workspace.stat(path)
      const diskMode = stat.ok ? stat.value.mode : node.mode
      // Which version it was is for the next sync to see; until then only the content counts.
      const base = { node, version: 1, writer: context.config.machine, diskMode }
      next.set(path, { base, seen: next.get(path)?.seen ?? null })
    }
  }
  // A lost base stays lost: a few agreed paths would make it look like one that knows of nothing else.
  if (cache !== null) await writeBase(context, next, [...dormant])
  await recovered.finish()
}

/** Drops what has lain in quarantine for its time. */
export async function prune({ host }: Context, workspace: Workspace): Promise<void> {
  await pruneQuarantine(workspace, host.clock)
}
