import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { exitCodes } from "../../../cli/exitCodes.ts"
import type { AnyCode } from "../../../cli/errors.ts"
import { createMemoryStore } from "../../../storage/remote/memoryStore.ts"
import type { Store } from "../../../storage/remote/store.ts"
import { createMemoryWorkspace } from "../../../src/platform/memory/memoryWorkspace.ts"
import { at, type Item, plant, treeOf } from "../../support/files.node.ts"
import { forge } from "../../support/forger.node.ts"
import { admit, createMachine, createPair, type TestMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
let folder: string
/** Trusted, and hostile. */
let mallory: TestMachine
let victim: TestMachine
let storeUrl: string
let openStore: () => Promise<Store>

beforeEach(async () => {
  folder = folders.make()
  const store = createMemoryStore()
  openStore = async () => ({ ...store, close: async () => {} })
  const pair = await createPair(folder, { openStore })
  ;({ a: mallory, b: victim, storeUrl } = pair)
  plant(mallory.root, { "good.txt": "good", "sub/good.txt": "good" })
  await mallory.sync()
  await victim.sync()
  execFileSync("git", ["init", "-q", victim.root])
  execFileSync("git", ["init", "-q", join(victim.root, "sub")])
})

afterAll(folders.remove)

/** All that lies anywhere near, less what a good sync may change. */
function surroundings(): Record<string, string> {
  const except = ["vault.git", "b-home", "a-home", "a", "b/new.txt", "b/d", "b/.sessyn/quarantine", "b/.sessyn/tmp"]
  return treeOf(folder, except)
}

const PATHS = [
  ...[".git/hooks/post-checkout", ".git/config", ".GIT/hooks/post-checkout", ".Git/config", ".gIt/config"],
  ...[".git./config", ".git /config", ".git. . /config", ".git::$INDEX_ALLOCATION/config", ".git:x/config"],
  ...["git~1/config", "GIT~1/hooks/post-checkout", "Git~1./config"],
  ...[".g\u200cit/config", ".\u202egit/config", "\ufeff.git/config", ".gi\u206ft/config"],
  ...["sub/.git/hooks/pre-commit", "sub/.GIT/config", "sub/git~1/config"],
  ...[".sessyn/workspace", ".sessyn/quarantine/x", ".SESSYN/workspace", "\u017fessyn~1/x", "sessyn~1/workspace", ".\u017fessyn/workspace"],
  ...["sub\\..\\..\\outside", "\\absolute", "C:\\Windows\\x", "c:relative", "\\\\server\\share\\x", "sub\\.git\\config"],
  ...[`${"d/".repeat(300)}too-deep`, "x".repeat(256)],
] // biome-ignore format: a table

describe("a path that no machine may use, in a vault that is properly signed,", () => {
  test("is refused by name, writes nothing anywhere, and stops nothing else", async () => {
    const before = surroundings()
    const items = Object.fromEntries(PATHS.map((path) => [path, "planted"]))
    await forge(mallory, { items: { ...items, "new.txt": "new", "sub/good.txt": "edited" } })
    const report = await victim.sync()
    expect([at(victim.root, "new.txt"), at(victim.root, "sub/good.txt")]).toEqual(["new", "edited"])
    expect(surroundings()).toEqual({ ...before, "b/sub/good.txt": "edited" })
    const held = new Map(report.skipped.map(({ path, reason }) => [path, reason]))
    for (const path of PATHS) expect([path, held.get(path)]).toEqual([path, expect.stringMatching(REFUSED)])
    // And not sent back as deleted.
    expect((await victim.sync()).sent).toEqual([])
  })

  test.each<[string, Record<string, Item>]>([
    ["a file", { ".git": "gitdir: /tmp", "sub/.git": "gitdir: /tmp" }],
    ["a link", { ".git": { link: "sub" }, "sub/.GIT": { link: "../evil" }, ".sessyn": { link: "sub" } }],
    ["a folder", { ".Git": "folder/", ".SESSYN": "folder/" }],
    ["a tombstone", { ".git/config": null, ".sessyn/workspace": null, "sub/.git/HEAD": null, ".git": null }],
  ])("is refused as %s, too", async (_, items) => {
    const before = surroundings()
    await forge(mallory, { items: { ...items, "new.txt": "new" } })
    await victim.sync()
    expect(at(victim.root, "new.txt")).toBe("new")
    expect(surroundings()).toEqual(before)
  })

  test("cannot be restored, either", async () => {
    const before = surroundings()
    await forge(mallory, { items: { ".git/hooks/post-checkout": "planted", "\\up": "planted" } })
    await victim.sync()
    for (const path of [".git/hooks/post-checkout", "\\up"]) {
      const restored = victim.session((session) => session.restore(path))
      await expect(restored).rejects.toMatchObject({ code: "RESTORE_BLOCKED" })
    }
    expect(surroundings()).toEqual(before)
  })
})

const REFUSED = /hostile-path|name-too-long|blocked-folder/

const CROSSING: readonly [string, Record<string, Item>][] = [
  ["out", { a: { link: "/etc" }, "a/planted": "x" }],
  ["to a neighbour", { a: { link: "../outside" }, "a/planted": "x" }],
  ["into Git's folder", { a: { link: ".git/hooks" }, "a/post-checkout": "x" }],
  ["into our folder", { a: { link: ".sessyn" }, "a/workspace": "x" }],
  ["in a circle", { a: { link: "a" }, "a/planted": "x" }],
  ["inside", { a: { link: "sub" }, "a/planted": "x" }],
  ["through a file", { a: "a file", "a/planted": "x" }],
  ["deep down", { "a/b": { link: "../.git" }, "a/b/hooks/post-checkout": "x" }],
]

describe("a vault that leads through a link", () => {
  test.each(CROSSING)("%s contradicts itself: it is wrong as a whole", async (_, items) => {
    plant(folder, { outside: "folder/" })
    await forge(mallory, { items: { ...items, "new.txt": "new" } })
    await expectWrongVault()
    const { problems } = await victim.session((session) => session.verify())
    const below = Object.keys(items).slice(-1)
    expect(problems).toMatchObject([
      { kind: "shard", object: "index", reason: "path below a file or link", files: below },
    ])
    const before = surroundings()
    const repaired = await victim.session((session) => session.repair())
    expect(repaired.lost).toEqual(below)
    await victim.sync()
    expect(at(victim.root, "new.txt")).toBe("new")
    const after = surroundings()
    delete after[`b/${Object.keys(items)[0]}`]
    expect(after).toEqual({ ...before, ...(after["b/a"] === "folder/" && { "b/a": "folder/" }) })
    expect((await victim.session((session) => session.verify())).problems).toEqual([])
  })

  test.each(CROSSING)("%s, the link being here and the rest coming later, goes nowhere", async (_, items) => {
    plant(folder, { outside: "folder/" })
    const [link = "", planted = ""] = Object.keys(items)
    plant(victim.root, { [link]: items[link] as Item })
    const linked = surroundings()
    await forge(mallory, { items: { [planted]: "y" } })
    await victim.sync()
    expect(surroundings()).toEqual(linked)
    // The vault's side is a folder of that name, in the link's place.
    await victim.sync({ onConflict: "keep-remote" })
    expect(at(victim.root, planted)).toBe("y")
    const elsewhere = (all: Record<string, string>) => Object.entries(all).filter(([path]) => !/^b\/a(\/|$)/.test(path))
    expect(elsewhere(surroundings())).toEqual(elsewhere(linked))
  })

  test("in two steps, link first and then a folder of that name, only replaces the link", async () => {
    await forge(mallory, { items: { a: { link: "sub" } } })
    await victim.sync()
    expect(at(victim.root, "a")).toBe("→ sub")
    const before = treeOf(join(victim.root, "sub"))
    await forge(mallory, { items: { a: "folder/", "a/planted": "x" } })
    await victim.sync()
    expect([at(victim.root, "a"), at(victim.root, "a/planted")]).toEqual(["folder/", "x"])
    expect(treeOf(join(victim.root, "sub"))).toEqual(before)
  })

  test("by another spelling, on a disk that folds case, is held back", async () => {
    const disk = createMemoryWorkspace({ caseInsensitive: true, normalizes: true })
    const mac = createMachine({ name: "mac", folder, openStore, openWorkspace: () => disk })
    await admit(victim, mac, storeUrl)
    await forge(mallory, { items: { Sub: { link: ".git" }, café: { link: ".git" } } })
    await mac.sync()
    await forge(mallory, { items: { "sub/hooks/x": "x", "SUB/hooks/y": "y", "cafe\u0301/hooks/x": "x" } })
    await mac.sync()
    const listed = await disk.list(".git")
    expect(listed.ok).toBe(false)
    const root = await disk.list("")
    expect(root.ok && root.value.map(({ name }) => name?.normalize("NFC").toLowerCase()).sort()).toEqual([
      ".sessyn",
      ".syncignore",
      "café",
      "good.txt",
      "sub",
    ])
  })
})

describe("an index with what its format forbids", () => {
  test.each<[string, string]>([
    ["climbs out", "../x"],
    ["climbs out further down", "a/../../../x"],
    ["is absolute", "/etc/x"],
    ["has an empty segment", "a//b"],
    ["ends in a slash", "a/"],
    ["has a dot for a segment", "a/./b"],
    ["is a dot", "."],
    ["is two dots", ".."],
    ["has a NUL", "a\0b"],
  ])("a path that %s: the vault is wrong, and nothing is written", async (_, path) => {
    const placeholder = "\u0021".repeat(path.length)
    await forge(mallory, { items: { [placeholder]: "planted", "new.txt": "new" }, patch: [placeholder, path] })
    await expectWrongVault()
  })

  test("a path that is no text", async () => {
    await forge(mallory, { items: { "!!!!": "planted" }, patch: ["!!!!", Uint8Array.of(0x2e, 0xff, 0xfe, 0x80)] })
    await expectWrongVault()
  })

  test("paths that are out of order, or twice there", async () => {
    await forge(mallory, { items: { "!!!1": "one", "!!!2": "two" }, patch: ["!!!2", "!!!1"] })
    await expectWrongVault()
  })

  test("a shard that is not what it should be", async () => {
    await forge(mallory, { shard: (bytes) => bytes.map((byte, i) => (i === 100 ? byte ^ 1 : byte)) })
    await expectWrongVault()
  })
})

/** Refused as a whole, again and again, with status 7; nothing is written, and nothing is sent. */
async function expectWrongVault(): Promise<void> {
  const before = surroundings()
  for (let i = 0; i < 2; i++) {
    const failed = await victim.sync().then(
      () => "nothing",
      (error: { code: AnyCode }) => error.code,
    )
    expect([failed, exitCodes[failed as AnyCode]]).toEqual([expect.stringMatching(/FORMAT_INVALID|SEAL_BROKEN/), 7])
  }
  expect(surroundings()).toEqual(before)
  const outside = treeOf(folder, ["a", "a-home", "b-home", "vault.git", "b", "outside"])
  expect(outside).toEqual({})
}
