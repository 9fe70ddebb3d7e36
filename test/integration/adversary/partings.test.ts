/**
 * Machines that part without malice: changes of trust at the same moment, a machine that was away or restored, a store
 * that went back under three machines that saw different things, answers that are late. Each ends in peace, with nobody's
 * work lost.
 *
 * Elsewhere: two that revoke each other (`repair.test.ts`), an identity on two clones (`alarms`, `processes`), a compaction
 * during a sync (`compactMeanwhile`), an upload resumed after a rotation (`interrupted`), a memory that is lost or damaged
 * (`repair`, `safety/lostState`), an answer that never came (`lostAnswers`).
 */
import { describe, expect, it } from "vitest"
import { prepareStateFolder } from "../../../src/tree/stateFolder.ts"
import type { Tampering } from "../../support/adversary/host.ts"
import {
  arrive,
  besiege,
  code,
  diskOf,
  expectPeace,
  FRESH_PASSPHRASE,
  refusedWithoutTrace,
} from "../../support/adversary/machines.ts"
import { type MemoryMachine, STORE_URL } from "../../support/memoryMachine.ts"

const MINUTE = 60 * 1000
type Work = (machine: MemoryMachine) => Promise<unknown>

const CHANGES: Readonly<Record<string, Work>> = {
  approve: (machine) => machine.session((open) => open.approve("D")),
  revoke: (machine) => machine.session((open) => open.revoke("C")),
  retire: (machine) => machine.session((open) => open.revoke("C", { keepPassphrase: true })),
  "set a passphrase": (machine) => machine.session((open) => open.changePassphrase()),
  "take new keys": (machine) => machine.session((open) => open.rekey(["ed25519"])),
}

/** What each other's change leaves to do of one's own. */
const DONE_BY_OTHER = /^(MACHINE_UNKNOWN|MACHINE_STATE)$/

describe.each(Object.entries(CHANGES))("two machines change whom to trust at once: one is to %s,", (mine, change) => {
  it.each(Object.entries(CHANGES))("the other to %s", async (theirs, other) => {
    const { host, machines } = await besiege(["A", "B", "C"])
    const [a, b, c] = machines
    const d = await arrive(host, "D")
    await d.engine.join({ root: "", storeUrl: STORE_URL, machineName: "D", remember: true })
    await a.write("by-a", "a")
    const asked = meanwhile(host.tamper, "A", () => other(b))
    const heads = host.picture()
    await expect(change(a)).rejects.toEqual(code("TRUST_CHANGED"))
    expect(await asked()).toBe(1)
    expect(await host.picture()).not.toEqual(await heads)

    // Looked at again, it is done, or there is nothing left to do.
    if (isOneThing(mine, theirs)) {
      await expect(change(a)).rejects.toHaveProperty("code", expect.stringMatching(DONE_BY_OTHER))
    } else {
      // A request is of one epoch: in the next the machine asks anew.
      if (theirs === "revoke") d.person.passphrase = FRESH_PASSPHRASE
      await d.session((open) => open.status())
      await change(a)
    }
    const isOut = [mine, theirs].some((what) => what === "revoke" || what === "retire")
    const isIn = [mine, theirs].includes("approve")
    const members = [a, b, ...(isOut ? [] : [c]), ...(isIn ? [d] : [])]
    for (const machine of members) machine.person.passphrase = FRESH_PASSPHRASE
    await expectPeace(members, { kept: "kept", "by-a": "a" })
    if (isOut) await expect(c.sync()).rejects.toEqual(code("REVOKED"))
    if (!isIn) await expect(d.sync()).rejects.toThrow()
  })
})

function isOneThing(mine: string, theirs: string): boolean {
  const puts = (what: string): boolean => what === "revoke" || what === "retire"
  return (mine === "approve" && theirs === "approve") || (puts(mine) && puts(theirs))
}

/** Lets something happen once, just before this machine's next push arrives. */
function meanwhile(
  tamper: (machine: string, tampering: Tampering | null) => void,
  machine: string,
  event: () => Promise<unknown>,
): () => Promise<number> {
  let happening: Promise<unknown> | null = null
  const first = async (): Promise<void> => {
    if (happening !== null) return
    happening = event()
    await happening
  }
  tamper(machine, { beforeCommit: first })
  return async () => {
    await happening
    return happening === null ? 0 : 1
  }
}

describe("a machine that was revoked while it was offline", () => {
  it("is told so when it publishes; its work stays, and comes along when it is let in again", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    await a.session((open) => open.revoke("B", { keepPassphrase: true }))
    await b.write("offline", "work")
    await b.write("kept", "edited")
    for (let i = 0; i < 2; i++) await refusedWithoutTrace(host, machines, "REVOKED", () => b.sync())
    await refusedWithoutTrace(host, machines, "REVOKED", () => b.session((open) => open.repair()))
    const { machine } = await b.engine.join({
      root: "",
      storeUrl: STORE_URL,
      machineName: "B again",
      remember: true,
      again: true,
    })
    await a.session((open) => open.approve(machine.id))
    await b.sync({ onConflict: "keep-local" })
    await expectPeace([b, a], { kept: "edited", offline: "work" })
  })
})

describe("a machine that was away while much changed", () => {
  it("comes back through new epochs, keys and passphrases without being asked for any", async () => {
    const { machines } = await besiege(["A", "B", "C", "D"])
    const [a, b] = machines
    await b.write("away", "b")
    await a.session((open) => open.revoke("C", { keepPassphrase: true }))
    await a.session((open) => open.rekey(["ed25519", "ml-dsa-87"]))
    await a.session((open) => open.changePassphrase())
    a.person.newPassphrase = "marble lantern copper orbit saddle hazel"
    await a.session((open) => open.revoke("D"))
    await a.write("meanwhile", "a")
    await a.sync()
    b.person.passphrase = null
    await expectPeace([b, a], { kept: "kept", away: "b", meanwhile: "a" })
  })
})

/** Disk and memory of a machine, put back as they were. */
async function snapshotOf(machine: MemoryMachine): Promise<() => Promise<void>> {
  const states = [...machine.states].map(
    ([id, { values }]) => [id, new Map([...values].map(([name, bytes]) => [name, bytes.slice()]))] as const,
  )
  const disk = await diskOf(machine)
  return async () => {
    for (const path of (await diskOf(machine)).keys()) if (!path.endsWith("/")) await machine.remove(path)
    for (const [path, content] of disk) await machine.write(path, content)
    for (const [id, values] of states) {
      const state = machine.states.get(id)
      state?.values.clear()
      for (const [name, bytes] of values) state?.values.set(name, bytes)
      await prepareStateFolder(machine.workspace, id)
    }
  }
}

describe("a machine restored from a snapshot", () => {
  it("while the host shows it the head of then: publishes again what it published before, and is found out", async () => {
    const { host, machines } = await besiege(["A", "B", "C"])
    const [a, b, c] = machines
    const restore = await snapshotOf(a)
    await host.split("then")
    await a.write("first", "life")
    await a.sync()
    await b.sync()
    await restore()
    host.place("A", "then")
    await a.write("second", "life")
    await a.sync()
    // One counter, two headers: whoever meets the other half says so, the machine itself too.
    host.place("B", "then")
    await refusedWithoutTrace(host, machines, "VAULT_FORKED", () => b.sync(), ["", "then"])
    host.place("A", "")
    await refusedWithoutTrace(host, machines, "VAULT_FORKED", () => a.sync(), ["", "then"])
    host.place("B", "")
    await a.session((open) => open.repair())
    await expectPeace([a, b, c], { kept: "kept", first: "life", second: "life" })
  })

  it("of before a compaction that dropped what it wrote since: takes its number over, and nothing is lost", async () => {
    const { machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const restore = await snapshotOf(a)
    await a.write("first", "life")
    await a.sync()
    await b.write("of b", "1")
    await b.sync()
    await b.session((open) => open.compact({ keep: { versions: 1 } }))
    await restore()
    await a.write("second", "life")
    await expectPeace([a, b], { kept: "kept", first: "life", second: "life", "of b": "1" })
  })

  it("while the host is frozen at the head of then: publishes nothing, and goes on when it thaws", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const then = await host.picture()
    const restore = await snapshotOf(a)
    await a.write("first", "life")
    await a.sync()
    await b.sync()
    await restore()
    host.freeze("A", then)
    await a.write("second", "life")
    await refusedWithoutTrace(host, machines, "CONTENDED", () => a.sync())
    host.thaw("A")
    await expectPeace([a, b], { kept: "kept", first: "life", second: "life" })
  })
})

describe("a store restored from a backup", () => {
  it("under three machines that saw different versions: what any of them has comes back", async () => {
    const { host, machines } = await besiege(["A", "B", "C"])
    const [a, b, c] = machines
    const backup = await host.picture()
    await a.write("one", "1")
    await a.sync()
    await b.sync()
    await a.write("two", "2")
    await a.sync()
    await host.rollBack(backup)
    // C saw no more than the backup has: for it nothing happened, and it goes on.
    await c.write("three", "3")
    await c.sync()
    for (const machine of [a, b]) {
      await refusedWithoutTrace(host, machines, "VAULT_FORKED", () => machine.sync())
    }
    await b.session((open) => open.repair())
    await b.sync()
    await refusedWithoutTrace(host, machines, "VAULT_FORKED", () => a.sync())
    await a.session((open) => open.repair())
    await expectPeace([a, b, c], { kept: "kept", one: "1", two: "2", three: "3" })
  })

  it("is repaired by two at once: one is told that it changed, and follows", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const backup = await host.picture()
    await a.write("one", "1")
    await a.sync()
    await b.sync()
    await host.rollBack(backup)
    const asked = meanwhile(host.tamper, "A", () => b.session((open) => open.repair()))
    await expect(a.session((open) => open.repair())).rejects.toEqual(code("CONTENDED"))
    expect(await asked()).toBe(1)
    await expectPeace([a, b], { kept: "kept", one: "1" })
  })

  it("with a revocation in what it lost: the revoked machine stays out once one has repaired", async () => {
    const { host, machines } = await besiege(["A", "B", "C"])
    const [a, b, c] = machines
    const backup = await host.picture()
    await a.session((open) => open.revoke("B"))
    await host.rollBack(backup)
    await b.write("by-b", "b")
    await b.sync()
    await c.sync()
    await refusedWithoutTrace(host, machines, "VAULT_FORKED", () => a.sync())
    await a.session((open) => open.repair())
    await refusedWithoutTrace(host, machines, "REVOKED", () => b.sync())
    c.person.passphrase = FRESH_PASSPHRASE
    await expectPeace([c, a], { kept: "kept", "by-b": "b" })
  })
})

describe("answers that are late", () => {
  it("by some seconds: waited for, and nobody hears of it", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const old = await host.picture()
    await a.write("new", "new")
    await a.sync()
    await b.sync()
    host.freeze("B", old, 3)
    expect((await b.sync()).kind).toBe("in-sync")
    await expectPeace([a, b], { kept: "kept", new: "new" })
  })

  it("by half a minute: said to be behind, never an alarm, and forgotten afterwards", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const old = await host.picture()
    await a.write("new", "new")
    await a.sync()
    await b.sync()
    await b.write("by-b", "b")
    host.freeze("B", old)
    await refusedWithoutTrace(host, machines, "STORE_BEHIND", () => b.sync())
    await refusedWithoutTrace(host, machines, "STORE_BEHIND", () => b.sync())
    host.thaw("B")
    await b.sync()
    // Much later once more: that is another time, not the end of five minutes.
    b.clock.advance(60 * MINUTE)
    host.freeze("B", old)
    await refusedWithoutTrace(host, machines, "STORE_BEHIND", () => b.sync())
    host.thaw("B")
    await expectPeace([a, b], { kept: "kept", new: "new", "by-b": "b" })
  })

  it("during a change of trust: it is made on the newest log or not at all", async () => {
    const { host, machines } = await besiege(["A", "B", "C"])
    const [a, b, c] = machines
    const old = await host.picture()
    await a.session((open) => open.revoke("C", { keepPassphrase: true }))
    // B has not seen it, and its host does not tell for a while.
    host.freeze("B", old, 1)
    await expect(b.session((open) => open.changePassphrase())).rejects.toEqual(code("TRUST_CHANGED"))
    await b.session((open) => open.changePassphrase())
    await expect(c.sync()).rejects.toEqual(code("REVOKED"))
    await expectPeace([a, b], { kept: "kept" })
  })
})
