import { describe, expect, it } from "vitest"
import { StoreError } from "../../../../storage/errors.ts"
import { createMemoryStore, type MemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { createMemoryMachine, found } from "../../../support/memoryMachine.ts"

const VERBS = ["branches", "snapshot", "read", "commit"] as const

/** A store that tells of each request before it is carried out. */
function createWatchedStore(): MemoryStore & { before: (verb: string, branch?: string) => void } {
  const store = createMemoryStore()
  const watched = { ...store, before: (_verb: string, _branch?: string): void => {} }
  for (const verb of VERBS) {
    const call = store[verb] as (...args: unknown[]) => Promise<unknown>
    const told = async (...args: unknown[]): Promise<unknown> => {
      watched.before(verb, verb === "commit" ? (args[0] as { branch: string }).branch : undefined)
      return call(...args)
    }
    Object.assign(watched, { [verb]: told })
  }
  return watched
}

const offline = (): never => {
  throw new StoreError("STORE_UNREACHABLE", "the connection broke", { transient: true })
}

async function halfAnUpload() {
  const store = createWatchedStore()
  const [a, b, c] = await Promise.all(
    ["A", "B", "C"].map((name) => createMemoryMachine(name, store, {}, { stageBytes: 1 })),
  )
  if (a === undefined || b === undefined || c === undefined) throw new Error("three machines")
  await found(a, b, c)
  await b.sync()
  await a.write("large", "line\n".repeat(20_000))
  store.before = (verb, branch) => {
    if (verb === "commit" && branch?.endsWith("/main")) offline()
  }
  await expect(a.sync()).rejects.toMatchObject({ code: "STORE_UNREACHABLE" })
  store.before = () => {}
  return { store, a, b }
}

const uploadsIn = async (store: MemoryStore) =>
  (await store.branches("")).filter(({ name }) => name.includes("/upload/"))

describe("an interrupted upload", () => {
  it("goes on with the packs that are there", async () => {
    const { store, a, b } = await halfAnUpload()
    expect(await uploadsIn(store)).toHaveLength(1)
    expect((await a.sync()).bytesSent).toBe(0)
    expect(await uploadsIn(store)).toEqual([])
    await b.sync()
    expect(await b.read("large")).toHaveLength(100_000)
  })

  it("starts over after a revocation: what was sealed before it is not published", async () => {
    const { store, a, b } = await halfAnUpload()
    const [upload] = await uploadsIn(store)
    const sealedBefore = new Set((await store.snapshot(upload?.head ?? "")).values())
    b.person.newPassphrase = "velvet orchard lantern sturdy maple cousin"
    await b.session((open) => open.revoke("C"))
    await a.sync()
    const main = (await store.branches("")).find(({ name }) => name.endsWith("/main"))
    const packs = [...(await store.snapshot(main?.head ?? ""))].filter(([path]) => path.startsWith("packs/"))
    expect(packs).not.toEqual([])
    expect(packs.filter(([, id]) => sealedBefore.has(id))).toEqual([])
    expect(await uploadsIn(store)).toEqual([])
    await b.sync()
    expect(await b.read("large")).toHaveLength(100_000)
  })
})

describe("a sync of which any one request", () => {
  const faults = {
    fails: () => offline,
    "is the last before it is called off": (controller: AbortController) => () => controller.abort(),
  }
  for (const [name, fault] of Object.entries(faults)) {
    it(`${name} loses nothing, and leaves the way free for the next`, async () => {
      let isBroken = true
      for (let number = 0; isBroken; number++) {
        const store = createWatchedStore()
        const [a, b] = [await createMemoryMachine("A", store), await createMemoryMachine("B", store)]
        await found(a, b)
        await a.write("both", "base")
        await a.sync()
        await b.sync()
        await a.write("both", "by a")
        await a.write("from-a", "a")
        await a.sync()
        await b.write("both", "by b")
        await b.write("from-b", "b")

        const controller = new AbortController()
        const strike = fault(controller)
        let left = number
        store.before = () => {
          if (left-- === 0) strike()
        }
        const outcome = await b.sync({ onConflict: "keep-both", signal: controller.signal }).catch(() => "failed")
        isBroken = outcome === "failed"
        store.before = () => {}
        expect([...b.states.values()].some(({ locked }) => locked)).toBe(false)
        await b.sync({ onConflict: "keep-both" })
        await a.sync()
        for (const machine of [a, b]) {
          const contents = await Promise.all(["both", "both.remote", "from-a", "from-b"].map(machine.read))
          expect(contents).toEqual(["by b", "by a", "a", "b"])
        }
      }
    }, 120_000)
  }
})
