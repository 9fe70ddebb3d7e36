/**
 * When a sync stops and asks, because its plan looks like an accident rather
 * than like work. Pure.
 *
 *     mass-delete   more than half of the files, and at least two, of this machine or of the vault would be
 *                   deleted or emptied. What only moves does not count.
 *     mass-revert   local edits would put back old versions of more than 20 files, or of more than a tenth of
 *                   them and at least three: a folder restored from a backup, probably.
 *
 * @module
 */
import type { TreeNode } from "../node.ts"
import { firstPaths } from "../paths.ts"
import type { Operation, Plan, PlanInput } from "./plan.ts"

export interface Brake {
  readonly kind: "mass-delete" | "mass-revert"
  /** Where the files are that would be lost. */
  readonly side: "local" | "vault"
  /** The files concerned, sorted, and how many there are in all on that side. */
  readonly paths: readonly string[]
  readonly total: number
  /** The same in plain words. */
  readonly lines: readonly string[]
}

const MIN_DELETES = 2
const MIN_REVERTS = 3
const MAX_REVERTS = 20

/**
 * The reasons to ask before `plan`, made for `input`, is carried out: each is a question of its own. `isOldVersion`:
 * whether the path once had this content (SHA-256) in the vault, before what it has now.
 */
export function checkBrakes(
  plan: Plan,
  input: Pick<PlanInput, "local" | "remote">,
  isOldVersion: (path: string, hash: Uint8Array) => boolean,
): readonly Brake[] {
  const brakes: Brake[] = []
  const excluded = new Set(plan.dormant)
  const here = countFiles(input.local, excluded)
  const there = countFiles(input.remote, excluded)
  const lostHere = lost(plan.operations, "delete", "write")
  if (isMass(lostHere, here)) brakes.push(toBrake("mass-delete", "local", lostHere, here))
  const lostThere = lost(plan.operations, "bury", "upload")
  if (isMass(lostThere, there)) brakes.push(toBrake("mass-delete", "vault", lostThere, there))
  const reverted = plan.operations.filter((operation) => isRevert(operation, isOldVersion)).map(({ path }) => path)
  const many = reverted.length >= MIN_REVERTS && reverted.length * 10 > there
  if (many || reverted.length > MAX_REVERTS) brakes.push(toBrake("mass-revert", "vault", reverted, there))
  return brakes
}

function isMass(paths: readonly string[], total: number): boolean {
  return paths.length >= MIN_DELETES && paths.length * 2 > total
}

function countFiles(nodes: ReadonlyMap<string, TreeNode>, excluded: ReadonlySet<string>): number {
  let count = 0
  for (const [path, node] of nodes) if (node.type !== "folder" && !excluded.has(path)) count++
  return count
}

/** Paths whose content goes away on one side and does not come back there under another name. */
function lost(operations: readonly Operation[], removal: "delete" | "bury", arrival: "write" | "upload"): string[] {
  const gone = new Map<string, string>()
  for (const operation of operations) {
    const { kind, path } = operation
    if (kind !== removal && (kind !== arrival || !takesAway(operation.node))) continue
    const key = operation.before === null ? null : contentKey(operation.before)
    if (key !== null) gone.set(path, key)
  }
  if (gone.size === 0) return []
  const arrivals = new Map<string, number>()
  for (const operation of operations) {
    if (operation.kind !== arrival) continue
    const isNew = operation.before === null || operation.before.type === "folder"
    const key = isNew ? contentKey(operation.node) : null
    if (key !== null) arrivals.set(key, (arrivals.get(key) ?? 0) + 1)
  }
  for (const [path, key] of gone) {
    const copies = arrivals.get(key) ?? 0
    if (copies === 0) continue
    arrivals.set(key, copies - 1)
    gone.delete(path)
  }
  return [...gone.keys()]
}

/** A folder or an empty file in the place of content. */
function takesAway(node: TreeNode): boolean {
  return node.type === "folder" || (node.type === "file" && node.size === 0)
}

const EMPTY = "empty"

/** What tells contents apart; null for a folder, which has none. */
function contentKey(node: TreeNode): string | null {
  if (node.type === "folder") return null
  if (node.type === "link") return `> ${node.target}`
  return node.size === 0 ? EMPTY : String.fromCharCode(...node.hash)
}

function isRevert(operation: Operation, isOldVersion: (path: string, hash: Uint8Array) => boolean): boolean {
  if (operation.kind !== "upload" || operation.node.type !== "file" || operation.before?.type !== "file") return false
  const { path, node, before } = operation
  return contentKey(node) !== contentKey(before) && isOldVersion(path, node.hash)
}

function toBrake(kind: Brake["kind"], side: Brake["side"], found: readonly string[], total: number): Brake {
  const paths = [...found].sort()
  const where = side === "local" ? "on this machine" : "in the vault"
  const what =
    kind === "mass-delete"
      ? `This sync would delete or empty ${paths.length} of ${total} files ${where}.`
      : `This sync would put back old versions of ${paths.length} of ${total} files ${where}. Was this folder restored from a backup?`
  return { kind, side, paths, total, lines: [what, ...firstPaths(paths)] }
}
