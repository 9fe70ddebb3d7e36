import { describe, expect, it } from "vitest"
import type { MemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { mainOf, type MemoryMachine, pair } from "../../../support/memoryMachine.ts"

const code = (expected: string) => expect.objectContaining({ code: expected })

async function edit(machine: MemoryMachine, times: number): Promise<void> {
  for (let i = 1; i <= times; i++) {
    await machine.write("file", `content ${i}`)
    await machine.sync()
  }
}

/** What a host can do by itself: the branch with the same newest tree, and no history. */
async function dropHistory(store: MemoryStore): Promise<void> {
  const { name, head } = await mainOf(store)
  await store.commit({ branch: name, parent: head, snapshot: await store.snapshot(head), ancestors: [] })
}

/** A store that never forgets: what a host may show again. */
function keepAll(machine: MemoryMachine): void {
  const open = machine.host.openStore
  Object.assign(machine.host, {
    openStore: async (...how: Parameters<typeof open>) => ({ ...(await open(...how)), reclaim: async () => false }),
  })
}

const objects = async (machine: MemoryMachine) =>
  (await machine.session((open) => open.verify())).problems.map(({ object }) => object)

describe("a host that damages old versions", () => {
  it("does not stop a compaction, which drops them or leaves them as they are", async () => {
    const { store, a, b } = await pair()
    await edit(a, 2)
    const { head } = await mainOf(store)
    await edit(a, 4)
    const shard = (await store.snapshot(head)).get("index/000") as string
    store.replaceObject(shard, new Uint8Array(16 * 1024))
    expect(await objects(a)).toEqual(["index/000"])
    await a.session((open) => open.compact({ keep: { versions: 6 } }))
    expect(await objects(a)).toEqual(["index/000"])
    await a.session((open) => open.compact({ keep: { versions: 2 } }))
    for (const machine of [a, b]) {
      await machine.sync()
      expect(await objects(machine)).toEqual([])
      expect(await machine.read("file")).toBe("content 4")
    }
  })
})

describe("a host that drops history itself", () => {
  it("is found out by verify, and stops a compaction that needs what is gone", async () => {
    const { store, a, b } = await pair()
    await edit(a, 4)
    await b.sync()
    const before = await mainOf(store)
    await dropHistory(store)
    for (const machine of [a, b]) expect(await objects(machine)).toEqual(["history"])
    await expect(a.session((open) => open.compact())).rejects.toEqual(code("HISTORY_MISSING"))
    const sequence = (await a.sync()).sequence - 1
    const older = a.session((open) => open.content("file", { sequence }, () => {}))
    await expect(older).rejects.toEqual(code("OBJECT_MISSING"))
    expect((await mainOf(store)).head).not.toBe(before.head)
    await a.session((open) => open.compact({ keep: { versions: 1 } }))
    for (const machine of [a, b]) {
      expect((await machine.sync()).kind).not.toBe("conflicts")
      expect(await objects(machine)).toEqual([])
      expect(await machine.read("file")).toBe("content 4")
    }
  })

  it("is found out where a compaction kept some", async () => {
    const { store, a, b } = await pair()
    await edit(a, 4)
    await a.session((open) => open.compact({ keep: { versions: 3 } }))
    await b.sync()
    expect(await objects(b)).toEqual([])
    await dropHistory(store)
    expect(await objects(b)).toEqual(["history"])
  })
})

describe("a host that shows what was before a compaction", () => {
  it("is behind, for those who saw the compaction", async () => {
    const { store, a, b } = await pair()
    await edit(a, 4)
    keepAll(a)
    const old = await mainOf(store)
    await a.session((open) => open.compact({ keep: { versions: 1 } }))
    await b.sync()
    store.setHead(old.name, old.head)
    for (const machine of [a, b]) await expect(machine.sync()).rejects.toEqual(code("STORE_BEHIND"))
    b.clock.advance(10 * 60 * 1000)
    await expect(b.sync()).rejects.toEqual(code("VAULT_WENT_BACK"))
    await b.session((open) => open.repair())
    await a.sync()
    expect((await a.sync()).kind).toBe("in-sync")
    expect(await objects(a)).toEqual([])
  })

  it("is not believed if it puts another version on top of it", async () => {
    const { store, a, b } = await pair()
    await edit(a, 4)
    keepAll(a)
    const old = await mainOf(store)
    await a.session((open) => open.compact({ keep: { versions: 1 } }))
    await a.sync()
    const compacted = await mainOf(store)
    store.setHead(old.name, old.head)
    await b.write("by-b", "b")
    await b.sync()
    await expect(a.sync()).rejects.toEqual(code("VAULT_FORKED"))
    store.setHead(compacted.name, compacted.head)
    await expect(b.sync()).rejects.toEqual(code("VAULT_FORKED"))
  })
})

describe("a compaction by somebody who may not write", () => {
  it("is refused by all others", async () => {
    const { store, a, b } = await pair()
    await edit(a, 4)
    await b.sync()
    const before = await mainOf(store)
    keepAll(b)
    // B goes on from where it was trusted; A's revocation is what the others have seen.
    await a.session((open) => open.revoke("B", { keepPassphrase: true }))
    const revoked = await mainOf(store)
    store.setHead(before.name, before.head)
    await b.session((open) => open.compact({ keep: { versions: 1 } }))
    await expect(a.sync()).rejects.toEqual(code("VAULT_FORKED"))
    expect(await a.read("file")).toBe("content 4")
    store.setHead(revoked.name, revoked.head)
    expect((await a.sync()).kind).toBe("in-sync")
  })

  it("is not for a machine that was revoked", async () => {
    const { a, b } = await pair()
    await edit(a, 4)
    await a.session((open) => open.revoke("B", { keepPassphrase: true }))
    await expect(b.session((open) => open.compact({ keep: { versions: 1 } }))).rejects.toEqual(code("REVOKED"))
  })
})
