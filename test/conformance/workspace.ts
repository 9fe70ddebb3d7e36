/**
 * What every adapter of the workspace port must do, whatever it stands on.
 *
 * @module
 */
import { beforeEach, describe, expect, it } from "vitest"
import type { Outcome, Workspace } from "../../src/ports/workspace.ts"
import { bytes, put, read, text, value, type WorkspaceFixture } from "./workspaceFixture.ts"
import { describeFootprints } from "./workspaceFootprints.ts"

const refusal = (outcome: Outcome<unknown>) => (outcome.ok ? "done" : outcome.refusal)

export function describeWorkspace(name: string, setUp: () => Promise<WorkspaceFixture>): void {
  describe(`workspace port: ${name}`, () => {
    let workspace: Workspace
    let other: Workspace

    beforeEach(async () => {
      ;({ workspace, other } = await setUp())
    })

    describe("files", () => {
      it("reads what was written, with its stat", async () => {
        await put(workspace, "a.txt", "hello")
        const { bytes: content, stat } = value(await other.read("a.txt", 5))
        expect(text(content)).toBe("hello")
        expect(stat).toEqual(value(await workspace.stat("a.txt")))
        expect(stat).toMatchObject({ type: "file", size: 5 })
      })

      it("writes pieces at their offsets, in any order", async () => {
        const writer = value(await workspace.create("a"))
        await writer.write(3, bytes("def"))
        await writer.write(0, bytes("abc"))
        await writer.close()
        expect(await read(workspace, "a")).toBe("abcdef")
      })

      it("creates only what is not there", async () => {
        await put(workspace, "a", "old")
        expect(refusal(await workspace.create("a"))).toBe("exists")
        expect(await read(workspace, "a")).toBe("old")
        await workspace.makeFolder("d")
        expect(refusal(await workspace.create("d"))).toBe("exists")
        expect(refusal(await workspace.create("d", { resume: true }))).not.toBe("done")
      })

      it("creates with the mode it is told", async () => {
        const writer = value(await workspace.create("a", { mode: 0o200 }))
        await writer.close()
        if (workspace.modes === "posix") expect(value(await workspace.stat("a")).mode).toBe(0o200)
      })

      it("makes a whole file with content, date and mode, and says what it shows", async () => {
        const file = { bytes: bytes("hello"), unfinishedMode: 0o200, mode: 0o640, mtimeMs: 1_600_000_000_000 }
        const stat = value(await workspace.createWhole("a", file))
        expect(await read(other, "a")).toBe("hello")
        expect(value(await other.stat("a"))).toEqual(stat)
        expect(stat).toMatchObject({ type: "file", size: 5 })
        expect(stat.mtimeNs / 1_000_000n).toBe(1_600_000_000_000n)
        if (workspace.modes === "posix") expect(stat.mode).toBe(0o640)
        expect(value(await workspace.createWhole("empty", { ...file, bytes: bytes(""), mtimeMs: null })).size).toBe(0)
      })

      it("makes a whole file only where nothing is, and where it may", async () => {
        const file = { bytes: bytes("new"), unfinishedMode: 0o200, mode: 0o600, mtimeMs: null }
        await put(workspace, "a", "old")
        await workspace.makeFolder("d")
        expect(refusal(await workspace.createWhole("a", file))).toBe("exists")
        expect(refusal(await workspace.createWhole("d", file))).toBe("exists")
        expect(refusal(await workspace.createWhole("", file))).toBe("exists")
        expect(refusal(await workspace.createWhole("none/a", file))).toBe("missing")
        expect(refusal(await workspace.createWhole("a/b", file))).toBe("not-a-folder")
        expect(await read(workspace, "a")).toBe("old")
        if (!workspace.links) return
        await workspace.makeLink("l", "elsewhere")
        await workspace.makeLink("ld", "d")
        expect(refusal(await workspace.createWhole("l", file))).toBe("exists")
        expect(refusal(await workspace.createWhole("ld/a", file))).toBe("not-a-folder")
      })

      it("keeps the bytes of a file it resumes", async () => {
        await put(workspace, "a", "abc")
        const writer = value(await workspace.create("a", { resume: true }))
        await writer.write(3, bytes("def"))
        await writer.close()
        expect(await read(workspace, "a")).toBe("abcdef")
      })

      it("resumes no file that somebody may look at by another name", async () => {
        await put(workspace, "a", "abc")
        await workspace.link("a", "b")
        const shares = value(await workspace.stat("a")).inode === value(await workspace.stat("b")).inode
        expect(refusal(await workspace.create("a", { resume: true }))).toBe(shares ? "exists" : "done")
        await workspace.removeFile("b")
        expect(refusal(await workspace.create("a", { resume: true }))).toBe("done")
      })

      it("refuses to read more than it was told to", async () => {
        await put(workspace, "a", "abcdef")
        expect(refusal(await workspace.read("a", 5))).toBe("changed")
      })

      it("reads the very file that was looked at, and no other", async () => {
        await put(workspace, "a", "12345")
        await put(workspace, "b", "12345")
        const [a, b] = [value(await workspace.stat("a")), value(await workspace.stat("b"))]
        expect(value(await workspace.read("a", 5, a))).toEqual({ bytes: new TextEncoder().encode("12345"), stat: a })
        expect(refusal(await workspace.read("a", 4, a))).toBe("changed")
        expect(refusal(await workspace.read("a", 5, b))).toBe("changed")
        await workspace.removeFile("a")
        await put(workspace, "a", "54321")
        expect(refusal(await workspace.read("a", 5, a))).toBe("changed")
        await workspace.removeFile("a")
        expect(refusal(await workspace.read("a", 5, a))).toBe("missing")
        await workspace.makeFolder("a")
        expect(refusal(await workspace.read("a", 5, a))).toBe("changed")
      })

      it("reads an empty file", async () => {
        await put(workspace, "a", "")
        expect(await read(workspace, "a")).toBe("")
      })

      it("hands a large file over in order, whole", async () => {
        const content = new Uint8Array(3_000_001).map((_, i) => i * 31)
        const writer = value(await workspace.create("a"))
        await writer.write(0, content)
        await writer.close()
        const whole = new Uint8Array(content.length)
        let offset = 0
        const stat = value(
          await workspace.readPieces("a", (piece) => {
            whole.set(piece, offset)
            offset += piece.length
          }),
        )
        expect(stat.size).toBe(content.length)
        expect(offset).toBe(content.length)
        expect(whole.every((byte, i) => byte === content[i])).toBe(true)
      })

      it("hands over any range of a file, and none that it does not have", async () => {
        await put(workspace, "a", "0123456789")
        const range = async (offset: number, length: number) => {
          const into = new Uint8Array(length)
          value(await workspace.readRange("a", offset, into))
          return new TextDecoder().decode(into)
        }
        const refused = async (path: string, offset: number, length: number) =>
          refusal(await workspace.readRange(path, offset, new Uint8Array(length)))
        expect(await range(0, 10)).toBe("0123456789")
        expect(await range(3, 4)).toBe("3456")
        expect(await range(10, 0)).toBe("")
        expect(await refused("a", 3, 8)).toBe("changed")
        expect(await refused("a", 11, 1)).toBe("changed")
        await workspace.makeFolder("d")
        expect(await refused("d", 0, 1)).toBe("changed")
        expect(await refused("b", 0, 1)).toBe("missing")
      })

      it("says so when a file changes while it is read in pieces", async () => {
        const writer = value(await workspace.create("a"))
        await writer.write(0, new Uint8Array(3_000_000))
        let done = false
        const outcome = await workspace.readPieces("a", async () => {
          if (!done) await writer.write(1, bytes("x"))
          done = true
        })
        await writer.close()
        expect(refusal(outcome)).toBe("changed")
      })

      it("comes to an end with a file that grows as fast as it is read", async () => {
        const writer = value(await workspace.create("a"))
        let size = 1_500_000
        await writer.write(0, new Uint8Array(size))
        const outcome = await workspace.readPieces("a", async () => {
          await writer.write(size, bytes("one more line"))
          size += 13
        })
        await writer.close()
        expect(refusal(outcome)).toBe("changed")
      })

      it("answers `changed` for reading what is not a file", async () => {
        await workspace.makeFolder("d")
        expect(refusal(await workspace.read("d", 10))).toBe("changed")
        expect(refusal(await workspace.readPieces("d", () => {}))).toBe("changed")
        expect(refusal(await workspace.readLink("d"))).toBe("changed")
      })

      it("answers `missing` for what is not there", async () => {
        expect(refusal(await workspace.stat("a"))).toBe("missing")
        expect(refusal(await workspace.read("a", 10))).toBe("missing")
        expect(refusal(await workspace.readPieces("a", () => {}))).toBe("missing")
        expect(refusal(await workspace.readLink("a"))).toBe("missing")
        expect(refusal(await workspace.list("a"))).toBe("missing")
        expect(refusal(await workspace.create("d/a"))).toBe("missing")
        expect(refusal(await workspace.removeFile("a"))).toBe("missing")
        expect(refusal(await workspace.removeFolder("a"))).toBe("missing")
        expect(refusal(await workspace.setMode("a", 0o600))).toBe("missing")
        expect(refusal(await workspace.setModified("a", 0))).toBe("missing")
        expect(refusal(await workspace.rename("a", "b", { replace: false }))).toBe("missing")
        expect(refusal(await workspace.rename("a", "b", { replace: true }))).toBe("missing")
        expect(refusal(await workspace.link("a", "b"))).toBe("missing")
      })

      it("changes the stat when the content does, if only in its times", async () => {
        await put(workspace, "a", "old")
        const before = value(await workspace.stat("a"))
        await workspace.removeFile("a")
        await put(workspace, "a", "new")
        const after = value(await workspace.stat("a"))
        const facts = (stat: typeof before) => `${stat.mtimeNs} ${stat.ctimeNs}`
        expect(facts(after)).not.toBe(facts(before))
      })

      it("sets the modification time", async () => {
        await put(workspace, "a", "x")
        value(await workspace.setModified("a", 1_600_000_000_000))
        const { mtimeNs } = value(await workspace.stat("a"))
        expect(mtimeNs / 1_000_000n).toBe(1_600_000_000_000n)
      })
    })

    describe("modes", () => {
      it("creates files and folders that only their owner may use, then sets what it is told", async () => {
        if (workspace.modes === "none") return
        await put(workspace, "a", "x")
        await workspace.makeFolder("d")
        expect(value(await workspace.stat("a")).mode).toBe(0o600)
        expect(value(await workspace.stat("d")).mode).toBe(0o700)
        for (const mode of [0o777, 0o644, 0o666, 0o400]) {
          value(await workspace.setMode("a", mode))
          expect(value(await workspace.stat("a")).mode).toBe(mode)
        }
        value(await workspace.setMode("d", 0o777))
        expect(value(await workspace.stat("d")).mode).toBe(0o777)
      })

      it("sets a mode even on a file that nobody may read", async () => {
        if (workspace.modes === "none") return
        await put(workspace, "a", "x")
        value(await workspace.setMode("a", 0))
        value(await workspace.setMode("a", 0o640))
        expect(value(await workspace.stat("a")).mode).toBe(0o640)
      })
    })

    describe("folders", () => {
      it("lists names with their stat", async () => {
        await workspace.makeFolder("d")
        await put(workspace, "d/a", "1")
        const odd = workspace.windowsNames ? "ü '" : "ü\n'\""
        await put(workspace, `d/${odd}`, "22")
        await workspace.makeFolder("d/e")
        const items = value(await workspace.list("d"))
        expect(items.map((item) => [item.name, item.stat.type]).sort()).toEqual([
          ["a", "file"],
          ["e", "folder"],
          [odd, "file"],
        ])
        for (const item of items) expect(item.stat).toEqual(value(await workspace.stat(`d/${item.name}`)))
      })

      it('lists the root as ""', async () => {
        await put(workspace, "a", "")
        expect(value(await workspace.list("")).map((item) => item.name)).toContain("a")
        expect(value(await workspace.stat("")).type).toBe("folder")
      })

      it("answers `not-a-folder` for a file in a folder's place", async () => {
        await put(workspace, "a", "")
        expect(refusal(await workspace.list("a"))).toBe("not-a-folder")
        expect(refusal(await workspace.stat("a/b"))).toBe("not-a-folder")
        expect(refusal(await workspace.create("a/b"))).toBe("not-a-folder")
        expect(refusal(await workspace.makeFolder("a/b"))).toBe("not-a-folder")
        expect(refusal(await workspace.removeFolder("a"))).toBe("not-a-folder")
      })

      it("makes only what is not there, and removes only what is empty", async () => {
        value(await workspace.makeFolder("d"))
        expect(refusal(await workspace.makeFolder("d"))).toBe("exists")
        await put(workspace, "d/a", "")
        expect(refusal(await workspace.removeFolder("d"))).toBe("not-empty")
        expect(refusal(await workspace.removeFile("d"))).not.toBe("done")
        value(await workspace.removeFile("d/a"))
        value(await workspace.removeFolder("d"))
        expect(refusal(await workspace.stat("d"))).toBe("missing")
      })

      it("never makes, removes or moves the root", async () => {
        expect(refusal(await workspace.makeFolder(""))).not.toBe("done")
        expect(refusal(await workspace.removeFolder(""))).not.toBe("done")
        expect(refusal(await workspace.create(""))).not.toBe("done")
        expect(refusal(await workspace.rename("", "a", { replace: false }))).not.toBe("done")
      })
    })

    describe("links", () => {
      it("reads back what a link says, and follows none", async () => {
        if (!workspace.links) return
        await workspace.makeFolder("d")
        await put(workspace, "d/a", "x")
        for (const [path, target] of [
          ["in", "d"],
          ["out", "../../etc"],
          ["gone", "nowhere/ü"],
          ["loop", "loop"],
        ] as const) {
          value(await workspace.makeLink(path, target))
          expect(value(await workspace.readLink(path))).toBe(target)
          expect(value(await workspace.stat(path)).type).toBe("link")
          expect(refusal(await workspace.list(path))).toBe("not-a-folder")
          expect(refusal(await workspace.read(path, 10))).toBe("changed")
          expect(refusal(await workspace.setMode(path, 0o600))).toBe("changed")
          expect(refusal(await workspace.create(path))).toBe("exists")
          expect(refusal(await workspace.create(path, { resume: true }))).not.toBe("done")
        }
        for (const run of [
          workspace.stat("in/a"),
          workspace.read("in/a", 10),
          workspace.create("in/b"),
          workspace.makeFolder("in/b"),
          workspace.removeFile("in/a"),
          workspace.rename("in/a", "b", { replace: true }),
          workspace.rename("d/a", "in/b", { replace: true }),
          workspace.link("d/a", "in/b"),
          workspace.setMode("in/a", 0o777),
        ]) {
          expect(refusal(await run)).toBe("not-a-folder")
        }
        expect(value(await workspace.list("d")).map((item) => item.name)).toEqual(["a"])
      })

      it("removes and moves the link, not what it leads to", async () => {
        if (!workspace.links) return
        await put(workspace, "a", "x")
        await workspace.makeLink("l", "a")
        value(await workspace.rename("l", "m", { replace: false }))
        expect(value(await workspace.readLink("m"))).toBe("a")
        value(await workspace.link("m", "n"))
        expect(value(await workspace.readLink("n"))).toBe("a")
        value(await workspace.removeFile("m"))
        expect(await read(workspace, "a")).toBe("x")
      })

      it("makes none where something is", async () => {
        if (!workspace.links) return
        await put(workspace, "a", "x")
        expect(refusal(await workspace.makeLink("a", "b"))).toBe("exists")
      })
    })

    describe("renaming", () => {
      it("moves files and whole folders", async () => {
        await workspace.makeFolder("d")
        await put(workspace, "d/a", "x")
        value(await workspace.rename("d/a", "b", { replace: false }))
        expect(await read(workspace, "b")).toBe("x")
        expect(refusal(await workspace.stat("d/a"))).toBe("missing")
        value(await workspace.rename("b", "d/c", { replace: true }))
        value(await workspace.rename("d", "e", { replace: false }))
        expect(await read(workspace, "e/c")).toBe("x")
      })

      it("writes over a file only if told to", async () => {
        await put(workspace, "a", "new")
        await put(workspace, "b", "old")
        expect(refusal(await workspace.rename("a", "b", { replace: false }))).toBe("exists")
        expect(await read(workspace, "b")).toBe("old")
        expect(await read(workspace, "a")).toBe("new")
        value(await workspace.rename("a", "b", { replace: true }))
        expect(await read(workspace, "b")).toBe("new")
        expect(refusal(await workspace.stat("a"))).toBe("missing")
      })

      it("writes over a file only if it is the one expected", async () => {
        await put(workspace, "a", "new")
        await put(workspace, "b", "old")
        const seen = value(await workspace.stat("b"))
        await other.removeFile("b")
        expect(refusal(await workspace.rename("a", "b", { replace: true, expect: seen }))).toBe("changed")
        await put(other, "b", "own")
        expect(refusal(await workspace.rename("a", "b", { replace: true, expect: seen }))).toBe("changed")
        expect(await read(workspace, "b")).toBe("own")
        const expect2 = value(await workspace.stat("b"))
        value(await workspace.rename("a", "b", { replace: true, expect: expect2 }))
        expect(await read(workspace, "b")).toBe("new")
      })

      it("never writes over a folder, an empty one neither", async () => {
        await put(workspace, "a", "x")
        await workspace.makeFolder("d")
        await workspace.makeFolder("e")
        for (const replace of [true, false]) {
          expect(refusal(await workspace.rename("a", "d", { replace }))).toBe("exists")
          expect(refusal(await workspace.rename("e", "d", { replace }))).toBe("exists")
        }
        expect(refusal(await workspace.rename("d", "a", { replace: false }))).toBe("exists")
        expect(await read(workspace, "a")).toBe("x")
      })

      it("leaves one name of two when a file is moved over its own other name", async () => {
        await put(workspace, "a", "x")
        value(await workspace.link("a", "b"))
        value(await workspace.rename("a", "b", { replace: true }))
        expect(refusal(await workspace.stat("a"))).toBe("missing")
        expect(await read(workspace, "b")).toBe("x")
      })

      it("changes only the case of a name", async () => {
        await put(workspace, "name", "x")
        value(await workspace.rename("name", "NAME", { replace: false }))
        expect(value(await workspace.list("")).map((item) => item.name)).toContain("NAME")
        expect(value(await workspace.list("")).map((item) => item.name)).not.toContain("name")
      })
    })

    describe("second names", () => {
      it("keeps the bytes under the second name when the first is replaced", async () => {
        await put(workspace, "a", "old")
        value(await workspace.link("a", "kept"))
        await put(workspace, "tmp", "new")
        value(await workspace.rename("tmp", "a", { replace: true }))
        expect(await read(workspace, "kept")).toBe("old")
        expect(await read(workspace, "a")).toBe("new")
      })

      it("takes no name that is taken, and none for a folder", async () => {
        await put(workspace, "a", "1")
        await put(workspace, "b", "2")
        await workspace.makeFolder("d")
        expect(refusal(await workspace.link("a", "b"))).toBe("exists")
        expect(refusal(await workspace.link("d", "e"))).not.toBe("done")
        expect(await read(workspace, "b")).toBe("2")
      })
    })

    describe("names", () => {
      it("refuses what is not a plain path below the root", async () => {
        await workspace.makeFolder("d")
        for (const path of ["..", "../x", "d/../x", "d/./x", "d//x", "/etc", "d/", "nul\0"]) {
          expect(refusal(await workspace.create(path))).toBe("name")
          expect(refusal(await workspace.stat(path))).toBe("name")
        }
      })

      it("refuses a name that is too long, and takes the longest", async () => {
        expect(refusal(await workspace.create("n".repeat(256)))).toBe("name")
        await put(workspace, "n".repeat(255), "x")
        expect(await read(workspace, "n".repeat(255))).toBe("x")
      })

      it("folds names exactly as it says", async () => {
        await put(workspace, "case-é", "x")
        expect(refusal(await workspace.stat("CASE-é"))).toBe(workspace.caseInsensitive ? "done" : "missing")
        expect(refusal(await workspace.stat("case-e\u0301"))).toBe(workspace.normalizes ? "done" : "missing")
      })
    })

    describeFootprints(() => ({ workspace, other }))

    it("says how much is free, if it can", async () => {
      const free = await workspace.freeBytes()
      if (free !== null) expect(free).toBeGreaterThan(0)
    })

    it("flushes, more than once", async () => {
      await put(workspace, "a", "x")
      await workspace.flush()
      await workspace.flush()
      expect(await read(other, "a")).toBe("x")
    })
  })
}
