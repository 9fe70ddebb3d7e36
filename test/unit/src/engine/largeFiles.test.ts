import { describe, expect, it } from "vitest"
import type { WorkspaceOperation } from "../../../../src/platform/memory/memoryWorkspace.ts"
import { createMemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { createMemoryMachine, found } from "../../../support/memoryMachine.ts"

/** Megabytes in which no two parts are the same. */
function lines(from: number, to: number): string {
  let text = ""
  for (let i = from; i < to; i++) text += `${(Math.imul(i, 2654435761) >>> 0).toString(36)} line ${i}\n`
  return text
}

const LARGE = lines(0, 300_000)

/** Two machines, the first of which tells what it does to its files. */
async function twoMachines() {
  const store = createMemoryStore()
  let onRange = (): void => {}
  const read: string[] = []
  const before = (operation: WorkspaceOperation, path: string): undefined => {
    if (operation === "readPieces" || operation === "readRange") read.push(`${operation} ${path}`)
    if (operation === "readRange") onRange()
  }
  const [a, b] = [await createMemoryMachine("A", store, { before }), await createMemoryMachine("B", store)]
  await found(a, b)
  await a.sync()
  read.length = 0
  const whenRangeIsRead = (run: () => void): void => {
    onRange = run
  }
  return { a, b, read, whenRangeIsRead }
}

describe("a large file", () => {
  it("is looked at once, and of an edit only what it changed is read again", async () => {
    const { a, b, read } = await twoMachines()
    await a.write("large", LARGE)
    await a.sync()
    expect(read.filter((line) => line === "readPieces large")).toHaveLength(1)
    const ranges = read.filter((line) => line === "readRange large").length
    expect(ranges).toBeGreaterThan(2)
    read.length = 0
    const edited = LARGE.replace("line 150000\n", "line 150000\nand one more\n")
    await a.write("large", edited)
    expect((await a.sync()).bytesSent).toBeLessThan(LARGE.length / 2)
    expect(read.filter((line) => line === "readPieces large")).toHaveLength(1)
    expect(read.filter((line) => line === "readRange large").length).toBeLessThan(ranges / 2)
    await b.sync()
    expect(await b.read("large")).toBe(edited)
  })

  it("that is edited while it is sent comes with the next sync, and whole", async () => {
    const { a, b, whenRangeIsRead } = await twoMachines()
    await a.write("large", LARGE)
    const later = lines(300_000, 600_000)
    let writing: Promise<void> | undefined
    whenRangeIsRead(() => {
      writing ??= a.write("large", later)
    })
    const report = await a.sync()
    await writing
    expect(report.skipped).toEqual([{ path: "large", reason: "changed-meanwhile" }])
    await b.sync()
    expect(await b.read("large")).toBeNull()
    expect((await a.sync()).skipped).toEqual([])
    await b.sync()
    expect(await b.read("large")).toBe(later)
  })

  it("that shrinks, or goes, while it is sent, is not sent", async () => {
    for (const after of ["short", null]) {
      const { a, b, whenRangeIsRead } = await twoMachines()
      await a.write("large", LARGE)
      let changing: Promise<void> | undefined
      whenRangeIsRead(() => {
        changing ??= after === null ? a.remove("large") : a.write("large", after)
      })
      expect((await a.sync()).skipped).toEqual([{ path: "large", reason: "changed-meanwhile" }])
      await changing
      await a.sync()
      await b.sync()
      expect(await b.read("large")).toBe(after)
    }
  })
})
