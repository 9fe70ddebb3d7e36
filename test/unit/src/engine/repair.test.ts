import { describe, expect, it } from "vitest"
import { utf8 } from "../../../../crypto/bytes.ts"
import { admit, createMemoryMachine, STORE_URL, mainOf, pair } from "../../../support/memoryMachine.ts"

const FILES = { kept: "kept", "build.dat": "not on every disk" }
const code = (expected: string) => expect.objectContaining({ code: expected })

/** Takes a file off this disk, but not out of the vault. */
async function keepOnlyInVault(machine: Awaited<ReturnType<typeof pair>>["a"]): Promise<void> {
  await machine.write(".syncignore", "build.dat\n")
  await machine.sync()
  await machine.remove("build.dat")
}

describe("repair", () => {
  it("puts the vault back on top of garbage that somebody with a token pushed", async () => {
    const { store, a, b } = await pair(FILES)
    await keepOnlyInVault(a)
    const { name, head } = await mainOf(store)
    await store.commit({ branch: name, parent: head, snapshot: new Map([["manifest.json", utf8("garbage")]]) })
    await expect(a.sync()).rejects.toEqual(code("OBJECT_MISSING"))
    await expect(b.sync()).rejects.toEqual(code("OBJECT_MISSING"))
    expect((await a.session((open) => open.repair())).lost).toEqual([])
    await b.write("from-b", "b")
    await b.sync()
    await a.sync()
    expect(await a.read("from-b")).toBe("b")
    expect((await a.session((open) => open.verify())).problems).toEqual([])
  })

  it("keeps what only the store has, when the store went back", async () => {
    const { store, a } = await pair(FILES)
    const old = await mainOf(store)
    await a.write("later.dat", "later")
    await a.sync()
    await a.write(".syncignore", "later.dat\n")
    await a.sync()
    await a.remove("later.dat")
    store.setHead(old.name, old.head)
    expect((await a.session((open) => open.repair())).lost).toEqual([])
    expect((await a.session((open) => open.verify())).problems).toEqual([])
  })

  it("is not for a machine whose words were not compared", async () => {
    const { store, a } = await pair(FILES)
    const c = await createMemoryMachine("C", store)
    const { machine } = await c.engine.join({ root: "", storeUrl: STORE_URL, machineName: "C", remember: true })
    await a.session((open) => open.approve(machine.id))
    const before = await mainOf(store)
    c.person.answers["fingerprint-matches"] = false
    await expect(c.session((open) => open.repair())).rejects.toEqual(code("PENDING"))
    expect(await mainOf(store)).toEqual(before)
  })

  it("overrules a recovery that the person at a trusted machine knows nothing of", async () => {
    const { store, a, b } = await pair(FILES)
    const thief = await createMemoryMachine("thief", store)
    await thief.engine.join({ root: "", storeUrl: STORE_URL, machineName: "thief", recover: true, remember: true })
    await expect(a.sync()).rejects.toEqual(code("REVOKED"))
    await expect(a.session((open) => open.repair())).rejects.toEqual(code("REVOKED"))
    a.person.answers["follow-recovery"] = null
    await expect(a.session((open) => open.repair())).rejects.toEqual(code("CANCELLED"))
    a.person.answers["follow-recovery"] = false
    await a.session((open) => open.repair())
    a.person.newPassphrase = "velvet orchard lantern sturdy maple cousin"
    await a.session((open) => open.changePassphrase())
    await a.write("after", "after")
    await a.sync()
    await b.sync()
    expect(await b.read("after")).toBe("after")
    await expect(thief.sync()).rejects.toThrow()
    expect(await thief.read("after")).toBeNull()
  })

  it("settles two trust logs that stand against each other by the machine where it is asked for", async () => {
    const { store, a, b } = await pair(FILES)
    const common = await mainOf(store)
    await a.session((open) => open.revoke("B", { keepPassphrase: true }))
    const left = await mainOf(store)
    store.setHead(common.name, common.head)
    await b.session((open) => open.revoke("A", { keepPassphrase: true }))
    await expect(a.sync()).rejects.toEqual(code("TRUST_FORKED"))
    store.setHead(left.name, left.head)
    await expect(b.sync()).rejects.toEqual(code("TRUST_FORKED"))
    await b.session((open) => open.repair())
    expect((await b.sync()).kind).toBe("in-sync")
    await expect(a.sync()).rejects.toEqual(code("TRUST_FORKED"))
  })
})

describe("two logs of which one loses by the rule", () => {
  it("are settled for the one that revokes, also where something was written after the other", async () => {
    const { store, a, b } = await pair(FILES)
    const [c, d] = [await createMemoryMachine("C", store), await createMemoryMachine("D", store)]
    await admit(a, c)
    await c.sync()
    const common = await mainOf(store)
    a.person.newPassphrase = "velvet orchard lantern sturdy maple cousin"
    await a.session((open) => open.revoke("B"))
    await a.write("kept", "by a")
    await a.sync()
    const left = await mainOf(store)
    store.setHead(common.name, common.head)
    await admit(b, d)
    await b.write("kept", "by b")
    await b.sync()
    await c.write("by-c", "c")
    await c.sync()
    expect(await c.read("kept")).toBe("by b")
    store.setHead(left.name, left.head)

    c.person.passphrase = a.person.newPassphrase
    await expect(c.sync()).rejects.toEqual(code("VAULT_FORKED"))
    await c.session((open) => open.repair())
    await c.sync({ onConflict: "keep-both" })
    await a.sync()
    expect([await a.read("kept"), await a.read("kept.remote"), await a.read("by-c")]).toEqual(["by b", "by a", "c"])
    const names = (await a.session((open) => open.machines())).filter(({ status }) => status === "trusted")
    expect(names.map(({ name }) => name)).toEqual(["C"])
    await expect(b.sync()).rejects.toEqual(code("REVOKED"))
  })
})

describe("a memory that cannot be read", () => {
  it.each(["seen", "counter"])("is an error everywhere, and mended by repair: %s", async (name) => {
    const { a, b } = await pair(FILES)
    await b.write("kept", "by b")
    await b.sync()
    for (const { values } of a.states.values()) values.set(name, utf8("{"))
    await a.write("kept", "by a")
    await expect(a.sync()).rejects.toEqual(code("STATE_DAMAGED"))
    await a.session((open) => open.repair())
    await a.sync({ onConflict: "keep-both" })
    await b.sync()
    expect([await b.read("kept"), await b.read("kept.remote")]).toEqual(["by a", "by b"])
    expect((await a.sync()).kind).toBe("in-sync")
  })
})
