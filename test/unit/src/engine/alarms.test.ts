import { describe, expect, it } from "vitest"
import { prepareStateFolder } from "../../../../src/tree/stateFolder.ts"
import type { MemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { createMemoryMachine, mainOf, type MemoryMachine, pair } from "../../../support/memoryMachine.ts"

const code = (expected: string) => expect.objectContaining({ code: expected })

describe("a store that goes back", () => {
  it("is waited for, then an alarm; repair puts this machine's version on top, and others follow", async () => {
    const { store, a, b } = await pair()
    const old = await mainOf(store)
    await a.write("newer", "newer")
    await a.sync()
    await b.sync()
    store.setHead(old.name, old.head)
    await expect(a.sync()).rejects.toEqual(code("STORE_BEHIND"))
    a.clock.advance(6 * 60 * 1000)
    await expect(a.sync()).rejects.toEqual(code("VAULT_WENT_BACK"))
    expect(await a.read("newer")).toBe("newer")

    const report = await a.session((open) => open.repair())
    expect(report.lost).toEqual([])
    expect((await a.sync()).kind).toBe("in-sync")
    await b.sync()
    expect(await b.read("newer")).toBe("newer")
    expect((await a.session((open) => open.verify())).problems).toEqual([])
  })

  it("is no alarm when it comes back in time", async () => {
    const { store, a } = await pair()
    const old = await mainOf(store)
    await a.write("newer", "newer")
    await a.sync()
    const now = await mainOf(store)
    store.setHead(old.name, old.head)
    await expect(a.sync()).rejects.toEqual(code("STORE_BEHIND"))
    store.setHead(now.name, now.head)
    expect((await a.sync()).kind).toBe("in-sync")
  })
})

describe("a store that forks", () => {
  it("is an alarm at once for whoever saw the other half; repair brings both halves together", async () => {
    const { store, a, b } = await pair()
    const common = await mainOf(store)
    await a.write("by-a", "a")
    await a.sync()
    store.setHead(common.name, common.head)
    await b.write("by-b", "b")
    await b.sync()
    await expect(a.sync()).rejects.toEqual(code("VAULT_FORKED"))
    await a.session((open) => open.repair())
    await a.sync()
    // B has seen what the repair leaves out: it is asked once, then brings its file back.
    await b.sync()
    expect(b.person.asked.some((question) => question.code === "repair")).toBe(true)
    await b.sync()
    await a.sync()
    for (const machine of [a, b]) {
      expect(await machine.read("by-a")).toBe("a")
      expect(await machine.read("by-b")).toBe("b")
    }
  })
})

describe("a store that loses things", () => {
  it("is an alarm when the vault is gone, never a reason to start anew", async () => {
    const { store, a, b } = await pair()
    const main = await mainOf(store)
    store.setHead(main.name, null)
    await expect(a.sync()).rejects.toEqual(code("VAULT_VANISHED"))
    expect(await a.read("kept")).toBe("kept")
    await a.session((open) => open.repair())
    await a.sync()
    await b.sync()
    expect((await b.session((open) => open.verify())).problems).toEqual([])
  })

  it("is named by verify, down to the files, and mended from a disk that has them", async () => {
    const { store, a, b } = await pair()
    const { head } = await mainOf(store)
    for (const [path, id] of await store.snapshot(head)) if (path.startsWith("packs/")) store.replaceObject(id, null)
    const { problems } = await a.session((open) => open.verify())
    expect(problems.flatMap(({ files }) => files)).toContain("kept")
    const report = await b.session((open) => open.repair())
    expect(report.reuploaded).toBeGreaterThan(0)
    expect(report.lost).toEqual([])
    expect((await a.session((open) => open.verify())).problems).toEqual([])
  })

  it("says which files nobody has any more", async () => {
    const { store, a } = await pair()
    const { head } = await mainOf(store)
    for (const [path, id] of await store.snapshot(head)) if (path.startsWith("packs/")) store.replaceObject(id, null)
    await a.remove("kept")
    const report = await a.session((open) => open.repair())
    expect(report.lost).toContain("kept")
  })
})

describe("one identity twice", () => {
  async function copyOf(store: MemoryStore, machine: MemoryMachine): Promise<MemoryMachine> {
    const copy = await createMemoryMachine(machine.name, store)
    for (const [id, { values }] of machine.states) {
      const copied = [...values].map(([name, bytes]) => [name, bytes.slice()] as const)
      copy.states.set(id, { values: new Map(copied), locked: false })
      await prepareStateFolder(copy.workspace, id)
    }
    await copy.write("kept", "kept")
    return copy
  }

  it("takes its own counter over once, as after a restored backup, and stops at the second time", async () => {
    const { store, a, b } = await pair()
    const copy = await copyOf(store, a)
    await a.write("one", "1")
    await a.sync()
    await copy.write("two", "2")
    await copy.sync()
    await a.sync()
    expect(await a.read("two")).toBe("2")
    await a.write("three", "3")
    await a.sync()
    await expect(copy.sync()).rejects.toEqual(code("CLONED"))
    await b.sync()
    expect([await b.read("one"), await b.read("two"), await b.read("three")]).toEqual(["1", "2", "3"])
  })

  it("is told by what it signed, also below what others wrote since", async () => {
    const { store, a, b } = await pair()
    const copy = await copyOf(store, a)
    for (const [round, expected] of [
      ["one", null],
      ["two", code("CLONED")],
    ] as const) {
      await a.write(round, round)
      await a.sync()
      await b.sync()
      await b.write(`${round} by b`, "b")
      await b.sync()
      if (expected !== null) await expect(copy.sync()).rejects.toEqual(expected)
      else await copy.sync()
    }
    expect(await copy.read("one")).toBe("one")
  })
})
