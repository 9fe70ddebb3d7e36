/**
 * What the operating system's error numbers mean to the workspace port: most
 * are about one path and become a refusal; a full disk stops everything.
 *
 * @module
 */
import { SyncError } from "../../errors.ts"
import type { WorkspaceRefusal } from "../../ports/workspace.ts"

const REFUSALS: Readonly<Record<string, WorkspaceRefusal>> = {
  ENOENT: "missing",
  EEXIST: "exists",
  ENOTEMPTY: "not-empty",
  ENOTDIR: "not-a-folder",
  // With O_NOFOLLOW: a link lies where a file was. EISDIR: a folder does.
  ELOOP: "changed",
  EISDIR: "changed",
  ENAMETOOLONG: "name",
  EILSEQ: "name",
  EINVAL: "name",
}

/** These say that the process or machine is out of order, not the path. */
const FAULTS: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EBADF", "EFAULT"])

/** The errno name of a system error, "" for anything else. */
export function errnoOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === "string" ? code : ""
}

/** Throws `DISK_FULL` if `error` says that no space is left. */
export function throwIfFull(error: unknown): void {
  const errno = errnoOf(error)
  if (errno !== "ENOSPC" && errno !== "EDQUOT") return
  throw new SyncError("DISK_FULL", "no space left on the disk", {}, { cause: error })
}

/**
 * The refusal for an error about one path. What the table does not know (EACCES, EPERM, EIO, EBUSY, EROFS…)
 * is `denied`: the platform would not, whatever its reason.
 *
 * @throws {SyncError} `DISK_FULL`; and `error` itself if it is no system error or one of the whole process.
 */
export function refusalOf(error: unknown): WorkspaceRefusal {
  throwIfFull(error)
  const errno = errnoOf(error)
  if (!/^E[A-Z0-9]+$/.test(errno) || FAULTS.has(errno)) throw error
  return REFUSALS[errno] ?? "denied"
}
