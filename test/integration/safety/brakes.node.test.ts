import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { cpSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { type Item, plant, quarantineOf, treeOf } from "../../support/files.node.ts"
import { createPair, type TestMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
let a: TestMachine
let b: TestMachine

beforeEach(async () => {
  ;({ a, b } = await createPair(folders.make()))
  plant(a.root, files(40))
  await a.sync()
  await b.sync()
  // Nobody is there to answer.
  for (const { person } of [a, b]) person.answers = { "mass-delete": null, "mass-revert": null }
})

afterAll(folders.remove)

/** `count` files, a few of them in a folder, all with that text or gone. */
function files(count: number, content: (i: number) => Item = (i) => `content ${i}`): Record<string, Item> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i % 4 ? "" : "deep/er/"}f${i}`, content(i)]))
}

async function codeOf(syncing: Promise<unknown>): Promise<string | undefined> {
  return syncing.then(
    () => undefined,
    (error: { code: string }) => error.code,
  )
}

async function versionOf(machine: TestMachine): Promise<number | null> {
  return machine.session(async (session) => (await session.log(null))[0]?.sequence ?? null)
}

/** Refused, with nothing changed on this disk or in the vault; then carried out when it is allowed. */
async function expectBrake(machine: TestMachine, code: string): Promise<void> {
  const [tree, version] = [treeOf(machine.root), await versionOf(machine)]
  for (const dryRun of [false, true, false]) {
    const refused = await codeOf(machine.sync({ dryRun }))
    expect(refused).toBe(dryRun ? undefined : code)
  }
  expect([treeOf(machine.root), await versionOf(machine)]).toEqual([tree, version])
  machine.person.answers = { "mass-delete": false, "mass-revert": false }
  expect(await codeOf(machine.sync())).toBe(code)
  expect([treeOf(machine.root), await versionOf(machine)]).toEqual([tree, version])
  expect((await machine.sync({ allowMassDelete: true })).kind).toBe("synced")
}

const GONE = files(21, () => null)
const EMPTIED = files(21, () => "")
const BOTH = { ...files(21, () => ""), ...files(10, () => null) }

describe.each([
  ["deleted", GONE],
  ["emptied", EMPTIED],
  ["deleted and emptied", BOTH],
])("more than half of the files %s", (_, loss) => {
  test("here stops before the vault learns it, and there before the disk does", async () => {
    plant(a.root, loss)
    await expectBrake(a, "MASS_DELETE")
    await expectBrake(b, "MASS_DELETE")
    expect(treeOf(a.root)).toMatchObject(treeOf(b.root))
    // Every byte is still to be had on B.
    expect(Object.keys(quarantineOf(b.root)).sort()).toEqual(Object.keys(loss).sort())
  })

  test("a yes to the question is enough", async () => {
    plant(a.root, loss)
    a.person.answers = {}
    await a.sync()
    expect(a.person.asked.map(({ code }) => code)).toEqual(["approve", "mass-delete"])
    expect(a.person.asked.at(-1)?.lines[0]).toBe("This sync would delete or empty 21 of 41 files in the vault.")
  })
})

describe("what goes on without a question", () => {
  test("half of the files deleted", async () => {
    plant(
      a.root,
      files(20, () => null),
    )
    expect((await a.sync()).sent.filter(({ change }) => change === "deleted")).toHaveLength(20)
    expect((await b.sync()).kind).toBe("synced")
  })

  test("all files moved into a folder", async () => {
    const names = Object.keys(treeOf(a.root))
    plant(a.root, { moved: "folder/" })
    for (const name of names.filter((each) => !each.includes("/"))) {
      renameSync(join(a.root, name), join(a.root, "moved", name))
    }
    expect((await a.sync()).kind).toBe("synced")
    expect((await b.sync()).kind).toBe("synced")
    expect(treeOf(b.root)).toEqual(treeOf(a.root))
    expect((await b.sync()).kind).toBe("in-sync")
  })

  test("everything replaced by new versions", async () => {
    plant(
      a.root,
      files(40, (i) => `new ${i}`),
    )
    expect((await a.sync()).sent).toHaveLength(40)
    expect((await b.sync()).received).toHaveLength(40)
  })

  test("most files left out by a new rule: that deletes nothing anywhere", async () => {
    plant(a.root, { ".syncignore": "f*\n" })
    expect((await a.sync()).sent.map(({ path, change }) => `${path} ${change}`)).toEqual([".syncignore modified"])
    expect((await b.sync()).received.map(({ path }) => path)).toEqual([".syncignore"])
    for (const { root } of [a, b]) expect(treeOf(root)).toMatchObject(files(40))
    // And with the files gone while they are left out, too.
    plant(
      a.root,
      files(40, () => null),
    )
    expect((await a.sync()).sent).toEqual([])
    plant(a.root, { ".syncignore": "" })
    await a.sync()
    expect(treeOf(a.root)).toMatchObject(files(40))
  })
})

describe("a folder restored from a backup", () => {
  const backUp = (machine: TestMachine) =>
    cpSync(machine.root, `${machine.root}-backup`, {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
    })
  const putBack = (machine: TestMachine) => {
    rmSync(machine.root, { recursive: true })
    renameSync(`${machine.root}-backup`, machine.root)
  }

  test.each([
    ["a tenth of few files", 5],
    ["more than twenty of many", 25],
  ])("stops where it would put back old versions of %s", async (_, changed) => {
    backUp(a)
    plant(
      a.root,
      files(changed, (i) => `newer ${i}`),
    )
    await a.sync()
    await b.sync()
    putBack(a)
    await expectBrake(a, "MASS_REVERT")
  })

  test("stops also where another machine wrote the newer versions", async () => {
    backUp(a)
    plant(
      b.root,
      files(25, (i) => `by B ${i}`),
    )
    await b.sync()
    await a.sync()
    putBack(a)
    await expectBrake(a, "MASS_REVERT")
  })

  test("stops where most of the files are missing in the backup", async () => {
    rmSync(join(a.root, "deep"), { recursive: true })
    plant(
      a.root,
      files(40, (i) => (i < 30 ? null : `content ${i}`)),
    )
    await expectBrake(a, "MASS_DELETE")
  })

  test("a few old versions brought back on purpose are work", async () => {
    plant(a.root, { f1: "newer", f2: "newer" })
    await a.sync()
    plant(a.root, { f1: "content 1", f2: "content 2" })
    expect((await a.sync()).sent).toHaveLength(2)
  })

  test("the same versions put back after they were changed back are no revert", async () => {
    plant(
      a.root,
      files(25, (i) => `newer ${i}`),
    )
    await a.sync()
    plant(a.root, files(25))
    await a.sync({ allowMassDelete: true })
    await b.sync()
    plant(
      a.root,
      files(25, (i) => `newest ${i}`),
    )
    expect((await a.sync()).sent).toHaveLength(25)
  })
})
