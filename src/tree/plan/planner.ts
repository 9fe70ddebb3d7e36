/**
 * The planner: three trees in, a list of operations out. Pure and linear in the
 * number of paths, after one sort. The rules are in the design ("Syncing"); the
 * table for one path is `decide.ts`.
 *
 *     rows      one per path that is not settled, and per folder around one; folders before what is in them
 *     judge     top-down: what to do about each path by itself, and what to leave alone
 *     settle    bottom-up: a folder stays where something in it stays; a file does not take
 *               the place of a folder that is still needed
 *     emit      operations in an order in which they can be carried out
 *
 * @module
 */
import type { IndexEntry } from "../../../storage/format/index/entry.ts"
import { type Collision, findCollisions } from "./collisions.ts"
import { decide, mergeMode, type Verdict } from "./decide.ts"
import type { FolderNode, TreeNode } from "../node.ts"
import { checkForPlatform, checkPath, leadsOut, parentOf } from "../paths.ts"
import { type Conflict, type Held, type HoldReason, type Plan, type PlanInput, sameContent } from "./plan.ts"
import { createSteps, type Steps } from "./steps.ts"

/** What a path, with all that is in it, means for the folder around it. Bits. */
const HERE = 1
const THERE = 2
/** Something is going to be written here, or there. */
const COMES_HERE = 4
const COMES_THERE = 8
/** What stays does so because a person changed it, not because it is left alone. */
const WANTED_HERE = 16
const WANTED_THERE = 32

interface Row {
  readonly path: string
  readonly parent: Row | null
  readonly base: TreeNode | null
  local: TreeNode | null
  remote: IndexEntry | null
  /** The vault lists something in this folder, but not the folder. */
  implied: boolean
  verdict: Verdict
  /** Left alone, and all that is in it: a reason, or ignored. */
  left: HoldReason | "excluded" | null
  /** Whether `left` came from the caller, so that something may lie here that `local` does not show. */
  unseen: boolean
  /** Bits of all that is in this folder. */
  inside: number
}

/** @param every - Looks at settled paths, too, which comes to the same and takes longer. For tests. */
export function plan(input: PlanInput, every = false): Plan {
  const collided = new Map<string, HoldReason>()
  for (;;) {
    const rows = settle(judge(createRows(input, every), input, collided), input)
    const before = collided.size
    for (const [path, { reason }] of newCollisions(rows, input)) collided.set(path, reason)
    // Holding back one name can keep a folder that was to go, which may collide in turn. Each round holds more, so it ends.
    if (collided.size === before) return emit(rows, input)
  }
}

function createRows(input: PlanInput, every: boolean): readonly Row[] {
  // Where names fold into each other, what is settled is in the way of what comes.
  const folds = input.platform?.caseInsensitive || input.platform?.normalizes
  const settled = every || folds ? NO_PATHS : settledPaths(input)
  const paths = new Set<string>()
  for (const side of [input.remote, input.local, input.base, input.held]) {
    for (const path of side.keys()) if (!settled.has(path)) paths.add(path)
  }
  for (const path of paths) {
    // A set visits what is added while it is walked: parents of parents come by themselves.
    const parent = parentOf(path)
    if (parent !== "") paths.add(parent)
  }
  const rows = new Map<string, Row>()
  // A folder is a prefix of what is in it, so it sorts before.
  for (const path of [...paths].sort()) {
    rows.set(path, {
      path,
      parent: rows.get(parentOf(path)) ?? null,
      base: input.base.get(path) ?? null,
      local: input.local.get(path) ?? null,
      remote: input.remote.get(path) ?? null,
      implied: false,
      verdict: "none",
      left: null,
      unseen: false,
      inside: 0,
    })
  }
  const list = [...rows.values()]
  for (let i = list.length - 1; i >= 0; i--) implyParent(list[i] as Row)
  return list
}

const NO_PATHS: ReadonlySet<string> = new Set()
/** Of no matter to what is on all three sides. */
const NOTHING_ELSE = { tombstone: undefined, dormant: false, baseLost: undefined }

/**
 * Paths, most of them as a rule, that are the same on all three sides: nothing is to be done or learnt about them. Only
 * in folders that all three have, so that none of these can be about to go, or to make room, which would concern what is
 * in it. What is here is not ignored: the scan does not look at that.
 */
function settledPaths({ base, local, remote, held }: PlanInput): ReadonlySet<string> {
  const folders = new Map<string, boolean>([["", true]])
  const isFolder = (path: string): boolean => {
    const known = folders.get(path)
    if (known !== undefined) return known
    const found = [base, local, remote].every((side) => side.get(path)?.type === "folder")
    folders.set(path, found)
    return found
  }
  const settled = new Set<string>()
  for (const [path, there] of remote) {
    const [before, here] = [base.get(path), local.get(path)]
    if (before === undefined || here === undefined || held.has(path)) continue
    const verdict = decide({ base: before, local: here, remote: there }, NOTHING_ELSE)
    if (verdict === "none" && isFolder(parentOf(path))) settled.add(path)
  }
  return settled
}

/** A side that has something in a folder has the folder, whether it lists it or not. */
function implyParent({ parent, local, remote }: Row): void {
  if (parent === null) return
  const folder = (): FolderNode => ({
    type: "folder",
    mode: (parent.local ?? parent.base ?? parent.remote)?.mode ?? 0o755,
  })
  if (local !== null && parent.local === null) parent.local = folder()
  if (remote !== null && parent.remote === null) {
    const { version, writer } = remote
    parent.remote = { ...folder(), type: "folder", path: parent.path, mtimeMs: 0, version, writer }
    parent.implied = true
  }
  // A vault that lists something in what it says is no folder contradicts itself.
  if (remote !== null && parent.remote?.type !== "folder") parent.left = "hostile-path"
}

function judge(rows: readonly Row[], input: PlanInput, collided: ReadonlyMap<string, HoldReason>): readonly Row[] {
  const { tombstones, dormant, baseLost } = input
  for (const row of rows) {
    const { path } = row
    row.verdict = decide(row, { tombstone: tombstones.get(path), dormant: dormant?.has(path) ?? false, baseLost })
    const around = row.parent?.left ?? null
    const held = input.held.get(path)
    // A vault that names what may never be synced is not simply passed over: people should see it.
    if (around === "excluded" || isExcluded(row, input)) row.left = isHostile(row) ? "hostile-path" : "excluded"
    else if (held !== undefined) row.left = held
    else if (around !== null) row.left = "blocked-folder"
    else row.left ??= collided.get(path) ?? refusal(row, input)
    row.unseen = held !== undefined || (row.parent?.unseen ?? false)
  }
  return rows
}

function isHostile({ path, remote }: Row): boolean {
  return remote !== null && checkPath(path) === "hostile-path"
}

function isExcluded({ path, base, local, remote }: Row, { excluded }: PlanInput): boolean {
  const folder = base?.type === "folder" || local?.type === "folder" || remote?.type === "folder"
  if (folder && excluded(`${path}/`)) return true
  const other =
    (base !== null && base.type !== "folder") ||
    (local !== null && local.type !== "folder") ||
    (remote !== null && remote.type !== "folder")
  return other && excluded(path)
}

/** Why what the vault has at this path cannot come here. Asked only where it would, or where its absence means nothing. */
function refusal({ path, local, remote, verdict }: Row, { platform }: PlanInput): HoldReason | null {
  if (remote === null || (local !== null && verdict !== "write")) return null
  const hostile = checkPath(path)
  if (hostile !== null || platform === undefined) return hostile
  const unfit = checkForPlatform(path, platform)
  if (unfit !== null || remote.type !== "link") return unfit
  if (!platform.links) return "no-links"
  if (verdict !== "write" || !leadsOut(path, remote.target)) return null
  return platform.mayLeadOut(path, remote.target) ? null : "outward-link"
}

function settle(rows: readonly Row[], { occupied }: PlanInput): readonly Row[] {
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i] as Row
    if (occupied?.has(row.path)) row.inside |= HERE
    if (row.left === null) settleFolder(row)
    if (row.parent !== null) row.parent.inside |= bits(row)
  }
  return rows
}

function settleFolder(row: Row): void {
  const { local, remote, inside } = row
  if (row.verdict === "delete" && inside & HERE) {
    // Without a base it must be learnt that the folder was there, else it would be new at the next sync.
    row.verdict = inside & COMES_THERE ? "upload" : row.base === null ? "agree" : "none"
  } else if (row.verdict === "bury" && inside & THERE) {
    row.verdict = inside & COMES_HERE ? "write" : "none"
  } else if (row.verdict === "write" && remote?.type !== "folder" && inside & HERE) {
    blockFolder(row, WANTED_HERE)
  } else if (row.verdict === "upload" && local?.type !== "folder" && inside & THERE) {
    blockFolder(row, WANTED_THERE)
  }
}

/** One side put something in the place of a folder in which the other side still has something. */
function blockFolder(row: Row, wanted: number): void {
  if (row.inside & wanted) row.verdict = "type-type"
  else row.left = "blocked-folder"
}

function bits(row: Row): number {
  const { verdict, left, local, remote } = row
  if (left !== null) return (local !== null || row.unseen ? HERE : 0) | (remote !== null ? THERE : 0)
  let all = row.inside
  if (verdict === "write") all |= HERE | COMES_HERE | WANTED_THERE
  else if (verdict !== "delete" && local !== null) all |= HERE
  if (verdict === "upload") all |= THERE | COMES_THERE | WANTED_HERE
  else if (verdict !== "bury" && remote !== null) all |= THERE
  if (isConflict(verdict)) all |= (local !== null ? WANTED_HERE : 0) | (remote !== null ? WANTED_THERE : 0)
  return all
}

/** Names that would be one file on this disk once the plan is carried out; those that are not here yet are held. */
function newCollisions(rows: readonly Row[], { platform }: PlanInput): ReadonlyMap<string, Collision> {
  if (platform === undefined || !(platform.caseInsensitive || platform.normalizes)) return new Map()
  if (!rows.some(isNewHere)) return new Map()
  const closed = new Set<Row>()
  const staying: Row[] = []
  for (const row of rows) {
    const inClosed = row.parent !== null && closed.has(row.parent)
    if (inClosed || row.left !== null || isConflict(row.verdict)) closed.add(row)
    if (closed.has(row) ? row.local !== null : bits(row) & HERE) staying.push(row)
  }
  const present = new Set(staying.filter((row) => row.local !== null).map((row) => row.path))
  return findCollisions(
    staying.map((row) => row.path),
    platform,
    (path) => present.has(path),
  )
}

function isNewHere(row: Row): boolean {
  return row.verdict === "write" && row.local === null && row.left === null
}

function isConflict(verdict: Verdict): boolean {
  return verdict.includes("-")
}

function emit(rows: readonly Row[], input: PlanInput): Plan {
  const steps = createSteps(input)
  const conflicts: Conflict[] = []
  const held: Held[] = []
  const dormant: string[] = []
  const closed = new Set<Row>()
  for (const row of rows) {
    const inClosed = row.parent !== null && closed.has(row.parent)
    if (row.left === "excluded") {
      if (row.base !== null) dormant.push(row.path)
    } else if (inClosed || row.left !== null) {
      // Only what was left alone by itself, or what would have changed, is worth a line; the root has no name.
      if (row.path !== "" && (input.held.has(row.path) || !isQuiet(row)))
        held.push({ path: row.path, reason: row.left ?? "blocked-folder" })
    } else if (isConflict(row.verdict)) {
      conflicts.push(toConflict(row, input))
    } else {
      emitRow(row, steps)
      continue
    }
    closed.add(row)
  }
  return { operations: steps.inOrder(), conflicts, held, dormant }
}

function isQuiet({ verdict, unseen, base, remote }: Row): boolean {
  if (!unseen) return verdict === "none" || verdict === "agree"
  // Nobody knows what lies there; only what changed on the other side is held back.
  if (base === null || remote === null) return base === remote
  return sameContent(base, remote) && base.mode === remote.mode
}

function toConflict({ path, verdict, base, local, remote }: Row, { tombstones }: PlanInput): Conflict {
  const kind = verdict as Conflict["kind"]
  return { path, kind, base, local, remote, writer: remote?.writer ?? tombstones.get(path)?.writer ?? "" }
}

function emitRow({ path, verdict, base, local, remote, implied }: Row, steps: Steps): void {
  const before = implied ? null : remote
  switch (verdict) {
    case "agree":
      return steps.agree(path, remote ?? local)
    case "mode":
      return steps.mode(path, local as TreeNode, (remote as IndexEntry).mode)
    case "delete":
      return steps.delete(path, local as TreeNode)
    case "bury":
      return before === null ? steps.agree(path, null) : steps.bury(path, before)
    case "write": {
      const node = remote as IndexEntry
      const mode = local?.type === node.type ? mergeMode(base, local, node) : node.mode
      return steps.write(path, { ...node, mode }, local, node)
    }
    case "upload": {
      const node = local as TreeNode
      const mode = remote?.type === node.type ? mergeMode(base, node, remote) : node.mode
      return steps.upload(path, { ...node, mode }, before, node)
    }
  }
}
