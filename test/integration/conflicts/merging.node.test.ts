import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { ConflictQuestion } from "../../../src/ports/prompts.ts"
import { at, plant, quarantineOf } from "../../support/files.node.ts"
import { admit, createMachine, createPair, type TestMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
let folder: string
let a: TestMachine
let b: TestMachine
let storeUrl: string
let path: string
let number = 0

beforeAll(async () => {
  folder = folders.make()
  ;({ a, b, storeUrl } = await createPair(folder))
})

beforeEach(() => {
  path = `text-${++number}.md`
  b.person.resolve = () => new Map()
})

afterAll(folders.remove)

const LINES = Array.from({ length: 20 }, (_, i) => `line ${i}\n`)
const BASE = LINES.join("")

/** The base with some lines replaced. */
function edited(changes: Readonly<Record<number, string>>): string {
  return LINES.map((line, i) => changes[i] ?? line).join("")
}

async function part(base: string, theirs: string, ours: string): Promise<void> {
  plant(a.root, { [path]: base })
  await a.sync()
  await b.sync()
  plant(a.root, { [path]: theirs })
  await a.sync()
  plant(b.root, { [path]: ours })
}

/** What a person is told about the one conflict, read while the session is open. */
async function askOf<T>(machine: TestMachine, look: (question: ConflictQuestion) => Promise<T>): Promise<T> {
  return machine.session(async (session) => {
    let seen: Promise<T> | null = null
    machine.person.resolve = ([question]) => {
      if (question !== undefined) seen = look(question)
      return new Map()
    }
    await session.sync({ onConflict: "ask" })
    if (seen === null) throw new Error("nothing was asked")
    return seen
  })
}

const textOf = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes))

describe("a clean merge", () => {
  test("of changes far apart is taken without a question if that was asked for", async () => {
    await part(BASE, edited({ 2: "theirs\n" }), edited({ 15: "ours\n" }))
    const report = await b.sync({ onConflict: "skip", autoMerge: true })
    expect(report.conflicts).toEqual([{ path, kind: "edit-edit", machine: "Machine A", choice: "merged" }])
    expect(report.kind).toBe("synced")
    const merged = edited({ 2: "theirs\n", 15: "ours\n" })
    expect(at(b.root, path)).toBe(merged)
    expect(quarantineOf(b.root)[path]).toBe(edited({ 15: "ours\n" }))
    await a.sync()
    expect(at(a.root, path)).toBe(merged)
    expect((await b.sync()).kind).toBe("in-sync")
  })

  test("is only offered if it was not", async () => {
    await part(BASE, edited({ 2: "theirs\n" }), edited({ 15: "ours\n" }))
    const offered = await askOf(b, async ({ contents }) => textOf(await contents.merged()))
    expect(offered).toBe(edited({ 2: "theirs\n", 15: "ours\n" }))
    expect(at(b.root, path)).toBe(edited({ 15: "ours\n" }))
  })

  test("keeps line ends and a missing last one as each side has them", async () => {
    const crlf = BASE.replaceAll("\n", "\r\n").slice(0, -2)
    await part(crlf, crlf.replace("line 2\r\n", "theirs\r\n"), crlf.replace("line 15\r\n", "ours\r\n"))
    await b.sync({ onConflict: "skip", autoMerge: true })
    expect(at(b.root, path)).toBe(crlf.replace("line 2\r\n", "theirs\r\n").replace("line 15\r\n", "ours\r\n"))
  })

  test("is found after the conflict was put off and the other side went on", async () => {
    await part(BASE, edited({ 2: "theirs\n" }), edited({ 15: "ours\n" }))
    await b.sync({ onConflict: "skip" })
    for (const round of [1, 2, 3]) {
      plant(a.root, { [path]: edited({ 2: `theirs ${round}\n` }), [`other-${number}.txt`]: `${round}` })
      await a.sync()
      expect((await b.sync({ onConflict: "skip" })).kind).toBe("conflicts")
    }
    await b.sync({ onConflict: "skip", autoMerge: true })
    expect(at(b.root, path)).toBe(edited({ 2: "theirs 3\n", 15: "ours\n" }))
  })

  test.each([
    ["of changes to one line", edited({ 2: "theirs\n" }), edited({ 2: "ours\n" })],
    ["of changes to neighbours", edited({ 2: "theirs\n" }), edited({ 3: "ours\n" })],
    ["of what is no text", `${BASE}\0theirs`, edited({ 2: "ours\n" })],
  ])("is not made %s", async (_, theirs, ours) => {
    await part(BASE, theirs, ours)
    const report = await b.sync({ onConflict: "skip", autoMerge: true })
    expect([report.kind, report.conflicts.at(-1)?.choice]).toEqual(["conflicts", "skip"])
    expect(at(b.root, path)).toBe(ours)
    expect(await askOf(b, async ({ contents }) => contents.merged())).toBeNull()
    await b.sync({ onConflict: "keep-both" })
  })

  test("is not made of what two machines began with nothing in common", async () => {
    plant(a.root, { [path]: edited({ 2: "theirs\n" }) })
    plant(b.root, { [path]: edited({ 15: "ours\n" }) })
    await a.sync()
    expect((await b.sync({ onConflict: "keep-both", autoMerge: true })).conflicts[0]?.choice).toBe("keep-both")
  })
})

describe("what is no conflict", () => {
  test("the same edit on both sides", async () => {
    await part("base", "same", "same")
    const report = await b.sync()
    expect([report.kind, report.conflicts, report.sent, report.received]).toEqual(["in-sync", [], [], []])
  })

  test("the same new file on both sides", async () => {
    plant(a.root, { [path]: "same" })
    plant(b.root, { [path]: "same" })
    await a.sync()
    expect(await b.sync()).toMatchObject({ kind: "in-sync", conflicts: [] })
  })

  test("a deletion on both sides", async () => {
    plant(a.root, { [path]: "base", [`stays-${number}`]: "x" })
    await a.sync()
    await b.sync()
    for (const machine of [a, b]) plant(machine.root, { [path]: null })
    await a.sync()
    expect(await b.sync()).toMatchObject({ kind: "in-sync", conflicts: [] })
    expect(await a.sync()).toMatchObject({ kind: "in-sync" })
  })

  test("an edit here, other permissions there", async () => {
    const { chmodSync, statSync } = await import("node:fs")
    plant(a.root, { [path]: "base" })
    await a.sync()
    await b.sync()
    chmodSync(`${a.root}/${path}`, 0o755)
    await a.sync()
    plant(b.root, { [path]: "edited" })
    expect((await b.sync()).conflicts).toEqual([])
    expect(statSync(`${b.root}/${path}`).mode & 0o777).toBe(0o755)
    await a.sync()
    expect(at(a.root, path)).toBe("edited")
    expect(statSync(`${a.root}/${path}`).mode & 0o777).toBe(0o755)
  })

  test("a file moved here and edited there is both: edited at its old name, copied to the new", async () => {
    plant(a.root, { [path]: "base" })
    await a.sync()
    await b.sync()
    plant(a.root, { [path]: "edited" })
    await a.sync()
    plant(b.root, { [path]: null, [`moved-${path}`]: "base" })
    const report = await b.sync({ onConflict: "keep-both" })
    expect(report.conflicts).toEqual([{ path, kind: "delete-edit", machine: "Machine A", choice: "keep-both" }])
    await a.sync()
    for (const { root } of [a, b]) expect([at(root, path), at(root, `moved-${path}`)]).toEqual(["edited", "base"])
  })
})

describe("copies that were kept", () => {
  test("are files like all others: two machines that keep both do not multiply them", async () => {
    await part("base", "theirs", "ours")
    await b.sync({ onConflict: "keep-both" })
    for (const machine of [a, b, a, b]) await machine.sync({ onConflict: "keep-both" })
    const copies = (await import("node:fs")).readdirSync(a.root).filter((name) => name.startsWith(`text-${number}.`))
    expect(copies.sort()).toEqual([path, path.replace(".md", ".remote.md")])
  })

  test("never take a name that is in use on either side", async () => {
    const copy = path.replace(".md", ".remote.md")
    plant(a.root, { [path]: "base" })
    await a.sync()
    await b.sync()
    plant(a.root, { [path]: "theirs", [copy]: "in use there" })
    await a.sync()
    plant(b.root, { [path]: "ours", [path.replace(".md", ".remote-2.md")]: "in use here" })
    await b.sync({ onConflict: "keep-both" })
    const texts = [".md", ".remote.md", ".remote-2.md", ".remote-3.md"].map((end) =>
      at(b.root, path.replace(".md", end)),
    )
    expect(texts).toEqual(["ours", "in use there", "in use here", "theirs"])
  })
})

describe("three machines", () => {
  test("each loses nothing when all edit one file, and is told who edited last", async () => {
    const c = createMachine({ name: "c", folder })
    await admit(a, c, storeUrl)
    plant(a.root, { [path]: "base" })
    for (const machine of [a, b, c]) await machine.sync()
    for (const machine of [a, b, c]) plant(machine.root, { [path]: `by ${machine.name}` })
    await a.sync()
    expect((await b.sync({ onConflict: "keep-both" })).conflicts[0]?.machine).toBe("Machine A")
    expect((await c.sync({ onConflict: "keep-both" })).conflicts[0]?.machine).toBe("Machine B")
    for (const machine of [a, b, c]) expect((await machine.sync()).conflicts).toEqual([])
    for (const { root } of [a, b, c]) {
      const texts = [".md", ".remote.md", ".remote-2.md"].map((end) => at(root, path.replace(".md", end)))
      expect(texts).toEqual(["by c", "by a", "by b"])
    }
  })
})
