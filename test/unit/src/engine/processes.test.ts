import { describe, expect, it } from "vitest"
import type { Session } from "../../../../src/session.ts"
import { prepareStateFolder } from "../../../../src/tree/stateFolder.ts"
import { admit, createMemoryMachine, type MemoryMachine, mainOf, pair } from "../../../support/memoryMachine.ts"

const code = (expected: string) => expect.objectContaining({ code: expected })
const ask = { onConflict: "ask" } as const

/** A process that stays, as an editor or `watch` does, and has synced once. */
async function staying(machine: MemoryMachine): Promise<Session> {
  const session = await machine.engine.open("")
  await session.sync(ask)
  return session
}

describe("two processes of one machine", () => {
  it("know of each other's re-key", async () => {
    const { a, b } = await pair()
    const watch = await staying(a)
    await a.session((open) => open.rekey(["ed25519", "ml-dsa-87"]))
    await a.write("new", "by the old process")
    await watch.sync(ask)
    await b.sync()
    expect(await b.read("new")).toBe("by the old process")
    await watch.close()
  })

  it("know of each other's heads: what one saw the other does not take back", async () => {
    const { store, a, b } = await pair()
    const watch = await staying(a)
    const old = await mainOf(store)
    await b.write("kept", "newer")
    await b.sync()
    await a.sync()
    expect(await a.read("kept")).toBe("newer")
    store.setHead(old.name, old.head)
    await expect(watch.sync(ask)).rejects.toEqual(code("STORE_BEHIND"))
    expect(await a.read("kept")).toBe("newer")
    await watch.close()
  })

  it("go on in a new epoch without a passphrase, as long as this machine's keys are open", async () => {
    const { store, a, b } = await pair()
    const c = await createMemoryMachine("C", store)
    await admit(b, c)
    await a.session((open) => open.lock())
    const watch = await staying(a)
    a.person.passphrase = null
    b.person.newPassphrase = "velvet orchard lantern sturdy maple cousin"
    await b.session((open) => open.revoke("C"))
    await a.write("still", "here")
    await watch.sync(ask)
    await watch.close()
    await b.sync()
    expect(await b.read("still")).toBe("here")
  })
})

describe("a machine that was copied", () => {
  it("takes new keys, after which the copy is told so and signs nothing", async () => {
    const { store, a, b } = await pair()
    const copy = await createMemoryMachine("A", store)
    for (const [id, { values }] of a.states) {
      const copied = [...values].map(([name, bytes]) => [name, bytes.slice()] as const)
      copy.states.set(id, { values: new Map(copied), locked: false })
      await prepareStateFolder(copy.workspace, id)
    }
    await copy.write("kept", "kept")
    for (const round of ["one", "two"]) {
      await a.write(round, round)
      await a.sync()
      if (round === "one") await copy.sync()
    }
    await expect(copy.sync()).rejects.toEqual(code("CLONED"))
    await copy.session((open) => open.rekey(["ed25519"]))
    await copy.write("three", "3")
    await copy.sync()
    const before = await mainOf(store)
    await a.write("four", "4")
    await expect(a.sync()).rejects.toEqual(code("CLONED"))
    expect(await mainOf(store)).toEqual(before)
    await b.sync()
    expect([await b.read("two"), await b.read("three")]).toEqual(["two", "3"])
  })
})
