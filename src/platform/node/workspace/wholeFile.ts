/**
 * A new file in one go, by its descriptor: the name is looked up once, not for
 * each of content, date and permissions. Killed in between, the file still has
 * the mode that says it is unfinished.
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
  openSync,
  unlinkSync,
  writeSync,
} from "node:fs"
import { done, type NewFile, type Outcome, refuse, type Stat } from "../../../ports/workspace.ts"
import { throwIfFull } from "../fsErrors.ts"
import { O_NOFOLLOW, O_NONBLOCK, toStat } from "./reading.ts"

const FLAGS = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | O_NOFOLLOW | O_NONBLOCK

/**
 * @param place - From an anchor, used at once.
 * @param hasModes - Whether the platform has permissions to set.
 * @throws {SyncError} `DISK_FULL`; system errors if the file cannot be created. Then nothing is left of it.
 */
export function writeWholeFile(place: string, file: NewFile, hasModes: boolean): Outcome<Stat> {
  const fd = openSync(place, FLAGS, file.unfinishedMode & 0o777)
  let isOpen = true
  try {
    const stat = fill(fd, file, hasModes)
    isOpen = false
    // Network file systems report a full disk only now.
    closeSync(fd)
    return done(toStat(stat))
  } catch (error) {
    if (isOpen) closeSync(fd)
    unlinkSync(place)
    throwIfFull(error)
    return refuse("denied")
  }
}

function fill(fd: number, { bytes, mode, mtimeMs }: NewFile, hasModes: boolean): BigIntStats {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at)
  if (mtimeMs !== null) attempt(() => futimesSync(fd, Date.now() / 1000, mtimeMs / 1000))
  // Last: a file that shows its own permissions is whole.
  if (hasModes) attempt(() => fchmodSync(fd, mode & 0o777))
  return fstatSync(fd, { bigint: true })
}

/** Some file systems have no such date, or no such permissions: the content is worth keeping all the same. */
function attempt(run: () => void): void {
  try {
    run()
  } catch (error) {
    throwIfFull(error)
  }
}
