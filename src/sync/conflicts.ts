/**
 * Asks what is to become of conflicts: a flag, a clean merge, or a person.
 *
 * @module
 */
import type { FileEntry } from "../../storage/format/index/entry.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import type { ConflictContents, ConflictQuestion } from "../ports/prompts.ts"
import type { Workspace } from "../ports/workspace.ts"
import type { SyncOptions } from "../session.ts"
import { mergeText } from "../tree/plan/merge.ts"
import type { Conflict, Resolution } from "../tree/plan/plan.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import type { MachineNames } from "./changes.ts"
import { readContent } from "./download.ts"
import { findContent } from "./versions/history.ts"

/** Larger files are neither merged nor shown. */
const MAX_SHOWN_BYTES = 4 * 1024 * 1024

export interface Resolving {
  readonly context: Context
  readonly workspace: Workspace
  readonly head: Head
  readonly names: MachineNames
  readonly call: CallOptions
}

/** Decides about all conflicts at once; those without an answer are left for the next time. */
export async function resolveConflicts(
  resolving: Resolving,
  conflicts: readonly Conflict[],
  options: Pick<SyncOptions, "onConflict" | "autoMerge">,
): Promise<ReadonlyMap<string, Resolution>> {
  const resolutions = new Map<string, Resolution>()
  if (conflicts.length === 0) return resolutions
  const questions: ConflictQuestion[] = []
  for (const conflict of conflicts) {
    const contents = contentsOf(resolving, conflict)
    const merged = options.autoMerge === true ? await contents.merged() : null
    if (merged !== null) resolutions.set(conflict.path, { choice: "merged", content: merged })
    else if (options.onConflict !== "ask") resolutions.set(conflict.path, { choice: options.onConflict })
    else questions.push({ conflict, machine: resolving.names(conflict.writer), contents })
  }
  if (questions.length === 0) return resolutions
  for (const [path, resolution] of await resolving.context.host.prompts.resolve(questions)) {
    resolutions.set(path, resolution)
  }
  return resolutions
}

function contentsOf(resolving: Resolving, conflict: Conflict): ConflictContents {
  const { context, workspace, head, call } = resolving
  const { path, local, remote, base } = conflict
  const fromVault = async (entry: FileEntry, of: Head): Promise<Uint8Array | null> =>
    entry.size > MAX_SHOWN_BYTES ? null : readContent(context, of.snapshot, entry, call)
  const contents = {
    local: lazily(async () => {
      if (local?.type !== "file") return null
      const read = await workspace.read(path, MAX_SHOWN_BYTES)
      return read.ok ? read.value.bytes : null
    }),
    remote: lazily(async () => (remote?.type === "file" ? fromVault(remote, head) : null)),
    base: lazily(async () => {
      if (base?.type !== "file" || base.size > MAX_SHOWN_BYTES) return null
      const found = await findContent(context, head, path, base.hash, call)
      return found === null ? null : fromVault(found.entry, found.head)
    }),
  }
  const merged = lazily(async () => {
    const [mine, theirs, common] = await Promise.all([contents.local(), contents.remote(), contents.base()])
    return mine === null || theirs === null || common === null ? null : mergeText(common, mine, theirs)
  })
  return { ...contents, merged }
}

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => {
    made ??= make()
    return made
  }
}
