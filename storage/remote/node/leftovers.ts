/**
 * What a power cut, or a kill of everything at once, leaves in a vault's
 * repository on disk. Git removes its temporary files when one of its programs
 * is told to end, or ends because we did; not if it never gets to it:
 *
 *     objects/tmp_objdir-incoming-…   half a push: only takes space
 *     objects/pack/pack-….keep        of a push that had arrived: keeps its pack from ever being packed with others
 *     objects/pack/pack-….pack        without an index: about to be made, or to be removed
 *     refs/heads/….lock               a branch about to move: nobody can move it any more
 *     <vault>.new-<pid>-…             a repository about to be made
 *
 * @module
 */
import { readdir, readFile, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"

/** Of git's own temporary files: a push that is still at work has written since. */
const HALF_PUSH_MS = 60 * 60 * 1000
/** Git holds a lock on a branch for milliseconds, and has already waited for this one for seconds. */
const STALE_LOCK_MS = 30_000

/** Removes what is left of pushes that nobody is at any more. */
export async function removeHalfPushes(repository: string, nowMs: number): Promise<void> {
  for (const folder of ["objects", "objects/pack"]) {
    for (const name of await namesIn(join(repository, folder))) {
      const path = join(repository, folder, name)
      const isHalf = name.startsWith("tmp_") || (/^pack-.*\.(pack|rev)$/.test(name) && !(await hasIndex(path)))
      const isOurs = isHalf || (name.endsWith(".keep") && (await isOfPush(path)))
      if (isOurs && (await isOlder(path, nowMs - HALF_PUSH_MS))) await rm(path, { recursive: true, force: true })
    }
  }
}

/** A pack is made before its index, and its index is removed before it: see `reclaim.ts`. */
async function hasIndex(pack: string): Promise<boolean> {
  return (await stat(pack.replace(/\.\w+$/, ".idx")).catch(() => undefined)) !== undefined
}

/** People keep packs, too. */
async function isOfPush(keep: string): Promise<boolean> {
  return (await readFile(keep, "utf8").catch(() => "")).startsWith("receive-pack ")
}

/** Removes locks whose holders must be dead; answers whether there were any. */
export async function removeStaleLocks(repository: string, nowMs: number): Promise<boolean> {
  const locks = ["packed-refs.lock", "HEAD.lock", ...(await locksBelow(repository, "refs/heads"))]
  let removed = false
  for (const lock of locks) {
    const path = join(repository, lock)
    if (!(await isOlder(path, nowMs - STALE_LOCK_MS))) continue
    await rm(path, { force: true })
    removed = true
  }
  return removed
}

/** A name for a repository in the making, beside its place. */
export function draftName(path: string, unique: string): string {
  return `${path}.new-${process.pid}-${unique}`
}

/** Removes repositories in the making whose makers are dead. */
export async function removeDrafts(path: string): Promise<void> {
  const prefix = `${basename(path)}.new-`
  for (const name of await namesIn(dirname(path))) {
    const pid = name.startsWith(prefix) ? /^(\d+)-/.exec(name.slice(prefix.length))?.[1] : undefined
    if (pid === undefined || isRunning(Number(pid))) continue
    await rm(join(dirname(path), name), { recursive: true, force: true })
  }
}

async function locksBelow(repository: string, folder: string): Promise<string[]> {
  const locks: string[] = []
  for (const item of await readdir(join(repository, folder), { withFileTypes: true }).catch(() => [])) {
    const path = `${folder}/${item.name}`
    if (item.isDirectory()) locks.push(...(await locksBelow(repository, path)))
    else if (item.name.endsWith(".lock")) locks.push(path)
  }
  return locks
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => [])
}

/** False if it is gone. A folder is as old as the newest thing in it. */
async function isOlder(path: string, thanMs: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || found.mtimeMs >= thanMs) return false
  if (!found.isDirectory()) return true
  for (const name of await namesIn(path)) if (!(await isOlder(join(path, name), thanMs))) return false
  return true
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
