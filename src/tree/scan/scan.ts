/**
 * Looks at the workspace: what lies where, as nodes for the planner. Reads only
 * files that may have changed since the cache was made (`walk.ts`).
 *
 * @module
 */
import type { Crypto } from "../../../crypto/crypto.ts"
import type { Gear } from "../../../storage/chunker.ts"
import type { Cut } from "../../../storage/cuts.ts"
import type { Intake, Ready } from "../../ports/intake.ts"
import type { Progress } from "../../ports/progress.ts"
import type { Stat, Workspace } from "../../ports/workspace.ts"
import type { TreeNode } from "../node.ts"
import type { HoldReason } from "../plan/plan.ts"
import { readMarker } from "../stateFolder.ts"
import { type FileClock, readFileClock } from "./fileClock.ts"
import { type Glance, resume } from "./resume.ts"
import type { ScanCache, Seen } from "./scanCache.ts"
import { createWalk, rootMissing } from "./walk.ts"

/** What the scan asks of the ignore rules, folder by folder, parents first. */
export interface ScanRules {
  /** The walk goes into a folder (`""`: the root), whose `.syncignore` reads so; `null` if it has none. */
  enter(folder: string, syncignore: string | null): void
  ignores(path: string, isFolder: boolean): boolean
}

export interface ScanInput {
  readonly workspace: Workspace
  readonly crypto: Pick<Crypto, "sha256" | "createSha256">
  /** New for each scan. */
  readonly rules: ScanRules
  readonly cache: ScanCache
  /** The id that the folder's marker must show; `null`: not set up yet, none is asked for. */
  readonly workspaceId: string | null
  readonly progress?: Progress
  readonly signal?: AbortSignal | undefined
  /** Saves looking at what was looked at just now. */
  readonly glance?: Glance | undefined
  /** Reads small files in place of the workspace. */
  readonly intake?: Pick<Intake, "add" | "drain"> | undefined
  /** Gets the content of every small file that the workspace had to read, with its SHA-256. */
  readonly onContent?: (path: string, bytes: Uint8Array, hash: Uint8Array) => void
  /** What large files are cut with, once it is known; `null` if it will not be. They are read last. */
  readonly gear?: (() => Promise<Gear | null>) | undefined
  /** Gets the chunks of every large file that was read, with its SHA-256, if it was cut. */
  readonly onCuts?: (path: string, cuts: readonly Cut[], hash: Uint8Array) => void
  /** Gets what the intake made ready, with the SHA-256 of the content. */
  readonly onReady?: (path: string, ready: Ready, hash: Uint8Array) => void
}

export interface ScanResult {
  /** Everything that can be synced, by path. */
  readonly nodes: ReadonlyMap<string, TreeNode>
  /** What is left alone: a held folder holds all that is in it. */
  readonly held: ReadonlyMap<string, HoldReason>
  /** Folders that hold something ignored or held. */
  readonly occupied: ReadonlySet<string>
  /** Whether a path is ignored; folders end in `/`. For paths that are not here, too. */
  readonly excluded: (path: string) => boolean
  /** For the next cache. */
  readonly seen: ReadonlyMap<string, Seen>
  readonly diskModes: ReadonlyMap<string, number>
  /** The marker is gone, though the files are here: it is to be made again. */
  readonly markerMissing: boolean
  /**
   * What all of it looked like, the root included, parents first; `null` if something is left alone, or may have changed
   * since without looking other than it did.
   */
  readonly settledLooks: () => Looks | null
}

/** What paths looked like. Files apart, because more is known of them. */
export interface Looks {
  readonly others: ReadonlyMap<string, Stat>
  readonly files: ReadonlyMap<string, Omit<Stat, "type">>
}

/**
 * @throws {SyncError} `ROOT_MISSING` if the root is not there, or its marker is another workspace's, or is gone with
 * most of the files: a drive that is not mounted is not a deletion.
 */
export async function scan(input: ScanInput): Promise<ScanResult> {
  // First of all, because it makes the workspace look at its root afresh.
  const root = await input.workspace.stat("")
  if (!root.ok || root.value.type !== "folder") throw rootMissing()
  input.progress?.step("scan", undefined, "files")
  const clock = await readFileClock(input.workspace)
  const walk = createWalk(input, clock)
  const isResumed = input.glance !== undefined && (await resume(walk, input, input.glance))
  if (!isResumed) await walk.folder("", true)
  await walk.readRest()
  await walk.secondLook()
  const markerMissing = await checkMarker(input, walk.nodes)
  const { nodes, held, occupied, seen, diskModes } = walk
  const excluded = (path: string) =>
    path.endsWith("/") ? input.rules.ignores(path.slice(0, -1), true) : input.rules.ignores(path, false)
  const settledLooks = () => {
    const isSure = clock.hasCtime && clock.tellsNames && held.size === 0 && !markerMissing
    // Rules that are left out themselves could change unseen.
    if (!isSure || !walk.rulesFiles.every((path) => seen.has(path))) return null
    const others = new Map([["", root.value], ...walk.others])
    return isSettled(clock, others, seen) ? { others, files: seen } : null
  }
  return { nodes, held, occupied, excluded, seen, diskModes, markerMissing, settledLooks }
}

function isSettled({ nowNs }: FileClock, others: ReadonlyMap<string, Stat>, seen: ReadonlyMap<string, Seen>): boolean {
  for (const { mtimeNs, ctimeNs } of others.values()) if (mtimeNs >= nowNs || ctimeNs >= nowNs) return false
  for (const { settled } of seen.values()) if (!settled) return false
  return true
}

async function checkMarker(
  { workspace, workspaceId, cache }: ScanInput,
  nodes: ReadonlyMap<string, TreeNode>,
): Promise<boolean> {
  if (workspaceId === null) return false
  const marker = await readMarker(workspace)
  if (marker === workspaceId) return false
  if (marker !== null) throw rootMissing()
  let expected = 0
  let present = 0
  for (const [path, { base }] of cache) {
    if (base?.node.type !== "file") continue
    expected++
    if (nodes.has(path)) present++
  }
  if (expected > 0 && present * 2 <= expected) throw rootMissing()
  return true
}
