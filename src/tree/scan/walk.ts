/**
 * A walk through the workspace, folder by folder.
 *
 * When is a file unchanged? If size, mtime, ctime, inode, device and mode are
 * those of the cache *and* the entry is settled: its times lay before the moment at
 * which the scan that read it began, as told by the file system's own clock (a
 * file is made, and its mtime taken). A file changed at or after that moment could
 * change again within the same tick of that clock, so it is read once more.
 *
 * The same holds for a file under a new path, whose folder was renamed: all of these facts are those of one that the
 * cache knows. The ctime is what counts, because nobody can set it: inodes are given out again at once, and archives unpack
 * with equal times (all of npm's are of 1985), but whatever has got the inode since has a later ctime. A file
 * that was renamed by itself has that, too, and is read; it is not uploaded.
 *
 * @module
 */
import { SyncError } from "../../errors.ts"
import type { TakenIn } from "../../ports/intake.ts"
import {
  DONE,
  type FolderItem,
  type Outcome,
  type Stat,
  type Workspace,
  type WorkspaceRefusal,
} from "../../ports/workspace.ts"
import type { FileClock } from "./fileClock.ts"
import { IGNORE_FILE } from "./ignoreRules.ts"
import { again, createContentReader, SMALL_BYTES } from "./contentReader.ts"
import type { TreeNode } from "../node.ts"
import { checkPath, isOwnFolder, parentOf } from "../paths.ts"
import type { HoldReason } from "../plan/plan.ts"
import type { ScanInput } from "./scan.ts"
import type { BaseEntry, ScanCache, Seen } from "./scanCache.ts"
import { STRAY_PREFIX } from "../stateFolder.ts"

const MAX_SYNCIGNORE_BYTES = 1024 * 1024
const REPORT_EVERY = 256
/** In the place of a hash that is not known yet. */
const UNREAD = new Uint8Array(0)

type Listed = readonly [path: string, stat: Stat]

/** A walk under way: what it has found, and how it goes on. */
export type Walk = ReturnType<typeof createWalk>

export function createWalk(input: ScanInput, { nowNs: startedNs, hasCtime }: FileClock) {
  const { workspace, rules, cache, progress, signal } = input
  const contents = createContentReader(input, startedNs)
  const nodes = new Map<string, TreeNode>()
  const held = new Map<string, HoldReason>()
  const occupied = new Set<string>()
  const seen = new Map<string, Seen>()
  const diskModes = new Map<string, number>()
  /** What is no file: folders and links. */
  const others = new Map<string, Stat>()
  const rulesFiles: string[] = []
  let unreported = 0

  function hold(path: string, reason: HoldReason): void {
    held.set(path, reason)
    occupied.add(parentOf(path))
  }

  /** @param sameRules - The ignore rules of the folders around are those that the cache was made under. */
  async function folder(path: string, sameRules: boolean): Promise<void> {
    signal?.throwIfAborted()
    const listed = await workspace.list(path)
    if (!listed.ok) {
      if (path === "") throw rootMissing()
      // It was there a moment ago: gone, or something else now. Not to be told from a swap, so it is left alone.
      nodes.delete(path)
      return hold(path, listed.refusal === "denied" ? "unreadable" : refusalToHold(listed.refusal))
    }
    const rulesFile = listed.value.find(({ name }) => name === IGNORE_FILE)?.stat
    const entered = await enter(path, rulesFile)
    if (!entered.ok) {
      nodes.delete(path)
      const isTooLarge = rulesFile !== undefined && rulesFile.size > MAX_SYNCIGNORE_BYTES
      hold(join(path, IGNORE_FILE), isTooLarge ? "too-large" : "unreadable")
      return hold(path, "unreadable")
    }
    const isKnown = sameRules && hasSameRules(path, rulesFile)
    for (const entry of listed.value) if (!isKnown || !takeOver(path, entry)) await item(path, entry, isKnown)
  }

  /** Whether the folder's own rules are those that the cache was made under. */
  function hasSameRules(path: string, file: Stat | undefined): boolean {
    const rulesPath = join(path, IGNORE_FILE)
    if (file === undefined) return !cache.get(rulesPath)?.seen
    return unchanged(rulesPath, file) !== null
  }

  /** What the cache knows of a file, if that still holds. */
  function unchanged(path: string, stat: Stat): Seen | null {
    const known = cache.get(path)?.seen
    return known?.settled && isSame(known, stat) ? known : null
  }

  /**
   * Takes a file over that is as the cache knows it. What was not ignored then is not now, under the same rules: so most
   * files of most scans cost one look-up, and nothing that waits.
   */
  function takeOver(parent: string, { name, stat }: FolderItem): boolean {
    if (name === null || stat.type !== "file") return false
    const path = join(parent, name)
    const known = unchanged(path, stat)
    if (known === null) return false
    count()
    keep(path, known)
    return true
  }

  function keep(path: string, file: Seen): void {
    seen.set(path, file)
    put(path, { type: "file", mode: 0, size: file.size, hash: file.hash }, file)
  }

  /** Rules that cannot be read hold the whole folder: without them, what was ignored would be uploaded. */
  async function enter(path: string, file: Stat | undefined): Promise<Outcome> {
    if (file?.type !== "file") {
      rules.enter(path, null)
      return DONE
    }
    const read = await again(() => workspace.read(join(path, IGNORE_FILE), MAX_SYNCIGNORE_BYTES))
    if (!read.ok) return read
    rules.enter(path, new TextDecoder().decode(read.value.bytes))
    rulesFiles.push(join(path, IGNORE_FILE))
    return DONE
  }

  async function item(parent: string, { name, shown, stat }: FolderItem, sameRules: boolean): Promise<void> {
    const path = join(parent, name ?? shown)
    if (name !== null && (isOwnFolder(name) || name.startsWith(STRAY_PREFIX))) {
      occupied.add(parent)
    } else if (name === null) {
      hold(path, "name-not-unicode")
    } else if (rules.ignores(path, stat.type === "folder")) {
      occupied.add(parent)
    } else {
      const refused = checkPath(path)
      if (refused !== null) return hold(path, refused)
      await node(path, stat, sameRules)
    }
  }

  function count(): void {
    if (++unreported < REPORT_EVERY) return
    progress?.advance(unreported)
    unreported = 0
  }

  async function node(path: string, stat: Stat, sameRules: boolean): Promise<void> {
    if (stat.type === "file") return file(path, stat)
    count()
    if (stat.type === "other") return hold(path, "not-a-file")
    others.set(path, stat)
    if (stat.type === "folder") {
      put(path, { type: "folder", mode: 0 }, stat)
      return folder(path, sameRules)
    }
    if (stat.type === "link") {
      const target = await workspace.readLink(path)
      if (!target.ok) return hold(path, target.refusal === "name" ? "name-not-unicode" : refusalToHold(target.refusal))
      put(path, { type: "link", mode: 0, target: target.value }, stat)
    }
  }

  async function file(path: string, stat: Stat): Promise<void> {
    const known = unchanged(path, stat) ?? fromElsewhere(path, stat)
    const isSmall = stat.size <= SMALL_BYTES
    if (known === null && (isSmall ? input.intake : input.gear) !== undefined) {
      // It has its place in the order of the walk; its content comes later.
      keep(path, { ...stat, hash: UNREAD, settled: false })
      if (isSmall) return input.intake?.add(path, stat, (taken) => receive(path, stat, taken))
      count()
      large.push([path, stat])
      return
    }
    count()
    if (known !== null) return keep(path, known)
    await read(path, stat)
  }

  async function read(path: string, stat: Stat): Promise<void> {
    const read = await contents.read(path, stat)
    if (read.ok) return keep(path, read.value)
    drop(path)
    hold(path, refusalToHold(read.refusal))
  }

  const large: Listed[] = []
  /** Files that the intake could not read as they were listed. */
  const unread: Listed[] = []

  function receive(path: string, stat: Stat, taken: TakenIn | null): void {
    count()
    if (taken === null) {
      unread.push([path, stat])
      return
    }
    keep(path, contents.seen(stat, taken.hash))
    if (taken.ready !== null) input.onReady?.(path, taken.ready, taken.hash)
  }

  /** What the intake has not come to, while large files may have to wait for their gear; then what it could not read. */
  async function readRest(): Promise<void> {
    const outcomes = await Promise.allSettled([input.intake?.drain(signal), readAll(large)])
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason
    await readAll(unread)
  }

  async function readAll(files: readonly Listed[]): Promise<void> {
    for (const [path, stat] of files) await read(path, stat)
  }

  /** Takes a file for what it was when that was agreed on. */
  function takeFile(path: string, node: TreeNode, file: Seen): void {
    count()
    nodes.set(path, node)
    seen.set(path, file)
    diskModes.set(path, file.mode)
  }

  /** The same for a folder or a link. */
  function takeOther(path: string, node: TreeNode, look: Stat): void {
    count()
    nodes.set(path, node)
    others.set(path, look)
    diskModes.set(path, look.mode)
  }

  function drop(path: string): void {
    nodes.delete(path)
    seen.delete(path)
    diskModes.delete(path)
  }

  /** What the cache knows of that very file under another path, if it knows nothing of this one. */
  function fromElsewhere(path: string, stat: Stat): Seen | null {
    if (!hasCtime || cache.get(path)?.seen) return null
    byInode ??= settledByInode(cache)
    const known = byInode.get(stat.inode)
    return known !== undefined && isSame(known, stat) ? known : null
  }
  let byInode: ReadonlyMap<bigint, Seen> | undefined

  function put(path: string, content: TreeNode, stat: Pick<Stat, "mode">): void {
    const base = cache.get(path)?.base ?? null
    nodes.set(path, { ...content, mode: modeOf(content.type, stat.mode, base, workspace.modes) })
    diskModes.set(path, stat.mode)
  }

  /**
   * What the base has and the walk did not meet is about to be told to the vault as deleted. Programs that save a file
   * by moving it away and writing a new one leave its name empty for a moment: whatever is there again is left alone.
   */
  async function secondLook(): Promise<void> {
    progress?.advance(unreported)
    // Nothing was looked at.
    if (held.has("")) return
    for (const [path, { base }] of cache) {
      if (base === null || nodes.has(path) || held.has(path)) continue
      const parent = parentOf(path)
      if (parent !== "" && nodes.get(parent)?.type !== "folder") continue
      if (rules.ignores(path, base.node.type === "folder")) continue
      const stat = await workspace.stat(path)
      if (stat.ok && !isFoldedAway(path)) hold(path, "changing")
      else if (!stat.ok && stat.refusal === "denied") hold(path, "unreadable")
    }
  }

  /** On a disk that folds names, `A` is there because `a` is: that is a rename, not a file that came back. */
  function isFoldedAway(path: string): boolean {
    if (!workspace.caseInsensitive && !workspace.normalizes) return false
    folded ??= new Set([...nodes.keys()].map(fold))
    return folded.has(fold(path))
  }
  let folded: Set<string> | undefined
  const fold = (path: string) => path.normalize("NFC").toUpperCase().toLowerCase()

  return {
    folder,
    node,
    enter,
    takeFile,
    takeOther,
    readRest,
    secondLook,
    nodes,
    held,
    occupied,
    seen,
    diskModes,
    others,
    rulesFiles,
  }
}

export function rootMissing(): SyncError {
  return new SyncError("ROOT_MISSING", "the folder is not the one that was set up, or its files are gone")
}

function settledByInode(cache: ScanCache): ReadonlyMap<bigint, Seen> {
  const byInode = new Map<bigint, Seen>()
  for (const { seen } of cache.values()) if (seen?.settled) byInode.set(seen.inode, seen)
  return byInode
}

/** `missing`: it was listed, so it is being replaced, or was removed just now; the next scan knows. */
function refusalToHold(refusal: WorkspaceRefusal): HoldReason {
  return refusal === "denied" || refusal === "name" ? "unreadable" : "changing"
}

function isSame(known: Seen, stat: Stat): boolean {
  return (
    known.size === stat.size &&
    known.mtimeNs === stat.mtimeNs &&
    known.ctimeNs === stat.ctimeNs &&
    known.inode === stat.inode &&
    known.device === stat.device &&
    known.mode === stat.mode
  )
}

/**
 * The permissions the user gave. As long as the disk shows what we left there, they are the base's: we keep secrets
 * 0600 whatever the vault says. Links have none that count, and where the platform shows none, the base's stay.
 */
function modeOf(type: TreeNode["type"], diskMode: number, base: BaseEntry | null, modes: Workspace["modes"]): number {
  const agreed = base !== null && base.node.type === type ? base : null
  if (agreed !== null && (type === "link" || modes === "none" || agreed.diskMode === diskMode)) return agreed.node.mode
  if (type === "link") return 0o777
  if (modes === "none") return type === "folder" ? 0o755 : 0o644
  return diskMode
}

function join(parent: string, name: string): string {
  return parent === "" ? name : `${parent}/${name}`
}
