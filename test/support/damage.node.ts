/**
 * Damages vaults in bare repositories as a host or a disk could: objects of a
 * tree become others or go, under the same names and the same header.
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { join } from "node:path"

/** What becomes of an object: other bytes, or null if it goes. */
export type Damage = (bytes: Buffer) => Buffer | null

/** Paths of the newest version that start so. */
export function pathsOf(store: string, prefix: string): readonly string[] {
  return listed(store, mainOf(store)).filter((path) => path.startsWith(prefix))
}

/** Damages the newest version, in a commit in place of the one that was there. */
export function damage(store: string, path: string, how: Damage): void {
  const main = mainOf(store)
  const parents = git(store, ["log", "-1", "--format=%P", main]).split(" ").filter(Boolean)
  git(store, ["update-ref", refOf(store), commit(store, damagedTree(store, main, path, how), parents)])
}

/** Takes all packs out of the version so many before the newest. The commits after it are made again, with their trees. */
export function damageVersion(store: string, back: number): void {
  const commits = git(store, ["log", "--first-parent", "--format=%H", mainOf(store)]).split("\n")
  const [target, ...older] = commits.slice(back) as [string, ...string[]]
  let tree = `${target}^{tree}`
  for (const path of listed(store, target)) {
    if (path.startsWith("packs/")) tree = damagedTree(store, tree, path, () => null)
  }
  let top = commit(store, tree, older.slice(0, 1))
  for (const each of commits.slice(0, back).reverse()) top = commit(store, `${each}^{tree}`, [top])
  git(store, ["update-ref", refOf(store), top])
}

function damagedTree(store: string, from: string, path: string, how: Damage): string {
  const env = { ...process.env, GIT_INDEX_FILE: join(store, "damaged") }
  const [mode = "", , object = ""] = git(store, ["ls-tree", "-r", from, path]).split(/\s+/)
  const bytes = how(execFileSync("git", ["--git-dir", store, "cat-file", "blob", object]))
  git(store, ["read-tree", from], env)
  if (bytes === null) {
    const input = `0 ${"0".repeat(40)}\t${path}\n`
    execFileSync("git", ["--git-dir", store, "update-index", "--index-info"], { env, input })
  } else {
    const blob = execFileSync("git", ["--git-dir", store, "hash-object", "-w", "--stdin"], { input: bytes }).toString()
    git(store, ["update-index", "--cacheinfo", `${mode},${blob.trim()},${path}`], env)
  }
  return git(store, ["write-tree"], env)
}

function commit(store: string, tree: string, parents: readonly string[]): string {
  const identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
  return git(store, [...identity, "commit-tree", "-m", "x", ...parents.flatMap((each) => ["-p", each]), tree])
}

function listed(store: string, commitId: string): readonly string[] {
  return git(store, ["ls-tree", "-r", "--name-only", commitId]).split("\n")
}

function mainOf(store: string): string {
  return git(store, ["rev-parse", refOf(store)])
}

function refOf(store: string): string {
  return git(store, ["for-each-ref", "--format=%(refname)", "refs/heads/sessyn/*/main"])
}

function git(store: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  return execFileSync("git", ["--git-dir", store, ...args], { env, encoding: "utf8" }).trim()
}
