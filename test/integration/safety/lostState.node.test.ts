import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest"
import { at, type Item, plant, quarantineOf, treeOf } from "../../support/files.node.ts"
import { admit, createMachine, createPair, type TestMachine } from "../../support/machine.node.ts"
import { canMount, mountTmpfs, unmountAll } from "../../support/mounts.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
let folder: string
let a: TestMachine
let b: TestMachine
let storeUrl: string

const FILES: Record<string, Item> = {
  ".env": "SECRET=1",
  "src/app.ts": "app",
  "src/deep/er/lib.ts": "lib",
  "link.ts": { link: "src/app.ts" },
  "a.txt": "a",
  "b.txt": "b",
  "c.txt": "c",
}

beforeEach(async () => {
  folder = folders.make()
  ;({ a, b, storeUrl } = await createPair(folder))
  plant(a.root, FILES)
  await a.sync()
  await b.sync()
})

afterEach(unmountAll)
afterAll(folders.remove)

/** The folder of a machine's state for its one workspace. */
function stateOf({ home }: TestMachine): string {
  const [id = ""] = readdirSync(join(home, "workspaces"))
  return join(home, "workspaces", id)
}

const treesAreEqual = () => expect(treeOf(b.root)).toEqual(treeOf(a.root))
const changes = ({ path, change }: { path: string; change: string }) => `${path} ${change}`

/** Refused as a folder that is gone; neither the vault nor what lies there changes. */
async function expectRootMissing(machine: TestMachine): Promise<void> {
  const there = treeOf(join(machine.root, ".."), [`${machine.name}-home`, "vault.git"])
  for (const dryRun of [true, false]) {
    await expect(machine.sync({ dryRun })).rejects.toMatchObject({ code: "ROOT_MISSING" })
  }
  expect(treeOf(join(machine.root, ".."), [`${machine.name}-home`, "vault.git"])).toEqual(there)
  expect((await a.sync()).kind).toBe("in-sync")
}

describe.each([
  ["deleted", (path: string) => rmSync(path)],
  ["emptied", (path: string) => writeFileSync(path, "")],
  ["cut short", (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 100))],
  ["full of noise", (path: string) => writeFileSync(path, "noise ".repeat(100))],
])("the list of what was agreed, %s,", (_, damage) => {
  test("deletes nothing, here or there", async () => {
    const before = treeOf(b.root)
    damage(join(stateOf(b), "base.bin"))
    expect(await b.sync()).toMatchObject({ sent: [], received: [], conflicts: [] })
    expect(treeOf(b.root)).toEqual(before)
    expect((await a.sync()).kind).toBe("in-sync")
  })

  test("brings back what was deleted here, keeps what was edited, and obeys what others deleted", async () => {
    plant(a.root, { "a.txt": null, "b.txt": null })
    await a.sync()
    plant(b.root, { "b.txt": "edited here", "c.txt": null, "src/app.ts": "edited here", "new.txt": "new" })
    damage(join(stateOf(b), "base.bin"))
    const report = await b.sync({ onConflict: "skip" })
    expect(report.received.map(changes)).toEqual(["a.txt deleted", "c.txt new"])
    expect(report.conflicts).toMatchObject([{ path: "src/app.ts", kind: "create-create" }])
    expect(at(b.root, "b.txt")).toBe("edited here")
    expect(quarantineOf(b.root)["a.txt"]).toBe("a")
    await b.sync({ onConflict: "keep-both" })
    await a.sync()
    treesAreEqual()
    expect(at(a.root, "new.txt")).toBe("new")
  })
})

describe("all that a machine remembers, deleted,", () => {
  test("makes its folder one that is not set up, and joining again only adds", async () => {
    rmSync(b.home, { recursive: true })
    plant(b.root, { "a.txt": null, "src/deep": null, "b.txt": "edited here", "new.txt": "new" })
    await expect(b.sync()).rejects.toMatchObject({ code: "NOT_SET_UP" })
    const { machine } = await b.engine.join({ root: b.root, storeUrl, machineName: "B again", remember: true })
    await expect(b.sync()).rejects.toMatchObject({ code: "PENDING" })
    await a.session((session) => session.approve(machine.id))
    const report = await b.sync({ onConflict: "keep-both" })
    expect(report.received.map(changes)).toEqual([
      "a.txt new",
      "b.remote.txt new",
      "src/deep new",
      "src/deep/er new",
      "src/deep/er/lib.ts new",
    ])
    expect(report.sent.map(changes)).toEqual(["b.remote.txt new", "b.txt modified", "new.txt new"])
    await a.sync()
    treesAreEqual()
    expect(treeOf(a.root)).toMatchObject({ "a.txt": "a", "b.txt": "edited here", "b.remote.txt": "b" })
  })
})

describe("a machine that joins", () => {
  test.each<[string, Record<string, Item>]>([
    ["an empty folder", {}],
    ["some of the files", { "a.txt": "a", "src/app.ts": "app" }],
    ["other files", { "other.txt": "other", "src/more.ts": "more" }],
    ["other versions of the files", { "a.txt": "other a", "src/app.ts": "other app", ".env": "SECRET=2" }],
    ["a file where the vault has a folder", { src: "a file" }],
    ["a folder where the vault has a file", { "a.txt/inside": "x" }],
  ])("with %s deletes and overwrites nothing on any machine", async (_, own) => {
    const c = createMachine({ name: "c", folder })
    plant(c.root, own)
    const mine = treeOf(c.root)
    await admit(a, c, storeUrl)
    const skipping = await c.sync({ onConflict: "skip" })
    for (const { change } of [...skipping.sent, ...skipping.received]) expect(change).toMatch(/new|mode/)
    expect(treeOf(c.root)).toMatchObject(mine)
    await c.sync({ onConflict: "keep-both" })
    expect(treeOf(c.root)).toMatchObject(mine)
    for (const machine of [a, b]) await machine.sync()
    treesAreEqual()
    expect(treeOf(a.root)).toEqual(treeOf(c.root))
    // Every text that there was is somewhere on A.
    const texts = new Set(Object.values(treeOf(a.root)))
    for (const text of [...Object.values(FILES), ...Object.values(own)]) {
      if (typeof text === "string") expect(texts).toContain(text)
    }
  })

  test("again, in another folder that is empty, brings everything and deletes nothing", async () => {
    rmSync(b.root, { recursive: true })
    const root = join(folder, "b-new")
    mkdirSync(root)
    const { machine } = await b.engine.join({ root, storeUrl, machineName: "B again", remember: true })
    await a.session((session) => session.approve(machine.id))
    const session = await b.engine.open(root)
    expect((await session.sync({ onConflict: "skip" })).sent).toEqual([])
    await session.close()
    expect(treeOf(root)).toEqual(treeOf(a.root))
    expect((await a.sync()).kind).toBe("in-sync")
  })
})

describe("a folder that is not the one that was set up", () => {
  test("is missing when it is gone, and in sync when it is back", async () => {
    renameSync(b.root, `${b.root}-away`)
    await expectRootMissing(b)
    renameSync(`${b.root}-away`, b.root)
    expect((await b.sync()).kind).toBe("in-sync")
  })

  test("is missing when an empty one lies in its place", async () => {
    renameSync(b.root, `${b.root}-away`)
    mkdirSync(b.root)
    await expectRootMissing(b)
    rmSync(b.root, { recursive: true })
    renameSync(`${b.root}-away`, b.root)
    expect((await b.sync()).kind).toBe("in-sync")
  })

  test("is missing when one with other files lies in its place", async () => {
    renameSync(b.root, `${b.root}-away`)
    plant(b.root, { "other.txt": "other" })
    await expectRootMissing(b)
  })

  test.runIf(canMount())("is missing under an empty mount, and in sync when that is gone", async () => {
    mountTmpfs(b.root, "size=1m")
    await expectRootMissing(b)
    unmountAll()
    expect((await b.sync()).kind).toBe("in-sync")
  })

  test("is followed when it was moved, but a copy of one that is still there is not", async () => {
    renameSync(b.root, `${b.root}-moved`)
    const moved = await b.engine.open(`${b.root}-moved`)
    expect((await moved.sync({ onConflict: "skip" })).kind).toBe("in-sync")
    await moved.close()
    execFileSync("cp", ["-a", `${b.root}-moved`, `${b.root}-copy`])
    await expect(b.engine.open(`${b.root}-copy`)).rejects.toMatchObject({ code: "ALREADY_SET_UP" })
  })
})

describe("the state folder", () => {
  test.each([
    ["deleted", (path: string) => rmSync(path, { recursive: true })],
    ["emptied of its marker", (path: string) => writeFileSync(join(path, "workspace"), "")],
    ["with a marker that is noise", (path: string) => writeFileSync(join(path, "workspace"), "../../etc\0")],
  ])("%s is made again, and deletes nothing", async (_, damage) => {
    damage(join(b.root, ".sessyn"))
    plant(b.root, { "new.txt": "new" })
    expect((await b.sync()).sent.map(changes)).toEqual(["new.txt new"])
    expect(at(b.root, ".sessyn/workspace")?.trim()).toBe(readdirSync(join(b.home, "workspaces"))[0])
    expect((await b.sync()).kind).toBe("in-sync")
    await a.sync()
    treesAreEqual()
  })

  test("deleted by `git clean -xfd`, together with what Git ignores, gets all of that back", async () => {
    const git = (...args: string[]) => execFileSync("git", ["-C", b.root, ...args], { stdio: "ignore" })
    plant(b.root, { ".gitignore": ".env\na.txt\n", "src/app.ts": "app" })
    await b.sync()
    git("init", "-q")
    git("add", "-A")
    git("-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x")
    git("clean", "-xfdq")
    expect(readdirSync(b.root)).not.toContain(".sessyn")
    expect(at(b.root, ".env")).toBeNull()
    const report = await b.sync()
    expect([report.sent, report.received.map(changes)]).toEqual([[], [".env new", "a.txt new"]])
    await a.sync()
    expect(at(a.root, ".env")).toBe("SECRET=1")
    // A deletion after that is one again.
    plant(b.root, { "a.txt": null })
    expect((await b.sync()).sent.map(changes)).toEqual(["a.txt deleted"])
  })
})
