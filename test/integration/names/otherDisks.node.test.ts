import { chmodSync, lstatSync, readdirSync, renameSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { fromUtf8, utf8 } from "../../../crypto/bytes.ts"
import { createMemoryWorkspace, type MemoryWorkspaceOptions } from "../../../src/platform/memory/memoryWorkspace.ts"
import type { Workspace } from "../../../src/ports/workspace.ts"
import { at, plant, treeOf } from "../../support/files.node.ts"
import { admit, createMachine, type TestMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

/** Disks that this machine does not have. */
const WINDOWS: MemoryWorkspaceOptions = { windowsNames: true, caseInsensitive: true, links: false, modes: "none" }
const MAC: MemoryWorkspaceOptions = { caseInsensitive: true, normalizes: true }

const folders = createTemporaryFolders()
afterAll(folders.remove)

let linux: TestMachine
let other: TestMachine
let disk: Workspace

async function setUp(options: MemoryWorkspaceOptions): Promise<void> {
  const folder = folders.make()
  disk = createMemoryWorkspace(options)
  linux = createMachine({ name: "linux", folder })
  other = createMachine({ name: "other", folder, openWorkspace: () => disk })
  const storeUrl = `file://${folder}/vault.git`
  await linux.engine.init({ root: linux.root, storeUrl, machineName: "Linux", remember: true })
  await admit(linux, other, storeUrl)
  await linux.sync()
  await other.sync()
}

async function write(path: string, text: string): Promise<void> {
  await disk.removeFile(path)
  const created = await disk.create(path)
  if (!created.ok) throw new Error(`${path}: ${created.refusal}`)
  await created.value.write(0, utf8(text))
  await created.value.close()
}

async function read(path: string): Promise<string | null> {
  const read = await disk.read(path, 1 << 20)
  return read.ok ? fromUtf8(read.value.bytes) : null
}

/** All paths on the other machine's disk, as they are spelt there. */
async function paths(folder = ""): Promise<string[]> {
  const listed = await disk.list(folder)
  const found: string[] = []
  for (const { name, stat } of listed.ok ? listed.value : []) {
    const path = folder === "" ? `${name}` : `${folder}/${name}`
    if (path === ".sessyn" || path === ".syncignore") continue
    found.push(path)
    if (stat.type === "folder") found.push(...(await paths(path)))
  }
  return found.sort()
}

/** Linux and the other one sync until nothing moves; nothing that Linux has may change by it. */
async function exchange() {
  const before = treeOf(linux.root)
  await linux.sync()
  const report = await other.sync()
  expect(await other.sync()).toMatchObject({ kind: "in-sync", skipped: report.skipped })
  expect((await linux.sync()).received).toEqual([])
  expect(treeOf(linux.root)).toEqual(before)
  return report
}

const reasons = (skipped: readonly { path: string; reason: string }[]) =>
  Object.fromEntries(skipped.map(({ path, reason }) => [path, reason]))

describe("a machine whose disk has the rules of Windows", () => {
  beforeEach(() => setUp(WINDOWS))

  const REFUSED = [
    ...["what?.txt", "a<b", "a>b", "say:it", 'quo"te', "pipe|", "star*", "back\\slash", "new\nline", "\u0001"],
    ...["trailing.", "space ", "con", "CON", "nul.txt", "aux.tar.gz", "com1", "COM¹", "lpt9.x", "prn .txt", "conin$"],
  ]
  const ALLOWED = ["console", "com10", "nulls", "a.con", ".hidden", "semi;colon", "per%cent", "x".repeat(255), "日本語"]

  test("holds back each name that it cannot have, and syncs everything else", async () => {
    for (const name of [...REFUSED, ...ALLOWED]) {
      plant(linux.root, { [`files/${name}`]: `file ${name}`, [`folders/${name}/inside`]: "x" })
    }
    plant(linux.root, { "files/con": "only this of the two spellings" })
    const { skipped } = await exchange()
    const held = reasons(skipped)
    for (const name of REFUSED) {
      expect([name, held[`files/${name}`]]).toEqual([name, "name-not-allowed"])
      expect([name, held[`folders/${name}`]]).toEqual([name, "name-not-allowed"])
      expect([name, held[`folders/${name}/inside`]]).toEqual([name, "blocked-folder"])
    }
    expect(Object.keys(held)).toHaveLength(3 * REFUSED.length)
    const there = await paths("files")
    expect(there).toEqual(ALLOWED.map((name) => `files/${name}`).sort())
  })

  test("deletes a held file for nobody, and forgets it when somebody else deletes it", async () => {
    plant(linux.root, { "a:b/c?": "held", plain: "x" })
    await exchange()
    await write("plain", "edited on Windows")
    await disk.removeFolder("nothing")
    await other.sync()
    await linux.sync()
    expect(treeOf(linux.root)).toMatchObject({ "a:b/c?": "held", plain: "edited on Windows" })
    plant(linux.root, { "a:b": null })
    await linux.sync()
    expect((await other.sync()).skipped).toEqual([])
  })

  test("takes a file as soon as it has a name that can be", async () => {
    plant(linux.root, { "what?": "text" })
    await exchange()
    renameSync(join(linux.root, "what?"), join(linux.root, "what"))
    await linux.sync()
    expect((await other.sync()).skipped).toEqual([])
    expect(await read("what")).toBe("text")
  })

  test("keeps permissions that it cannot show, through an edit and a rename", async () => {
    plant(linux.root, { "run.sh": "#!", "private/key": "k", ".env": "SECRET" })
    chmodSync(join(linux.root, "run.sh"), 0o755)
    chmodSync(join(linux.root, "private"), 0o700)
    chmodSync(join(linux.root, ".env"), 0o600)
    await exchange()
    await write("run.sh", "#! edited")
    await write(".env", "SECRET 2")
    await other.sync()
    await linux.sync()
    const mode = (path: string) => (lstatSync(join(linux.root, path)).mode & 0o777).toString(8)
    expect([at(linux.root, "run.sh"), mode("run.sh"), mode("private"), mode(".env")]).toEqual([
      "#! edited",
      "755",
      "700",
      "600",
    ])
  })

  test("keeps links that it cannot make, and what they point to", async () => {
    plant(linux.root, { "real/file": "x", link: { link: "real/file" }, folder: { link: "real" } })
    const { skipped } = await exchange()
    expect(reasons(skipped)).toEqual({ link: "no-links", folder: "no-links" })
    await write("real/file", "edited")
    await other.sync()
    await linux.sync()
    expect(treeOf(linux.root)).toEqual({
      folder: "→ real",
      link: "→ real/file",
      real: "folder/",
      "real/file": "edited",
    })
  })

  test("what it makes at the place of a held link is a question, not an overwrite", async () => {
    plant(linux.root, { real: "x", link: { link: "real" } })
    await exchange()
    await write("link", "a file on Windows")
    const report = await other.sync({ onConflict: "skip" })
    expect([...report.conflicts, ...report.skipped]).toMatchObject([{ path: "link" }])
    await linux.sync()
    expect(at(linux.root, "link")).toBe("→ real")
    expect(await read("link")).toBe("a file on Windows")
  })
})

describe.each([
  ["that folds case", WINDOWS, ["readme.md", "README.md", "ReadMe.md"], "case-collision"],
  ["that folds case and composes", MAC, ["stra\u00dfe", "STRASSE", "Strasse"], "case-collision"],
  ["that composes", MAC, ["cafe\u0301", "caf\u00e9"], "unicode-collision"],
] as const)("a machine with a disk %s", (_, options, names, reason) => {
  beforeEach(() => setUp(options))

  test("has one of several names that are one there, and names the others", async () => {
    for (const name of names) plant(linux.root, { [`files/${name}`]: `text of ${name}`, [`${name}/inside`]: name })
    const { skipped } = await exchange()
    const [kept = "", ...heldNames] = [...names].sort()
    const held = reasons(skipped)
    for (const name of heldNames) expect([name, held[`files/${name}`], held[name]]).toEqual([name, reason, reason])
    expect(await paths()).toEqual([kept, `${kept}/inside`, "files", `files/${kept}`].sort())
    expect(await read(`files/${kept}`)).toBe(`text of ${kept}`)
  })

  test("keeps the one that it has, whichever comes later", async () => {
    const [mine = "", ...later] = [...names].sort().reverse()
    plant(linux.root, { [mine]: "first" })
    await exchange()
    for (const name of later) plant(linux.root, { [name]: `later ${name}` })
    const { skipped } = await exchange()
    expect(Object.keys(reasons(skipped)).sort()).toEqual([...later].sort())
    expect(await read(mine)).toBe("first")
    await write(mine, "edited here")
    await other.sync()
    await linux.sync()
    expect(at(linux.root, mine)).toBe("edited here")
    for (const name of later) expect(at(linux.root, name)).toBe(`later ${name}`)
  })

  test("gets the next one when the first is gone, with its own content", async () => {
    const [first = "", second = ""] = [...names].sort()
    plant(linux.root, { [first]: "text 1", [second]: "text 2" })
    await exchange()
    plant(linux.root, { [first]: null })
    await linux.sync()
    expect((await other.sync()).skipped).toEqual([])
    expect([await paths(), await read(second)]).toEqual([[second], "text 2"])
  })

  test("deleting the one it has deletes that one, and no other", async () => {
    const [first = "", second = ""] = [...names].sort()
    plant(linux.root, { [first]: "text 1", [second]: "text 2", calm: "x", calmer: "x" })
    await exchange()
    await disk.removeFile(first)
    await other.sync()
    await other.sync()
    await linux.sync()
    expect(treeOf(linux.root)).toEqual({ [second]: "text 2", calm: "x", calmer: "x" })
    expect(await read(second)).toBe("text 2")
  })

  test("follows a rename that changes only the spelling, and makes one", async () => {
    const [first = "", second = ""] = [...names].sort()
    plant(linux.root, { [`d/${first}`]: "text", [`${first}/deep/inside`]: "x" })
    await exchange()
    renameSync(join(linux.root, "d", first), join(linux.root, "d", second))
    renameSync(join(linux.root, first), join(linux.root, second))
    await linux.sync()
    expect((await other.sync()).skipped).toEqual([])
    expect(await paths()).toEqual(["d", `d/${second}`, second, `${second}/deep`, `${second}/deep/inside`].sort())
    expect(await read(`d/${second}`)).toBe("text")
    if (options.normalizes && reason === "unicode-collision") return
    await disk.rename(`d/${second}`, `d/${first}`, { replace: false })
    await other.sync()
    await linux.sync()
    expect(readdirSync(join(linux.root, "d"))).toEqual([first])
    expect((await other.sync()).kind).toBe("in-sync")
  })

  test("makes a file whose other spelling came to be elsewhere: both are kept, each is named", async () => {
    const [first = "", second = ""] = [...names].sort()
    plant(linux.root, { [first]: "made on Linux" })
    await write(second, "made there")
    await linux.sync()
    const report = await other.sync()
    expect(reasons(report.skipped)).toEqual({ [first]: reason })
    await linux.sync()
    expect(treeOf(linux.root)).toEqual({ [first]: "made on Linux", [second]: "made there" })
    expect([await paths(), await read(second)]).toEqual([[second], "made there"])
  })
})

describe("two machines that both fold case", () => {
  test("that make one name in two spellings keep both files, each its own", async () => {
    await setUp(MAC)
    const second = createMemoryWorkspace(MAC)
    const third = createMachine({ name: "third", folder: join(linux.root, ".."), openWorkspace: () => second })
    await admit(linux, third, `file://${join(linux.root, "..", "vault.git")}`)
    await third.sync()
    await write("Notes.txt", "by the first")
    const created = await second.create("notes.txt")
    if (created.ok) await created.value.write(0, utf8("by the second"))
    await other.sync()
    expect(reasons((await third.sync()).skipped)).toEqual({ "Notes.txt": "case-collision" })
    expect(reasons((await other.sync()).skipped)).toEqual({ "notes.txt": "case-collision" })
    await linux.sync()
    expect(treeOf(linux.root)).toEqual({ "Notes.txt": "by the first", "notes.txt": "by the second" })
  })
})
