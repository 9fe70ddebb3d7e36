import { describe, expect, it } from "vitest"
import { toHex } from "../../../../crypto/bytes.ts"
import type { Store } from "../../../../storage/remote/store.ts"
import { admit, createMemoryMachine, type MemoryMachine, pair } from "../../../support/memoryMachine.ts"
import { seededBytes } from "../../../support/vault.ts"

const DAY_MS = 24 * 60 * 60 * 1000
const big = (seed: number) => toHex(seededBytes(seed, 100_000))

/** Something happens right before the n-th call of a verb of this machine's store. */
function rightBefore(
  machine: MemoryMachine,
  verb: "commit" | "read",
  n: number,
  event: () => Promise<void>,
): () => void {
  const { openStore } = machine.host
  let calls = 0
  const hook = async (called: string): Promise<void> => {
    if (called === verb && ++calls === n) await event()
  }
  const disarm = (): void => {
    calls = n
  }
  Object.assign(machine.host, {
    async openStore(...how: Parameters<typeof openStore>): Promise<Store> {
      const store = await openStore(...how)
      return {
        ...store,
        async commit(...args) {
          await hook("commit")
          return store.commit(...args)
        },
        async read(...args) {
          await hook("read")
          return store.read(...args)
        },
      }
    },
  })
  return disarm
}

const compact = async (machine: MemoryMachine, versions = 1): Promise<void> => {
  await machine.session((open) => open.compact({ keep: { versions } }))
}

async function expectEqual(a: MemoryMachine, b: MemoryMachine, files: Readonly<Record<string, string>>): Promise<void> {
  await a.sync()
  await b.sync()
  expect((await a.sync()).kind).toBe("in-sync")
  for (const machine of [a, b]) {
    for (const [path, content] of Object.entries(files))
      expect([path, await machine.read(path)]).toEqual([path, content])
    expect((await machine.session((open) => open.verify())).problems).toEqual([])
  }
}

describe("a machine in the middle of a sync while another compacts", () => {
  it("loses nothing of what it was about to publish", async () => {
    const { a, b } = await pair()
    for (let i = 0; i < 4; i++) {
      await a.write("a", `a ${i}`)
      await a.sync()
    }
    await b.write("b", "b")
    rightBefore(b, "commit", 1, () => compact(a))
    await b.sync()
    await expectEqual(a, b, { a: "a 3", b: "b", kept: "kept" })
  })

  it("goes on with the packs that it had sent ahead", async () => {
    const { store, a } = await pair()
    const c = await createMemoryMachine("C", store, {}, { stageBytes: 150_000 })
    await admit(a, c)
    await c.sync()
    for (let i = 0; i < 4; i++) await c.write(`big-${i}`, big(i))
    rightBefore(c, "commit", 3, () => compact(a))
    await c.sync()
    await expectEqual(a, c, Object.fromEntries([0, 1, 2, 3].map((i) => [`big-${i}`, big(i)])))
  })

  it.each([1, 2, 3, 4])("looks again when what it reads is gone: read %i", async (n) => {
    const { a, b } = await pair()
    const files = Object.fromEntries([0, 1, 2, 3, 4, 5].map((i) => [`big-${i}`, big(i)]))
    for (const [path, content] of Object.entries(files)) await a.write(path, content)
    await a.sync()
    const disarm = rightBefore(b, "read", n, async () => {
      for (let i = 1; i < 6; i++) await a.remove(`big-${i}`)
      await a.sync({ allowMassDelete: true })
      await compact(a)
    })
    await b.sync({ allowMassDelete: true })
    disarm()
    await expectEqual(a, b, { kept: "kept" })
    expect(await b.read("big-0")).toBe(big(0))
  })

  it.each(["verify", "log"] as const)("is not told that the store lost something: %s", async (verb) => {
    const { a, b } = await pair()
    for (let i = 0; i < 4; i++) {
      await a.write("a", `a ${i}`)
      await a.sync()
    }
    await b.sync()
    rightBefore(b, "read", 3, () => compact(a))
    const found = await b.session(async (open) => (verb === "log" ? open.log(null) : (await open.verify()).problems))
    expect(found.length > 0).toBe(verb === "log")
  })

  it("goes on with one's own compaction when the vault moved", async () => {
    const { a, b } = await pair()
    for (let i = 0; i < 4; i++) {
      await a.write("a", `a ${i}`)
      await a.sync()
    }
    rightBefore(a, "commit", 1, async () => {
      await b.write("b", "b")
      await b.sync()
    })
    await compact(a, 2)
    expect(a.person.asked.filter(({ code }) => code === "compact")).toHaveLength(1)
    await expectEqual(a, b, { a: "a 3", b: "b" })
  })

  it("keeps what it said it would, whatever was written meanwhile", async () => {
    const { a, b } = await pair()
    for (let i = 0; i < 4; i++) {
      await a.write("a", `a ${i}`)
      await a.sync()
    }
    const { sequence } = await a.sync()
    rightBefore(a, "commit", 1, async () => {
      await b.write("b", "b")
      await b.sync()
    })
    const report = await a.session((open) => open.compact({ keep: { versions: 2 } }))
    expect(report.oldest.sequence).toBe(sequence - 1)
  })

  it("goes on after another's compaction, which took away what this one was to keep", async () => {
    const { a, b } = await pair()
    rightBefore(a, "commit", 1, () => compact(b))
    await compact(a, 2)
    await expectEqual(a, b, { kept: "kept" })
  })

  it("is told by the watch that there is something new", async () => {
    const { a, b } = await pair()
    await a.write("a", "a")
    await a.sync()
    await b.sync()
    await b.session(async (open) => {
      await open.sync({ onConflict: "ask" })
      await compact(a)
      await open.waitForRemote({ pollMs: 1 })
      await open.sync({ onConflict: "ask" })
    })
    expect((await b.sync()).kind).toBe("in-sync")
  })
})

describe("a machine that was away for longer than tombstones are kept", () => {
  it("joins as new: what it edited stays, and what was deleted meanwhile comes back", async () => {
    const { store, a, b } = await pair({ kept: "kept", edited: "old", untouched: "untouched", theirs: "theirs" })
    await a.remove("edited")
    await a.remove("untouched")
    await a.sync({ allowMassDelete: true })
    await a.write("later", "later")
    await a.sync()
    a.clock.advance(60 * DAY_MS)
    await a.write("theirs", "by a")
    await a.sync()
    const young = await a.session((open) => open.compact())
    expect(young.tombstonesDropped).toBe(0)
    a.clock.advance(60 * DAY_MS)
    await a.write("theirs", "by a again")
    await a.sync()
    a.clock.advance(1000)
    const old = await a.session((open) => open.compact({ keep: { ms: 1 } }))
    expect(old).toMatchObject({ kind: "compacted", tombstonesDropped: 2 })

    await b.write("edited", "by b")
    await b.write("new", "new on b")
    await b.remove("kept")
    await b.sync({ onConflict: "keep-both", allowMassDelete: true })
    await a.sync({ onConflict: "keep-both" })
    await expectEqual(a, b, {
      kept: "kept",
      edited: "by b",
      untouched: "untouched",
      new: "new on b",
      theirs: "theirs",
      "theirs.remote": "by a again",
    })
    expect((await store.branches("")).length).toBe(1)
  })
})
