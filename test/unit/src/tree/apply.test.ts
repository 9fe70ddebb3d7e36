import { beforeEach, describe, expect, it } from "vitest"
import { createMemoryClock } from "../../../../src/platform/memory/memoryClock.ts"
import { createMemoryDisk, type MemoryDisk } from "../../../../src/platform/memory/memoryDisk.ts"
import { createMemoryState } from "../../../../src/platform/memory/memoryState.ts"
import { createMemoryWorkspace, type MemoryWorkspaceOptions } from "../../../../src/platform/memory/memoryWorkspace.ts"
import type { State } from "../../../../src/ports/state.ts"
import type { Workspace } from "../../../../src/ports/workspace.ts"
import { type Applied, type ApplyInput, apply } from "../../../../src/tree/apply/apply.ts"
import { JOURNAL } from "../../../../src/tree/apply/journal.ts"
import { listQuarantine } from "../../../../src/tree/apply/quarantine.ts"
import type { Operation } from "../../../../src/tree/plan/plan.ts"
import { toNode } from "../../../../src/tree/plan/plan.ts"
import { prepareStateFolder, TEMPORARY } from "../../../../src/tree/stateFolder.ts"
import type { IndexEntry } from "../../../../storage/format/index/entry.ts"
import {
  createTestFetch,
  edit,
  hashing,
  type Leaf,
  plant,
  textAt,
  textsBelow,
  toVault,
} from "../../../support/trees.ts"

const LONG = "longer than one chunk of sixteen bytes, so that it has several"

describe("apply", () => {
  let disk: MemoryDisk
  let workspace: Workspace
  let state: State

  beforeEach(async () => {
    disk = createMemoryDisk()
    workspace = createMemoryWorkspace({ disk })
    state = createMemoryState()
    await prepareStateFolder(workspace, "abc")
  })

  const entry = (path: string, leaf: Leaf) => toVault({ [path]: leaf }).get(path) as IndexEntry
  const write = (path: string, leaf: Leaf, before: Leaf | null = null, from?: string): Operation => ({
    kind: "write",
    path,
    node: entry(path, leaf),
    before: before === null ? null : toNode(entry(path, before)),
    ...(from !== undefined && { from }),
  })
  const remove = (path: string, before: Leaf): Operation => ({
    kind: "delete",
    path,
    before: toNode(entry(path, before)),
  })

  const parts = (operations: readonly Operation[], more: Partial<ApplyInput> = {}): ApplyInput => ({
    workspace,
    state,
    clock: createMemoryClock(Date.UTC(2026, 10, 22, 17, 19, 4)),
    crypto: hashing,
    operations,
    fetch: createTestFetch().fetch,
    isSecret: (path) => path.endsWith(".env"),
    mayLeadOut: () => false,
    ...more,
  })

  async function carryOut(operations: readonly Operation[], more: Partial<ApplyInput> = {}): Promise<Applied> {
    const applied = await apply(parts(operations, more))
    await applied.finish()
    return applied
  }

  /** The same disk with another behaviour. */
  function reopen(options: MemoryWorkspaceOptions): void {
    workspace = createMemoryWorkspace({ disk, ...options })
  }

  describe("edits by the user meanwhile", () => {
    it("skips what is not as the plan saw it, and says so", async () => {
      await plant(workspace, {
        edited: "old",
        gone: "old",
        deleted: "old",
        taken: "mine",
        big: LONG,
        link: { link: "a" },
      })
      await edit(workspace, "edited", "mine")
      await edit(workspace, "deleted", "mine, too")
      await edit(workspace, "big", LONG.toUpperCase())
      await workspace.removeFile("gone")
      const { done, skipped } = await carryOut([
        write("edited", "new", "old"),
        write("gone", "new", "old"),
        write("taken", "new"),
        write("big", "new", LONG),
        write("link", { link: "b" }, { link: "other" }),
        write("fine", "new"),
        remove("deleted", "old"),
      ])
      expect([...skipped.keys()].sort()).toEqual(["big", "deleted", "edited", "gone", "link", "taken"])
      expect(new Set(skipped.values())).toEqual(new Set(["changed-meanwhile"]))
      expect([...done.keys()]).toEqual(["fine"])
      expect(await textAt(workspace, "edited")).toBe("mine")
      expect(await textAt(workspace, "deleted")).toBe("mine, too")
      expect(await textAt(workspace, "taken")).toBe("mine")
    })

    for (const [what, act] of [
      ["saves by renaming", (path: string) => edit(workspace, path, "mine")],
      [
        "writes in place",
        async (path: string) => {
          const inode = disk.root.items.get(path)?.inode
          if (inode?.type !== "file") return edit(workspace, path, "MINE")
          inode.bytes = new TextEncoder().encode("MINE-too")
          disk.touch(inode, "content")
        },
      ],
    ] as const) {
      it(`keeps the version of a user who ${what} between any two calls`, async () => {
        for (let at = 1; ; at++) {
          disk = createMemoryDisk()
          workspace = createMemoryWorkspace({ disk })
          await prepareStateFolder(workspace, "abc")
          await plant(workspace, { a: "old-text", b: "old-text" })
          let calls = 0
          const quiet = workspace
          const busy = new Proxy(quiet, {
            get: (target, key) => {
              const value = Reflect.get(target, key) as unknown
              if (typeof value !== "function") return value
              return async (...args: unknown[]) => {
                if (++calls === at) for (const path of ["a", "b"]) await act(path)
                return Reflect.apply(value, target, args) as unknown
              }
            },
          })
          await carryOut([write("a", "new", "old-text"), remove("b", "old-text")], { workspace: busy })
          if (calls < at) break
          const texts = [...(await textsBelow(quiet)).values()]
          expect(texts.filter((text) => /^mine/i.test(text)).length).toBeGreaterThanOrEqual(2)
        }
      })
    }
  })

  describe("content", () => {
    it("asks for each content once, whatever the number of paths", async () => {
      const { fetch, asked } = createTestFetch()
      await carryOut([write("a", LONG), write("b", LONG), write("c", "small"), write("d", "small"), write("e", "")], {
        fetch,
      })
      expect(asked).toEqual(["a:0", "a:1", "a:2", "a:3", "c:0"])
      for (const path of ["a", "b"]) expect(await textAt(workspace, path)).toBe(LONG)
      for (const path of ["c", "d"]) expect(await textAt(workspace, path)).toBe("small")
      expect(await textAt(workspace, "e")).toBe("")
    })

    it("asks for nothing that lies here already: renames, copies, a change of case", async () => {
      await plant(workspace, { old: LONG, source: "text", readme: "read me" })
      const { fetch, asked } = createTestFetch()
      const { skipped } = await carryOut(
        [
          remove("readme", "read me"),
          write("new", LONG, null, "old"),
          write("newer", LONG, null, "old"),
          write("copy", "text", null, "source"),
          write("README", "read me", null, "readme"),
          remove("old", LONG),
        ],
        { fetch },
      )
      expect(skipped.size).toBe(0)
      expect(asked).toEqual([])
      const texts = await textsBelow(workspace)
      expect(texts).toEqual(
        new Map([...texts, ["new", LONG], ["newer", LONG], ["copy", "text"], ["README", "read me"]]),
      )
      expect(texts.has("old")).toBe(false)
    })

    it("fetches if what lay here is something else by now", async () => {
      await plant(workspace, { old: LONG })
      await edit(workspace, "old", "mine")
      const { skipped } = await carryOut([write("new", LONG, null, "old"), remove("old", LONG)])
      expect(await textAt(workspace, "new")).toBe(LONG)
      expect(await textAt(workspace, "old")).toBe("mine")
      expect([...skipped.keys()]).toEqual(["old"])
    })

    it("goes on with a download that was cut short, trusting no chunk unseen", async () => {
      const stop = new Error("the connection broke")
      let delivered = 0
      const broken = createTestFetch(() => {
        if (delivered++ === 2) throw stop
      })
      await expect(apply(parts([write("a", LONG)], { fetch: broken.fetch, gatheredBytes: 0 }))).rejects.toBe(stop)
      await state.remove(JOURNAL)
      const again = createTestFetch()
      await carryOut([write("a", LONG)], { fetch: again.fetch })
      expect(again.asked).toEqual(["a:0", "a:1"])
      expect(await textAt(workspace, "a")).toBe(LONG)
    })

    it.each([0, LONG.length, 2 * LONG.length])("puts large files together with room for %i bytes", async (room) => {
      const other = `${LONG}, otherwise`
      const operations = [write("a", LONG), write("b", other), write("c", LONG)]
      const { skipped } = await carryOut(operations, { gatheredBytes: room })
      expect(skipped.size).toBe(0)
      const wanted = new Map([
        ["a", LONG],
        ["b", other],
        ["c", LONG],
      ])
      for (const [path, text] of wanted) expect(await textAt(workspace, path)).toBe(text)
      expect([...(await textsBelow(workspace)).keys()].filter((path) => path.startsWith(".sessyn/tmp/"))).toEqual([])
    })

    it("stops if the chunks are not those of the file", async () => {
      for (const text of [LONG, "small"]) {
        const node = { ...entry("a", text), hash: hashing.sha256(new Uint8Array(1)) } as IndexEntry
        await expect(apply(parts([{ kind: "write", path: "a", node, before: null }]))).rejects.toMatchObject({
          code: "HASH_MISMATCH",
        })
        expect(await textAt(workspace, "a")).toBeNull()
        await state.remove(JOURNAL)
      }
    })

    it("writes what a person merged", async () => {
      await plant(workspace, { a: "mine" })
      const content = new TextEncoder().encode("merged")
      const { merged, batch } = await carryOut([
        {
          kind: "merge",
          path: "a",
          content,
          mode: 0o644,
          local: toNode(entry("a", "mine")),
          remote: entry("a", "theirs"),
        },
      ])
      expect(await textAt(workspace, "a")).toBe("merged")
      expect(merged.get("a")).toEqual(toNode(entry("a", "merged")))
      expect(await textAt(workspace, `.sessyn/quarantine/${batch}/a`)).toBe("mine")
    })
  })

  describe("quarantine", () => {
    it("keeps what is overwritten or deleted, with its folders", async () => {
      await plant(workspace, { "src/a": "old", "src/b/c": "gone", "src/l": { link: "a" } })
      const { batch } = await carryOut([
        write("src/a", "new", "old"),
        remove("src/l", { link: "a" }),
        remove("src/b/c", "gone"),
        remove("src/b", { folder: 0o755 }),
      ])
      expect(batch).toBe("20261122T171904Z-1")
      const items = await listQuarantine(workspace)
      expect(items.map(({ path, type }) => `${type} ${path}`).sort()).toEqual([
        "file src/a",
        "file src/b/c",
        "link src/l",
      ])
      expect(await workspace.stat("src/b")).toEqual({ ok: false, refusal: "missing" })
    })

    it("leaves a folder that is not empty", async () => {
      await plant(workspace, { "src/mine": "mine" })
      const { skipped } = await carryOut([remove("src", { folder: 0o755 })])
      expect(skipped.size).toBe(0)
      expect(await textAt(workspace, "src/mine")).toBe("mine")
    })

    it("names no batch if nothing went there", async () => {
      expect((await carryOut([write("a", "new")])).batch).toBeNull()
      expect(await listQuarantine(workspace)).toEqual([])
    })
  })

  describe("permissions", () => {
    it("gives the vault's, but keeps secrets to their owner", async () => {
      await plant(workspace, { "mode.sh": "x", "old.env": { text: "old", mode: 0o644 } })
      const { diskModes } = await carryOut([
        write("a", { text: "a", mode: 0o755 }),
        write(".env", "b"),
        write("run.env", { text: "c", mode: 0o755 }),
        write("old.env", "new", "old"),
        { kind: "mode", path: "mode.sh", mode: 0o755, before: toNode(entry("mode.sh", "x")) },
      ])
      expect(Object.fromEntries(diskModes)).toEqual({
        a: 0o755,
        ".env": 0o600,
        "run.env": 0o700,
        "old.env": 0o600,
        "mode.sh": 0o755,
      })
      for (const [path, mode] of diskModes) expect(await workspace.stat(path)).toMatchObject({ value: { mode } })
    })

    it("shows the vault's time", async () => {
      await carryOut([write("a", "a"), write("b", LONG)])
      for (const path of ["a", "b"]) {
        expect(await workspace.stat(path)).toMatchObject({ value: { mtimeNs: 1_600_000_000_000_000_000n } })
      }
    })
  })

  describe("what cannot be done here", () => {
    it("refuses hostile paths and links that lead out, whoever planned them", async () => {
      const { skipped } = await carryOut([
        write("../a", "x"),
        write(".git/config", "x"),
        write("a/.GIT/hooks/x", "x"),
        write("out", { link: "../../etc" }),
        write("fine", { link: "a" }),
      ])
      expect(Object.fromEntries(skipped)).toEqual({
        "../a": "hostile-path",
        ".git/config": "hostile-path",
        "a/.GIT/hooks/x": "hostile-path",
        out: "outward-link",
      })
      const agreed = await carryOut([write("out", { link: "../../etc" })], { mayLeadOut: () => true })
      expect(agreed.skipped.size).toBe(0)
    })

    it("holds back that one file, and does the rest", async () => {
      await plant(workspace, { blocker: "a file" })
      reopen({ windowsNames: true, links: false })
      const { done, skipped } = await carryOut([
        write("con.txt", "x"),
        write("link", { link: "a" }),
        write("blocker/inner", "x"),
        write("nowhere/inner", "x"),
        write("fine", "x"),
      ])
      expect(Object.fromEntries(skipped)).toEqual({
        "con.txt": "name-not-allowed",
        link: "no-links",
        "blocker/inner": "blocked-folder",
        "nowhere/inner": "changed-meanwhile",
      })
      expect([...done.keys()]).toEqual(["fine"])
    })

    it("says what the platform denies", async () => {
      reopen({ before: (operation, path) => (operation === "create" && path === "a" ? "denied" : undefined) })
      const { skipped } = await carryOut([write("a", "x"), write("b", "x")])
      expect(Object.fromEntries(skipped)).toEqual({ a: "denied" })
    })

    it("stops at a full disk with nothing half done, and leaves no more on it than before", async () => {
      // It fills up, with somebody else's bytes, when work has begun.
      reopen({
        before: (operation) => {
          if (operation === "create") disk.freeBytes = 30
          return undefined
        },
      })
      await plant(workspace, { edited: "old" })
      disk.freeBytes = 1000
      await expect(apply(parts([write("edited", "new", "old"), write("big", LONG)]))).rejects.toMatchObject({
        code: "DISK_FULL",
      })
      expect(await textAt(workspace, "edited")).toMatch(/^(old|new)$/)
      expect(await textAt(workspace, "big")).toBeNull()
      expect(await workspace.list(TEMPORARY)).toEqual({ ok: true, value: [] })
      expect(await state.read(JOURNAL)).not.toBeNull()
    })

    it("does not begin what the disk has no room for", async () => {
      await plant(workspace, { edited: "old" })
      disk.freeBytes = "new".length + LONG.length - 1
      await expect(apply(parts([write("edited", "new", "old"), write("big", LONG)]))).rejects.toMatchObject({
        code: "DISK_FULL",
        details: { needed: disk.freeBytes + 1, free: disk.freeBytes },
      })
      expect(await textAt(workspace, "edited")).toBe("old")
      expect(await state.read(JOURNAL)).toBeNull()
      disk.freeBytes++
      const { done } = await carryOut([write("edited", "new", "old"), write("big", LONG)])
      expect([...done.keys()].sort()).toEqual(["big", "edited"])
    })

    it("needs room for each of many files of one content, and none for one that only moves", async () => {
      await plant(workspace, { old: LONG })
      disk.freeBytes = LONG.length
      const moving = [write("new", LONG, null, "old"), remove("old", LONG)]
      await expect(apply(parts([write("copy", LONG), write("another", LONG), ...moving]))).rejects.toMatchObject({
        details: { needed: 2 * LONG.length },
      })
      const { done } = await carryOut([write("copy", LONG), ...moving])
      expect([...done.keys()].sort()).toEqual(["copy", "new", "old"])
    })

    it("counts what an interrupted download left as room that it has", async () => {
      await plant(workspace, { [`${TEMPORARY}/left.part`]: LONG.slice(0, 20) })
      disk.freeBytes = LONG.length - 21
      await expect(apply(parts([write("big", LONG)]))).rejects.toMatchObject({ code: "DISK_FULL" })
      disk.freeBytes++
      const begun = apply(parts([write("big", LONG)], { fetch: () => Promise.reject(new Error("fetched")) }))
      await expect(begun).rejects.toThrow("fetched")
    })

    it("stops between two files when told to", async () => {
      const controller = new AbortController()
      const reason = new Error("stop")
      const { fetch } = createTestFetch(() => controller.abort(reason))
      await expect(apply(parts([write("a", "1"), write("b", "2")], { fetch, signal: controller.signal }))).rejects.toBe(
        reason,
      )
    })
  })

  it("writes the journal before it touches anything, and flushes before it is closed", async () => {
    const events: string[] = []
    const logged = createMemoryState({ before: (operation, name) => void events.push(`${operation} ${name}`) })
    reopen({
      before: (operation, path) => {
        if (operation !== "stat" && operation !== "list") events.push(`${operation} ${path}`)
        return undefined
      },
    })
    const applied = await apply(parts([write("a", "x")], { state: logged }))
    await applied.finish()
    expect(events[0]).toBe("read journal")
    expect(events[1]).toBe("write journal")
    expect(events.slice(-2)).toEqual(["flush ", "remove journal"])
  })

  it("does nothing, not even a journal, for a plan that concerns only the vault", async () => {
    const events: string[] = []
    const logged = createMemoryState({ before: (operation) => void events.push(operation) })
    const { done } = await carryOut([{ kind: "bury", path: "a", before: entry("a", "x") }], { state: logged })
    expect([done.size, events]).toEqual([0, []])
  })

  it("refuses to run over an apply that was killed", async () => {
    await apply(parts([write("a", "x")]))
    await expect(apply(parts([write("b", "x")]))).rejects.toThrow("recovered first")
  })
})
