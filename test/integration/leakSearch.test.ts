/** The search for leaks finds what is planted, in whatever form, and nothing in a vault as it is. */
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { deflateRawSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { toHex } from "../../crypto/bytes.ts"
import type { RequestRecord } from "../support/gitServer.node.ts"
import { repositoryExhibits, requestExhibits } from "../support/leaks/hostReader.node.ts"
import { createLeakSearch, type Findings, type Leak, type LeakSearch } from "../support/leaks/leakSearch.ts"
import { createPair } from "../support/machine.node.ts"
import { PASSPHRASE } from "../support/person.ts"
import { createDice } from "../support/real/dice.ts"
import { openVaultReader } from "../support/real/vaultReader.node.ts"
import { createTemporaryFolders } from "../support/temporaryFolders.node.ts"

const NAME = "ledger-of-2041.csv"
const LINE = "the quick brown fox owes 17 guineas"
const CONTENT = Array.from({ length: 3000 }, (_, i) => `${LINE} and ${i * i} more\n`).join("")
/** Six letters: they can be there by chance. */
const SHORT_NAME = "velvet"

const folders = createTemporaryFolders()
let keys: ReadonlyMap<string, Uint8Array>
let search: LeakSearch
let repository: string
let control: Findings
let second: Findings

/** A vault of two machines that sync some files. Where it lies, and the folder of all that belongs to it. */
async function makeVault(fill: (root: string) => void): Promise<{ repository: string; folder: string }> {
  const folder = folders.make()
  const { a, b } = await createPair(folder)
  fill(a.root)
  await a.sync()
  await b.sync()
  writeFileSync(join(b.root, "0"), "1\n")
  await b.sync()
  await a.sync()
  return { repository: join(folder, "vault.git"), folder }
}

function fillLedger(root: string): void {
  mkdirSync(join(root, SHORT_NAME))
  writeFileSync(join(root, SHORT_NAME, NAME), CONTENT)
}

beforeAll(async () => {
  const vault = await makeVault(fillLedger)
  repository = vault.repository
  const dice = createDice(7)
  const unrelated = await makeVault((root) => {
    for (let i = 0; i < 5; i++) writeFileSync(join(root, dice.word(12)), `${dice.line()}\n`)
  })
  const again = await makeVault(fillLedger)

  search = createLeakSearch()
  search.addPath(`${SHORT_NAME}/${NAME}`)
  search.addContent(Buffer.from(CONTENT))
  search.addText("passphrase", PASSPHRASE)
  const [workspace = ""] = execFileSync("git", ["--git-dir", repository, "for-each-ref", "--format=%(refname)"])
    .toString()
    .split("\n")
    .flatMap((ref) => /sessyn\/([a-z2-7]{26})\/main/.exec(ref)?.[1] ?? [])
  const reader = await openVaultReader({
    workspace,
    name: "a",
    folder: vault.folder,
    passphrase: PASSPHRASE,
    repository,
  })
  await reader.update()
  keys = await reader.keys()
  await reader.close()
  for (const [what, key] of keys) search.addKey(what, key)

  control = await search.search(repositoryExhibits(unrelated.repository))
  second = await search.search(repositoryExhibits(again.repository))
})

afterAll(() => folders.remove())

async function leaksOf(path: string, of: LeakSearch = search): Promise<readonly Leak[]> {
  return of.leaks(await of.search(repositoryExhibits(path)), control, second)
}

/** A copy of the vault with something done to it. */
function planted(plant: (git: (args: readonly string[], input?: string | Uint8Array) => string) => void): string {
  const copy = join(mkdtempSync(join(folders.make(), "planted-")), "vault.git")
  cpSync(repository, copy, { recursive: true })
  const env = {
    ...process.env,
    GIT_INDEX_FILE: `${copy}.index`,
    GIT_CONFIG_GLOBAL: "/dev/null",
    ...person("Sessyn", "sessyn@localhost"),
  }
  plant((args, input) =>
    execFileSync("git", ["--git-dir", copy, ...args], { env, input })
      .toString()
      .trim(),
  )
  return copy
}

function person(name: string, email: string) {
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  }
}

/** A vault with one more version, in which a file holds these bytes. */
function withFile(path: string, bytes: string | Uint8Array, message = "sessyn"): string {
  return planted((git) => {
    const main = git(["for-each-ref", "--format=%(refname)", "refs/heads/sessyn/*/main"])
    const blob = git(["hash-object", "-w", "--stdin"], bytes)
    git(["read-tree", main])
    git(["update-index", "--add", "--cacheinfo", `100644,${blob},${path}`])
    const commit = git(["commit-tree", git(["write-tree"]), "-p", main, "-m", message])
    git(["update-ref", main, commit])
  })
}

function header(of: string, change: (payload: string) => string): string {
  const text = execFileSync("git", ["--git-dir", of, "cat-file", "blob", `${mainOf(of)}:manifest.json`]).toString()
  const envelope = JSON.parse(text) as { payload: string }
  const payload = change(Buffer.from(envelope.payload, "base64").toString())
  return JSON.stringify({ ...envelope, payload: Buffer.from(payload).toString("base64") })
}

function mainOf(of: string): string {
  return execFileSync("git", ["--git-dir", of, "for-each-ref", "--format=%(refname)", "refs/heads/sessyn/*/main"])
    .toString()
    .trim()
}

/** Random, as a sealed pack is, with something in the middle. */
function packWith(bytes: Uint8Array): Uint8Array {
  const pack = createDice(3).bytes(16_384)
  pack.set(bytes, 5001)
  return pack
}

const PACK = `packs/ab/${"ab".repeat(32)}`

describe("a search for leaks", () => {
  test("finds none in a vault as it is", async () => {
    expect(search.counts.linePieces).toBeGreaterThan(100)
    expect(search.counts.keys).toBeGreaterThan(10)
    expect(await leaksOf(repository)).toEqual([])
  })

  test.each([
    ["a name in a commit's message", () => withFile("empty", "", `update ${NAME}`), "commit"],
    ["a name in a tree", () => withFile(`packs/ab/${NAME}`, createDice(1).bytes(9)), "tree"],
    ["a line in a pack", () => withFile(PACK, packWith(Buffer.from(LINE))), "pack"],
    ["a part of a line in a pack", () => withFile(PACK, packWith(Buffer.from(CONTENT.slice(5, 60)))), "pack"],
    ["a line in an object that no branch leads to", () => planted((git) => git(["hash-object", "-w", "--stdin"], LINE)), "unreachable blob"],
    ["text that is compressed and not sealed", () => withFile(PACK, deflateRawSync(CONTENT.repeat(20))), "pack"],
    ["a name in a header", () => withFile("manifest.json", header(repository, (json) => json.replace("{", `{"file":"${NAME}",`))), "manifest.json"],
    ["a name in base64 in a header", () => withFile("manifest.json", header(repository, (json) => json.replace("{", `{"file":"${Buffer.from(NAME).toString("base64")}",`))), "manifest.json"],
    ["a name in base64url", () => withFile("notes", `x${Buffer.from(`??>${NAME}`).toString("base64url")}`), "notes"],
    ["a name in a branch", () => planted((git) => git(["update-ref", `refs/heads/sessyn/${NAME}`, "HEAD"].with(2, git(["for-each-ref", "--format=%(objectname)", "--count=1"])))), "refs"],
    ["a key in a pack", () => withFile(PACK, packWith(keys.get("workspace key 1")!)), "pack"],
    ["a part of a key in hex", () => withFile("notes", `id=${toHex(keys.get("MAC key 1")!.subarray(8, 24))}`), "notes"],
    ["the passphrase in UTF-16", () => withFile("notes", Buffer.from(PASSPHRASE, "utf16le")), "notes"],
    ["the passphrase in UTF-16 of the other order", () => withFile("notes", Buffer.from(PASSPHRASE, "utf16le").swap16()), "notes"],
  ] as const)("finds %s", async (_, plant, place) => {
    const leaks = await leaksOf(plant())
    expect(leaks.map((leak) => leak.place)).toContain(place)
  }) // biome-ignore format: a table

  test("takes a short name for chance, unless a second vault has it too", async () => {
    const once = withFile(PACK, packWith(Buffer.from(SHORT_NAME)))
    expect(await leaksOf(once)).toEqual([])
    const both = search.leaks(
      await search.search(repositoryExhibits(once)),
      control,
      await search.search(repositoryExhibits(once)),
    )
    expect(both).toEqual([{ what: `name "${SHORT_NAME}"`, place: "pack" }])
  })

  test.each([
    ["a path", { path: `/vault.git/info/refs?file=${SHORT_NAME}/${NAME}` }, "request line"],
    ["a percent-encoded path", { path: `/vault.git/${NAME.replaceAll("e", "%65")}` }, "request line"],
    ["a header", { headers: [["X-File", NAME]] as const }, "request header"],
    ["another credential than the host's", { headers: [["Authorization", `Basic ${Buffer.from(`me:${PASSPHRASE}`).toString("base64")}`]] as const }, "request header"],
    ["a body", { body: Buffer.from(`0032want ${LINE}`) }, "request body"],
  ] as const)("finds what a request says in %s", async (_, said, place) => {
    const request: RequestRecord = {
      method: "POST",
      path: "/vault.git/git-upload-pack",
      authorization: undefined,
      protocol: undefined,
      contentLength: undefined,
      headers: [["Authorization", "Basic host"]],
      body: new Uint8Array(0),
      upBytes: 0,
      downBytes: 0,
      ...said,
    }
    const found = await search.search(requestExhibits([request], "Basic host"))
    expect(search.leaks(found, control, found).map((leak) => leak.place)).toContain(place)
  }) // biome-ignore format: a table
})
