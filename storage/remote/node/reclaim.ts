/**
 * Gives back the room of what no branch of a vault's own repository needs any
 * more. `git gc` trusts in time: what is young is left alone. That is not enough
 * here, where a machine may take up packs of last week at any moment. So:
 *
 *     1. note all refs, and the packs that are there; not those of a push under way, which git marks with `.keep`
 *     2. write everything that the refs need into new packs, flushed
 *     3. note the refs again: if one has moved, begin anew; what was written takes room until that has come through
 *     4. remove the packs of 1, unless somebody has begun to keep one
 *
 * Whatever is published after 3 consists of objects that it brings itself, in packs that 1 did not see or that are kept,
 * and of such as the branch leads to that it is compared with: a branch of 3, all of which are in the new packs. Killed
 * anywhere, there is more than needed, never less.
 *
 * @module
 */
import { execFile } from "node:child_process"
import { readdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { gitEnvironment } from "./gitEnvironment.ts"
import { flush } from "./durable.ts"

const run = promisify(execFile)
const MAX_TRIES = 3
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024
const PACK = /^pack-[0-9a-f]{40}(?=\.)/
/** Lists of what lies in packs. They would speak of packs that are gone, and git makes them again when it wants them. */
const LISTS = ["objects/pack/multi-pack-index", "objects/info/commit-graph", "objects/info/commit-graphs"]

export interface Reclaiming {
  readonly path: string
  /** How git is to treat the repository. */
  readonly config: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/** Bytes of all that lies in a repository. */
export async function sizeOf(folder: string): Promise<number> {
  let bytes = 0
  for (const item of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, item.name)
    // What goes meanwhile takes no room.
    bytes += item.isDirectory() ? await sizeOf(path) : ((await stat(path).catch(() => undefined))?.size ?? 0)
  }
  return bytes
}

/** @returns `false` if the repository holds something besides vaults, or somebody is at work in it. */
export async function reclaim(reclaiming: Reclaiming): Promise<boolean> {
  const { path } = reclaiming
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const refs = await refsOf(reclaiming)
    if (!(await isOnlyVaults(path, refs))) return false
    const before = await packsIn(path)
    const made = new Set(await packAll(reclaiming))
    await flush(join(path, "objects/pack"))
    if ((await refsOf(reclaiming)) !== refs) continue
    for (const list of LISTS) await rm(join(path, list), { recursive: true, force: true })
    for (const pack of before) if (!made.has(pack)) await remove(join(path, "objects/pack"), pack)
    return true
  }
  return false
}

/** Another's repository has objects of its own that no branch may need, and is not ours to clean up. */
async function isOnlyVaults(path: string, refs: string): Promise<boolean> {
  const others = refs.split("\n").filter((line) => line !== "" && !line.includes(" refs/heads/sessyn/"))
  if (others.length > 0) return false
  for (const name of ["objects/info/alternates", "worktrees"])
    if (await stat(join(path, name)).catch(() => null)) return false
  return (await readdir(join(path, "logs")).catch(() => [])).length === 0
}

function refsOf(reclaiming: Reclaiming): Promise<string> {
  return git(reclaiming, "for-each-ref", "--format=%(objectname) %(refname)")
}

/** Names of the packs that hold all that the refs need. */
async function packAll(reclaiming: Reclaiming): Promise<readonly string[]> {
  const names = await git(reclaiming, "pack-objects", "-q", "--all", "--delta-base-offset", "objects/pack/pack")
  return names
    .split("\n")
    .filter((name) => name !== "")
    .map((name) => `pack-${name}`)
}

/** Whole packs, but for those that somebody keeps. */
async function packsIn(path: string): Promise<ReadonlySet<string>> {
  const names = new Set(await readdir(join(path, "objects/pack")))
  const packs = [...names].filter((name) => name.endsWith(".idx")).flatMap((name) => PACK.exec(name) ?? [])
  return new Set(packs.filter((pack) => names.has(`${pack}.pack`) && !names.has(`${pack}.keep`)))
}

/** The index first: git does not know of a pack without. */
async function remove(folder: string, pack: string): Promise<void> {
  const files = (await readdir(folder)).filter((name) => name.startsWith(`${pack}.`))
  if (files.includes(`${pack}.keep`)) return
  for (const name of files.sort((a, b) => Number(b.endsWith(".idx")) - Number(a.endsWith(".idx")))) {
    await rm(join(folder, name), { force: true })
  }
}

async function git({ path, config, signal }: Reclaiming, ...args: readonly string[]): Promise<string> {
  const settings = config.flatMap((setting) => ["-c", setting])
  const running = run("git", [...settings, ...args], {
    cwd: path,
    env: gitEnvironment(process.env, { GIT_DIR: path }),
    maxBuffer: MAX_OUTPUT_BYTES,
    windowsHide: true,
    signal,
  })
  // Whatever it is, the exit status tells.
  running.child.stdin?.on("error", () => {}).end()
  return (await running).stdout
}
