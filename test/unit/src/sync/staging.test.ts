import { describe, expect, it, vi } from "vitest"
import { createPortableCrypto } from "../../../../crypto/portableCrypto.ts"
import { createMemoryState } from "../../../../src/platform/memory/memoryState.ts"
import { openStaging } from "../../../../src/sync/staging.ts"
import type { SealedPack } from "../../../../storage/packGatherer.ts"
import { createMemoryStore } from "../../../../storage/remote/memoryStore.ts"
import type { Store } from "../../../../storage/remote/store.ts"

const PACK_BYTES = 100
const pack = (number: number): SealedPack => ({
  id: String(number).repeat(64),
  bytes: new Uint8Array(PACK_BYTES).fill(number),
  chunks: [],
})

/** A staging of two packs a stage, on a store whose commits wait for their turn. */
async function held() {
  const store = createMemoryStore()
  const waiting: { readonly go: () => void; readonly fail: () => void }[] = []
  const commit: Store["commit"] = async (...args) => {
    await new Promise<void>((resolve, reject) => {
      waiting.push({ go: resolve, fail: () => reject(new Error("the line is dead")) })
    })
    return store.commit(...args)
  }
  const staging = await openStaging({
    crypto: await createPortableCrypto(),
    store: { ...store, commit },
    state: createMemoryState(),
    workspace: "w",
    machine: "m",
    epoch: 1,
    uploadHead: null,
    stageBytes: 2 * PACK_BYTES,
    call: {},
  })
  return { staging, waiting }
}

const turn = () => new Promise((resolve) => setTimeout(resolve))

describe("a staging", () => {
  it("fills the next stage while one is on its way, and no more than that", async () => {
    const { staging, waiting } = await held()
    let added = 0
    const filled = staging.fill(async () => {
      for (let i = 1; i <= 5; i++) {
        await staging.add(pack(i))
        added = i
      }
    })
    await turn()
    expect([waiting.length, added]).toEqual([1, 3])
    waiting[0]?.go()
    await vi.waitFor(() => expect([waiting.length, added]).toEqual([2, 5]))
    waiting[1]?.go()
    await filled
    const packs = [...staging.packs().values()]
    expect(packs.map((each) => typeof each)).toEqual(["string", "string", "string", "string", "object"])
  })

  it("sends nothing more once what fills it has failed, and lets nobody go before what is under way has ended", async () => {
    const { staging, waiting } = await held()
    let ended = false
    const filled = staging.fill(async () => {
      for (let i = 1; i <= 3; i++) await staging.add(pack(i))
      // Stands in line.
      void staging.add(pack(4)).catch(() => {})
      throw new Error("something else")
    })
    const seen = filled.catch((error: Error) => {
      ended = true
      return error.message
    })
    await turn()
    expect([waiting.length, ended]).toEqual([1, false])
    waiting[0]?.go()
    expect(await seen).toBe("something else")
    await turn()
    expect(waiting).toHaveLength(1)
    expect(staging.packs().size).toBe(4)
  })

  it("has in hand what could not be sent, and can be filled again", async () => {
    const { staging, waiting } = await held()
    const filled = staging.fill(async () => {
      for (let i = 1; i <= 2; i++) await staging.add(pack(i))
    })
    await turn()
    waiting[0]?.fail()
    await expect(filled).rejects.toThrow("the line is dead")
    const again = staging.fill(() => staging.add(pack(3)))
    await turn()
    waiting[1]?.go()
    await again
    expect([...staging.packs().keys()]).toEqual([1, 2, 3].map((number) => pack(number).id))
    expect([...staging.packs().values()].every((each) => typeof each === "string")).toBe(true)
    expect(staging.branch()).not.toBeNull()
  })
})
