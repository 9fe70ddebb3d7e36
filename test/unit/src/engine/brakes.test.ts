import { expect, it } from "vitest"
import { createMemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { createMemoryMachine, found, type MemoryMachine } from "../../../support/memoryMachine.ts"

/** Two machines with eight files; just before A first publishes after `arm`, `first` is done. */
async function contended(): Promise<{ a: MemoryMachine; b: MemoryMachine; arm(first: () => Promise<void>): void }> {
  const store = createMemoryStore()
  let before: (() => Promise<void>) | null = null
  const moving = {
    ...store,
    commit: async (...args: Parameters<typeof store.commit>) => {
      const first = before
      before = null
      await first?.()
      return store.commit(...args)
    },
  }
  const [a, b] = [await createMemoryMachine("A", moving), await createMemoryMachine("B", store)]
  await found(a, b)
  for (let i = 0; i < 8; i++) await a.write(`f${i}`, "content")
  await a.sync()
  await b.sync()
  return {
    a,
    b,
    arm: (first) => {
      before = first
    },
  }
}

const massDeletes = ({ person }: MemoryMachine): number =>
  person.asked.filter(({ code }) => code === "mass-delete").length

it("what was allowed is not asked again because the vault moved meanwhile", async () => {
  const { a, b, arm } = await contended()
  for (let i = 0; i < 5; i++) await a.remove(`f${i}`)
  await b.write("new", "by B")
  arm(async () => void (await b.sync()))
  expect((await a.sync()).sent).toHaveLength(5)
  expect(massDeletes(a)).toBe(1)
  expect(await a.read("new")).toBe("by B")
})

it("more than was allowed is asked for", async () => {
  const { a, b, arm } = await contended()
  for (let i = 0; i < 5; i++) await a.remove(`f${i}`)
  arm(async () => {
    await a.remove("f5")
    await b.write("new", "by B")
    await b.sync()
  })
  await a.sync()
  expect(massDeletes(a)).toBe(2)
  a.person.answers = { "mass-delete": null }
  expect((await a.sync()).kind).toBe("in-sync")
})
