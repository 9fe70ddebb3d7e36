import { beforeEach, describe, expect, it } from "vitest"
import { createMemoryClock } from "../../../../../src/platform/memory/memoryClock.ts"
import { createMemoryWorkspace } from "../../../../../src/platform/memory/memoryWorkspace.ts"
import type { Workspace } from "../../../../../src/ports/workspace.ts"
import {
  listQuarantine,
  nameBatch,
  openBatch,
  pruneQuarantine,
  restoreQuarantined,
} from "../../../../../src/tree/apply/quarantine.ts"
import { prepareStateFolder } from "../../../../../src/tree/stateFolder.ts"
import { plant, textAt } from "../../../../support/trees.ts"

const DAY_MS = 24 * 60 * 60 * 1000
const START = Date.UTC(2026, 10, 22, 17, 19, 4)

describe("quarantine", () => {
  let workspace: Workspace

  beforeEach(async () => {
    workspace = createMemoryWorkspace({ caseInsensitive: true })
    await prepareStateFolder(workspace, "abc")
  })

  it("is for its owner only", async () => {
    await plant(workspace, { "a/b": "x" })
    await openBatch(workspace, "20261122T171904Z-1").take("a/b")
    for (const path of ["", "/quarantine", "/quarantine/20261122T171904Z-1", "/quarantine/20261122T171904Z-1/a"]) {
      expect(await workspace.stat(`.sessyn${path}`)).toMatchObject({ value: { mode: 0o700 } })
    }
  })

  it("gives every batch of one second another name", async () => {
    const clock = createMemoryClock(START)
    expect(await nameBatch(workspace, clock)).toBe("20261122T171904Z-1")
    await plant(workspace, { a: "x" })
    await openBatch(workspace, "20261122T171904Z-1").take("a")
    expect(await nameBatch(workspace, clock)).toBe("20261122T171904Z-2")
  })

  it("keeps both of two things with one path, or with paths that are one here", async () => {
    const batch = openBatch(workspace, "20261122T171904Z-1")
    for (const [path, text] of [
      ["a", "1"],
      ["A", "2"],
      ["a", "3"],
      ["a/b", "4"],
    ] as const) {
      await plant(workspace, { [path]: text })
      expect((await batch.take(path)).ok).toBe(true)
      await workspace.removeFolder("a")
    }
    const items = await listQuarantine(workspace)
    const texts = await Promise.all(
      items.map(({ batch, path }) => textAt(workspace, `.sessyn/quarantine/${batch}/${path}`)),
    )
    expect(texts.sort()).toEqual(["1", "2", "3", "4"])
  })

  it("lists what it holds, and gives it back where nothing lies", async () => {
    await plant(workspace, { "src/a": "old" })
    await openBatch(workspace, "20261122T171904Z-1").take("src/a")
    await workspace.removeFolder("src")
    const [item] = await listQuarantine(workspace)
    if (item === undefined) throw new Error("nothing listed")
    expect(item).toEqual({ batch: "20261122T171904Z-1", path: "src/a", sinceMs: START, type: "file", size: 3 })
    expect(await restoreQuarantined(workspace, item)).toMatchObject({ ok: true })
    expect(await textAt(workspace, "src/a")).toBe("old")
    await openBatch(workspace, "20261122T171904Z-2").keep("src/a")
    expect(await restoreQuarantined(workspace, { batch: "20261122T171904Z-2", path: "src/a" })).toEqual({
      ok: false,
      refusal: "exists",
    })
    expect(await restoreQuarantined(workspace, { batch: "20261122T171904Z-2", path: "src/a" }, "b/c")).toMatchObject({
      ok: true,
    })
  })

  it("drops what is older than thirty days, and nothing that is not a batch", async () => {
    const clock = createMemoryClock(START)
    for (const days of [0, 20, 40]) {
      clock.advance(days * DAY_MS - (clock.now() - START))
      await plant(workspace, { "src/a": `day ${days}` })
      await openBatch(workspace, await nameBatch(workspace, clock)).take("src/a")
    }
    await plant(workspace, { ".sessyn/quarantine/mine/a": "x" })
    expect(await pruneQuarantine(workspace, clock)).toBe(1)
    expect((await listQuarantine(workspace)).map(({ sinceMs }) => (sinceMs - START) / DAY_MS)).toEqual([20, 40])
    expect(await textAt(workspace, ".sessyn/quarantine/mine/a")).toBe("x")
  })
})
