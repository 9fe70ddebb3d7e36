/**
 * What every adapter of the workspace port must do about footprints.
 *
 * @module
 */
import { beforeEach, describe, expect, it } from "vitest"
import { type Footprint, takeFootprint } from "../../src/ports/footprint.ts"
import type { Workspace } from "../../src/ports/workspace.ts"
import { bytes, put, value, type WorkspaceFixture } from "./workspaceFixture.ts"

export function describeFootprints(fixture: () => WorkspaceFixture): void {
  describe("a footprint", () => {
    const PATHS = ["", "in", "in/deep", "in/deep/file", "in/file", "other"]
    let workspace: Workspace
    let other: Workspace
    let footprint: Footprint

    beforeEach(async () => {
      ;({ workspace, other } = fixture())
      for (const folder of ["in", "in/deep"]) value(await workspace.makeFolder(folder))
      for (const path of ["in/deep/file", "in/file", "other"]) await put(workspace, path, path)
      await tick()
      const looks = await Promise.all(PATHS.map(async (path) => [path, value(await workspace.stat(path))] as const))
      footprint = takeFootprint(new Map(looks))
    })

    /** Until the file system's clock has moved on: what changes within one tick of it may look the same. */
    async function tick(): Promise<void> {
      value(await workspace.makeFolder("ticks"))
      const { ctimeNs: before } = value(await workspace.stat("ticks"))
      for (let now = before; now <= before; now = value(await workspace.stat("ticks/now")).ctimeNs) {
        await workspace.removeFile("ticks/now")
        await put(workspace, "ticks/now", "")
      }
    }

    it("fits what has not changed", async () => {
      expect(await workspace.compare(footprint)).toEqual([])
      expect(await other.compare(footprint)).toEqual([])
    })

    const changes: readonly (readonly [string, readonly string[], () => Promise<unknown>])[] = [
      [
        "a file written over in place",
        ["in/file"],
        async () => {
          const writer = value(await workspace.create("in/file", { resume: true }))
          await writer.write(0, bytes("IN"))
          await writer.close()
        },
      ],
      [
        "a file that was replaced",
        ["in", "in/file"],
        async () => {
          await workspace.removeFile("in/file")
          await put(workspace, "in/file", "in/file")
        },
      ],
      ["a new file", ["in/deep"], () => put(workspace, "in/deep/new", "new")],
      ["a file that is gone", ["", "other"], () => workspace.removeFile("other")],
      ["a date that was set back", ["other"], () => workspace.setModified("other", 0)],
      ["a folder that moved", ["", "in", "in/deep", "in/deep/file", "in/file"], () => move("in", "moved")],
      [
        "a file in a folder's place",
        ["in", "in/deep", "in/deep/file"],
        async () => {
          await workspace.removeFile("in/deep/file")
          await workspace.removeFolder("in/deep")
          await put(workspace, "in/deep", "a file")
        },
      ],
    ]
    const move = (from: string, to: string) => workspace.rename(from, to, { replace: false })

    it.each(changes)("tells %s", async (_, expected, change) => {
      await change()
      expect(await other.compare(footprint)).toEqual(expected)
    })

    it("tells other permissions where there are any", async () => {
      if (workspace.modes === "none") return
      value(await workspace.setMode("in", 0o750))
      value(await workspace.setMode("other", 0o640))
      expect(await other.compare(footprint)).toEqual(["in", "other"])
    })

    it("is let go of when that is wanted", async () => {
      await expect(workspace.compare(footprint, AbortSignal.abort())).rejects.toThrow()
    })
  })
}
