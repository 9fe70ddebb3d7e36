/**
 * Says what a plan would do, or did, in the words of a report. Pure.
 *
 * @module
 */
import type { Change, ConflictView } from "../reports.ts"
import type { TreeNode } from "../tree/node.ts"
import {
  type Conflict,
  type Operation,
  type Plan,
  type PlanInput,
  type Resolution,
  sameContent,
} from "../tree/plan/plan.ts"
import { runsOnOpen } from "../tree/sensitive.ts"

/** Names of machines by id; unknown ones are shown by the start of their id. */
export type MachineNames = (id: string) => string

export interface PlannedChanges {
  readonly sent: readonly Change[]
  readonly received: readonly Change[]
}

/** @param failed - Paths that were not carried out, and so are not told of. */
export function changesOf(
  plan: Plan,
  { base, tombstones }: Pick<PlanInput, "base" | "tombstones">,
  names: MachineNames,
  failed: ReadonlySet<string> = new Set(),
): PlannedChanges {
  const deleter: MachineNames = (path) => {
    const tombstone = tombstones.get(path)
    return tombstone === undefined ? "" : names(tombstone.writer)
  }
  const gone = new Set<string>()
  for (const { kind, path } of plan.operations) if (kind === "bury" || kind === "delete") gone.add(path)
  const sent: Change[] = []
  const received: Change[] = []
  for (const operation of plan.operations) {
    if (failed.has(operation.path)) continue
    const change = describe(operation, { base, names, deleter, gone })
    if (change !== null) (change.from === null ? sent : received).push(change)
  }
  return { sent: byPath(sent), received: byPath(received) }
}

/** @param choice - What was decided about each; `skip` where nothing was. */
export function conflictViews(
  conflicts: readonly Conflict[],
  names: MachineNames,
  choice: (path: string) => Resolution["choice"],
): readonly ConflictView[] {
  return conflicts.map(({ path, kind, writer }) => ({ path, kind, machine: names(writer), choice: choice(path) }))
}

interface Describing {
  readonly base: ReadonlyMap<string, TreeNode>
  readonly names: MachineNames
  /** Who deleted a path. */
  readonly deleter: MachineNames
  /** What goes: content that is at another path, too, was copied, not renamed. */
  readonly gone: ReadonlySet<string>
}

function describe(operation: Operation, { base, names, deleter, gone }: Describing): Change | null {
  const { path } = operation
  const view = (node: TreeNode, change: Change["change"], from: string | null): Change => ({
    path,
    type: node.type,
    change,
    size: node.type === "file" ? node.size : 0,
    runsOnOpen: runsOnOpen(path),
    from,
  })
  switch (operation.kind) {
    case "upload": {
      const moved = operation.before === null && gone.has(operation.from?.path ?? "")
      return view(operation.node, moved ? "renamed" : kindOfChange(operation.before, operation.node), null)
    }
    case "bury":
      return view(operation.before, "deleted", null)
    case "write": {
      const moved = operation.before === null && gone.has(operation.from ?? "")
      return view(
        operation.node,
        moved ? "renamed" : kindOfChange(operation.before, operation.node),
        names(operation.node.writer),
      )
    }
    case "delete":
      return view(operation.before, "deleted", deleter(path))
    case "merge":
      return {
        path,
        type: "file",
        change: "modified",
        size: operation.content.length,
        runsOnOpen: runsOnOpen(path),
        from: null,
      }
    case "mode":
      // Where a path also changes otherwise, that tells enough.
      return base.has(path) ? view(operation.before, "mode", "") : null
    case "agree":
      return null
  }
}

function kindOfChange(before: TreeNode | null, node: TreeNode): Change["change"] {
  if (before === null) return "new"
  return sameContent(before, node) ? "mode" : "modified"
}

function byPath(changes: readonly Change[]): readonly Change[] {
  return [...changes].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}
