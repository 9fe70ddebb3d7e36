import { chmodSync, lstatSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { createMemoryStore, type MemoryStore } from "../../../storage/remote/memoryStore.ts"
import { at, plant, quarantineOf, treeOf } from "../../support/files.node.ts"
import { createPair, type TestMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { canDropRights, withoutRights } from "../../support/unprivileged.node.ts"

const folders = createTemporaryFolders()
let folder: string
let store: MemoryStore
let a: TestMachine
let b: TestMachine

beforeEach(async () => {
  folder = folders.make()
  store = createMemoryStore()
  ;({ a, b } = await createPair(folder, { openStore: async () => ({ ...store, close: async () => {} }) }))
  plant(a.root, {
    "open/f": "f",
    "open/g": "g",
    "shut/f": "f",
    "shut/deep/g": "g",
    secret: "s",
    plain: "p",
    other: "o",
  })
  await a.sync()
  await b.sync()
})

afterAll(folders.remove)

const close = (path: string, mode = 0) => chmodSync(join(b.root, path), mode)
const skippedBy = (report: { skipped: readonly { path: string; reason: string }[] }) =>
  Object.fromEntries(report.skipped.map(({ path, reason }) => [path, reason]))

describe.runIf(canDropRights)("what may not be read", () => {
  test("is held back by name, everything else syncs, and nothing of it is deleted elsewhere", async () => {
    const before = treeOf(a.root)
    plant(b.root, { plain: "edited", new: "new" })
    close("secret")
    close("shut")
    const report = await withoutRights(folder, () => b.sync())
    expect(skippedBy(report)).toEqual({ secret: "unreadable", shut: "unreadable" })
    expect(report.sent.map(({ path, change }) => `${path} ${change}`)).toEqual(["new new", "plain modified"])
    await a.sync()
    expect(treeOf(a.root)).toEqual({ ...before, plain: "edited", new: "new" })
  })

  test.each([0o444, 0o111, 0o555, 0o600])(
    "a folder with mode %o is no reason to delete what is in it",
    async (mode) => {
      const before = treeOf(a.root)
      close("shut", mode)
      await withoutRights(folder, () => b.sync())
      await a.sync()
      expect(treeOf(a.root)).toEqual(before)
      close("shut", 0o755)
      await b.sync()
      expect(at(b.root, "shut/deep/g")).toBe("g")
    },
  )

  test("is not overwritten or deleted by what others did, and is told of", async () => {
    plant(a.root, { secret: "edited there", "shut/f": "edited there", "shut/deep": null, "open/f": "edited there" })
    await a.sync()
    close("secret")
    close("shut")
    const report = await withoutRights(folder, () => b.sync({ onConflict: "keep-remote" }))
    expect(Object.keys(skippedBy(report)).sort()).toEqual(expect.arrayContaining(["secret", "shut"]))
    expect(at(b.root, "open/f")).toBe("edited there")
    close("secret", 0o644)
    close("shut", 0o755)
    expect([at(b.root, "secret"), at(b.root, "shut/f"), at(b.root, "shut/deep/g")]).toEqual(["s", "f", "g"])
    await b.sync({ onConflict: "keep-remote" })
    expect([at(b.root, "secret"), at(b.root, "shut/f"), at(b.root, "shut/deep/g")]).toEqual([
      "edited there",
      "edited there",
      null,
    ])
  })

  test("rules that cannot be read hold their folder: nothing that was left out is uploaded", async () => {
    plant(b.root, { "open/.syncignore": "private\n" })
    await b.sync()
    plant(b.root, { "open/private": "not to be synced", "open/f": "edited", plain: "edited" })
    close("open/.syncignore")
    const report = await withoutRights(folder, () => b.sync())
    expect(report.sent.map(({ path }) => path)).toEqual(["plain"])
    expect(skippedBy(report)).toEqual({ open: "unreadable", "open/.syncignore": "unreadable" })
  })

  test("the root's own rules that cannot be read are named, and nothing is synced or deleted", async () => {
    plant(b.root, { plain: "edited" })
    close(".syncignore")
    const report = await withoutRights(folder, () => b.sync())
    expect([report.sent, report.received]).toEqual([[], []])
    expect(Object.keys(skippedBy(report))).toEqual([".syncignore"])
  })
})

describe.runIf(canDropRights)("where nothing may be written", () => {
  test("what should come is held back by name, and comes when it may", async () => {
    plant(a.root, { "shut/f": "edited there", "shut/new": "new", "open/new": "new", "shut/deep": null })
    await a.sync()
    close("shut", 0o555)
    const report = await withoutRights(folder, () => b.sync())
    expect(skippedBy(report)).toMatchObject({ "shut/f": "denied", "shut/new": "denied" })
    expect([at(b.root, "open/new"), at(b.root, "shut/f"), at(b.root, "shut/new")]).toEqual(["new", "f", null])
    close("shut", 0o755)
    expect(skippedBy(await b.sync())).toEqual({})
    expect(treeOf(b.root)).toEqual(treeOf(a.root))
  })

  test("a file without the right to write is replaced all the same: its folder decides", async () => {
    close("plain", 0o444)
    await b.sync()
    plant(a.root, { plain: "edited there" })
    await a.sync()
    const report = await withoutRights(folder, () => b.sync())
    expect(skippedBy(report)).toEqual({})
    expect([at(b.root, "plain"), quarantineOf(b.root)["plain"]]).toEqual(["edited there", "p"])
  })

  test("a root without the right to write gets nothing, and the vault still gets what is new", async () => {
    plant(a.root, { plain: "edited there" })
    await a.sync()
    plant(b.root, { mine: "new here" })
    chmodSync(b.root, 0o555)
    const before = treeOf(b.root)
    const report = await withoutRights(folder, () => b.sync())
    expect([skippedBy(report), report.sent.map(({ path }) => path)]).toEqual([{ plain: "denied" }, ["mine"]])
    expect(treeOf(b.root)).toEqual(before)
    chmodSync(b.root, 0o755)
    await b.sync()
    expect([at(b.root, "plain"), at(b.root, "mine")]).toEqual(["edited there", "new here"])
  })

  test("files of somebody else are left as they are, and reported", async () => {
    mkdirSync(join(b.root, "theirs"))
    writeFileSync(join(b.root, "theirs/key"), "root's")
    await b.sync()
    plant(a.root, { other: "edited there" })
    await a.sync()
    await a.sync()
    plant(a.root, { "theirs/key": "edited there" })
    await a.sync()
    const report = await withoutRights(folder, async () => {
      const { seteuid } = process
      seteuid?.(0)
      for (const path of ["theirs", "theirs/key"]) (await import("node:fs")).chownSync(join(b.root, path), 0, 0)
      chmodSync(join(b.root, "theirs"), 0o755)
      chmodSync(join(b.root, "theirs/key"), 0o600)
      seteuid?.(65534)
      return b.sync()
    })
    expect(skippedBy(report)).toEqual({ "theirs/key": "unreadable" })
    expect([at(b.root, "theirs/key"), at(b.root, "other")]).toEqual(["root's", "edited there"])
    expect(lstatSync(join(b.root, "theirs/key")).uid).toBe(0)
  })
})
