import { existsSync, mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { createNodeWorkspace } from "../../../src/platform/node/workspace/nodeWorkspace.ts"
import type { Workspace } from "../../../src/ports/workspace.ts"
import { QUARANTINE } from "../../../src/tree/stateFolder.ts"
import { at, type Item, plant, quarantineOf, treeOf } from "../../support/files.node.ts"
import { createPair, type TestMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
let a: TestMachine
let b: TestMachine
let folder: string
let number = 0
/** What the user does after the plan was made and before it is carried out, once. */
let user: (() => void) | null = null

beforeAll(async () => {
  ;({ a, b } = await createPair(folders.make(), { openWorkspace: (root) => interrupted(createNodeWorkspace(root)) }))
})

beforeEach(() => {
  folder = `case-${++number}`
})

afterEach(async () => {
  user = null
  for (const machine of [b, a, b]) await machine.sync({ onConflict: "keep-local" })
  expect(treeOf(a.root)).toEqual(treeOf(b.root))
})

afterAll(folders.remove)

/** Applying begins with a look into quarantine. */
function interrupted(workspace: Workspace): Workspace {
  return {
    ...workspace,
    async list(path) {
      const acts = path === QUARANTINE ? user : null
      if (acts !== null) user = null
      acts?.()
      return workspace.list(path)
    },
  }
}

/** Both have `before`; A makes it `after`; while B receives that, its user does something. */
async function receive(
  before: Readonly<Record<string, Item>>,
  after: Readonly<Record<string, Item>>,
  act: (root: string) => void,
) {
  const inFolder = (items: Readonly<Record<string, Item>>) =>
    Object.fromEntries(Object.entries(items).map(([path, item]) => [`${folder}/${path}`, item]))
  plant(a.root, inFolder({ "calm 1": "calm", "calm 2": "calm", ...before }))
  await a.sync()
  await b.sync()
  plant(a.root, inFolder(after))
  await a.sync()
  user = () => act(join(b.root, folder))
  return b.sync({ onConflict: "skip" })
}

const inB = (path: string): string | null => at(b.root, `${folder}/${path}`)
const skipped = (path: string, reason = "changed-meanwhile") => [{ path: `${folder}/${path}`, reason }]

describe("what the user does between plan and apply", () => {
  test.each([
    ["in place", (root: string) => writeFileSync(join(root, "f"), "mine")],
    [
      "as editors do, by renaming a new file over it",
      (root: string) => {
        writeFileSync(join(root, "f~"), "mine")
        renameSync(join(root, "f~"), join(root, "f"))
      },
    ],
    [
      "to the same length, with the old time put back",
      (root: string) => {
        const { atimeMs, mtimeMs } = statSync(join(root, "f"))
        writeFileSync(join(root, "f"), "case")
        utimesSync(join(root, "f"), atimeMs / 1000, mtimeMs / 1000)
      },
    ],
  ])("an edited file is kept, not overwritten (%s)", async (_, act) => {
    const report = await receive({ f: "base" }, { f: "theirs" }, act)
    expect(report.skipped).toEqual(skipped("f"))
    expect(report.received).toEqual([])
    expect(inB("f")).toMatch(/mine|case/)
    const next = await b.sync({ onConflict: "keep-both" })
    expect(next.conflicts).toMatchObject([{ path: `${folder}/f`, kind: "edit-edit", machine: "Machine A" }])
    expect(inB("f.remote")).toBe("theirs")
  })

  test("an edited file is kept, not deleted", async () => {
    const report = await receive({ f: "base" }, { f: null }, (root) => writeFileSync(join(root, "f"), "mine"))
    expect([report.skipped, inB("f")]).toEqual([skipped("f"), "mine"])
    expect((await b.sync({ onConflict: "keep-local" })).conflicts).toMatchObject([{ kind: "edit-delete" }])
    await a.sync()
    expect(at(a.root, `${folder}/f`)).toBe("mine")
  })

  test("a file made where one is to come is kept", async () => {
    const report = await receive({}, { f: "theirs" }, (root) => writeFileSync(join(root, "f"), "mine"))
    expect([report.skipped, inB("f")]).toEqual([skipped("f"), "mine"])
    expect((await b.sync({ onConflict: "keep-both" })).conflicts).toMatchObject([{ kind: "create-create" }])
    expect([inB("f"), inB("f.remote")]).toEqual(["mine", "theirs"])
  })

  test("a file made in a folder that is to go stays, and the folder with it", async () => {
    const report = await receive({ "d/f": "base", "d/e/g": "base" }, { d: null }, (root) =>
      writeFileSync(join(root, "d/e/new"), "mine"),
    )
    expect(report.skipped).toEqual([])
    expect([inB("d/e/new"), inB("d/f"), inB("d/e/g")]).toEqual(["mine", null, null])
    await b.sync()
    await a.sync()
    expect(treeOf(join(a.root, folder, "d"))).toEqual({ e: "folder/", "e/new": "mine" })
  })

  test("a file deleted where another is to come is not brought back unasked", async () => {
    const report = await receive({ f: "base" }, { f: "theirs" }, (root) => rmSync(join(root, "f")))
    expect([report.skipped, inB("f")]).toEqual([skipped("f"), null])
    expect((await b.sync({ onConflict: "keep-remote" })).conflicts).toMatchObject([{ kind: "delete-edit" }])
    expect(inB("f")).toBe("theirs")
  })

  test("a folder swapped for a link is not written through", async () => {
    const both = { "d/f": "base", "other/f": "base" }
    const report = await receive(both, { "d/f": "theirs", "d/new": "theirs" }, (root) => {
      rmSync(join(root, "d"), { recursive: true })
      plant(root, { d: { link: "other" } })
    })
    expect(report.skipped.map(({ path }) => path).sort()).toEqual([`${folder}/d/f`, `${folder}/d/new`])
    expect(treeOf(join(b.root, folder, "other"))).toEqual({ f: "base" })
    const next = await b.sync({ onConflict: "keep-both" })
    expect(next.conflicts).toMatchObject([{ path: `${folder}/d`, kind: "type-type" }])
    expect([inB("d"), inB("d.remote/f"), inB("d.remote/new")]).toEqual(["→ other", "theirs", "theirs"])
  })

  test("a file turned into a folder is kept", async () => {
    const report = await receive({ f: "base" }, { f: "theirs" }, (root) => {
      rmSync(join(root, "f"))
      plant(root, { "f/inside": "mine" })
    })
    expect([report.skipped, inB("f/inside")]).toEqual([skipped("f"), "mine"])
    expect((await b.sync({ onConflict: "keep-both" })).conflicts).toMatchObject([{ kind: "type-type" }])
    expect([inB("f/inside"), inB("f.remote")]).toEqual(["mine", "theirs"])
  })

  test("the same edit as the one that comes is agreement", async () => {
    const report = await receive({ f: "base" }, { f: "theirs" }, (root) => writeFileSync(join(root, "f"), "theirs"))
    expect([report.skipped, inB("f")]).toEqual([[], "theirs"])
    expect((await b.sync()).kind).toBe("in-sync")
  })

  test("one path that cannot be done does not stop the others", async () => {
    const report = await receive(
      { f: "base", g: "base", h: "base" },
      { f: "theirs", g: "theirs", h: null, i: "theirs" },
      (root) => writeFileSync(join(root, "f"), "mine"),
    )
    expect(report.skipped).toEqual(skipped("f"))
    expect(["f", "g", "h", "i"].map(inB)).toEqual(["mine", "theirs", null, "theirs"])
    expect(quarantineOf(b.root)).toMatchObject({ [`${folder}/g`]: "base", [`${folder}/h`]: "base" })
  })

  test("a root moved away takes no write, and the new one in its place gets none", async () => {
    const away = `${b.root}-away`
    const failed = await receive({ f: "base" }, { f: "theirs" }, () => {
      renameSync(b.root, away)
      mkdirSync(b.root)
    }).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: "ROOT_MISSING" })
    expect(treeOf(b.root, [])).toEqual({})
    // A folder that was open just then is still the user's, wherever he moved it.
    expect(at(away, `${folder}/f`)).toMatch(/base|theirs/)
    rmSync(b.root, { recursive: true })
    renameSync(away, b.root)
    await b.sync()
    expect(inB("f")).toBe("theirs")
    expect(existsSync(away)).toBe(false)
  })
})
