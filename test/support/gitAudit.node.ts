/**
 * Looks at a bare repository with programs that are not ours: the real git,
 * and isomorphic-git.
 *
 * @module
 */
import { execFile } from "node:child_process"
import fs from "node:fs"
import { promisify } from "node:util"
import git from "isomorphic-git"

const run = promisify(execFile)

/** git's own words on the repository at `path`. */
export async function gitSays(path: string, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" }
  const { stdout } = await run("git", ["--git-dir", path, ...args], { env, maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

/** Throws unless every object is whole and every branch leads to commits and trees that a second program can read. */
export async function auditRepository(path: string): Promise<void> {
  await gitSays(path, "fsck", "--strict", "--full", "--no-dangling")
  const repository = { fs, gitdir: path }
  for (const ref of await git.listBranches(repository)) {
    const [newest] = await git.log({ ...repository, ref, depth: 1 })
    if (newest === undefined) throw new Error(`no commit on ${ref}`)
    await git.readTree({ ...repository, oid: newest.commit.tree })
  }
}
