import { beforeEach, describe, expect, it } from "vitest"
import { createMemoryClock } from "../../../../../src/platform/memory/memoryClock.ts"
import { createMemoryState } from "../../../../../src/platform/memory/memoryState.ts"
import { createMemoryWorkspace } from "../../../../../src/platform/memory/memoryWorkspace.ts"
import type { State } from "../../../../../src/ports/state.ts"
import type { Workspace } from "../../../../../src/ports/workspace.ts"
import { JOURNAL, type JournalEntry, writeJournal } from "../../../../../src/tree/apply/journal.ts"
import { listQuarantine } from "../../../../../src/tree/apply/quarantine.ts"
import { recover } from "../../../../../src/tree/apply/recover.ts"
import type { TreeNode } from "../../../../../src/tree/node.ts"
import { toNode } from "../../../../../src/tree/plan/plan.ts"
import { prepareStateFolder } from "../../../../../src/tree/stateFolder.ts"
import { edit, hashing, type Leaf, plant, textAt, toVault } from "../../../../support/trees.ts"

const BATCH = "20261122T171904Z-1"
const OLD = "the old text"
const NEW = "the new text, which is longer"

describe("recover", () => {
  let workspace: Workspace
  let state: State

  beforeEach(async () => {
    workspace = createMemoryWorkspace()
    state = createMemoryState()
    await prepareStateFolder(workspace, "abc")
  })

  const node = (leaf: Leaf): TreeNode => toNode(toVault({ x: leaf }).get("x") as TreeNode)

  async function recoverFrom(entries: Readonly<Record<string, JournalEntry>>) {
    await writeJournal(state, { batch: BATCH, entries: new Map(Object.entries(entries)) })
    const clock = createMemoryClock(Date.UTC(2026, 10, 22, 17, 19, 4))
    const recovered = await recover({ workspace, state, clock, crypto: hashing, isSecret: (path) => path === ".env" })
    if (recovered === null) throw new Error("nothing was recovered")
    return recovered
  }

  it("has nothing to do without a journal", async () => {
    const clock = createMemoryClock()
    expect(await recover({ workspace, state, clock, crypto: hashing, isSecret: () => false })).toBeNull()
  })

  it("tells the base what was done, so that a vault that moved on meanwhile means no conflict", async () => {
    await plant(workspace, { new: NEW, replaced: NEW, untouched: OLD, link: { link: "a" }, folder: { folder: 0o755 } })
    const { agreed } = await recoverFrom({
      new: { before: null, after: node(NEW) },
      replaced: { before: node(OLD), after: node(NEW) },
      untouched: { before: node(OLD), after: node(NEW) },
      gone: { before: node(OLD), after: null },
      "in/a/folder/gone": { before: node(OLD), after: null },
      link: { before: null, after: node({ link: "a" }) },
      folder: { before: null, after: node({ folder: 0o755 }) },
    })
    expect([...agreed.keys()].sort()).toEqual(["folder", "gone", "in/a/folder/gone", "link", "new", "replaced"])
    expect(agreed.get("gone")).toBeNull()
    expect(agreed.get("replaced")).toEqual(node(NEW))
  })

  it("closes the journal only when told to", async () => {
    const { finish } = await recoverFrom({})
    expect(await state.read(JOURNAL)).not.toBeNull()
    await finish()
    expect(await state.read(JOURNAL)).toBeNull()
  })

  it("puts back what made room for something that did not come", async () => {
    await plant(workspace, { [`.sessyn/quarantine/${BATCH}/src/a`]: OLD })
    const { agreed } = await recoverFrom({ "src/a": { before: node(OLD), after: node({ folder: 0o755 }) } })
    expect(await textAt(workspace, "src/a")).toBe(OLD)
    expect(agreed.size).toBe(0)
  })

  it("puts back only what it took, not what only has its path", async () => {
    await plant(workspace, { [`.sessyn/quarantine/${BATCH}/a`]: "other", [`.sessyn/quarantine/${BATCH}.1/a`]: OLD })
    await recoverFrom({ a: { before: node(OLD), after: node({ folder: 0o755 }) } })
    expect(await textAt(workspace, "a")).toBe(OLD)
  })

  it("completes the permissions of what is whole, secrets kept, and leaves the user's alone", async () => {
    const fresh = (text: string) => ({ text, mode: 0o600 })
    await plant(workspace, {
      a: fresh("a"),
      ".env": fresh("b"),
      mine: { text: "c", mode: 0o640 },
      d: { folder: 0o700 },
    })
    const { agreed, diskModes } = await recoverFrom({
      a: { before: null, after: node({ text: "a", mode: 0o755 }) },
      ".env": { before: null, after: node("b") },
      mine: { before: null, after: node("c") },
      d: { before: null, after: node({ folder: 0o555 }) },
    })
    expect(Object.fromEntries(diskModes)).toEqual({ a: 0o755, ".env": 0o600, d: 0o555 })
    for (const [path, mode] of diskModes) expect(await workspace.stat(path)).toMatchObject({ value: { mode } })
    expect(await workspace.stat("mine")).toMatchObject({ value: { mode: 0o640 } })
    expect(agreed.has("mine")).toBe(false)
  })

  it("does not take a change of permissions for done that it had not come to", async () => {
    await plant(workspace, { a: OLD, b: { text: OLD, mode: 0o755 }, c: { folder: 0o755 } })
    const { agreed } = await recoverFrom({
      a: { before: node(OLD), after: node({ text: OLD, mode: 0o755 }) },
      b: { before: node(OLD), after: node({ text: OLD, mode: 0o755 }) },
      c: { before: node({ folder: 0o755 }), after: node({ folder: 0o750 }) },
    })
    expect([...agreed.keys()]).toEqual(["b"])
  })

  it("teaches the base nothing of what was brought back from the past", async () => {
    await plant(workspace, { a: NEW })
    await writeJournal(state, {
      batch: BATCH,
      restores: true,
      entries: new Map([["a", { before: node(OLD), after: node(NEW) }]]),
    })
    const clock = createMemoryClock()
    const recovered = await recover({ workspace, state, clock, crypto: hashing, isSecret: () => false })
    expect(recovered?.agreed.size).toBe(0)
  })

  it("leaves gone what the user deleted since", async () => {
    await plant(workspace, { [`.sessyn/quarantine/${BATCH}/a`]: OLD })
    const { agreed } = await recoverFrom({ a: { before: node(OLD), after: node(NEW) } })
    expect(await textAt(workspace, "a")).toBeNull()
    expect(agreed.size).toBe(0)
  })

  it("finishes a whole file that was not yet given its permissions", async () => {
    await plant(workspace, { a: { text: NEW, mode: 0o200 } })
    const { agreed, setAside } = await recoverFrom({ a: { before: null, after: node(NEW) } })
    expect([...agreed.keys()]).toEqual(["a"])
    expect(setAside).toEqual([])
    expect(await workspace.stat("a")).toMatchObject({ value: { mode: 0o644 } })
  })

  it("sets an unfinished file aside", async () => {
    await plant(workspace, { a: { text: NEW.slice(0, 7), mode: 0o200 } })
    const { agreed, setAside } = await recoverFrom({ a: { before: null, after: node(NEW) } })
    expect(setAside).toEqual(["a"])
    expect(agreed.size).toBe(0)
    expect(await textAt(workspace, "a")).toBeNull()
    expect((await listQuarantine(workspace)).map(({ path }) => path)).toEqual(["a"])
  })

  const block = "x".repeat(4096)
  for (const [what, torn, whole] of [
    ["nothing", "", NEW],
    ["its first block", block, `${block}${block}and more`],
    ["zeros", "\0".repeat(NEW.length), NEW],
  ] as const) {
    it(`sets aside what a power cut left of a file: ${what}`, async () => {
      await plant(workspace, { a: torn, b: torn, [`.sessyn/quarantine/${BATCH}/b`]: OLD })
      const { setAside } = await recoverFrom({
        a: { before: null, after: node(whole) },
        b: { before: node(OLD), after: node(whole) },
      })
      expect(setAside).toEqual(["a", "b"])
      expect(await textAt(workspace, "a")).toBeNull()
      expect(await textAt(workspace, "b")).toBe(OLD)
    })
  }

  it("leaves alone what the user wrote since", async () => {
    await plant(workspace, { new: NEW, replaced: NEW, deleted: OLD })
    await edit(workspace, "new", "mine")
    await edit(workspace, "replaced", "mine, too")
    await edit(workspace, "deleted", "again mine")
    const { agreed, setAside } = await recoverFrom({
      new: { before: null, after: node(NEW) },
      replaced: { before: node(OLD), after: node(NEW) },
      deleted: { before: node(OLD), after: null },
    })
    expect([agreed.size, setAside]).toEqual([0, []])
    expect(await textAt(workspace, "new")).toBe("mine")
    expect(await textAt(workspace, "replaced")).toBe("mine, too")
    expect(await textAt(workspace, "deleted")).toBe("again mine")
  })

  it("removes what was on its way, but keeps a download that can go on", async () => {
    await plant(workspace, {
      ".sessyn/tmp/ab.new": "x",
      ".sessyn/tmp/cd.part": "y",
      "src/.sessyn-tmp-1": "z",
      "src/a": "a",
    })
    await recoverFrom({ "src/a": { before: null, after: node("a") } })
    expect(await textAt(workspace, ".sessyn/tmp/ab.new")).toBeNull()
    expect(await textAt(workspace, "src/.sessyn-tmp-1")).toBeNull()
    expect(await textAt(workspace, ".sessyn/tmp/cd.part")).toBe("y")
  })

  it("lives with a damaged journal", async () => {
    await recoverFrom({ a: { before: null, after: node(NEW) } })
    const bytes = (await state.read(JOURNAL)) as Uint8Array
    const clock = createMemoryClock()
    for (let length = 0; length < bytes.length; length++) {
      await state.write(JOURNAL, bytes.subarray(0, length))
      const recovered = await recover({ workspace, state, clock, crypto: hashing, isSecret: () => false })
      expect(recovered?.agreed.size).toBe(0)
    }
  })
})
