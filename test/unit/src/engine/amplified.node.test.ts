import { expect, it } from "vitest"
import { createMemoryDisk } from "../../../../src/platform/memory/memoryDisk.ts"
import { createMemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { forge } from "../../../support/forger.node.ts"
import { createMemoryMachine, found } from "../../../support/memoryMachine.ts"

it("an index that makes much of one chunk fills no disk: what does not fit is not begun", async () => {
  const store = createMemoryStore()
  const disk = createMemoryDisk({ freeBytes: 10_000_000 })
  const [a, b] = [await createMemoryMachine("A", store, { disk }), await createMemoryMachine("B", store)]
  await found(a, b)
  await a.sync()
  await b.sync()
  const free = disk.freeBytes
  await forge(b, {
    items: { large: "x".repeat(60_000), small: "small" },
    entries(entry) {
      if (entry.type !== "file" || entry.path !== "large") return entry
      const chunks = Array.from({ length: 1000 }, () => entry.chunks).flat()
      return { ...entry, size: 60_000_000, hash: new Uint8Array(32), chunks }
    },
  })
  await expect(a.sync()).rejects.toMatchObject({ code: "DISK_FULL", details: { needed: 60_000_005 } })
  expect([await a.read("large"), await a.read("small"), disk.freeBytes]).toEqual([null, null, free])
})
