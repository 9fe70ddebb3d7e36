import { describe, expect, it } from "vitest"
import { createMemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { admit, createMemoryMachine, found, type MemoryMachine } from "../../../support/memoryMachine.ts"

const DAY_MS = 24 * 60 * 60 * 1000
const TASKS = ".vscode/tasks.json"
const WAITS = [{ path: TASKS, reason: "new-code" }]

/** A founds and lets B in, and C a day later. */
async function threeMachines() {
  const store = createMemoryStore()
  const [a, b, c] = await Promise.all(["A", "B", "C"].map((name) => createMemoryMachine(name, store)))
  const [first, second, third] = [a, b, c] as [MemoryMachine, MemoryMachine, MemoryMachine]
  await found(first, second)
  await second.sync()
  await first.sync()
  first.clock.advance(DAY_MS)
  await admit(first, third)
  await third.sync()
  await second.sync()
  return { a: first, b: second, c: third }
}

const codeQuestions = ({ person }: MemoryMachine) => person.asked.filter(({ code }) => code === "new-code")

describe("code that runs when the folder is opened", () => {
  it("waits for a yes while a machine that wrote to the vault is new, and all else comes", async () => {
    const { a, c } = await threeMachines()
    a.person.answers["new-code"] = null
    await c.write(TASKS, "{}")
    await c.write("notes", "hello")
    await c.sync()
    const first = await a.sync()
    expect(first.skipped).toEqual(WAITS)
    expect(await a.read("notes")).toBe("hello")
    expect(await a.read(TASKS)).toBeNull()
    expect(codeQuestions(a)[0]?.lines.join("\n")).toMatch(
      /^C \([a-z2-7]{8}\) was let in .*\n.*\n {2}\.vscode\/tasks\.json$/,
    )

    // Nothing of it is taken for a deletion, however often.
    await a.write("more", "1")
    expect((await a.sync()).skipped).toEqual(WAITS)
    await c.sync()
    expect(await c.read(TASKS)).toBe("{}")

    a.person.answers["new-code"] = true
    expect((await a.sync()).skipped).toEqual([])
    expect(await a.read(TASKS)).toBe("{}")
  })

  it("waits whomever the index names as its writer: a newcomer may name anybody", async () => {
    const { a, b, c } = await threeMachines()
    await c.write("notes", "hello")
    await c.sync()
    await b.sync()
    await b.write(TASKS, "{}")
    await b.sync()
    a.person.answers["new-code"] = false
    expect((await a.sync()).skipped).toEqual(WAITS)
    expect(codeQuestions(a)[0]?.lines[0]).toMatch(/^C /)
  })

  it("keeps the version that is here when another one waits", async () => {
    const { a, b, c } = await threeMachines()
    await a.write(TASKS, "old")
    await a.sync()
    await c.sync()
    await c.write(TASKS, "new")
    await c.sync()
    b.person.answers["new-code"] = true
    await b.sync()
    a.person.answers["new-code"] = null
    await a.sync()
    expect(await a.read(TASKS)).toBe("old")
    await b.sync()
    expect(await b.read(TASKS)).toBe("new")
  })

  it("comes without a question from machines known for a day, from any after a day, and to who joined after", async () => {
    const { a, b, c } = await threeMachines()
    await b.write(TASKS, "of b")
    await b.sync()
    await a.sync()
    await c.sync()
    expect(await c.read(TASKS)).toBe("of b")
    expect(await a.read(TASKS)).toBe("of b")

    await c.write(TASKS, "of c")
    await c.sync()
    a.clock.advance(DAY_MS)
    await a.sync()
    expect(await a.read(TASKS)).toBe("of c")
    expect([...codeQuestions(a), ...codeQuestions(c)]).toEqual([])
  })

  it("waits, too, when the newcomer that planted it was put out on the same day", async () => {
    const { a, b, c } = await threeMachines()
    await c.write(TASKS, "planted")
    await c.sync()
    await a.session((open) => open.revoke("C", { keepPassphrase: true }))
    await a.session((open) => open.deleteMachine("C"))
    for (const machine of [a, b]) {
      machine.person.answers["new-code"] = null
      expect((await machine.sync()).skipped).toEqual(WAITS)
    }
  })

  it("does not wait for a day that a clock set back puts off", async () => {
    const { a, c } = await threeMachines()
    await c.write(TASKS, "of c")
    await c.sync()
    a.person.answers["new-code"] = null
    a.clock.advance(-10 * DAY_MS)
    expect((await a.sync()).skipped).toEqual(WAITS)
    a.clock.advance(DAY_MS)
    expect((await a.sync()).skipped).toEqual([])
  })
})

describe("a machine that is away", () => {
  const daysOf = async (machine: MemoryMachine, name: string) =>
    (await machine.session((open) => open.machines())).find((view) => view.name === name)?.silentDays

  it("is told from one that writes, by the days on which somebody looked", async () => {
    const { a, b } = await threeMachines()
    await b.write("here", "1")
    await b.sync()
    expect(await daysOf(a, "B")).toBe(0)
    // A year in which this machine was off, too, is one day on which it looked.
    a.clock.advance(365 * DAY_MS)
    await a.sync()
    await a.sync()
    expect(await daysOf(a, "B")).toBe(1)
    await b.write("sign of life", "1")
    await b.sync()
    expect(await daysOf(a, "B")).toBe(0)
    expect(await daysOf(a, "A")).toBeNull()
  })

  it("is put out after thirty of them if a person agrees, and asks anew when it comes back", async () => {
    const { a, b, c } = await threeMachines()
    await b.write("here", "1")
    await b.sync()
    await a.sync()
    for (let day = 1; day < 30; day++) {
      a.clock.advance(DAY_MS)
      await a.sync()
    }
    await c.write("sign of life", "1")
    await c.sync()
    expect((await a.session((open) => open.purge())).revoked).toEqual([])
    a.clock.advance(DAY_MS)
    await a.sync()
    a.person.answers.revoke = false
    await expect(a.session((open) => open.purge())).rejects.toMatchObject({ code: "CANCELLED" })
    a.person.answers.revoke = true
    const { revoked } = await a.session((open) => open.purge())
    expect(revoked.map(({ name }) => name)).toEqual(["B"])
    expect(a.person.asked.at(-1)?.lines[0]).toBe("Nothing was seen of B on 30 days that this machine looked.")

    await b.write("from b", "its own work")
    await expect(b.sync()).rejects.toMatchObject({ code: "REVOKED" })
    expect(await b.read("from b")).toBe("its own work")
    await b.engine.join({ root: "", storeUrl: "memory:", machineName: "B again", again: true })
    await expect(b.sync()).rejects.toMatchObject({ code: "PENDING" })
    await a.session((open) => open.approve("B again"))
    await b.sync()
    await a.sync()
    expect(await a.read("from b")).toBe("its own work")
  })
})
