import { describe, expect, it } from "vitest"
import { utf8 } from "../../../../crypto/bytes.ts"
import { StoreError, type StoreErrorCode } from "../../../../storage/errors.ts"
import { createMemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { createRetryStore } from "../../../../storage/remote/retryStore.ts"
import type { Commit, Store } from "../../../../storage/remote/store.ts"
import { createInstantClock, storeFault } from "../../../support/testStores.ts"

const BRANCH = "sessyn/aaaa/main"

function fault(code: StoreErrorCode = "STORE_UNREACHABLE", retryAfterMs?: number): StoreError {
  return new StoreError(code, "fault", { transient: true, retryAfterMs })
}

function files(text: string): Map<string, Uint8Array> {
  return new Map([["a", utf8(text)]])
}

/** A memory store of which some methods are replaced. */
function setUp(replace: (inner: Store) => Partial<Store>) {
  const inner = createMemoryStore()
  const clock = createInstantClock()
  const store = createRetryStore({ ...inner, ...replace(inner) }, { clock, random: () => 0.5, limitMs: 60_000 })
  return { inner, store, clock }
}

/** Throws the first so many times it is called. */
function failing(times: number, error = fault()): () => void {
  let left = times
  return () => {
    if (left-- > 0) throw error
  }
}

async function following<T>(first: () => void, then: () => Promise<T>): Promise<T> {
  first()
  return then()
}

describe("createRetryStore", () => {
  it("tries transient faults again, waiting longer each time", async () => {
    const trip = failing(4)
    const { store, clock } = setUp((inner) => ({ branches: (prefix) => following(trip, () => inner.branches(prefix)) }))
    expect(await store.branches("")).toEqual([])
    expect(clock.waitsMs).toEqual([375, 750, 1_500, 3_000])
  })

  it("does not try again what cannot succeed", async () => {
    const trip = failing(1, new StoreError("STORE_FORBIDDEN", "no"))
    const { store, clock } = setUp((inner) => ({ branches: (prefix) => following(trip, () => inner.branches(prefix)) }))
    expect((await storeFault(store.branches(""))).code).toBe("STORE_FORBIDDEN")
    expect(clock.waitsMs).toEqual([])
  })

  it("waits as long as the host asks for, or a minute if it only says that it is too much", async () => {
    const asked = failing(1, fault("STORE_FAILED", 20_000))
    const first = setUp((inner) => ({ snapshot: (id) => following(asked, () => inner.snapshot(id)) }))
    expect((await storeFault(first.store.snapshot("x"))).code).toBe("STORE_OBJECT_MISSING")
    expect(first.clock.waitsMs).toEqual([20_375])
    const limited = failing(9, fault("STORE_RATE_LIMITED"))
    const second = setUp((inner) => ({ branches: (prefix) => following(limited, () => inner.branches(prefix)) }))
    expect((await storeFault(second.store.branches(""))).code).toBe("STORE_RATE_LIMITED")
    expect(second.clock.waitsMs).toEqual([])
  })

  it("gives up in time, with the fault itself", async () => {
    const { store, clock } = setUp(() => ({ snapshot: () => Promise.reject(fault()) }))
    await store.branches("")
    expect((await storeFault(store.snapshot("x"))).code).toBe("STORE_UNREACHABLE")
    const total = clock.waitsMs.reduce((sum, wait) => sum + wait, 0)
    expect(total).toBeGreaterThan(20_000)
    expect(total).toBeLessThanOrEqual(60_000)
  })

  it("gives up soon on a host that never answered", async () => {
    const { store, clock } = setUp(() => ({ branches: () => Promise.reject(fault()) }))
    expect((await storeFault(store.branches(""))).code).toBe("STORE_UNREACHABLE")
    const total = clock.waitsMs.reduce((sum, wait) => sum + wait, 0)
    expect(total).toBeGreaterThan(5_000)
    expect(total).toBeLessThanOrEqual(15_000)
  })

  it("stops waiting when it is told to", async () => {
    const control = new AbortController()
    const reason = new Error("enough")
    const { store } = setUp(() => ({
      branches: async () => {
        control.abort(reason)
        throw fault()
      },
    }))
    await expect(store.branches("", { signal: control.signal })).rejects.toBe(reason)
  })

  it("asks only for the objects that have not come yet, and goes on as long as some come", async () => {
    const asked: number[] = []
    const { inner, store, clock } = setUp((memory) => ({
      async read(ids, onObject, options) {
        asked.push(ids.length)
        await memory.read(ids.slice(0, 1), onObject, options)
        if (ids.length > 1) throw fault("STORE_FAILED", 50_000)
      },
    }))
    const many = new Map(Array.from({ length: 5 }, (_, i) => [`f${i}`, utf8(`${i}`)]))
    const result = await inner.commit({ branch: BRANCH, parent: null, snapshot: many })
    if (result.kind !== "committed") throw new Error("refused")
    const got: string[] = []
    await store.read([...result.snapshot.values()], (_, bytes) => void got.push(new TextDecoder().decode(bytes)))
    expect(got.sort()).toEqual(["0", "1", "2", "3", "4"])
    expect(asked).toEqual([5, 4, 3, 2, 1])
    expect(clock.waitsMs.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(60_000)
  })

  it("hands a receiver's own fault on, even one of the store's class", async () => {
    const { inner, store, clock } = setUp(() => ({}))
    const result = await inner.commit({ branch: BRANCH, parent: null, snapshot: files("1") })
    if (result.kind !== "committed") throw new Error("refused")
    const mine = fault()
    await expect(store.read([...result.snapshot.values()], () => Promise.reject(mine))).rejects.toBe(mine)
    expect(clock.waitsMs).toEqual([])
  })

  describe("commit", () => {
    const wanted: Commit = { branch: BRANCH, parent: null, snapshot: files("mine") }

    it("is made again if it was not made", async () => {
      const trip = failing(2)
      const { inner, store } = setUp((memory) => ({ commit: (commit) => following(trip, () => memory.commit(commit)) }))
      const result = await store.commit(wanted)
      expect(result.kind).toBe("committed")
      expect(await inner.branches("")).toHaveLength(1)
    })

    it("is not made again if only the answer was lost, and still deletes its upload branch", async () => {
      const trip = failing(1)
      const { inner, store } = setUp((memory) => ({
        async commit({ deleteBranches: _, ...commit }) {
          const result = await memory.commit(commit)
          trip()
          return result
        },
      }))
      const staged = await inner.commit({ branch: "sessyn/aaaa/upload/m", parent: null, snapshot: files("pack") })
      if (staged.kind !== "committed") throw new Error("refused")
      const upload = { name: "sessyn/aaaa/upload/m", head: staged.head }
      const result = await store.commit({ ...wanted, deleteBranches: [upload] })
      if (result.kind !== "committed") throw new Error("refused")
      expect(await inner.branches("")).toEqual([{ name: BRANCH, head: result.head }])
      expect(await inner.history(result.head, 9)).toHaveLength(1)
    })

    it("is recognised although it arrived after the branch was read", async () => {
      let late: Commit | undefined
      const { inner, store } = setUp((memory) => ({
        async commit(commit) {
          if (late === undefined) {
            late = commit
            throw fault()
          }
          await memory.commit(late)
          return memory.commit({ ...commit, onPrepared: undefined })
        },
      }))
      const result = await store.commit(wanted)
      expect(result.kind).toBe("committed")
      expect(await inner.branches("")).toHaveLength(1)
    })

    it("is moved if another one came first", async () => {
      const trip = failing(1)
      const { inner, store } = setUp((memory) => ({
        async commit(commit) {
          await memory.commit({ ...wanted, snapshot: files("theirs") })
          trip()
          return memory.commit(commit)
        },
      }))
      expect(await store.commit(wanted)).toEqual({ kind: "moved" })
      const [head] = await inner.branches("")
      expect(await inner.history(head?.head ?? "", 9)).toHaveLength(1)
    })

    it("is moved without any question if the first answer says so", async () => {
      const { inner, store, clock } = setUp(() => ({ branches: () => Promise.reject(new Error("asked")) }))
      await inner.commit({ ...wanted, snapshot: files("theirs") })
      expect(await store.commit(wanted)).toEqual({ kind: "moved" })
      expect(clock.waitsMs).toEqual([])
    })
  })
})
