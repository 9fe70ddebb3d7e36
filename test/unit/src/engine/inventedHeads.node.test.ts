import { describe, expect, it } from "vitest"
import { toBase64 } from "../../../../crypto/bytes.ts"
import { forge } from "../../../support/forger.node.ts"
import { admit, createMemoryMachine, type MemoryMachine, pair } from "../../../support/memoryMachine.ts"

type Counters = { id: string; counter: number; head: string | null }[]

const INVENTED = toBase64(new Uint8Array(32).fill(7))

async function idOf({ session }: MemoryMachine): Promise<string> {
  const machines = await session((open) => open.machines())
  return machines.find(({ status }) => status === "this")?.id ?? ""
}

/** Headers of another machine that never were, in a header that follows at once or only later. */
function inventing(id: string, later: boolean) {
  return (fields: Readonly<Record<string, unknown>>) => {
    const machines = (fields["machines"] as Counters).filter((each) => each.id !== id)
    machines.push({ id, counter: fields["sequence"] as number, head: INVENTED })
    machines.sort((a, b) => (a.id < b.id ? -1 : 1))
    const follows = later ? { sequence: (fields["sequence"] as number) + 1, previous: INVENTED } : {}
    return { ...fields, ...follows, machines } as never
  }
}

describe("a trusted machine that counts another's headers for it", () => {
  it("is not believed right after the version seen last: nobody looks restored, let alone cloned", async () => {
    const { a, b } = await pair()
    const victim = await idOf(a)
    await forge(b, { items: { planted: "planted" }, header: inventing(victim, false) })
    for (let i = 0; i < 2; i++) {
      await expect(a.sync()).rejects.toMatchObject({ code: "HEADER_INVALID", reason: "counters do not follow" })
    }
    expect(await a.read("planted")).toBe(null)
    await a.session((open) => open.repair())
    expect((await a.sync()).kind).toBe("in-sync")
  })

  it("is not believed by others either, that this machine's number never told", async () => {
    const { store, a, b } = await pair()
    const c = await createMemoryMachine("C", store)
    await admit(a, c)
    await c.sync()
    await b.sync()
    await forge(b, { header: inventing(await idOf(a), false) })
    await expect(c.sync()).rejects.toMatchObject({ code: "HEADER_INVALID", reason: "counters do not follow" })
  })

  it("is not believed by that one when versions lie between: it has not signed what is counted", async () => {
    const { a, b } = await pair()
    const victim = await idOf(a)
    await forge(b, { items: { planted: "planted" }, header: inventing(victim, true) })
    for (let i = 0; i < 2; i++) {
      await expect(a.sync()).rejects.toMatchObject({
        code: "VAULT_FORKED",
        details: { reason: "counter without its header" },
      })
    }
    expect(await a.read("planted")).toBe(null)
    await a.session((open) => open.repair())
    expect((await a.sync()).kind).toBe("in-sync")
    await a.write("later", "later")
    expect((await a.sync()).kind).toBe("synced")
  })

  it("is not believed in a repair either, whose question would be answered with yes", async () => {
    const { a, b } = await pair()
    const change = inventing(await idOf(a), true)
    const repairing = (fields: Readonly<Record<string, unknown>>) =>
      change({ ...fields, kind: "repair", supersedes: fields["previous"] })
    await forge(b, { header: repairing as never })
    await expect(a.sync()).rejects.toMatchObject({ code: "VAULT_FORKED" })
  })

  it("is named by verify, for who was away and read no version in between", async () => {
    const { store, a, b } = await pair()
    const c = await createMemoryMachine("C", store)
    await admit(a, c)
    await b.sync()
    const away = await idOf(a)
    await forge(b, { header: inventing(away, false) })
    // The one that turned would not believe it either: it forgets what it saw.
    for (const { values } of b.states.values()) values.delete("seen")
    await forge(b, {})
    await c.sync()
    const { problems } = await c.session((open) => open.verify())
    expect(problems).toEqual([
      {
        kind: "history",
        object: "history",
        reason: "counters do not follow",
        touches: [{ sequence: expect.any(Number), files: [] }],
        files: [],
      },
    ])
  })
})
