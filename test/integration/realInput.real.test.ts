/**
 * A real project, with secrets, on two machines that run the built `sessyn`,
 * through a real Git host with a password; fifty rounds of whatever people do
 * on both; and then the question what the host could have read.
 *
 * `SESSYN_TEST_SEED` plays other rounds.
 */
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs"
import { hostname, userInfo } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { SyncReport } from "../../src/reports.ts"
import { leadsOut } from "../../src/tree/paths.ts"
import { looksSecret } from "../../src/tree/sensitive.ts"
import { auditRepository, gitSays } from "../support/gitAudit.node.ts"
import { type GitServer, startGitServer } from "../support/gitServer.node.ts"
import { repositoryExhibits, requestExhibits } from "../support/leaks/hostReader.node.ts"
import { createLeakSearch, type Exhibit, type Findings, type LeakSearch } from "../support/leaks/leakSearch.ts"
import { type CliMachine, createCliMachine, PERSON, writeGitConfig } from "../support/real/cliMachine.node.ts"
import { createDice, type Dice } from "../support/real/dice.ts"
import { type Desk, inside, meet, sitDown, tidy, work } from "../support/real/edits.node.ts"
import { addWorkingCopy, CARELESS_SECRET, unpackProject } from "../support/real/project.node.ts"
import { contentsOf, createTreeReader, differences, type Tree } from "../support/real/treeReader.node.ts"
import { openVaultReader, type VaultReader } from "../support/real/vaultReader.node.ts"
import { createTemporaryFolders } from "../support/temporaryFolders.node.ts"

const ROUNDS = 50
/** The same rounds every time, so that a red run is a change's doing; another number plays others. */
const SEED = Number(process.env["SESSYN_TEST_SEED"] ?? 20_261_122)
const PASSPHRASE = "saffron trellis quorum meridian obelisk plankton"
const CREDENTIAL = { username: "penny", password: "host-password-5417" }
const AUTHORIZATION = `Basic ${Buffer.from(`${CREDENTIAL.username}:${CREDENTIAL.password}`).toString("base64")}`
const NAMES = { a: "Penelope's laptop", b: "build server Nordstern" }
/** In the root: what is ours, and what `.syncignore` leaves out. */
const NOT_SYNCED = [".sessyn", "scratch", "debug.log"]

const folders = createTemporaryFolders()
const search: LeakSearch = createLeakSearch()
const reader = createTreeReader((bytes) => search.addContent(bytes))
const facts: [string, string][] = []
let folder: string
let server: GitServer
let a: CliMachine
let b: CliMachine
let vault: VaultReader

beforeAll(async () => {
  folder = folders.make()
  server = await startGitServer({ credential: CREDENTIAL, keepsBodies: true })
  const gitConfig = writeGitConfig(folder, CREDENTIAL)
  a = createCliMachine({ name: "a", folder, gitConfig })
  b = createCliMachine({ name: "b", folder, gitConfig })
  unpackProject(a.root)
  addWorkingCopy(a.root)
})

afterAll(async () => {
  await vault?.close()
  await server?.close()
  folders.remove()
  const width = Math.max(...facts.map(([what]) => what.length))
  console.info(facts.map(([what, fact]) => `${what.padEnd(width)}  ${fact}`).join("\n"))
})

function treeOf(machine: CliMachine): Tree {
  const tree = reader.read(machine.root, NOT_SYNCED)
  for (const path of tree.keys()) search.addPath(path)
  return tree
}

/** Runs work and notes what it cost: requests and bytes up and down. */
async function measured<T>(what: string, run: () => Promise<T>): Promise<T> {
  const from = server.log.length
  const started = performance.now()
  const result = await run()
  const requests = server.log.slice(from)
  const sum = (bytes: "upBytes" | "downBytes") => requests.reduce((total, request) => total + request[bytes], 0)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  facts.push([
    what,
    `${requests.length} requests, ${sum("upBytes")} bytes up, ${sum("downBytes")} bytes down, ${seconds} s`,
  ])
  return result
}

type Measure = <T>(what: string, run: () => Promise<T>) => Promise<T>

/** Makes a vault with one machine and lets the other in, who compares the words. */
async function setUp(
  [one, other]: readonly [CliMachine, CliMachine],
  names: typeof NAMES,
  url: string,
  measure: Measure,
): Promise<void> {
  const env = { SESSYN_PASSPHRASE: PASSPHRASE }
  await measure("init", () => one.run(["init", "--store", url, "--name", names.a, "--remember"], env))
  await measure("first sync", () => one.sync())
  const joined = await measure("join", () => other.run(["join", "--store", url, "--name", names.b, "--remember"], env))
  expect((await other.try(["sync", "--yes"])).status, "pending").toBe(4)
  const [{ words }] = joined.json.fingerprints
  const id = joined.json.machine.id as string
  await measure("approve", () => one.run(["machines", "approve", id, "--fingerprint", words.join(" ")]))
  await measure("first sync of the second", () => other.sync())
}

describe("a real project on two machines", () => {
  test("arrives whole", { timeout: 600_000 }, async () => {
    const before = treeOf(a)
    const files = [...before.values()].filter(({ type }) => type === "file")
    expect(files.length).toBeGreaterThanOrEqual(6000)

    await setUp([a, b], NAMES, server.url, measured)

    const [here, there] = [treeOf(a), treeOf(b)]
    expect(differences(before, here)).toEqual([])
    // Wherever it comes from, a secret is written for its owner alone.
    expect(differences(here, there)).toEqual([expect.stringMatching(`^${CARELESS_SECRET}: .* 644 / .* 600$`)])
    await measured("nothing changed", () => b.sync())

    vault = await openVault("a")
    await vault.update()
    expect(differences(here, vault.tree())).toEqual([])
    noteSizes(before)
  })

  test(`stays the same on both through ${ROUNDS} rounds`, { timeout: 1_800_000 }, async () => {
    const dice = createDice(SEED)
    const written = new Map<string, string>()
    let trees: Trees = [treeOf(a), treeOf(b)]
    for (let round = 1; round <= ROUNDS; round++) {
      const log: string[] = []
      try {
        trees = await playRound(trees, dice, written, log)
      } catch (cause) {
        throw new Error(`seed ${SEED}, round ${round}: ${(cause as Error).message}\n${log.join("\n")}`, { cause })
      }
    }

    const kept = everywhere(trees)
    const onlyInHistory = [...written.keys()].filter((content) => !kept.has(content) && !content.startsWith("link to"))
    expect(onlyInHistory.length).toBeGreaterThan(0)
    expect(await vault.findDamaged(onlyInHistory)).toEqual([])
    for (const machine of [a, b]) {
      const { toSend, toReceive, skipped, conflicts } = (await machine.run(["status"])).json
      expect({ toSend, toReceive, skipped, conflicts }).toEqual({
        toSend: [],
        toReceive: [],
        skipped: [],
        conflicts: [],
      })
      expect((await machine.run(["verify"])).json.problems).toEqual([])
    }
    await auditRepository(server.path)
    facts.push(["seed", String(SEED)], ["versions of the vault", String(vault.versionCount)])
    facts.push(["contents that only the vault's history has", String(onlyInHistory.length)])
  })

  test("gives the host nothing to read", { timeout: 600_000 }, async () => {
    const authors = await gitSays(server.path, "log", "--all", "--format=%an <%ae> %ai|%cn <%ce> %ci|%B")
    const said = new Set(authors.split("\n").map((line) => line.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "TIME")))
    const author = "Sessyn <sessyn@localhost> TIME +0000"
    expect([...said].filter((line) => line !== "")).toEqual([`${author}|${author}|sessyn`])

    await addSecrets()
    const found = await search.search(atHost(server))
    const control = await searchUnrelatedVault()
    const second = await searchSecondVault()
    facts.push(["looked for", JSON.stringify(search.counts)])
    expect(search.leaks(found, control, second)).toEqual([])
  })
})

/** What lies on the one and on the other machine. */
type Trees = readonly [Tree, Tree]

/** One round: both sides work, then sync in turns until both know all. What lies there then. */
async function playRound(trees: Trees, dice: Dice, written: Map<string, string>, log: string[]): Promise<Trees> {
  const [one, other] = [sitDown(a.root, trees[0]), sitDown(b.root, trees[1])]
  for (let meetings = 2 + dice.below(4); meetings > 0; meetings--) log.push(`both: ${meet(one, other, dice)}`)
  const focus = dice.pick(one.folders)
  for (const [desk, machine] of [
    [one, a],
    [other, b],
  ] as const) {
    work(dice.percent(50) ? inside(desk, focus) : desk, dice, 4 + dice.below(8))
    tidy(desk, dice)
    log.push(`${machine.name}: ${desk.log.join(", ")}`)
    for (const [content, path] of contentsOf(withoutOutwardLinks(desk, treeOf(machine)))) written.set(content, path)
  }

  const sync = async (machine: CliMachine): Promise<SyncReport> => {
    const flags = ["--on-conflict", dice.pick(["keep-local", "keep-remote", "keep-both"])]
    if (dice.percent(30)) flags.push("--auto-merge")
    log.push(`${machine.name}: sync ${flags.join(" ")}`)
    return machine.sync(...flags)
  }
  if (dice.percent(25)) await Promise.all([sync(a), sync(b)])
  await sync(a)
  await sync(b)
  const last = await sync(a)
  expect({ skipped: last.skipped, conflicts: last.conflicts }).toEqual({ skipped: [], conflicts: [] })

  const now: Trees = [treeOf(a), treeOf(b)]
  expect(differences(...now, sameCare)).toEqual([])
  await vault.update()
  expect(differences(now[0], vault.tree(), sameCare)).toEqual([])
  const kept = everywhere(now)
  expect([...written].filter(([content]) => !kept.has(content) && !vault.contents.has(content))).toEqual([])
  return now
}

/** Permissions as they are; what others may do with a secret is nobody's business to sync. */
function sameCare(path: string, one: number, other: number): boolean {
  return one === other || (looksSecret(path) && (one & 0o700) === (other & 0o700))
}

/** Links out of the workspace are not made elsewhere without being asked for. A folder that moves can turn one so. */
function withoutOutwardLinks({ root }: Desk, tree: Tree): Tree {
  const rest = new Map(tree)
  for (const [path, item] of tree) {
    if (item.type !== "link" || !leadsOut(path, item.target)) continue
    unlinkSync(join(root, path))
    rest.delete(path)
  }
  return rest
}

/** The vault as one of the machines may read it. */
async function openVault(name: string): Promise<VaultReader> {
  const { workspace } = (await a.run(["status"])).json
  return openVaultReader({ workspace, name, folder, passphrase: PASSPHRASE, repository: server.path })
}

/** All contents in both folders, and in their quarantines. */
function everywhere(trees: Trees): ReadonlySet<string> {
  const quarantines = [a, b].map(({ root }) => reader.read(join(root, ".sessyn", "quarantine")))
  return new Set([...trees, ...quarantines].flatMap((tree) => [...contentsOf(tree).keys()]))
}

function noteSizes(tree: Tree): void {
  const sizes = [...tree.values()].flatMap((item) => (item.type === "file" ? [item.size] : []))
  const count = execFileSync("git", ["--git-dir", server.path, "count-objects", "-v"]).toString()
  facts.push(["tree", `${sizes.length} files, ${sizes.reduce((sum, size) => sum + size, 0)} bytes`])
  facts.push(["stored", `${vault.packCount} packs, ${/size-pack: (\d+)/.exec(count)?.[1]} KiB at the host`])
}

async function* atHost({ path, log }: GitServer): AsyncGenerator<Exhibit> {
  yield* repositoryExhibits(path)
  yield* requestExhibits(log, AUTHORIZATION)
}

/** Keys, passphrase, and what would tell who somebody is and where they work. */
async function addSecrets(): Promise<void> {
  const ofOther = await openVault("b")
  for (const [name, opened] of Object.entries({ a: vault, b: ofOther })) {
    for (const [what, key] of await opened.keys()) search.addKey(`${what} of ${name}`, key)
  }
  await ofOther.close()
  search.addText("passphrase", PASSPHRASE)
  search.addText("password of the host", CREDENTIAL.password)
  for (const text of [PERSON.name, PERSON.email, ...Object.values(NAMES), userInfo().username, hostname()]) {
    if (text.length > 4) search.addText(text, text)
  }
  search.addPath(folder)
}

/** What a host reads of a vault that has nothing in common with this one but the format. */
async function searchUnrelatedVault(): Promise<Findings> {
  const place = folders.make()
  const dice = createDice(SEED + 1)
  const host = await startGitServer({ credential: CREDENTIAL, keepsBodies: true })
  const gitConfig = writeGitConfig(place, CREDENTIAL)
  const one = createCliMachine({ name: "c", folder: place, gitConfig })
  const other = createCliMachine({ name: "d", folder: place, gitConfig })
  for (let i = 0; i < 40; i++) writeFileSync(join(one.root, dice.word(14)), dice.bytes(1000))
  await setUp([one, other], { a: dice.word(20), b: dice.word(20) }, host.url, (_, run) => run())
  for (const machine of [one, other, one, other]) {
    writeFileSync(join(machine.root, dice.word(14)), dice.bytes(1000))
    await machine.sync()
  }
  await one.run(["verify"])
  const found = await search.search(atHost(host))
  await host.close()
  return found
}

/** The same tree in another vault, with every name that there ever was. */
async function searchSecondVault(): Promise<Findings> {
  const place = folders.make()
  const repository = join(place, "vault.git")
  const machine = createCliMachine({ name: "e", folder: place, gitConfig: writeGitConfig(place, CREDENTIAL) })
  cpSync(a.root, machine.root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  rmSync(join(machine.root, ".sessyn"), { recursive: true })
  const names = join(machine.root, "all-names")
  mkdirSync(names)
  for (const name of search.names) writeFileSync(join(names, name), "")
  await machine.run(["init", "--store", repository, "--remember"], { SESSYN_PASSPHRASE: PASSPHRASE })
  await machine.sync()
  return search.search(repositoryExhibits(repository))
}
