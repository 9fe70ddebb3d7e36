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
import { chunkPlace, fetchChunks } from "./download.ts"

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
    const targets = new Map<string, { readonly path: string; readonly offset: number }[]>()
    const refs: ChunkRef[] = []
    for (const { path, entry, missing: numbers } of wanted) {
      const missing = new Set(numbers)
      let offset = 0
      for (const [number, ref] of entry.chunks.entries()) {
        if (missing.has(number)) {
          const place = chunkPlace(ref)
          const others = targets.get(place)
          if (others === undefined) targets.set(place, [{ path, offset }])
          else others.push({ path, offset })
          refs.push(ref)
        }
        offset += ref.plainBytes
      }
    }
    context.host.progress.step(
      "download",
      refs.reduce((sum, { plainBytes }) => sum + plainBytes, 0),
      "bytes",
    )
    const take = async (ref: ChunkRef, plain: Uint8Array): Promise<void> => {
      for (const { path, offset } of targets.get(chunkPlace(ref)) ?? []) await deliver(path, offset, plain)
    }
    await fetchChunks(context, snapshot, refs, take, call)
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
