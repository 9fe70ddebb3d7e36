/**
 * Puts one thing in its place on the disk, and takes one away. What lay there
 * before goes to quarantine in any case.
 *
 * Replacing a file: its content is read and compared with what the plan saw;
 * it gets a second name in quarantine; the new file is renamed over it if it is
 * still that very file. The name is never absent. What remains is the moment
 * between that last look and the rename, two system calls of one process: a
 * program that *renames* a file of its own over the name just then loses its
 * version (one that writes in place does not, its bytes are in quarantine). No
 * file system call that Node has can close that.
 *
 * @module
 */
import { toHex } from "../../../crypto/bytes.ts"
import type { Crypto } from "../../../crypto/crypto.ts"
import { DONE, type Outcome, type Stat, type Workspace } from "../../ports/workspace.ts"
import type { FileNode, LinkNode, TreeNode } from "../node.ts"
import { TEMPORARY } from "../stateFolder.ts"
import type { Content } from "./incoming.ts"
import { lookFor, type SkipReason, toSkip } from "./look.ts"
import type { QuarantineBatch } from "./quarantine.ts"

/**
 * Permissions of a new file that is not whole yet. Nobody else gives a file such a mode: `recover.ts` knows it by
 * that as ours, and unfinished.
 */
export const UNFINISHED_MODE = 0o200

/** A file to be put in place; `mode` is what the disk shall show. */
export interface FileToPlace {
  readonly path: string
  readonly node: FileNode
  readonly mode: number
  /** Milliseconds since the epoch; `null`: now. */
  readonly mtimeMs: number | null
  /** What the plan saw there. */
  readonly before: TreeNode | null
}

/** `null`: done. */
export type Result = SkipReason | null

export interface Placer {
  file(file: FileToPlace, content: Content): Promise<Result>
  link(path: string, node: LinkNode, before: TreeNode | null): Promise<Result>
  /** To quarantine. A path that is empty already counts as done. */
  remove(path: string, before: TreeNode): Promise<Result>
  /** Moves a file that the plan deletes to where it writes the same. False if that cannot be: get it otherwise. */
  move(from: string, file: FileToPlace): Promise<boolean>
}

export interface PlacerParts {
  readonly workspace: Workspace
  readonly crypto: Pick<Crypto, "sha256" | "createSha256">
  readonly quarantine: QuarantineBatch
  /** Learns where removed content lies, so that it can be used again. */
  readonly onQuarantined: (node: TreeNode, place: string) => void
  /** Learns what a new file shows that was made straight at its name. */
  readonly onCreated: (path: string, stat: Stat) => void
}

export function createPlacer({ workspace, crypto, quarantine, onQuarantined, onCreated }: PlacerParts): Placer {
  let links = 0

  /** Mode first: the name shall never show a file that others could read. */
  async function dress(path: string, { mode, mtimeMs }: FileToPlace): Promise<void> {
    if (workspace.modes === "posix") await workspace.setMode(path, mode)
    if (mtimeMs !== null) await workspace.setModified(path, mtimeMs)
  }

  /** Straight at its name, exclusively. */
  async function createInPlace({ path, mode, mtimeMs }: FileToPlace, bytes: Uint8Array): Promise<Outcome> {
    const made = await workspace.createWhole(path, { bytes, unfinishedMode: UNFINISHED_MODE, mode, mtimeMs })
    if (!made.ok) return made
    onCreated(path, made.value)
    return DONE
  }

  async function stage(file: FileToPlace, content: Content): Promise<Outcome<string>> {
    const path = content.kind === "temporary" ? content.path : `${TEMPORARY}/${toHex(file.node.hash)}.new`
    if (content.kind === "bytes") {
      await workspace.removeFile(path)
      const { mode, mtimeMs } = file
      const made = await workspace.createWhole(path, { bytes: content.bytes, unfinishedMode: 0o600, mode, mtimeMs })
      if (!made.ok) return made
    } else await dress(path, file)
    return { ok: true, value: path }
  }

  /** Renames what is staged over what the plan saw. */
  async function replace(staged: string, path: string, before: TreeNode): Promise<Outcome> {
    const found = await lookFor(workspace, crypto, path, before)
    if (!found.ok) return found
    const kept = await quarantine.keep(path)
    if (!kept.ok) return kept
    const now = await workspace.stat(path)
    if (!now.ok) return now
    // The second name changed ctime, and nothing else may have.
    if (!isSameContent(found.value, now.value)) return { ok: false, refusal: "changed" }
    const renamed = await workspace.rename(staged, path, { replace: true, expect: now.value })
    if (renamed.ok) onQuarantined(before, kept.value)
    return renamed
  }

  async function toResult(outcome: Outcome, path: string, node: TreeNode): Promise<Result> {
    if (outcome.ok) return null
    // Whoever was there before us may have put the very same there.
    const there = await lookFor(workspace, crypto, path, node)
    return there.ok ? null : toSkip(outcome.refusal)
  }

  return {
    async file(file, content) {
      const { path, node, before } = file
      if (before === null && content.kind === "bytes") {
        return toResult(await createInPlace(file, content.bytes), path, node)
      }
      const staged = await stage(file, content)
      if (!staged.ok) return toSkip(staged.refusal)
      const placed =
        before === null
          ? await workspace.rename(staged.value, path, { replace: false })
          : await replace(staged.value, path, before)
      if (!placed.ok) await workspace.removeFile(staged.value)
      return toResult(placed, path, node)
    },
    async link(path, node, before) {
      if (before === null) return toResult(await workspace.makeLink(path, node.target), path, node)
      const staged = `${TEMPORARY}/link-${links++}.new`
      await workspace.removeFile(staged)
      const made = await workspace.makeLink(staged, node.target)
      if (!made.ok) return toSkip(made.refusal)
      const placed = await replace(staged, path, before)
      if (!placed.ok) await workspace.removeFile(staged)
      return toResult(placed, path, node)
    },
    async remove(path, before) {
      if (before.type === "folder") return removeFolder(workspace, path)
      const found = await lookFor(workspace, crypto, path, before)
      if (!found.ok) return isAbsent(found.refusal) ? null : toSkip(found.refusal)
      const taken = await quarantine.take(path)
      if (!taken.ok) return taken.refusal === "missing" ? null : toSkip(taken.refusal)
      const now = await workspace.stat(taken.value)
      if (now.ok && isSameContent(found.value, now.value)) {
        onQuarantined(before, taken.value)
        return null
      }
      // Something else came there in that moment. If yet another did since, both stay where they are.
      await workspace.rename(taken.value, path, { replace: false })
      return "changed-meanwhile"
    },
    async move(from, file) {
      const found = await lookFor(workspace, crypto, from, file.node)
      // Between the move and a change of its permissions it could not be told from the user's own.
      if (!found.ok || (workspace.modes === "posix" && found.value.mode !== file.mode)) return false
      const moved = await workspace.rename(from, file.path, { replace: false })
      if (!moved.ok) return false
      await dress(file.path, file)
      return true
    },
  }
}

function isAbsent(refusal: string): boolean {
  return refusal === "missing" || refusal === "not-a-folder"
}

/** One that is not empty quietly stays: what is in it came since the plan, or was left alone. */
async function removeFolder(workspace: Workspace, path: string): Promise<Result> {
  const removed = await workspace.removeFolder(path)
  if (removed.ok || removed.refusal === "not-empty" || removed.refusal === "missing") return null
  return removed.refusal === "not-a-folder" ? "changed-meanwhile" : toSkip(removed.refusal)
}

/** A copy across file systems has another inode and device, but keeps size and mtime to the microsecond. */
function isSameContent(a: Stat, b: Stat): boolean {
  if (a.type !== b.type || a.size !== b.size) return false
  if (a.device === b.device) return a.inode === b.inode && a.mtimeNs === b.mtimeNs
  return a.mtimeNs / 1_000_000n === b.mtimeNs / 1_000_000n
}
