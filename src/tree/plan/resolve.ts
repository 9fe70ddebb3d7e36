/**
 * Works a person's choices about conflicts into a plan. Not by editing
 * operations: a choice is a statement about the base. "Keep local" says that
 * the vault's version is the one both had, so that the local one is the newer;
 * "keep remote" says it the other way round. The planner then draws the
 * consequences for folders and for what is in them. Pure.
 *
 * @module
 */
import type { FileEntry, IndexEntry, Tombstone } from "../../../storage/format/index/entry.ts"
import { mergeMode } from "./decide.ts"
import { createNames, type Names } from "../names.ts"
import { parentOf } from "../paths.ts"
import { type Conflict, type Operation, type Plan, type PlanInput, type Resolution, toNode } from "./plan.ts"
import { plan as makePlan } from "./planner.ts"

export interface Resolved {
  readonly plan: Plan
  /** Conflicts that are still open: not answered, put off, or answered with what cannot be done there. */
  readonly skipped: readonly string[]
}

/** Which side's version of a conflict, and of all below it, counts as the one both had. */
type Winner = "local" | "remote"

/** The entry of the vault that gets a second path, that path, and the conflict it is about. */
interface Copy {
  readonly entry: IndexEntry
  readonly path: string
  readonly root: string
}

/**
 * The plan with `resolutions`, by path of the conflict, carried out. `plan` must be the plan for `input`. Keeping both
 * sides of a deletion keeps the edited one. A merge needs a file, or nothing, on either side.
 */
export function applyResolutions(plan: Plan, input: PlanInput, resolutions: ReadonlyMap<string, Resolution>): Resolved {
  const winners = new Map<string, Winner>()
  const copies: Copy[] = []
  const merges = new Map<string, Operation>()
  let names: Names | undefined
  for (const conflict of plan.conflicts) {
    const resolution = resolutions.get(conflict.path)
    if (resolution === undefined || resolution.choice === "skip") continue
    if (resolution.choice === "merged") {
      const merge = toMerge(conflict, resolution.content)
      if (merge === null) continue
      merges.set(conflict.path, merge)
      winners.set(conflict.path, conflict.local === null ? "remote" : "local")
    } else if (resolution.choice === "keep-both" && conflict.local !== null && conflict.remote !== null) {
      names ??= createNames(input)
      const path = names.beside(conflict.path, conflict.remote.type)
      if (path === null) continue
      copies.push({ entry: conflict.remote, path, root: conflict.path })
      winners.set(conflict.path, "local")
    } else {
      winners.set(conflict.path, winnerOf(resolution.choice, conflict))
    }
  }
  if (winners.size === 0) return { plan, skipped: plan.conflicts.map(({ path }) => path) }
  const all = withContents(copies, input)
  const next = makePlan(shift(input, winners, all))
  const written = new Set(next.operations.filter(({ kind }) => kind === "write").map(({ path }) => path))
  const open = new Set([...next.conflicts, ...next.held].map(({ path }) => path))
  // Both or nothing: where the copy cannot come to lie here, or the local version cannot take the place, ask again.
  const failed = all.filter(({ path, root }) => !written.has(path) || open.has(root))
  if (failed.length > 0) return applyResolutions(plan, input, without(resolutions, failed))
  return {
    plan: { ...next, operations: withUploads(withMerges(next.operations, merges), all), dormant: plan.dormant },
    skipped: plan.conflicts.map(({ path }) => path).filter((path) => !winners.has(path) || open.has(path)),
  }
}

function without(
  resolutions: ReadonlyMap<string, Resolution>,
  failed: readonly Copy[],
): ReadonlyMap<string, Resolution> {
  const rest = new Map(resolutions)
  for (const { root } of failed) rest.delete(root)
  return rest
}

function winnerOf(choice: "keep-local" | "keep-remote" | "keep-both", { local }: Conflict): Winner {
  if (choice === "keep-both") return local === null ? "remote" : "local"
  return choice === "keep-local" ? "local" : "remote"
}

function toMerge({ path, base, local, remote }: Conflict, content: Uint8Array): Operation | null {
  if (local?.type === "folder" || remote?.type === "folder") return null
  const modes = [local, remote].filter((node) => node?.type === "file")
  const mode = local?.type === "file" && remote?.type === "file" ? mergeMode(base, local, remote) : modes[0]?.mode
  return { kind: "merge", path, content, mode: mode ?? 0o644, local, remote }
}

/** The copy of a folder is the copy of all that is in it. */
function withContents(copies: readonly Copy[], { remote }: PlanInput): readonly Copy[] {
  const folders = new Map(copies.filter(({ entry }) => entry.type === "folder").map((copy) => [copy.root, copy]))
  if (folders.size === 0) return copies
  const all = [...copies]
  for (const [path, entry] of remote) {
    const folder = nearest(parentOf(path), folders)
    if (folder !== null) all.push({ entry, path: folder.path + path.slice(folder.root.length), root: folder.root })
  }
  return all.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** The input as if the losing version of each decided path were the one both had, and the copies were in the vault. */
function shift(input: PlanInput, winners: ReadonlyMap<string, Winner>, copies: readonly Copy[]): PlanInput {
  const base = new Map(input.base)
  const tombstones = new Map(input.tombstones)
  const dormant = new Set(input.dormant)
  for (const path of new Set([...input.local.keys(), ...input.remote.keys()])) {
    const winner = nearest(path, winners)
    if (winner === null) continue
    const local = input.local.get(path)
    const remote = input.remote.get(path)
    const loser = winner === "local" ? remote : local
    if (loser === undefined) base.delete(path)
    else base.set(path, toNode(loser))
    dormant.delete(path)
    if (winner === "remote" && remote === undefined && !tombstones.has(path)) tombstones.set(path, stone(path))
  }
  const remote = new Map(input.remote)
  for (const { entry, path } of copies) remote.set(path, { ...entry, path })
  return { ...input, base, tombstones, dormant, remote }
}

/** A person chose the vault's side, where this path is not: that deletes as a tombstone does. */
function stone(path: string): Tombstone {
  return { path, hash: new Uint8Array(32), sequence: 0, writer: "" }
}

/** The value of the path itself, or else of the closest folder above that has one. */
function nearest<T>(path: string, values: ReadonlyMap<string, T>): T | null {
  for (let at = path; at !== ""; at = parentOf(at)) {
    const value = values.get(at)
    if (value !== undefined) return value
  }
  return null
}

function withMerges(operations: readonly Operation[], merges: ReadonlyMap<string, Operation>): readonly Operation[] {
  if (merges.size === 0) return operations
  const done = new Set<string>()
  return operations.flatMap((operation) => {
    const merge = merges.get(operation.path)
    if (merge === undefined) return [operation]
    if (done.has(operation.path)) return []
    done.add(operation.path)
    return [merge]
  })
}

/** What was planned as if it were in the vault must be brought there: its chunks are, under the other path. */
function withUploads(operations: readonly Operation[], copies: readonly Copy[]): readonly Operation[] {
  const entries = new Map(copies.map(({ entry, path }) => [path, entry]))
  const uploads: Operation[] = []
  const planned = operations.map((operation) => {
    const { kind, path } = operation
    const entry = entries.get(kind === "upload" ? (operation.from?.path ?? "") : path)
    if (entry === undefined) return operation
    if (kind === "upload") return { ...operation, from: entry as FileEntry }
    const upload = { kind: "upload", path, node: toNode(entry), before: null } as const
    uploads.push(entry.type === "file" ? { ...upload, from: entry } : upload)
    return operation
  })
  return [...planned, ...uploads]
}
