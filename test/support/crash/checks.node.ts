/**
 * What must be true after a machine was killed and everybody has synced again.
 *
 * @module
 */
import { createHash } from "node:crypto"
import { lstatSync, readdirSync, readFileSync, readlinkSync, utimesSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import type { TestMachine } from "../machine.node.ts"
import { auditRepository, gitSays } from "../gitAudit.node.ts"

/** Syncs the machine that was killed, the other, and it once more; says so if something is left to do. */
export async function syncAll(killed: TestMachine, other: TestMachine): Promise<string[]> {
  for (const machine of [killed, other]) await machine.sync({ allowMassDelete: true })
  const last = await killed.sync()
  return last.kind === "in-sync" && last.skipped.length === 0 ? [] : [`not in sync: ${JSON.stringify(last)}`]
}

/**
 * What is wrong with machines that should be equal, their vault, and all that lies around.
 *
 * @param contents - Hashes of all that users wrote.
 */
export async function problemsOf(
  folder: string,
  machines: readonly [TestMachine, ...TestMachine[]],
  contents: ReadonlySet<string>,
): Promise<string[]> {
  const problems: string[] = []
  const note = (what: string, found: readonly unknown[]): void => {
    if (found.length > 0) problems.push(`${what}: ${JSON.stringify(found)}`)
  }
  const [first, ...others] = machines
  for (const other of others) note("different", differences(treeOf(first.root), treeOf(other.root)))
  note("lost", await lostOf(contents, machines))
  note("left behind", await straysIn(folder, machines))
  note("verify", (await (others[0] ?? first).session((session) => session.verify())).problems)
  await auditRepository(join(folder, "vault.git"))
  return problems
}

function differences(a: Record<string, string>, b: Record<string, string>): readonly unknown[] {
  const paths = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  return paths.filter((path) => a[path] !== b[path]).map((path) => [path, a[path], b[path]])
}

/** The user's own files, as text: `file 644 <hash>`, by path. */
export function treeOf(root: string): Record<string, string> {
  const tree: Record<string, string> = {}
  for (const path of pathsBelow(root)) {
    if (path === ".sessyn" || path.startsWith(".sessyn/")) continue
    const stat = lstatSync(join(root, path))
    const mode = (stat.mode & 0o777).toString(8)
    if (stat.isSymbolicLink()) tree[path] = `link ${readlinkSync(join(root, path))}`
    else if (stat.isDirectory()) tree[path] = `folder ${mode}`
    else tree[path] = `file ${mode} ${hashOf(readFileSync(join(root, path)))}`
  }
  return tree
}

/** Hashes of all contents of files below some folders, quarantines included. */
export function contentsBelow(...roots: readonly string[]): Set<string> {
  const hashes = new Set<string>()
  for (const root of roots) {
    for (const path of pathsBelow(root)) {
      if (path.startsWith(".sessyn/") && !path.startsWith(".sessyn/quarantine/")) continue
      if (lstatSync(join(root, path)).isFile()) hashes.add(hashOf(readFileSync(join(root, path))))
    }
  }
  return hashes
}

/** Every content is in its place somewhere, in a quarantine, or in the history of the vault. */
export async function lostOf(contents: ReadonlySet<string>, machines: readonly TestMachine[]): Promise<string[]> {
  const there = contentsBelow(...machines.map(({ root }) => root))
  const missing = new Set([...contents].filter((hash) => !there.has(hash)))
  const [machine] = machines
  if (missing.size === 0 || machine === undefined) return []
  await machine.session(async (session) => {
    for (const { path, sequence, change } of await session.log(null)) {
      if (change === "deleted") continue
      const hash = createHash("sha256")
      await session.content(path, { sequence }, (bytes) => void hash.update(bytes))
      missing.delete(hash.digest("hex"))
    }
  })
  return [...missing]
}

/** Files of ours that should not be there once all is well, by their paths below the lane. */
export async function straysIn(folder: string, machines: readonly TestMachine[]): Promise<string[]> {
  const strays: string[] = []
  for (const { root, home, name } of machines) {
    for (const path of pathsBelow(root)) {
      const isOurs = /^\.sessyn(\/(workspace|\.gitignore|tmp|quarantine(\/.*)?))?$/.test(path)
      if (path.startsWith(".sessyn") && !isOurs) strays.push(`${name}/${path}`)
      else if (path.includes(".sessyn-tmp-")) strays.push(`${name}/${path}`)
    }
    for (const path of pathsBelow(home)) {
      const within = path.replace(/^workspaces\/[a-z2-7]{26}\/?/, "")
      const isOurs =
        /^((config|seen|counter|identity|base|dormant|past|presence|settled|footprint|last-sync)\.bin|shards(\/[0-9a-f]{64}\.bin)?|staged|lock)$/
      const isKey = /^(workspaces|keychain(\/workspace-key-[a-z2-7]{26}\.key)?)?$/
      if (!isOurs.test(within) && !isKey.test(within)) strays.push(`${name}-home/${path}`)
    }
  }
  for (const name of readdirSync(folder)) if (/^vault\.git./.test(name)) strays.push(name)
  return [...strays, ...(await straysInVault(join(folder, "vault.git")))]
}

/** Makes what git's killed programs left as old as it is when nobody waits for them any more; whether there was any. */
export function letTimePass(vault: string): boolean {
  const long = Date.now() / 1000 - 2 * 60 * 60
  const left = gitsLeftovers(vault)
  for (const path of [...left].reverse()) {
    try {
      utimesSync(join(vault, path), long, long)
    } catch (error) {
      // Git may be alive, and has removed it itself.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
    }
  }
  return left.length > 0
}

/**
 * Git's programs on a host, told to end together, leave half a push at times, which no branch knows of. To remove it is
 * the host's.
 */
export async function sweepHost(vault: string): Promise<void> {
  const objects = join(vault, "objects")
  const halves = readdirSync(objects).filter((name) => name.startsWith("tmp_objdir-incoming-"))
  await Promise.all(halves.map((name) => rm(join(objects, name), { recursive: true, force: true })))
}

function gitsLeftovers(vault: string): readonly string[] {
  return pathsBelow(vault).filter((path) => /(^|\/)tmp_|\.(lock|keep)$/.test(path))
}

async function straysInVault(vault: string): Promise<string[]> {
  const strays = gitsLeftovers(vault)
  const refs = (await gitSays(vault, "for-each-ref", "--format=%(refname)")).split("\n").filter((ref) => ref !== "")
  return [...strays, ...refs.filter((ref) => !/\/main$/.test(ref))]
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

/** Every path below a folder, sorted. */
export function pathsBelow(root: string): readonly string[] {
  const paths: string[] = []
  const walk = (folder: string): void => {
    for (const item of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? item.name : `${folder}/${item.name}`
      paths.push(path)
      if (item.isDirectory()) walk(path)
    }
  }
  walk("")
  return paths.sort()
}
