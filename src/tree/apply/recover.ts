/**
 * After an apply that was killed: finds out from the journal what of it was
 * done, so that the base can learn it, and puts aside what is neither old nor
 * new. Nothing is undone that is whole: a file that carries the vault's version
 * counts as agreed, and so does one that is gone as it should be.
 *
 * What may lie there, and what is done about it:
 *
 *     the content after       agreed, once its permissions are, too; others than ours: planned again
 *     the content before      nothing; planned again
 *     nothing, and should     agreed
 *     nothing, where a folder was to come and a file made room for it: that is put back
 *     nothing otherwise       the user took it away; planned again
 *     a file not finished     to quarantine, and the old one put back
 *     anything else           the user's, since then; left alone
 *
 * Unfinished are: a file with {@link UNFINISHED_MODE}, and one whose bytes a power
 * cut tore, that is whose length is cut at a block or whose end is zeros.
 *
 * @module
 */
import type { Crypto } from "../../../crypto/crypto.ts"
import type { Clock } from "../../ports/clock.ts"
import type { State } from "../../ports/state.ts"
import type { Stat, Workspace } from "../../ports/workspace.ts"
import type { FileNode, TreeNode } from "../node.ts"
import { parentOf } from "../paths.ts"
import { ensureFolder, STRAY_PREFIX } from "../stateFolder.ts"
import { type Journal, type JournalEntry, JOURNAL, readJournal } from "./journal.ts"
import { lookFor } from "./look.ts"
import { UNFINISHED_MODE } from "./place.ts"
import { nameBatch, openBatch, type QuarantineBatch } from "./quarantine.ts"
import { clearTemporary } from "./temporary.ts"

export interface RecoverInput {
  readonly workspace: Workspace
  readonly state: State
  readonly clock: Clock
  readonly crypto: Pick<Crypto, "sha256" | "createSha256">
  readonly isSecret: (path: string) => boolean
}

export interface Recovered {
  /** What of the killed apply was done: the base learns it before anything is planned. */
  readonly agreed: ReadonlyMap<string, TreeNode | null>
  /** Permission bits that the disk shows for these; narrower than the node's where we keep a secret. */
  readonly diskModes: ReadonlyMap<string, number>
  /** Paths whose half-written files are in quarantine now. */
  readonly setAside: readonly string[]
  /** Closes the journal. To be called when the base that learnt `agreed` is durable, and not before. */
  finish(): Promise<void>
}

/** `null` if no apply was killed. Can be killed itself, and run again. */
export async function recover(input: RecoverInput): Promise<Recovered | null> {
  const { workspace, state } = input
  const journal = await readJournal(state)
  if (journal === null) return null
  await clearTemporary(workspace, { keepParts: true })
  const agreed = new Map<string, TreeNode | null>()
  const diskModes = new Map<string, number>()
  const setAside: string[] = []
  if (journal !== "damaged") {
    const parts = { ...input, journal, aside: openBatch(workspace, await nameBatch(workspace, input.clock)) }
    await removeStrays(workspace, journal)
    for (const [path, entry] of journal.entries) {
      const end = await settle(parts, path, entry)
      if (end === "set-aside") setAside.push(path)
      else if (end !== "open" && journal.restores !== true) agreed.set(path, end)
      const stat = end === "open" || end === "set-aside" || end === null ? null : await workspace.stat(path)
      if (stat?.ok) diskModes.set(path, stat.value.mode)
    }
  }
  await workspace.flush()
  return { agreed, diskModes, setAside, finish: () => state.remove(JOURNAL) }
}

interface Parts extends RecoverInput {
  readonly journal: Journal
  /** Where unfinished files go. */
  readonly aside: QuarantineBatch
}

type End = TreeNode | null | "open" | "set-aside"

async function settle(parts: Parts, path: string, entry: JournalEntry): Promise<End> {
  const { workspace, crypto } = parts
  const { before, after } = entry
  const stat = await workspace.stat(path)
  if (!stat.ok) {
    const isGone = stat.refusal === "missing" || stat.refusal === "not-a-folder"
    if (!isGone) return "open"
    if (after === null) return null
    // Elsewhere the name is never absent while one thing takes another's place: there it was the user.
    if (before !== null && after.type === "folder") await putBack(parts, path, before)
    return "open"
  }
  if (after?.type === "file" && stat.value.type === "file") return settleFile(parts, path, entry, after, stat.value)
  if (after === null || !(await lookFor(workspace, crypto, path, after)).ok) return "open"
  return (await completeMode(parts, path, after, stat.value)) ? after : "open"
}

async function settleFile(
  parts: Parts,
  path: string,
  { before }: JournalEntry,
  after: FileNode,
  stat: Stat,
): Promise<End> {
  const { workspace, crypto, aside } = parts
  // Only what is made straight at its name is ever seen unfinished; over a file or link there is a rename.
  const isNew = before === null || before.type === "folder"
  const isMarked = stat.mode === UNFINISHED_MODE || stat.mode === EXAMINED_MODE
  const isUnfinished = workspace.modes === "posix" && isNew && isMarked
  if (isUnfinished) await workspace.setMode(path, EXAMINED_MODE)
  if ((await lookFor(workspace, crypto, path, after)).ok) {
    const mode = isUnfinished ? 0o600 : stat.mode
    if (isUnfinished) await workspace.setMode(path, mode)
    return (await completeMode(parts, path, after, { ...stat, mode })) ? after : "open"
  }
  if (before !== null && (await lookFor(workspace, crypto, path, before)).ok) return "open"
  if (!isUnfinished && !(await isTorn(workspace, path, stat, after, before))) return "open"
  const taken = await aside.take(path)
  if (!taken.ok) return "open"
  if (isUnfinished) await workspace.setMode(taken.value, 0o600)
  if (before !== null) await putBack(parts, path, before)
  return "set-aside"
}

/**
 * Permissions of an unfinished file that is being looked at, which {@link UNFINISHED_MODE} does not allow. As odd as that
 * one, so that the file is still known for what it is if this is killed, too; nobody else can read it.
 */
const EXAMINED_MODE = 0o611

/** Puts back what the killed apply took away, if it is still in its batch. */
async function putBack({ workspace, crypto, journal }: Parts, path: string, before: TreeNode): Promise<void> {
  if (before.type === "folder") return
  for await (const place of openBatch(workspace, journal.batch).placesOf(path)) {
    if (!(await lookFor(workspace, crypto, place, before)).ok) continue
    const parent = parentOf(path)
    if (parent !== "") await ensureFolder(workspace, parent)
    await workspace.rename(place, path, { replace: false })
    return
  }
}

/**
 * Ours are made with narrow permissions and get theirs at the end. False if they are neither: an apply that only
 * changes permissions had not come to it, or the user changed them since.
 */
async function completeMode(
  { workspace, isSecret }: Parts,
  path: string,
  { type, mode }: TreeNode,
  stat: Stat,
): Promise<boolean> {
  if (workspace.modes === "none" || type === "link") return true
  const wanted = type === "file" && isSecret(path) ? (mode & 0o700) | 0o600 : mode
  if (stat.mode === wanted) return true
  if (stat.mode !== (type === "folder" ? 0o700 : 0o600)) return false
  return (await workspace.setMode(path, wanted)).ok
}

const BLOCK_BYTES = 4096

/**
 * Whether a power cut left this of a file that was written: file systems then keep whole blocks of the start, or the
 * length with zeros for what never reached the disk. Where there are no modes, a file that is merely too short
 * counts as well, if there was none before.
 */
async function isTorn(
  workspace: Workspace,
  path: string,
  { size }: Stat,
  after: FileNode,
  before: TreeNode | null,
): Promise<boolean> {
  if (size > after.size) return false
  if (size < after.size && size % BLOCK_BYTES === 0) return true
  if (size < after.size && before === null && workspace.modes === "none") return true
  let last = -1
  await workspace.readPieces(path, (piece) => {
    last = piece.at(-1) ?? last
  })
  return last === 0
}

/** Half copies that a killed move between file systems left beside its target. */
async function removeStrays(workspace: Workspace, { entries }: Journal): Promise<void> {
  for (const folder of new Set([...entries.keys()].map(parentOf))) {
    const listed = await workspace.list(folder)
    for (const { name, stat } of listed.ok ? listed.value : []) {
      if (name === null || !name.startsWith(STRAY_PREFIX) || stat.type === "folder") continue
      await workspace.removeFile(folder === "" ? name : `${folder}/${name}`)
    }
  }
}
