/**
 * Collects the operations of a plan and puts them in an order in which they can
 * be carried out; finds out which content need not travel because it is there
 * already under another path. Pure.
 *
 * @module
 */
import type { FileEntry, IndexEntry } from "../../../storage/format/index/entry.ts"
import { collisionKey } from "./collisions.ts"
import type { TreeNode } from "../node.ts"
import { parentOf } from "../paths.ts"
import { type Operation, type PlanInput, sameContent, toNode } from "./plan.ts"

type OperationOf<K extends Operation["kind"]> = Extract<Operation, { kind: K }>

/** Paths are added folders first. */
export interface Steps {
  agree(path: string, node: TreeNode | null): void
  mode(path: string, local: TreeNode, mode: number): void
  delete(path: string, local: TreeNode): void
  bury(path: string, remote: IndexEntry): void
  /** `node`: what the disk shall have. `remote`: what the vault has; where they differ in mode, the vault is told. */
  write(path: string, node: IndexEntry, local: TreeNode | null, remote: IndexEntry): void
  /** `node`: what the vault shall have. `local`: what the disk has; where they differ in mode, the disk is told. */
  upload(path: string, node: TreeNode, remote: IndexEntry | null, local: TreeNode): void
  inOrder(): readonly Operation[]
}

export function createSteps(input: PlanInput): Steps {
  const agrees: Operation[] = []
  const deletes: OperationOf<"delete">[] = []
  const arrivals: (OperationOf<"write"> | OperationOf<"mode">)[] = []
  const uploads: OperationOf<"upload">[] = []
  const buries: Operation[] = []
  const steps: Steps = {
    agree(path, node) {
      agrees.push({ kind: "agree", path, node: node && toNode(node) })
    },
    mode(path, local, mode) {
      arrivals.push({ kind: "mode", path, mode, before: local })
    },
    delete(path, local) {
      deletes.push({ kind: "delete", path, before: local })
    },
    bury(path, remote) {
      buries.push({ kind: "bury", path, before: remote })
    },
    write(path, node, local, remote) {
      // A folder and a file cannot replace each other in one step.
      const makeRoom = local !== null && (local.type === "folder") !== (node.type === "folder")
      if (makeRoom) steps.delete(path, local)
      arrivals.push({ kind: "write", path, node, before: makeRoom ? null : local })
      if (node.mode !== remote.mode) uploads.push({ kind: "upload", path, node: toNode(node), before: remote })
    },
    upload(path, node, remote, local) {
      uploads.push({ kind: "upload", path, node: toNode(node), before: remote })
      if (node.mode !== local.mode) steps.mode(path, local, node.mode)
    },
    inOrder() {
      const [early, late] = splitDeletes(deletes, arrivals)
      return [
        ...agrees,
        ...early.reverse(),
        ...withLocalSources(arrivals, input.local),
        ...late.reverse(),
        ...withEntries(uploads, input.remote),
        ...buries.reverse(),
      ]
    },
  }
  return steps
}

/**
 * Deletes come late, so that a write can still copy from what goes (a rename). But what a write puts in its place, or
 * what would be one name with it on a disk that folds case, must be gone before, with all that is in it.
 */
function splitDeletes(
  deletes: readonly OperationOf<"delete">[],
  arrivals: readonly Operation[],
): readonly [OperationOf<"delete">[], OperationOf<"delete">[]] {
  const names = new Set<string>()
  if (deletes.length > 0) for (const { kind, path } of arrivals) if (kind === "write") names.add(collisionKey(path))
  const early: OperationOf<"delete">[] = []
  const late: OperationOf<"delete">[] = []
  const clearing = new Set<string>()
  for (const operation of deletes) {
    const { path } = operation
    const makesRoom = clearing.has(parentOf(path)) || names.has(collisionKey(path))
    if (makesRoom) clearing.add(path)
    ;(makesRoom ? early : late).push(operation)
  }
  return [early, late]
}

function withLocalSources(arrivals: readonly Operation[], local: PlanInput["local"]): readonly Operation[] {
  const sources = findSources(arrivals, local)
  return arrivals.map((operation) => {
    const source = isTransfer(operation) ? sourceOf(operation.node, sources) : null
    return source === null ? operation : ({ ...operation, from: source[0] } as Operation)
  })
}

function withEntries(uploads: readonly OperationOf<"upload">[], remote: PlanInput["remote"]): readonly Operation[] {
  const sources = findSources(uploads, remote)
  return uploads.map((operation) => {
    const { node, before } = operation
    if (node.type !== "file") return operation
    const from = before?.type === "file" && sameContent(before, node) ? before : sourceOf(node, sources)?.[1]
    return from ? { ...operation, from: from as FileEntry } : operation
  })
}

/** By the start of their hash, the files whose content an operation brings; the first by name, whatever the map's order. */
type Sources = ReadonlyMap<number, readonly [string, TreeNode] | null>

function findSources(operations: readonly Operation[], nodes: ReadonlyMap<string, TreeNode>): Sources {
  const sources = new Map<number, readonly [string, TreeNode] | null>()
  for (const operation of operations) if (isTransfer(operation)) sources.set(hashStart(operation.node), null)
  if (sources.size === 0) return sources
  for (const [path, node] of nodes) {
    if (node.type !== "file") continue
    const key = hashStart(node)
    const source = sources.get(key)
    if (source === null || (source !== undefined && path < source[0])) sources.set(key, [path, node])
  }
  return sources
}

function sourceOf(node: TreeNode & { readonly type: "file" }, sources: Sources): readonly [string, TreeNode] | null {
  const source = sources.get(hashStart(node)) ?? null
  return source !== null && sameContent(source[1], node) ? source : null
}

/** Whether an operation brings content that its own place does not have yet. */
function isTransfer(
  operation: Operation,
): operation is Operation & { readonly node: Extract<TreeNode, { type: "file" }> } {
  if (operation.kind !== "write" && operation.kind !== "upload") return false
  const { node, before } = operation
  return node.type === "file" && (before === null || !sameContent(before, node))
}

/** The first 48 bits of a hash: a quick key, to be checked on a match. */
function hashStart({ hash }: { readonly hash: Uint8Array }): number {
  let start = 0
  for (let i = 0; i < 6; i++) start = start * 256 + (hash[i] as number)
  return start
}
