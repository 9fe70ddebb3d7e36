import { chmodSync, lstatSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { at, plant, quarantineOf, treeOf } from "../../support/files.node.ts"
import { createPair, type TestMachine } from "../../support/machine.node.ts"
import { createHastyClock } from "../../support/person.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const DAY_MS = 24 * 60 * 60 * 1000
const folders = createTemporaryFolders()
const clock = createHastyClock()
let a: TestMachine
let b: TestMachine
let folder: string
let number = 0

beforeAll(async () => {
  ;({ a, b } = await createPair(folders.make(), { clock }))
  plant(a.root, Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`calm/${i}`, `calm ${i}`])))
  await a.sync()
})

beforeEach(async () => {
  folder = `case-${++number}`
  for (const machine of [a, b]) await machine.sync({ onConflict: "keep-local" })
})

afterAll(folders.remove)

/** A's files become so, one version after the other; B has the last. Answers with the versions' numbers. */
async function history(...states: readonly Parameters<typeof plant>[1][]): Promise<number[]> {
  const sequences: number[] = []
  for (const state of states) {
    plant(a.root, Object.fromEntries(Object.entries(state).map(([path, item]) => [`${folder}/${path}`, item])))
    sequences.push((await a.sync()).sequence)
    await b.sync()
  }
  return sequences
}

const modeOf = (path: string) => lstatSync(path).mode & 0o777
const inB = (path: string) => at(b.root, `${folder}/${path}`)
const restore = (path: string, options: { sequence?: number; to?: string } = {}) =>
  b.session((session) => session.restore(`${folder}/${path}`, options))

describe("what others deleted or replaced", () => {
  test("lies in quarantine as it was, with its folders, closed to others", async () => {
    await history(
      { "src/app/main.ts": "one", "src/app/.env": "SECRET", "src/link": { link: "app/main.ts" }, "top.txt": "one" },
      { src: null, "top.txt": "two" },
    )
    expect(inB("src")).toBeNull()
    expect(quarantineOf(b.root)).toMatchObject({
      [`${folder}/src/app/main.ts`]: "one",
      [`${folder}/src/app/.env`]: "SECRET",
      [`${folder}/src/link`]: "→ app/main.ts",
      [`${folder}/top.txt`]: "one",
    })
    for (const path of [".sessyn", ".sessyn/quarantine"]) expect(modeOf(join(b.root, path))).toBe(0o700)
    const [batch] = readdirSync(join(b.root, ".sessyn/quarantine"))
    expect(modeOf(join(b.root, ".sessyn/quarantine", batch as string))).toBe(0o700)
  })

  test("stays there for thirty days, and no longer", async () => {
    await history({ f: "one" }, { f: "two" })
    clock.advance(29 * DAY_MS)
    await history({ f: "three" })
    expect(Object.values(quarantineOf(b.root))).toEqual(expect.arrayContaining(["one", "two"]))
    clock.advance(2 * DAY_MS)
    await b.sync()
    const left = Object.values(quarantineOf(b.root))
    expect([left.includes("one"), left.includes("two")]).toEqual([false, true])
    clock.advance(31 * DAY_MS)
    await b.sync()
    expect(quarantineOf(b.root)).toEqual({})
  })

  test("stays there when the user opens the folder's permissions or throws the batch away", async () => {
    await history({ f: "one" }, { f: "two" })
    rmSync(join(b.root, ".sessyn/quarantine"), { recursive: true })
    chmodSync(join(b.root, ".sessyn"), 0o755)
    await history({ f: "three" })
    expect(quarantineOf(b.root)).toEqual({ [`${folder}/f`]: "two" })
    expect(modeOf(join(b.root, ".sessyn"))).toBe(0o700)
  })

  test("comes back from quarantine by hand as a new file", async () => {
    const { renameSync } = await import("node:fs")
    await history({ "d/f": "one" }, { d: null })
    const [batch = ""] = readdirSync(join(b.root, ".sessyn/quarantine")).sort().slice(-1)
    renameSync(join(b.root, ".sessyn/quarantine", batch, folder, "d"), join(b.root, folder, "d"))
    await b.sync()
    await a.sync()
    expect(at(a.root, `${folder}/d/f`)).toBe("one")
  })
})

describe("restore", () => {
  test("brings back any version of a file, and what lay there goes to quarantine", async () => {
    const [first, second] = await history({ f: "one" }, { f: "two" }, { f: "three" })
    plant(b.root, { [`${folder}/f`]: "not synced yet" })
    const report = await restore("f", { sequence: first as number })
    expect(report).toEqual({ path: `${folder}/f`, to: `${folder}/f`, sequence: first, size: 3 })
    expect([inB("f"), quarantineOf(b.root)[`${folder}/f`]]).toEqual(["one", "not synced yet"])
    await restore("f", { sequence: second as number })
    expect(inB("f")).toBe("two")
    // Without a number: the newest that is not what lies there.
    await restore("f")
    expect(inB("f")).toBe("three")
    await restore("f")
    expect(inB("f")).toBe("two")
  })

  test("between two versions gives the one that was in force then", async () => {
    const [first] = await history({ f: "one" }, { other: "x" }, { f: "two" })
    await restore("f", { sequence: (first as number) + 1 })
    expect(inB("f")).toBe("one")
  })

  test("brings back a deleted file, with the folders it lay in", async () => {
    await history({ "deep/er/f": "one", "deep/er/g": "one" }, { deep: null })
    expect(inB("deep")).toBeNull()
    await restore("deep/er/f")
    expect([inB("deep/er/f"), inB("deep/er/g")]).toEqual(["one", null])
    await b.sync()
    await a.sync()
    expect(at(a.root, `${folder}/deep/er/f`)).toBe("one")
  })

  test("writes beside it if told so, also into a folder that is not there", async () => {
    const [first] = await history({ f: "one" }, { f: "two" })
    await restore("f", { sequence: first as number, to: `${folder}/old/versions/f.old` })
    expect([inB("f"), inB("old/versions/f.old")]).toEqual(["two", "one"])
  })

  test("brings back permissions, links, empty and large files", async () => {
    const large = "0123456789abcdef".repeat(200_000)
    plant(a.root, { [`${folder}/run.sh`]: "#!", [`${folder}/empty`]: "", [`${folder}/large`]: large })
    plant(a.root, { [`${folder}/link`]: { link: "run.sh" }, [`${folder}/.env`]: "SECRET" })
    chmodSync(join(a.root, folder, "run.sh"), 0o755)
    await history({}, { "run.sh": null, empty: null, large: null, link: null, ".env": null })
    for (const path of ["run.sh", "empty", "large", "link", ".env"]) await restore(path)
    expect([inB("run.sh"), inB("empty"), inB("large") === large, inB("link")]).toEqual(["#!", "", true, "→ run.sh"])
    expect([modeOf(join(b.root, folder, "run.sh")), modeOf(join(b.root, folder, ".env"))]).toEqual([0o755, 0o600])
  })

  test.each([
    ["a file that never was", "never", {}],
    ["a version from before it was", "f", { sequence: 1 }],
    ["a version at which it was deleted", "gone", { sequence: 0 }],
    ["a folder", "d", {}],
  ])("says that the vault has none of %s, and changes nothing", async (_, path, options: { sequence?: number }) => {
    const [, deleted] = await history({ f: "one", "d/f": "one", gone: "one" }, { gone: null })
    const before = treeOf(b.root)
    const sequence = options.sequence === 0 ? (deleted as number) : options.sequence
    const failed = restore(path, sequence === undefined ? {} : { sequence })
    await expect(failed).rejects.toMatchObject({ code: "VERSION_UNKNOWN" })
    expect(treeOf(b.root)).toEqual(before)
  })

  test.each([".git/hooks/post-checkout", ".sessyn/workspace", "../outside", "/etc/outside"])(
    "writes nothing to %s",
    async (to) => {
      await history({ f: "one" })
      const before = treeOf(join(b.root, ".."), [])
      await expect(restore("f", { to })).rejects.toMatchObject({ code: expect.any(String) })
      expect(treeOf(join(b.root, ".."), [])).toMatchObject(before)
      expect(at("/etc", "outside")).toBeNull()
    },
  )

  test("takes the place of a folder only if nothing is lost", async () => {
    await history({ f: "one" }, { f: null, "f/inside": "two" })
    await restore("f", { sequence: 99 }).catch(() => {})
    expect([inB("f/inside"), inB("f")]).toEqual(["two", "folder/"])
  })
})
