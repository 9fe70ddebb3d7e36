/**
 * Copying and moving on disk without ever writing over what is there unseen:
 * Node has neither `renameat2(RENAME_NOREPLACE)` nor a rename between file
 * systems. All places come from an {@link Anchor} and are used at once.
 *
 * @module
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs"
import { DONE, type Outcome, refuse } from "../../../ports/workspace.ts"
import { STRAY_PREFIX } from "../../../tree/stateFolder.ts"
import { errnoOf } from "../fsErrors.ts"

const COPY_BYTES = 1024 * 1024

/** What of the workspace a move has to know. */
export interface MoveRules {
  /** Whether the two paths name one file because this file system folds names. */
  readonly sameName: (from: string, to: string) => boolean
}

/** Both ends of a move. */
export interface Ends {
  readonly from: string
  readonly to: string
  /** Where they lie now. */
  readonly fromAt: string
  readonly toAt: string
}

/** Renames, writing over a file or link at `to`. */
export function moveReplacing(ends: Ends, rules: MoveRules): Outcome {
  const source = lookAt(ends.fromAt)
  if (source === null) return refuse("missing")
  const target = lookAt(ends.toAt)
  if (target?.isDirectory() === true && !isSame(source, target)) return refuse("exists")
  // Of two hard links to one file, rename(2) leaves both.
  if (isSame(source, target) && !rules.sameName(ends.from, ends.to)) {
    if (ends.from !== ends.to) unlinkSync(ends.fromAt)
    return DONE
  }
  return renameOrCopy(ends, rules, true, source)
}

/** Renames; `exists` if anything but the source itself lies at `to`. */
export function moveExclusively(ends: Ends, rules: MoveRules): Outcome {
  const source = lookAt(ends.fromAt)
  if (source === null) return refuse("missing")
  const target = lookAt(ends.toAt)
  if (target !== null) {
    if (!isSame(source, target) || !rules.sameName(ends.from, ends.to)) return refuse("exists")
    renameSync(ends.fromAt, ends.toAt)
    return DONE
  }
  if (source.isDirectory()) return renameOrCopy(ends, rules, false, source)
  try {
    if (source.isSymbolicLink()) symlinkSync(readlinkSync(ends.fromAt), ends.toAt)
    else linkSync(ends.fromAt, ends.toAt)
  } catch (error) {
    if (errnoOf(error) === "EXDEV") return copyOver(ends, rules, false)
    if (!hasNoLinks(error)) throw error
    return claimAndRename(ends)
  }
  unlinkSync(ends.fromAt)
  return DONE
}

/** A second name for the same bytes, or a copy where that cannot be. */
export function linkOrCopy(ends: Ends): Outcome {
  const source = lookAt(ends.fromAt)
  if (source === null) return refuse("missing")
  if (source.isSymbolicLink()) {
    symlinkSync(readlinkSync(ends.fromAt), ends.toAt)
    return DONE
  }
  if (!source.isFile()) return refuse("changed")
  try {
    linkSync(ends.fromAt, ends.toAt)
    return DONE
  } catch (error) {
    if (errnoOf(error) !== "EXDEV" && !hasNoLinks(error)) throw error
    return copyExclusively(ends.fromAt, ends.toAt)
  }
}

/** File systems without hard links say one of these; Linux also says EPERM for files of somebody else. */
function hasNoLinks(error: unknown): boolean {
  return ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(errnoOf(error))
}

/** Takes the name with an empty file of ours, so that the rename replaces that and nothing else. */
function claimAndRename(ends: Ends): Outcome {
  closeSync(openSync(ends.toAt, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600))
  try {
    renameSync(ends.fromAt, ends.toAt)
    return DONE
  } catch (error) {
    unlinkSync(ends.toAt)
    throw error
  }
}

function renameOrCopy(ends: Ends, rules: MoveRules, replace: boolean, source: BigIntStats): Outcome {
  try {
    renameSync(ends.fromAt, ends.toAt)
    return DONE
  } catch (error) {
    if (errnoOf(error) !== "EXDEV" || source.isDirectory()) throw error
    return copyOver(ends, rules, replace)
  }
}

/** Between file systems (a mount point in the workspace): copy beside the target, then rename there. */
function copyOver(ends: Ends, rules: MoveRules, replace: boolean): Outcome {
  const beside = `${ends.toAt.slice(0, ends.toAt.lastIndexOf("/") + 1)}${STRAY_PREFIX}${crypto.randomUUID()}`
  const copied = lookAt(ends.fromAt)?.isSymbolicLink()
    ? linkOrCopy({ ...ends, toAt: beside })
    : copyExclusively(ends.fromAt, beside)
  if (!copied.ok) return copied
  const last: Ends = { from: beside, to: ends.to, fromAt: beside, toAt: ends.toAt }
  try {
    const moved = replace ? moveReplacing(last, rules) : moveExclusively(last, rules)
    if (moved.ok) unlinkSync(ends.fromAt)
    return moved
  } finally {
    if (lookAt(beside) !== null) unlinkSync(beside)
  }
}

/** A new file with the same bytes, mode and mtime. `changed` if the source moved meanwhile; then nothing is left. */
function copyExclusively(fromAt: string, toAt: string): Outcome {
  const source = openSync(fromAt, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  try {
    const before = fstatSync(source, { bigint: true })
    if (!before.isFile()) return refuse("changed")
    const target = openSync(toAt, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)
    let whole = false
    try {
      const after = copyBytes(source, target)
      whole = after.size === before.size && after.mtimeNs === before.mtimeNs && after.ctimeNs === before.ctimeNs
      fchmodSync(target, Number(before.mode & 0o777n))
      futimesSync(target, Number(before.atimeMs) / 1000, Number(before.mtimeMs) / 1000)
    } finally {
      closeSync(target)
      if (!whole) unlinkSync(toAt)
    }
    return whole ? DONE : refuse("changed")
  } finally {
    closeSync(source)
  }
}

function copyBytes(source: number, target: number): BigIntStats {
  const buffer = new Uint8Array(COPY_BYTES)
  for (let length = readSync(source, buffer); length > 0; length = readSync(source, buffer)) {
    for (let done = 0; done < length; ) done += writeSync(target, buffer, done, length - done)
  }
  return fstatSync(source, { bigint: true })
}

function lookAt(at: string): BigIntStats | null {
  return lstatSync(at, { bigint: true, throwIfNoEntry: false }) ?? null
}

function isSame(a: BigIntStats, b: BigIntStats | null): boolean {
  return b !== null && a.ino === b.ino && a.dev === b.dev
}
