import { describe, expect, it } from "vitest"
import { createMemoryStore, type MemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { MARKER } from "../../../../src/tree/stateFolder.ts"
import { createMemoryMachine, found, type MemoryMachine, STORE_URL } from "../../../support/memoryMachine.ts"

const code = (expected: string) => expect.objectContaining({ code: expected })

async function pair() {
  const store = createMemoryStore()
  const [a, b] = [await createMemoryMachine("A", store), await createMemoryMachine("B", store)]
  await found(a, b)
  for (const name of ["one", "two", "three", "four", "five"]) await a.write(name, name)
  await a.sync()
  await b.sync()
  return { store, a, b }
}

async function mainOf(store: MemoryStore) {
  const branch = (await store.branches("")).find(({ name }) => name.endsWith("/main"))
  if (branch === undefined) throw new Error("no main branch")
  return branch
}

/** The folder is made anew; what the machine remembers elsewhere on its disk stays. */
async function joinAgain(member: MemoryMachine, joiner: MemoryMachine): Promise<void> {
  await joiner.workspace.removeFile(MARKER)
  const { machine } = await joiner.engine.join({
    root: "",
    storeUrl: STORE_URL,
    machineName: `${joiner.name} again`,
    remember: true,
  })
  await member.session((open) => open.approve(machine.id))
}

describe("a machine that joins again", () => {
  it("only adds, whatever an earlier membership had agreed on", async () => {
    const { a, b } = await pair()
    for (const name of ["one", "two"]) await b.remove(name)
    await b.write("three", "edited here, long ago")
    await joinAgain(a, b)
    await b.sync({ onConflict: "skip" })
    expect([await b.read("one"), await b.read("two")]).toEqual(["one", "two"])
    expect(await b.read("three")).toBe("edited here, long ago")
    await a.sync()
    for (const name of ["one", "two", "three"]) expect(await a.read(name)).toBe(name)
  })

  it("starts its counter anew", async () => {
    const { a, b } = await pair()
    await b.write("six", "6")
    await b.sync()
    await joinAgain(a, b)
    await b.write("seven", "7")
    await b.sync()
    await a.sync()
    await b.write("eight", "8")
    await b.sync()
    await a.sync()
    expect([await a.read("seven"), await a.read("eight")]).toEqual(["7", "8"])
  })
})

describe("a repair that leaves out what was synced here", () => {
  it("does not delete or overwrite what only this machine and the lost half agreed on", async () => {
    const { store, a, b } = await pair()
    const common = await mainOf(store)
    await a.write("one", "by a")
    await a.remove("two")
    await a.sync()
    store.setHead(common.name, common.head)
    await b.write("one", "by b")
    await b.write("two", "edited by b")
    await b.sync()
    await a.session((open) => open.repair())

    await b.sync({ onConflict: "keep-both" })
    await a.sync()
    for (const machine of [a, b]) {
      expect(await machine.read("one")).toBe("by b")
      expect(await machine.read("one.remote")).toBe("by a")
      expect(await machine.read("two")).toBe("edited by b")
    }
  })
})

describe("a vault of which one part of the index is gone", () => {
  it("keeps the files of all other parts, also those that are not on this disk", async () => {
    const { store, a, b } = await pair()
    const many = 6000
    for (let i = 0; i < many; i++) await a.write(`a-rather-long-name-for-a-file-${i}`, "same")
    await a.write("huge.dat", "only in the vault, for a")
    await a.sync()
    await b.sync()
    await a.write(".syncignore", "huge.dat\n")
    await a.sync()
    await a.remove("huge.dat")
    const { head } = await mainOf(store)
    const shards = [...(await store.snapshot(head))].filter(([path]) => path.startsWith("index/"))
    expect(shards.length).toBeGreaterThan(1)
    for (const { values } of [...a.states.values()]) {
      for (const name of values.keys()) if (name.startsWith("shards/")) values.delete(name)
    }
    for (const [, id] of shards.slice(0, 1)) store.replaceObject(id, null)
    await expect(a.sync()).rejects.toEqual(code("STORE_OBJECT_MISSING"))
    const { lost } = await a.session((open) => open.repair())
    expect(lost).toEqual([])
    for (const [, id] of shards.slice(1, 2)) expect(id).not.toBe("")
    await b.sync()
    await a.sync()
    expect((await a.session((open) => open.verify())).problems).toEqual([])
    expect(await b.read("huge.dat")).toBe("only in the vault, for a")
  })
})
