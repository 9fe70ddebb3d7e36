import { describe, expect, it } from "vitest"
import { createMemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { admit, createMemoryMachine, found, type MemoryMachine, STORE_URL } from "../../../support/memoryMachine.ts"
import { PASSPHRASE } from "../../../support/person.ts"

const NEW_PASSPHRASE = "velvet orchard lantern sturdy maple cousin"

async function machines<const Names extends readonly string[]>(...names: Names) {
  const store = createMemoryStore()
  const made = await Promise.all(names.map((name) => createMemoryMachine(name, store)))
  await found(made[0] as MemoryMachine, ...made.slice(1))
  return { store, made: made as { [K in keyof Names]: MemoryMachine } }
}

const code = (expected: string) => expect.objectContaining({ code: expected })

describe("joining", () => {
  it("gives nothing to a machine that is not approved, though it has the passphrase", async () => {
    const store = createMemoryStore()
    const [a, b] = [await createMemoryMachine("A", store), await createMemoryMachine("B", store)]
    await found(a)
    await a.write(".env", "SECRET=1")
    await a.sync()
    const joined = await b.engine.join({ root: "", storeUrl: STORE_URL, machineName: "B" })

    await expect(b.sync()).rejects.toEqual(code("PENDING"))
    expect(await b.read(".env")).toBeNull()
    const status = await b.session((open) => open.status())
    expect(status.machine.status).toBe("pending")
    expect(status.fingerprints).toEqual(joined.fingerprints)
  })

  it("shows the same words on both screens", async () => {
    const store = createMemoryStore()
    const [a, b] = [await createMemoryMachine("A", store), await createMemoryMachine("B", store)]
    await found(a)
    const { fingerprints, machine } = await b.engine.join({ root: "", storeUrl: STORE_URL, machineName: "B" })
    const [pending] = (await a.session((open) => open.machines())).filter(({ status }) => status === "pending")
    expect(pending?.fingerprint).toEqual(fingerprints[0]?.words)
    await a.session((open) => open.approve(machine.id.slice(0, 8)))
    const asked = a.person.asked.find((question) => question.code === "approve")
    expect(asked?.lines.join(" ")).toContain(fingerprints[0]?.words.join(" "))
    await b.sync()
    const confirmed = b.person.asked.find((question) => question.code === "fingerprint-matches")
    expect(confirmed?.lines.join(" ")).toContain(fingerprints[0]?.words.join(" "))
  })

  it("says of a machine that it calls itself like another, on both screens", async () => {
    const store = createMemoryStore()
    const [a, b, twin] = await Promise.all(["Desk", "B", "desk"].map((name) => createMemoryMachine(name, store)))
    if (a === undefined || b === undefined || twin === undefined) throw new Error("no machines")
    await found(a, b)
    const id = await admit(b, twin)
    const asked = b.person.asked.filter(({ code: question }) => question === "approve").at(-1)
    expect(asked?.lines[0]).toMatch(/^It calls itself like one that is trusted already: Desk \([a-z2-7]{8}\)\.$/)
    const late = await createMemoryMachine("late", store)
    const { fingerprints } = await late.engine.join({ root: "", storeUrl: STORE_URL, machineName: "late" })
    const names = fingerprints.map(({ machine }) => machine)
    expect(names).toContain(`desk (${id.slice(0, 8)})`)
    expect(names.filter((name) => /^Desk \(/.test(name))).toHaveLength(1)
    expect(names).toContain("B")
  })

  it("takes no name that hides something", async () => {
    const machine = await createMemoryMachine("A", createMemoryStore())
    for (const machineName of ["a\u202eb", "a\u200b", " a"]) {
      const setUp = machine.engine.init({ root: "", storeUrl: STORE_URL, machineName })
      await expect(setUp).rejects.toEqual(code("MACHINE_STATE"))
    }
  })

  it("stays pending while the words are not confirmed, and approves nothing without a yes", async () => {
    const store = createMemoryStore()
    const [a, b] = [await createMemoryMachine("A", store), await createMemoryMachine("B", store)]
    await found(a)
    await a.write("x", "x")
    await a.sync()
    const { machine } = await b.engine.join({ root: "", storeUrl: STORE_URL, machineName: "B" })
    a.person.answers.approve = false
    await expect(a.session((open) => open.approve(machine.id))).rejects.toEqual(code("CANCELLED"))
    a.person.answers.approve = true
    await a.session((open) => open.approve(machine.id))

    b.person.answers["fingerprint-matches"] = false
    await expect(b.sync()).rejects.toEqual(code("PENDING"))
    expect(await b.read("x")).toBeNull()
    b.person.answers["fingerprint-matches"] = true
    await b.sync()
    expect(await b.read("x")).toBe("x")
  })

  it("refuses a wrong passphrase, an empty store, and a second set-up", async () => {
    const store = createMemoryStore()
    const [a, b] = [await createMemoryMachine("A", store), await createMemoryMachine("B", store)]
    const join = () => b.engine.join({ root: "", storeUrl: STORE_URL, machineName: "B" })
    await expect(join()).rejects.toEqual(code("VAULT_MISSING"))
    await found(a)
    b.person.passphrase = "something else altogether"
    await expect(join()).rejects.toEqual(code("WRONG_PASSPHRASE"))
    b.person.passphrase = null
    await expect(join()).rejects.toEqual(code("LOCKED"))
    expect(b.states.size).toBe(0)
    const init = (machine: MemoryMachine) =>
      machine.engine.init({ root: "", storeUrl: STORE_URL, machineName: machine.name })
    await expect(init(a)).rejects.toEqual(code("ALREADY_SET_UP"))
    await expect(init(b)).rejects.toEqual(code("VAULT_EXISTS"))
    b.person.newPassphrase = "password1"
    const weak = createMemoryMachine("C", createMemoryStore())
    const c = await weak
    c.person.newPassphrase = "password1"
    await expect(init(c)).rejects.toEqual(code("WEAK_PASSPHRASE"))
  })
})

describe("what lies where requests lie", () => {
  it("and is none hides neither machines nor requests", async () => {
    const { store, made } = await machines("A")
    const [a] = made
    const b = await createMemoryMachine("B", store)
    await b.engine.join({ root: "", storeUrl: STORE_URL, machineName: "B" })
    const [request] = (await store.branches("")).filter(({ name }) => name.includes("/join/"))
    const place = (request?.name ?? "").replace(/[^/]+$/, "")
    const junk = new Map([["join.json", new Uint8Array([1, 2, 3])]])
    await store.commit({ branch: `${place}${"a".repeat(52)}`, parent: null, snapshot: junk })
    await store.commit({ branch: `${place}${"b".repeat(51)}q`, parent: null, snapshot: new Map() })
    store.setHead(`${place}${"c".repeat(51)}q`, "0".repeat(40))
    const views = await a.session((open) => open.machines())
    expect(views.map(({ name }) => name)).toEqual(["A", "B"])
  })
})

describe("the key", () => {
  it("is forgotten by lock, and comes back with the passphrase", async () => {
    const { made } = await machines("A")
    const [a] = made
    await a.write("x", "1")
    await a.sync()
    await a.session((open) => open.lock())
    a.person.passphrase = null
    await expect(a.sync()).rejects.toEqual(code("LOCKED"))
    expect((await a.session((open) => open.status())).locked).toBe(true)
    a.person.passphrase = "not the one"
    await expect(a.sync()).rejects.toEqual(code("WRONG_PASSPHRASE"))
    a.person.passphrase = PASSPHRASE
    expect(await a.session((open) => open.unlock({ remember: true }))).toEqual({ rememberedIn: "memory" })
    a.person.passphrase = null
    expect((await a.sync()).kind).toBe("in-sync")
  })

  it("outlives a change of the passphrase on machines that remember it", async () => {
    const { store, made } = await machines("A", "B")
    const [a, b] = made
    a.person.newPassphrase = NEW_PASSPHRASE
    await a.session((open) => open.changePassphrase())
    b.person.passphrase = null
    await b.write("from-b", "b")
    await b.sync()
    await a.sync()
    expect(await a.read("from-b")).toBe("b")

    const c = await createMemoryMachine("C", store)
    const join = () => c.engine.join({ root: "", storeUrl: STORE_URL, machineName: "C" })
    await expect(join()).rejects.toEqual(code("WRONG_PASSPHRASE"))
    c.person.passphrase = NEW_PASSPHRASE
    expect((await join()).status).toBe("pending")
  })
})

describe("revoking", () => {
  it("ends a machine's part at once, and goes on for the others without their passphrase", async () => {
    const { made } = await machines("A", "B", "C")
    const [a, b, c] = made
    for (const machine of [b, c]) await machine.sync()
    await a.write("before.pem", "key")
    await a.sync()
    await b.sync()
    // Before C has looked again, so that it learns of epoch, revocation and file at once.
    a.person.newPassphrase = NEW_PASSPHRASE
    const report = await a.session((open) => open.revoke("B"))
    expect(report.revoked.map(({ name }) => name)).toEqual(["B"])
    expect(report.rotate).toEqual(["before.pem"])
    expect(report.epoch).toBe(2)
    await a.write("after", "secret")
    await a.sync()

    await expect(b.sync()).rejects.toEqual(code("REVOKED"))
    expect(await b.read("after")).toBeNull()
    c.person.passphrase = null
    await c.sync()
    expect(await c.read("after")).toBe("secret")
    const views = await a.session((open) => open.machines())
    expect(views.map(({ name, status }) => [name, status])).toEqual([
      ["A", "this"],
      ["C", "trusted"],
      ["B", "revoked"],
    ])
    await a.session((open) => open.deleteMachine("B"))
    expect((await a.session((open) => open.machines())).map(({ name }) => name)).toEqual(["A", "C"])
    await c.sync()
  })

  it("takes along what the machine had let in, unless it only retires", async () => {
    const { made, store } = await machines("A", "B")
    const [a, b] = made
    await b.sync()
    const c = await createMemoryMachine("C", store)
    await admit(b, c)
    await c.sync()
    const retired = await a.session((open) => open.revoke("B", { keepPassphrase: true }))
    expect(retired.revoked.map(({ name }) => name)).toEqual(["B"])
    await c.sync()

    const d = await createMemoryMachine("D", store)
    await admit(c, d)
    a.person.newPassphrase = NEW_PASSPHRASE
    await c.write("from C", "c")
    await c.sync()
    const lost = await a.session((open) => open.revoke("C"))
    const shown = a.person.asked.findLast(({ code }) => code === "revoke")?.lines.join("\n")
    expect(shown).toContain("What they signed: approved D.")
    expect(shown).toContain("The newest version is theirs of 1 file:\n  from C")
    expect(lost.revoked.map(({ name }) => name).sort()).toEqual(["C", "D"])
    await expect(d.sync()).rejects.toEqual(code("REVOKED"))
  })

  it("does nothing without a yes, to itself, to the unknown, or twice", async () => {
    const { made } = await machines("A", "B")
    const [a, b] = made
    await b.sync()
    a.person.answers.revoke = null
    await expect(a.session((open) => open.revoke("B"))).rejects.toEqual(code("CANCELLED"))
    await b.sync()
    a.person.answers.revoke = true
    await expect(a.session((open) => open.revoke("A"))).rejects.toEqual(code("MACHINE_STATE"))
    await expect(a.session((open) => open.revoke("Z"))).rejects.toEqual(code("MACHINE_UNKNOWN"))
    a.person.newPassphrase = NEW_PASSPHRASE
    await a.session((open) => open.revoke("B"))
    await expect(a.session((open) => open.revoke("B"))).rejects.toEqual(code("MACHINE_STATE"))
  })
})

describe("keys and policy", () => {
  it("trying a passphrase costs more from now on, under the same one, and never less again", async () => {
    const { made, store } = await machines("A")
    const [a] = made
    const change = (costs: { memoryKiB?: number; passes?: number }) =>
      a.session((open) => open.changePassphrase({ costs }))
    expect(await change({ memoryKiB: 256 * 1024, passes: 4 })).toEqual({ memoryKiB: 256 * 1024, passes: 4 })
    expect(await change({})).toEqual({ memoryKiB: 256 * 1024, passes: 4 })
    expect(await change({ memoryKiB: 64 * 1024, passes: 5 })).toEqual({ memoryKiB: 256 * 1024, passes: 5 })
    const b = await createMemoryMachine("B", store)
    await admit(a, b)
    await b.sync()
  })

  it("a new workspace key begins an epoch, which all follow without a passphrase", async () => {
    const { made } = await machines("A", "B")
    const [a, b] = made
    await b.sync()
    b.person.passphrase = null
    expect(await a.session((open) => open.rotateKey())).toBe(2)
    await a.write("x", "1")
    await a.sync()
    await b.sync()
    expect(await b.read("x")).toBe("1")
  })

  it("a machine gets post-quantum keys, and all must have them once the policy says so", async () => {
    const { made, store } = await machines("A", "B")
    const [a, b] = made
    await b.sync()
    await expect(a.session((open) => open.requirePostQuantum())).rejects.toMatchObject({
      code: "POLICY_UNMET",
      details: { machines: expect.arrayContaining(["A", "B"]) },
    })
    await a.session((open) => open.rekey(["ed25519", "ml-dsa-87"]))
    await a.write("x", "1")
    await a.sync()
    await b.sync()
    expect(await b.read("x")).toBe("1")
    await b.session((open) => open.rekey(["ml-dsa-87"]))
    a.person.answers["require-post-quantum"] = false
    await expect(a.session((open) => open.requirePostQuantum())).rejects.toEqual(code("CANCELLED"))
    a.person.answers["require-post-quantum"] = true
    await a.session((open) => open.requirePostQuantum())
    await b.session((open) => open.requirePostQuantum())
    await b.write("y", "2")
    await b.sync()
    await a.sync()
    expect(await a.read("y")).toBe("2")
    const c = await createMemoryMachine("C", store)
    await admit(a, c)
    await c.sync()
    const views = await a.session((open) => open.machines())
    expect(views.find(({ name }) => name === "C")?.algorithms).toEqual(["ed25519", "ml-dsa-87"])
  })
})

describe("recovery", () => {
  it("lets a new machine in alone, with the passphrase, and puts out all others", async () => {
    const { made, store } = await machines("A", "B")
    const [a, b] = made
    await b.sync()
    await a.write("x", "1")
    await a.sync()
    const c = await createMemoryMachine("C", store)
    const joined = await c.engine.join({ root: "", storeUrl: STORE_URL, machineName: "C", recover: true })
    expect(joined.status).toBe("recovered")
    await c.sync()
    expect(await c.read("x")).toBe("1")
    await expect(a.sync()).rejects.toEqual(code("REVOKED"))
    await c.write("y", "2")
    await c.sync()
    const views = await c.session((open) => open.machines())
    expect(views.filter(({ status }) => status !== "revoked").map(({ name }) => name)).toEqual(["C"])
  })
})
