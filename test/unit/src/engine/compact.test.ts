import { describe, expect, it } from "vitest"
import { toHex } from "../../../../crypto/bytes.ts"
import { seededBytes } from "../../../support/vault.ts"
import { createMemoryMachine, mainOf, type MemoryMachine, pair } from "../../../support/memoryMachine.ts"

const code = (expected: string) => expect.objectContaining({ code: expected })
const DAY_MS = 24 * 60 * 60 * 1000

/** So many versions of one file, one a day. */
async function edit(machine: MemoryMachine, path: string, from: number, to: number): Promise<void> {
  for (let i = from; i <= to; i++) {
    await machine.write(path, `${path} ${i}`)
    await machine.sync()
    machine.clock.advance(DAY_MS)
  }
}

async function contentAt(machine: MemoryMachine, path: string, sequence: number): Promise<string> {
  let text = ""
  await machine.session((open) =>
    open.content(path, { sequence }, (bytes) => {
      text += new TextDecoder().decode(bytes)
    }),
  )
  return text
}

const verify = async (machine: MemoryMachine) => (await machine.session((open) => open.verify())).problems

describe("a compaction", () => {
  it("keeps the newest versions that it is told to, each as it was, and drops what was before", async () => {
    const { store, a, b } = await pair()
    await edit(a, "file", 1, 6)
    const { sequence: last } = await a.sync()
    const report = await a.session((open) => open.compact({ keep: { versions: 3 } }))
    expect(report).toMatchObject({ kind: "compacted", versionsAfter: 4, sequence: last + 1, isReclaimed: true })
    expect(report.oldest.sequence).toBe(last - 2)
    expect(await store.history((await mainOf(store)).head, 100)).toHaveLength(4)
    for (const machine of [a, b]) {
      for (const [sequence, i] of [
        [last, 6],
        [last - 1, 5],
        [last - 2, 4],
      ] as const) {
        expect(await contentAt(machine, "file", sequence)).toBe(`file ${i}`)
      }
      await expect(contentAt(machine, "file", last - 3)).rejects.toEqual(code("VERSION_DROPPED"))
      expect(await verify(machine)).toEqual([])
    }
    await b.sync()
    expect(await b.read("file")).toBe("file 6")
    const log = await b.session((open) => open.log("kept"))
    expect(log).toMatchObject([{ change: "kept", sequence: last - 2 }])
    expect((await b.session((open) => open.log("file"))).map(({ change }) => change)).toEqual([
      "modified",
      "modified",
      "kept",
    ])
  })

  it("keeps the present alone, and room is given back", async () => {
    const { store, a, b } = await pair()
    await edit(a, "file", 1, 6)
    const { storeBytes } = await a.session((open) => open.compact({ keep: { versions: 1 } }))
    expect(storeBytes?.after).toBeLessThan((storeBytes?.before ?? 0) / 2)
    expect(await store.history((await mainOf(store)).head, 100)).toHaveLength(1)
    expect((await b.sync()).kind).toBe("synced")
    expect((await b.sync()).kind).toBe("in-sync")
    await edit(b, "file", 7, 7)
    await a.sync()
    expect(await a.read("file")).toBe("file 7")
    expect(await verify(a)).toEqual([])
    const again = await a.session((open) => open.compact({ keep: { versions: 5 } }))
    expect(again.kind).toBe("nothing-to-do")
  })

  it("keeps every state of the time it is told to, the one in force when it began too", async () => {
    const { a } = await pair()
    await edit(a, "file", 1, 10)
    const { sequence: last } = await a.sync()
    const report = await a.session((open) => open.compact({ keep: { ms: 3.5 * DAY_MS } }))
    // Made 1, 2 and 3 days ago; and 4 days ago.
    expect(report).toMatchObject({ versionsAfter: 5, oldest: { sequence: last - 3 } })
    expect(await contentAt(a, "file", last - 3)).toBe("file 7")
  })

  it("says what it would do, asks, and drops nothing without a yes", async () => {
    const { store, a } = await pair()
    await edit(a, "file", 1, 4)
    const before = await mainOf(store)
    const report = await a.session((open) => open.compact({ keep: { versions: 1 }, dryRun: true }))
    expect(report).toMatchObject({ kind: "dry-run", versionsAfter: 1 })
    expect(report.versionsBefore).toBeGreaterThan(4)
    a.person.answers.compact = false
    const asked = a.session((open) => open.compact({ keep: { versions: 1 } }))
    await expect(asked).rejects.toEqual(code("CANCELLED"))
    expect(await mainOf(store)).toEqual(before)
  })

  it("has nothing to do where all is young", async () => {
    const { store, a } = await pair()
    await edit(a, "file", 1, 4)
    const before = await mainOf(store)
    expect((await a.session((open) => open.compact())).kind).toBe("nothing-to-do")
    expect(await mainOf(store)).toEqual(before)
    expect(a.person.asked.filter((question) => question.code === "compact")).toEqual([])
  })

  it("rewrites packs of which little is needed, and only the places change", async () => {
    const { store, a, b } = await pair()
    const big = (i: number) => toHex(seededBytes(i + 1, 100_000))
    for (let i = 0; i < 8; i++) await a.write(`big-${i}`, big(i))
    await a.sync()
    for (let i = 1; i < 8; i++) await a.remove(`big-${i}`)
    await a.sync({ allowMassDelete: true })
    const report = await a.session((open) => open.compact({ keep: { versions: 1 } }))
    expect(report.packsRewritten).toBeGreaterThan(0)
    await b.sync({ allowMassDelete: true })
    expect(await b.read("big-0")).toBe(big(0))
    const c = await createMemoryMachine("C", store)
    const { machine } = await c.engine.join({ root: "", storeUrl: "memory:", machineName: "C", remember: true })
    await a.session((open) => open.approve(machine.id))
    await c.sync()
    expect(await c.read("big-0")).toBe(big(0))
    expect(await verify(c)).toEqual([])
    expect((await a.session((open) => open.compact({ keep: { versions: 1 } }))).packsRewritten).toBe(0)
  })
})
