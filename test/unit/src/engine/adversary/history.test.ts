/**
 * Attacks on history by a host. Each is noticed by whoever can notice it, called by its name, and leaves no trace; the way
 * out works. What `alarms`, `compactHostile` and `repair.test.ts` show with one
 * store is not repeated: here each machine has a host of its own to look at.
 */
import { describe, expect, it } from "vitest"
import { firstCommitment, newWorkspaceKey } from "../../../../../src/trust/change.ts"
import { sealName } from "../../../../../storage/format/machineName.ts"
import { mainBranch, trustPath } from "../../../../../storage/layout.ts"
import { type MemoryMachine, STORE_URL } from "../../../../support/memoryMachine.ts"
import { insider } from "../../../../support/adversary/insider.ts"
import {
  arrive,
  besiege,
  code,
  diskOf,
  expectPeace,
  refusedWithoutTrace,
} from "../../../../support/adversary/machines.ts"

const MINUTE = 60 * 1000

describe("a host that rolls back for one machine only", () => {
  it("is found out by that machine, whose work stays and goes on after a repair", async () => {
    const { host, machines } = await besiege(["A", "B", "C"])
    const [a, b, c] = machines
    const old = await host.picture()
    await a.write("newer", "newer")
    await a.sync()
    await b.sync()
    await host.split("past")
    await host.rollBack(old, "past")
    host.place("B", "past")
    await b.write("by-b", "b")
    const attempt = () => b.sync()
    await refusedWithoutTrace(host, machines, "STORE_BEHIND", attempt, ["", "past"])
    b.clock.advance(6 * MINUTE)
    await refusedWithoutTrace(host, machines, "VAULT_WENT_BACK", attempt, ["", "past"])
    expect(await b.read("by-b")).toBe("b")
    // In the old world, which is all that B is shown; nothing is lost when the host comes clean afterwards.
    await b.session((open) => open.repair())
    await b.sync()
    host.place("B", "")
    await refusedWithoutTrace(host, machines, "STORE_BEHIND", attempt)
    await b.session((open) => open.repair())
    await expectPeace([b, a, c], { kept: "kept", newer: "newer", "by-b": "b" })
  })
})

describe("a host that forks", () => {
  it("keeps two halves apart only for as long as nobody meets the other half", async () => {
    const { host, machines } = await besiege(["A", "B", "C"])
    const [a, b, c] = machines
    await host.split("other")
    host.place("B", "other")
    await a.write("by-a", "a")
    await b.write("by-b", "b")
    await a.sync()
    await b.sync()
    await c.sync()
    expect([await c.read("by-a"), await c.read("by-b")]).toEqual(["a", null])

    host.place("C", "other")
    await c.write("by-c", "c")
    await refusedWithoutTrace(host, machines, "VAULT_FORKED", () => c.sync(), ["", "other"])
    // C's version on top of B's half; B is asked, and brings its own back.
    await c.session((open) => open.repair())
    host.place("A", "other")
    await b.sync()
    expect(b.person.asked.some((question) => question.code === "repair")).toBe(true)
    await expectPeace([c, b, a], { kept: "kept", "by-a": "a", "by-b": "b", "by-c": "c" })
  })

  it("is believed by nobody of three who saw another head each, and repairs bring all together", async () => {
    const { host, machines } = await besiege(["A", "B", "C"])
    const names = ["A", "B", "C"]
    for (const [i, machine] of machines.entries()) {
      await host.split(names[i] as string)
      host.place(machine.name, names[i] as string)
      await machine.write(`by-${machine.name}`, machine.name)
      await machine.write("kept", `kept by ${machine.name}`)
    }
    for (const machine of machines) await machine.sync()
    for (const [i, machine] of machines.entries()) {
      for (const other of names.toSpliced(i, 1)) {
        host.place(machine.name, other)
        await refusedWithoutTrace(host, machines, "VAULT_FORKED", () => machine.sync(), ["", ...names])
      }
    }
    for (const name of names) host.place(name, "B")
    expect(await settle(machines)).toBe(1)
    const disks = await Promise.all(machines.map((machine) => diskOf(machine)))
    expect(disks[1]).toEqual(disks[0])
    expect(disks[2]).toEqual(disks[0])
    const contents = [...(disks[0]?.values() ?? [])]
    for (const name of names) expect(contents).toEqual(expect.arrayContaining([name, `kept by ${name}`]))
  })
})

/** Syncs all until nothing is left to do, and repairs where that is the way out. @returns How often. */
async function settle(machines: readonly MemoryMachine[]): Promise<number> {
  let repairs = 0
  for (let quiet = 0; quiet < machines.length; ) {
    for (const machine of machines) {
      try {
        quiet = (await machine.sync({ onConflict: "keep-both" })).kind === "in-sync" ? quiet + 1 : 0
      } catch (error) {
        expect(error).toEqual(code("VAULT_FORKED"))
        await machine.session((open) => open.repair())
        expect(++repairs).toBeLessThan(20)
        quiet = 0
      }
    }
  }
  return repairs
}

describe("a host that freezes", () => {
  it("can hide what a machine never saw, but not make it publish beside it", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    host.freeze("B", await host.picture())
    await a.write("hidden", "from b")
    await a.sync()
    expect((await b.sync()).kind).toBe("in-sync")
    await b.write("by-b", "b")
    await refusedWithoutTrace(host, machines, "CONTENDED", () => b.sync())
    expect(await b.read("by-b")).toBe("b")
    host.thaw("B")
    await expectPeace([b, a], { kept: "kept", hidden: "from b", "by-b": "b" })
  })

  it("is found out by what the machine itself published since", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [, b] = machines
    const old = await host.picture()
    await b.write("by-b", "b")
    await b.sync()
    host.freeze("B", old)
    await refusedWithoutTrace(host, machines, "STORE_BEHIND", () => b.sync())
    b.clock.advance(6 * MINUTE)
    await refusedWithoutTrace(host, machines, "VAULT_WENT_BACK", () => b.sync())
  })

  it("does not get a machine let in on the strength of a log that leaves out its approver's revocation", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const old = await host.picture()
    await a.session((open) => open.revoke("B", { keepPassphrase: true }))
    host.freeze("B", old)
    const c = await arrive(host, "C")
    const { machine } = await c.engine.join({ root: "", storeUrl: STORE_URL, machineName: "C", remember: true })
    // The request names an end of the log that B is not shown: the one channel past the host.
    host.freeze("B", new Map([...(await host.picture()), ...old]))
    await refusedWithoutTrace(host, [...machines, c], "MACHINE_UNKNOWN", () =>
      b.session((open) => open.approve(machine.id)),
    )
    await expect(c.sync()).rejects.toEqual(code("PENDING"))
  })
})

describe("a host that lies about a push", () => {
  it("is found out at the next look, and the work is published by the next sync after a repair", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    host.tamper("A", { commit: () => "lose" })
    await a.write("lost", "at the host")
    await a.sync()
    host.tamper("A", null)
    await refusedWithoutTrace(host, machines, "STORE_BEHIND", () => a.sync())
    a.clock.advance(6 * MINUTE)
    await refusedWithoutTrace(host, machines, "VAULT_WENT_BACK", () => a.sync())
    const { lost } = await a.session((open) => open.repair())
    expect(lost).toEqual([])
    await expectPeace([a, b], { kept: "kept", lost: "at the host" })
  })

  it("does not make a machine publish for ever against a branch that never takes it", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a] = machines
    host.tamper("A", { commit: () => "refuse" })
    await a.write("new", "new")
    await refusedWithoutTrace(host, machines, "CONTENDED", () => a.sync())
    await refusedWithoutTrace(host, machines, "CONTENDED", () => a.session((open) => open.changePassphrase()))
    host.tamper("A", null)
    await expectPeace(machines, { kept: "kept", new: "new" })
  })
})

describe("another vault under this one's name", () => {
  /** One of the same user, with the same passphrase and a machine of the same name. */
  async function twins() {
    const { host, machines } = await besiege(["A", "B"])
    const other = await besiege(["A"], { theirs: "another vault's" })
    const [a, b] = machines
    return { host, machines, a, b, other: other.host }
  }

  it("is no vault of theirs for members, and none to join for who knows the id", async () => {
    const { host, machines, a, b, other } = await twins()
    const objects = await other.objects()
    const real = await host.picture()
    const { workspace } = await a.session(async (open) => open)
    await host.forge((tree) => {
      tree.clear()
      for (const [path, bytes] of objects) tree.set(path, bytes)
    })
    for (const machine of machines) {
      await refusedWithoutTrace(host, machines, "TRUST_LOG_INVALID", () => machine.sync())
    }
    const c = await arrive(host, "C")
    const join = () => c.engine.join({ root: "", storeUrl: STORE_URL, machineName: "C", workspace })
    await refusedWithoutTrace(host, [...machines, c], "TRUST_LOG_INVALID", join)
    await a.session((open) => open.repair())
    await expectPeace([a, b], { kept: "kept" })
    expect(await host.picture()).not.toEqual(real)
  })

  it("in its place under a name of its own is one that vanished", async () => {
    const { host, machines, a, b, other } = await twins()
    const { name: theirs } = await other.main()
    const { name: ours } = await host.main()
    const objects = await other.objects()
    const [parent] = (await host.picture()).values()
    const store = host.door("host")
    await store.commit({ branch: theirs, parent: null, snapshot: objects })
    const both = await host.picture()
    await host.rollBack(new Map([...both].filter(([name]) => name !== ours)))
    for (const machine of machines) {
      await refusedWithoutTrace(host, machines, "VAULT_VANISHED", () => machine.sync())
    }
    await a.session((open) => open.repair())
    expect((await host.picture()).get(ours)).not.toBe(parent)
    await b.sync()
    await expectPeace([a, b], { kept: "kept" })
    // A joiner whom the passphrase opens both is asked which one is meant.
    const c = await arrive(host, "C")
    const join = () => c.engine.join({ root: "", storeUrl: STORE_URL, machineName: "C" })
    await expect(join()).rejects.toEqual(code("VAULT_AMBIGUOUS"))
    expect(ours).toBe(mainBranch(await a.session(async (open) => open.workspace)))
  })

  it("made of this one by a new genesis is refused by its id", async () => {
    const { host, machines, a, b } = await twins()
    const mole = await insider(b)
    const key = newWorkspaceKey(b.crypto)
    const [first] = mole.head.trust.entries
    // All that is signed by the passphrase is copied; the machine, its key and the epoch's are the traitor's own.
    const genesis = await mole.entry(mole.head.trust, {
      ...first?.entry,
      writer: mole.identity.id,
      machine: {
        record: mole.identity.record,
        name: await sealName(b.crypto, 1, mole.keys.key, mole.identity.id, "A"),
      },
      commitment: firstCommitment(b.crypto, key),
    } as never)
    await host.forge((tree) => void tree.set(trustPath(1), genesis))
    // Members know the log, and read of it only what is new; whoever has none yet reads all of it.
    await a.sync()
    const c = await arrive(host, "C")
    const join = () => c.engine.join({ root: "", storeUrl: STORE_URL, machineName: "C" })
    await refusedWithoutTrace(host, [...machines, c], "TRUST_LOG_INVALID", join)
  })
})
