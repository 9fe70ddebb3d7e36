/**
 * Carries out on the disk what the planner decided: writes, deletes, modes and
 * merges. The journal is durable before the first file is touched; what is
 * written or overwritten is checked against its hash; what goes, goes to
 * quarantine. One path that cannot be done does not stop the others. Killed at
 * any moment, `apply/recover.ts` finds out what was done.
 *
 * Order: deletes that make room; folders, links, and files whose content is
 * here already; files from the vault as they come; other deletes; permissions of
 * folders (which might forbid the rest), from the inside out; one flush.
 *
 * @module
 */
import { toHex } from "../../../crypto/bytes.ts"
import type { Crypto } from "../../../crypto/crypto.ts"
import type { FileEntry } from "../../../storage/format/index/entry.ts"
import { SyncError } from "../../errors.ts"
import type { Clock } from "../../ports/clock.ts"
import type { Progress } from "../../ports/progress.ts"
import type { State } from "../../ports/state.ts"
import type { Stat, Workspace } from "../../ports/workspace.ts"
import { type Content, type Fetch, type Incoming, openIncoming } from "./incoming.ts"
import { JOURNAL, type JournalEntry, toEntries, writeJournal } from "./journal.ts"
import { SMALL_BYTES, type SkipReason, toSkip } from "./look.ts"
import { createPlacer, type FileToPlace, type Placer, type Result } from "./place.ts"
import { nameBatch, openBatch } from "./quarantine.ts"
import { requireRoom } from "./room.ts"
import { clearTemporary, copyToTemporary } from "./temporary.ts"
import type { FileNode, TreeNode } from "../node.ts"
import { checkPath, leadsOut } from "../paths.ts"
import { type Operation, sameContent, toNode } from "../plan/plan.ts"
import type { Seen } from "../scan/scanCache.ts"
import { ensureFolder, TEMPORARY } from "../stateFolder.ts"

/** What a download that is cut short may have to bring once more; less than a few packs. */
export const GATHERED_BYTES = 24 * 1024 * 1024

export interface ApplyInput {
  readonly workspace: Workspace
  readonly state: State
  readonly clock: Clock
  readonly crypto: Pick<Crypto, "sha256" | "createSha256">
  /** Of a plan, in its order. What concerns only the vault or the base is passed over. */
  readonly operations: readonly Operation[]
  readonly fetch: Fetch
  /** Memory for files of several chunks, beyond which they grow in the state folder; {@link GATHERED_BYTES} if not said. */
  readonly gatheredBytes?: number
  /** Whether versions of the past are brought back, which the next sync is to send on. */
  readonly restores?: boolean
  /** Whether a file is to be kept from other users of this machine. */
  readonly isSecret: (path: string) => boolean
  /** Whether the user agreed to a link that points out of the workspace. */
  readonly mayLeadOut: (path: string, target: string) => boolean
  readonly progress?: Progress
  readonly signal?: AbortSignal | undefined
}

export interface Applied {
  /** What was carried out: the node that lies there now, `null` for none. */
  readonly done: ReadonlyMap<string, TreeNode | null>
  /** Left as they were, for the next sync: to be kept out of the base. */
  readonly skipped: ReadonlyMap<string, SkipReason>
  /** What the merges brought about. */
  readonly merged: ReadonlyMap<string, TreeNode>
  /** For the scan cache. */
  readonly seen: ReadonlyMap<string, Seen>
  readonly diskModes: ReadonlyMap<string, number>
  /** The quarantine batch of whatever was overwritten or deleted. */
  readonly batch: string | null
  /** Closes the journal. To be called when the base that says what was done is durable, and not before. */
  finish(): Promise<void>
}

/**
 * @throws {SyncError} `DISK_FULL`, `ROOT_MISSING`, `ROOT_READ_ONLY`; the signal's reason; whatever `fetch` throws. Then
 * the journal stays open, unless the disk had no room from the start: `recover` comes before the next plan.
 */
export async function apply(input: ApplyInput): Promise<Applied> {
  const { state, workspace, clock, crypto, operations } = input
  const entries = toEntries(operations, (content) => crypto.sha256(content))
  if (entries.size === 0) {
    // A download that was cut short may be wanted no more.
    await clearTemporary(workspace)
    return nothing()
  }
  if ((await state.read(JOURNAL)) !== null) throw new Error("an unfinished apply must be recovered first")
  await requireRoom(workspace, operations)
  const batch = await nameBatch(workspace, clock)
  await writeJournal(state, { batch, entries, restores: input.restores === true })
  const temporary = await ensureFolder(workspace, TEMPORARY)
  if (!temporary.ok) throw new SyncError("ROOT_READ_ONLY", "the state folder cannot be used")
  const run = createRun(input, entries, batch)
  try {
    await run.all()
  } catch (error) {
    // What was half downloaded is worth less than the space it takes.
    if (error instanceof SyncError && error.code === "DISK_FULL") await clearTemporary(workspace)
    throw error
  }
  await clearTemporary(workspace)
  await workspace.flush()
  return { ...(await run.outcome()), finish: () => state.remove(JOURNAL) }
}

function nothing(): Applied {
  const none = new Map<never, never>()
  return { done: none, skipped: none, merged: none, seen: none, diskModes: none, batch: null, finish: async () => {} }
}

type Write = Extract<Operation, { kind: "write" }>
type Merge = Extract<Operation, { kind: "merge" }>
type Mode = Extract<Operation, { kind: "mode" }>
/** A file that gets its content, and where that may be found on this disk. */
interface Arrival {
  readonly file: FileToPlace
  readonly entry: FileEntry
  readonly from: string | undefined
}

/** All that want the same content. */
type Wanting = readonly [Arrival, ...Arrival[]]

function groupByContent(arrivals: readonly Arrival[]): Iterable<Wanting> {
  const byHash = new Map<string, [Arrival, ...Arrival[]]>()
  for (const arrival of arrivals) {
    const key = String.fromCharCode(...arrival.file.node.hash)
    const others = byHash.get(key)
    if (others === undefined) byHash.set(key, [arrival])
    else others.push(arrival)
  }
  return byHash.values()
}

function createRun(input: ApplyInput, entries: ReadonlyMap<string, JournalEntry>, batch: string) {
  const { workspace, crypto, operations, progress, signal } = input
  const skipped = new Map<string, SkipReason>()
  const folderModes = new Map<string, number>()
  /** Where content lies now that was at another path, or was removed: by path, and by hash in hex. */
  const movedTo = new Map<string, string>()
  const keptAt = new Map<string, string>()
  /** What new files show; asking again would cost a look at each. */
  const created = new Map<string, Stat>()
  let isBatchUsed = false
  const placer: Placer = createPlacer({
    workspace,
    crypto,
    quarantine: openBatch(workspace, batch),
    onQuarantined: (node, place) => {
      isBatchUsed = true
      if (node.type === "file") keptAt.set(toHex(node.hash), place)
    },
    onCreated: (path, stat) => created.set(path, stat),
  })
  const doomed = new Map<string, TreeNode>()
  for (const operation of operations) if (operation.kind === "delete") doomed.set(operation.path, operation.before)

  async function all(): Promise<void> {
    progress?.step("apply", entries.size, "files")
    const arrivals = await inOrder()
    const fromVault = []
    for (const arrival of arrivals.files) {
      const mayBeHere = arrival.from !== undefined || keptAt.size > 0
      if (!mayBeHere || !(await arriveFromDisk(arrival))) fromVault.push(arrival)
    }
    await arriveFromVault(fromVault)
    for (const operation of arrivals.lateDeletes)
      await step(operation.path, placer.remove(operation.path, operation.before))
    for (const [path, mode] of [...folderModes].reverse()) await setMode(path, mode)
  }

  /** Carries out all but what must wait: files with content to get, and deletes after the first arrival. */
  async function inOrder() {
    const files: Arrival[] = []
    const lateDeletes: Extract<Operation, { kind: "delete" }>[] = []
    let isLate = false
    for (const operation of operations) {
      if (operation.kind === "delete") {
        if (isLate) lateDeletes.push(operation)
        else await step(operation.path, placer.remove(operation.path, operation.before))
      } else if (operation.kind === "write") {
        isLate = true
        const arrival = toArrival(operation)
        if (arrival !== null) files.push(arrival)
        else await step(operation.path, writeOther(operation))
      } else if (operation.kind === "merge") {
        isLate = true
        await step(operation.path, merge(operation))
      } else if (operation.kind === "mode") {
        isLate = true
        await step(operation.path, changeMode(operation))
      }
    }
    return { files, lateDeletes }
  }

  /** One operation's end. A path of which an earlier operation was skipped keeps that reason. */
  async function step(path: string, running: Promise<Result>): Promise<void> {
    const result = await running
    if (result !== null && !skipped.has(path)) skipped.set(path, result)
    progress?.advance(1)
    signal?.throwIfAborted()
  }

  function toArrival({ path, node, before, from }: Write): Arrival | null {
    if (node.type !== "file" || skipped.has(path) || checkPath(path) !== null) return null
    if (before !== null && sameContent(before, node)) return null
    return { file: toPlace(path, node, before, node.mtimeMs), entry: node, from }
  }

  function toPlace(path: string, node: FileNode, before: TreeNode | null, mtimeMs: number | null): FileToPlace {
    return { path, node, before, mtimeMs, mode: diskModeOf(path, node) }
  }

  function diskModeOf(path: string, node: TreeNode): number {
    return node.type === "file" && input.isSecret(path) ? (node.mode & 0o700) | 0o600 : node.mode
  }

  async function writeOther({ path, node, before }: Write): Promise<Result> {
    const blocked = skipped.get(path) ?? checkPath(path)
    if (blocked !== null) return blocked
    if (node.type === "folder") return writeFolder(path, node.mode)
    if (node.type === "file") return changeMode({ kind: "mode", path, mode: node.mode, before: before as TreeNode })
    if (!workspace.links) return "no-links"
    if (leadsOut(path, node.target) && !input.mayLeadOut(path, node.target)) return "outward-link"
    return placer.link(path, node, before)
  }

  async function writeFolder(path: string, mode: number): Promise<Result> {
    const made = await workspace.makeFolder(path)
    if (!made.ok) {
      const there = made.refusal === "exists" ? await workspace.stat(path) : made
      if (!there.ok || there.value?.type !== "folder") return toSkip(made.refusal)
    }
    folderModes.set(path, mode)
    return null
  }

  async function changeMode({ path, mode, before }: Mode): Promise<Result> {
    const found = await workspace.stat(path)
    if (!found.ok) return toSkip(found.refusal)
    if (found.value.type !== before.type) return "changed-meanwhile"
    if (before.type === "folder") folderModes.set(path, mode)
    else if (before.type === "file") return setMode(path, diskModeOf(path, { ...before, mode }))
    return null
  }

  async function setMode(path: string, mode: number): Promise<Result> {
    if (workspace.modes === "none") return null
    created.delete(path)
    const set = await workspace.setMode(path, mode)
    return set.ok ? null : toSkip(set.refusal)
  }

  async function merge({ path, content, local }: Merge): Promise<Result> {
    const node = entries.get(path)?.after
    if (node?.type !== "file") throw new TypeError("a merge makes a file")
    return placer.file(toPlace(path, node, local, null), { kind: "bytes", bytes: content })
  }

  /** Content that this disk has already need not be fetched. False if it has it no more. */
  async function arriveFromDisk({ file, from }: Arrival): Promise<boolean> {
    if (from !== undefined && file.before === null && isDoomed(from, file.node)) {
      if (await placer.move(from, file)) {
        movedTo.set(from, file.path)
        await step(file.path, Promise.resolve(null))
        return true
      }
    }
    const sources = [from && (movedTo.get(from) ?? from), keptAt.get(toHex(file.node.hash))]
    for (const source of sources) {
      const content = source === undefined || source === "" ? null : await contentAt(source, file.node)
      if (content === null) continue
      await step(file.path, placer.file(file, content))
      return true
    }
    return false
  }

  function isDoomed(path: string, node: FileNode): boolean {
    const before = doomed.get(path)
    return before !== undefined && sameContent(before, node) && !movedTo.has(path)
  }

  async function contentAt(source: string, node: FileNode): Promise<Content | null> {
    if (node.size > SMALL_BYTES) return copyToTemporary(workspace, crypto, source, node)
    const read = await workspace.read(source, node.size)
    if (!read.ok || read.value.bytes.length !== node.size) return null
    const isRight = toHex(crypto.sha256(read.value.bytes)) === toHex(node.hash)
    return isRight ? { kind: "bytes", bytes: read.value.bytes } : null
  }

  async function arriveFromVault(arrivals: readonly Arrival[]): Promise<void> {
    const incoming = new Map<string, { readonly content: Incoming; readonly wanting: Wanting }>()
    const room = { bytes: input.gatheredBytes ?? GATHERED_BYTES }
    for (const wanting of groupByContent(arrivals)) {
      const [{ file, entry }] = wanting
      const content = await openIncoming(workspace, crypto, file.path, entry, room)
      if (content.complete !== null) await placeAll(wanting, content.complete)
      else incoming.set(file.path, { content, wanting })
    }
    if (incoming.size === 0) return
    let turn: Promise<unknown> = Promise.resolve()
    const deliver = (path: string, offset: number, bytes: Uint8Array): Promise<void> => {
      // One after the other, whoever delivers at the same time.
      const mine = turn.then(() => take(path, offset, bytes))
      turn = mine.catch(() => {})
      return mine
    }
    async function take(path: string, offset: number, bytes: Uint8Array): Promise<void> {
      signal?.throwIfAborted()
      const file = incoming.get(path)
      const content = file === undefined ? null : await file.content.add(offset, bytes)
      if (file === undefined || content === null) return
      incoming.delete(path)
      await placeAll(file.wanting, content)
    }
    await input.fetch(
      [...incoming.values()].map(({ content }) => content.wanted),
      deliver,
    )
    if (incoming.size > 0) throw new Error("content was asked for and neither came nor failed")
  }

  /** The same content may be wanted at many paths; a temporary file serves the last of them, the others get copies. */
  async function placeAll([first, ...others]: Wanting, content: Content): Promise<void> {
    for (const { file } of others) {
      const copy =
        content.kind === "bytes" ? content : await copyToTemporary(workspace, crypto, content.path, file.node)
      if (copy === null) throw new Error("a file in the state folder changed under us")
      await step(file.path, placer.file(file, copy))
    }
    await step(first.file.path, placer.file(first.file, content))
  }

  /** Looks once more at all that was not made anew, for the cache. */
  async function outcome(): Promise<Omit<Applied, "finish">> {
    const done = new Map<string, TreeNode | null>()
    const merged = new Map<string, TreeNode>()
    const seen = new Map<string, Seen>()
    const diskModes = new Map<string, number>()
    for (const [path, { after }] of entries) {
      if (skipped.has(path)) continue
      done.set(path, after && toNode(after))
      const stat = after === null ? null : (created.get(path) ?? (await statOf(path)))
      if (after === null || stat === null || stat.type !== after.type) continue
      diskModes.set(path, stat.mode)
      const { type, ...facts } = stat
      if (after.type === "file") seen.set(path, { ...facts, hash: after.hash, settled: false })
    }
    for (const { kind, path } of operations) {
      const node = kind === "merge" ? done.get(path) : null
      if (node) merged.set(path, node)
    }
    return { done, skipped, merged, seen, diskModes, batch: isBatchUsed ? batch : null }
  }

  async function statOf(path: string): Promise<Stat | null> {
    const stat = await workspace.stat(path)
    return stat.ok ? stat.value : null
  }

  return { all, outcome }
}
