/**
 * Freezes a vault of the present format into `test/vaults/`: whole, and damaged
 * in one way each. Run once for each version of the format, never again:
 * later builds must go on opening what this one made.
 *
 *     node scripts/freeze-vault.ts v1
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createPair, type TestMachine } from "../test/support/machine.node.ts"

const version = process.argv[2] ?? ""
const out = join(import.meta.dirname, "..", "test", "vaults")
if (!/^v\d+$/.test(version)) throw new Error("usage: node scripts/freeze-vault.ts v1")
if (existsSync(join(out, `${version}-small.bundle`))) throw new Error(`${version} is frozen already`)

const folder = mkdtempSync(join(tmpdir(), "sessyn-freeze-"))
const { a, b, storeUrl } = await createPair(folder)
await fill(a, b)
const repository = new URL(storeUrl).pathname
const main = git("for-each-ref", "--format=%(refname)", "refs/heads/sessyn/*/main").trim()
bundle("small")
damage("pack-missing", (paths) => ({ remove: firstPack(paths) }))
damage("pack-damaged", (paths) => ({ replace: firstPack(paths), bytes: flipped(blob(firstPack(paths))) }))
damage("index-of-before", () => ({ replace: "index/000", bytes: blob("index/000", `${main}~1`) }))
damage("boxes-of-nobody", () => ({ replace: "vault.json", bytes: flipped(blob("vault.json")) }))
rmSync(folder, { recursive: true, force: true })

/** What `test/integration/frozenVaults.node.test.ts` expects to find. */
async function fill(first: TestMachine, second: TestMachine): Promise<void> {
  const put = (machine: TestMachine, path: string, content: string, mode = 0o644): void => {
    mkdirSync(join(machine.root, path, ".."), { recursive: true })
    writeFileSync(join(machine.root, path), content)
    chmodSync(join(machine.root, path), mode)
  }
  put(first, ".env", "TOKEN=frozen\n", 0o600)
  put(first, "src/a.ts", "export const a = 1\n")
  put(first, "src/日本語/ü.md", "# ü\n")
  put(first, "bin/run", "#!/bin/sh\n", 0o755)
  put(first, "empty", "")
  put(first, "gone", "deleted later\n")
  mkdirSync(join(first.root, "empty-folder"))
  symlinkSync("src/a.ts", join(first.root, "link"))
  await first.sync()
  await second.sync()
  put(second, "src/a.ts", "export const a = 2\n")
  rmSync(join(second.root, "gone"))
  await second.sync()
  await first.sync()
  put(first, "large.txt", "a line that compresses well\n".repeat(100_000))
  await first.sync()
}

function bundle(name: string): void {
  git("bundle", "create", "--quiet", join(out, `${version}-${name}.bundle`), main)
}

interface Change {
  readonly remove?: string
  readonly replace?: string
  readonly bytes?: Buffer
}

/** Bundles a copy of the branch with one object of its newest tree removed or replaced; the branch stays as it is. */
function damage(name: string, change: (paths: readonly string[]) => Change): void {
  const head = git("rev-parse", main).trim()
  const env = { ...process.env, GIT_INDEX_FILE: join(folder, `index-${name}`), GIT_WORK_TREE: folder }
  const paths = git("ls-tree", "-r", "--name-only", main).trim().split("\n")
  const { remove, replace, bytes } = change(paths)
  const run = (args: readonly string[], input?: Buffer): string =>
    execFileSync("git", ["--git-dir", repository, ...args], { env, input })
      .toString()
      .trim()
  run(["read-tree", main])
  if (remove !== undefined) run(["update-index", "--force-remove", remove])
  if (replace !== undefined && bytes !== undefined) {
    const id = run(["hash-object", "-w", "--stdin"], bytes)
    run(["update-index", "--cacheinfo", `100644,${id},${replace}`])
  }
  const identity = ["-c", "user.name=Sessyn", "-c", "user.email=sessyn@localhost"]
  const commit = run([...identity, "commit-tree", run(["write-tree"]), "-p", `${head}~1`, "-m", "sessyn"])
  git("update-ref", main, commit)
  bundle(name)
  git("update-ref", main, head)
}

function firstPack(paths: readonly string[]): string {
  return paths.find((path) => path.startsWith("packs/")) as string
}

function blob(path: string, at = main): Buffer {
  return execFileSync("git", ["--git-dir", repository, "cat-file", "blob", `${at}:${path}`])
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1)
  return copy
}

function git(...args: readonly string[]): string {
  return execFileSync("git", ["--git-dir", repository, ...args]).toString()
}
