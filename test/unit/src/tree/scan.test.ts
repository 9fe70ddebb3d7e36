import { beforeEach, describe, expect, it } from "vitest"
import { SyncError } from "../../../../src/errors.ts"
import { createMemoryDisk, type MemoryDisk } from "../../../../src/platform/memory/memoryDisk.ts"
import { createMemoryWorkspace, type MemoryWorkspaceOptions } from "../../../../src/platform/memory/memoryWorkspace.ts"
import type { Workspace } from "../../../../src/ports/workspace.ts"
import { createIgnoreRules } from "../../../../src/tree/scan/ignoreRules.ts"
import { type ScanInput, scan } from "../../../../src/tree/scan/scan.ts"
import { baseOf, remember, type ScanCache } from "../../../../src/tree/scan/scanCache.ts"
import { prepareStateFolder } from "../../../../src/tree/stateFolder.ts"
import { about, edit, hashing, plant, utf8, write } from "../../../support/trees.ts"

describe("scan", () => {
  let disk: MemoryDisk
  let workspace: Workspace
  let reads: string[]

  function open(options: MemoryWorkspaceOptions = {}): void {
    workspace = createMemoryWorkspace({
      disk,
      ...options,
      before: (operation, path) => {
        if (operation === "read" || operation === "readPieces") reads.push(path)
        return options.before?.(operation, path)
      },
    })
  }

  beforeEach(async () => {
    disk = createMemoryDisk()
    reads = []
    open()
    await prepareStateFolder(workspace, "abc")
    reads = []
  })

  const look = (more: Partial<ScanInput> = {}) =>
    scan({ workspace, crypto: hashing, rules: createIgnoreRules(), cache: new Map(), workspaceId: null, ...more })

  /** Agrees with the vault on all that is here. */
  async function agree(cache: ScanCache = new Map()): Promise<ScanCache> {
    const { nodes, seen, diskModes } = await look({ cache })
    return remember(cache, nodes, about, seen, diskModes)
  }

  it("shows files, links and folders, empty ones too, and never our own folder or Git's", async () => {
    await plant(workspace, {
      a: { text: "text", mode: 0o640 },
      "d/e": "x",
      empty: { folder: 0o700 },
      link: { link: "../out" },
      ".git/config": "x",
      "sub/.GIT/config": "x",
      "sub/.sessyn-tmp-1": "x",
    })
    const { nodes, held, occupied } = await look()
    expect(Object.fromEntries(nodes)).toEqual({
      a: { type: "file", mode: 0o640, size: 4, hash: hashing.sha256(utf8("text")) },
      d: { type: "folder", mode: 0o755 },
      "d/e": { type: "file", mode: 0o644, size: 1, hash: hashing.sha256(utf8("x")) },
      empty: { type: "folder", mode: 0o700 },
      link: { type: "link", mode: 0o777, target: "../out" },
      sub: { type: "folder", mode: 0o755 },
    })
    expect(held.size).toBe(0)
    expect([...occupied].sort()).toEqual(["", "sub"])
  })

  it("hashes large files in pieces", async () => {
    const text = "x".repeat(3_000_000)
    await plant(workspace, { big: text })
    const contents: string[] = []
    const { nodes } = await look({ onContent: (path) => contents.push(path) })
    expect(nodes.get("big")).toMatchObject({ size: 3_000_000, hash: hashing.sha256(utf8(text)) })
    expect(contents).toEqual([])
  })

  it("hands on the content of small files it read, with its hash", async () => {
    await plant(workspace, { a: "12345", "d/b": "", link: { link: "a" } })
    const contents: unknown[][] = []
    await look({ onContent: (...content) => contents.push(content) })
    expect(contents).toEqual([
      ["a", utf8("12345"), hashing.sha256(utf8("12345"))],
      ["d/b", utf8(""), hashing.sha256(utf8(""))],
    ])
  })

  describe("with a cache", () => {
    it("reads nothing that did not change", async () => {
      await plant(workspace, { a: "1", "d/b": "2", big: "x".repeat(2_000_000) })
      const cache = await agree()
      reads = []
      const contents: string[] = []
      const { nodes } = await look({ cache, onContent: (path) => contents.push(path) })
      expect(reads).toEqual([])
      expect(contents).toEqual([])
      expect(Object.fromEntries(nodes)).toEqual(Object.fromEntries(baseOf(cache)))
    })

    it.each([
      ["new in the root", { ".syncignore": "*.log\n" }],
      ["new in a folder", { "d/.syncignore": "e/*.log\n" }],
      ["new in the folder itself", { "d/e/.syncignore": "*\n" }],
    ])("applies rules that are %s to files that it knows", async (_, rules) => {
      await plant(workspace, { "d/e/a.log": "1", "d/e/b.log": "2", other: "3" })
      const cache = await agree()
      await plant(workspace, rules)
      const { nodes } = await look({ cache })
      expect([...nodes.keys()].filter((path) => path.endsWith(".log"))).toEqual([])
      expect(nodes.has("other")).toBe(true)
    })

    it("shows again what rules left out that changed, or are gone", async () => {
      await plant(workspace, { ".syncignore": "*.log\n", "d/.syncignore": "*.tmp\n", "d/a.log": "1", "d/b.tmp": "2" })
      const cache = await agree()
      await edit(workspace, ".syncignore", "# nothing\n")
      await workspace.removeFile("d/.syncignore")
      const { nodes } = await look({ cache })
      expect([...nodes.keys()].sort()).toEqual([".syncignore", "d", "d/a.log", "d/b.tmp"])
    })

    it("applies rules that were edited in the same moment as the scan before", async () => {
      await plant(workspace, { ".syncignore": "*.tmp\n", "a.log": "1" })
      const cache = await agree()
      await edit(workspace, ".syncignore", "*.log\n")
      expect([...(await look({ cache })).nodes.keys()]).toEqual([".syncignore"])
    })

    it("reads what changed, by size, by times alone, or by another inode", async () => {
      await plant(workspace, { size: "1", times: "1", inode: "1", mode: "1", same: "1" })
      const cache = await agree()
      await edit(workspace, "size", "22")
      const writer = await workspace.create("times", { resume: true })
      if (writer.ok) await writer.value.write(0, utf8("2"))
      await edit(workspace, "inode", "2")
      await workspace.setMode("mode", 0o600)
      reads = []
      const { nodes } = await look({ cache })
      expect(reads.sort()).toEqual(["inode", "mode", "size", "times"])
      for (const path of ["times", "inode"]) expect(nodes.get(path)).toMatchObject({ hash: hashing.sha256(utf8("2")) })
    })

    it("reads a changed file though its mtime was put back", async () => {
      await plant(workspace, { a: "1" })
      await workspace.setModified("a", 1_000)
      const cache = await agree()
      const writer = await workspace.create("a", { resume: true })
      if (writer.ok) await writer.value.write(0, utf8("2"))
      await workspace.setModified("a", 1_000)
      expect((await look({ cache })).nodes.get("a")).toMatchObject({ hash: hashing.sha256(utf8("2")) })
    })

    it("reads once more what was changed while the scan ran, until it has settled", async () => {
      await plant(workspace, { a: "1", b: "1" })
      let edits = 0
      open({
        before: (operation, path) => {
          // In the moment between the scan's start and its look at `b`.
          if (operation === "list" && path === "" && edits++ === 0) {
            const inode = disk.root.items.get("b")?.inode
            if (inode !== undefined) disk.touch(inode, "content")
          }
          return undefined
        },
      })
      let cache = await agree()
      reads = []
      cache = await agree(cache)
      expect(reads).toEqual(["b"])
      reads = []
      await agree(cache)
      expect(reads).toEqual([])
    })

    it("looks at a disk that cannot be written to, by whatever call it is told so", async () => {
      await plant(workspace, { a: "1" })
      const cache = await agree()
      for (const failing of ["removeFile", "create", "setModified", "stat"] as const) {
        const readOnly = new Proxy(workspace, {
          get: (target, key) =>
            key === failing
              ? async (path: string) => {
                  if (path !== "") throw new SyncError("ROOT_READ_ONLY", "read-only")
                  return target.stat(path)
                }
              : (Reflect.get(target, key) as unknown),
        })
        const { nodes } = await look({ cache, workspace: readOnly })
        expect([...nodes.keys()]).toEqual(["a"])
      }
    })

    it("trusts nothing where it cannot ask the file system for its time", async () => {
      await plant(workspace, { a: "1" })
      open({ before: (operation) => (operation === "create" ? "denied" : undefined) })
      const cache = await agree()
      reads = []
      await look({ cache })
      expect(reads).toEqual(["a"])
    })

    it("reads nothing of a folder that was renamed", async () => {
      await plant(workspace, { "d/a": "1", "d/e/b": "2", c: "3" })
      const cache = await agree()
      await workspace.rename("d", "f", { replace: false })
      await write(workspace, "new", "4")
      reads = []
      const { nodes } = await look({ cache })
      expect(reads).toEqual(["new"])
      expect([...nodes.keys()].sort()).toEqual(["c", "f", "f/a", "f/e", "f/e/b", "new"])
      expect(nodes.get("f/e/b")).toMatchObject({ hash: hashing.sha256(utf8("2")) })
    })

    it("reads all of it where ctimes can be set, because inodes are given out again", async () => {
      const settable = (target: Workspace) => async (path: string) => {
        const stat = await target.stat(path)
        return stat.ok ? { ok: true, value: { ...stat.value, ctimeNs: stat.value.mtimeNs } } : stat
      }
      const fat = new Proxy(workspace, {
        get: (target, key) => (key === "stat" ? settable(target) : (Reflect.get(target, key) as unknown)),
      })
      await plant(workspace, { "d/a": "1", "d/e/b": "2" })
      const cache = await agree()
      await workspace.rename("d", "f", { replace: false })
      reads = []
      await look({ cache, workspace: fat })
      expect(reads).toEqual(["f/a", "f/e/b"])
    })

    it("reads a renamed file, whatever its inode says", async () => {
      await plant(workspace, { a: "1" })
      const cache = await agree()
      await workspace.rename("a", "b", { replace: false })
      reads = []
      const { nodes } = await look({ cache })
      expect(reads).toEqual(["b"])
      expect([...nodes.keys()]).toEqual(["b"])
    })
  })

  describe("what cannot be synced now", () => {
    it("holds files that keep changing, and takes those that come to rest", async () => {
      await plant(workspace, { restless: "1", resting: "1" })
      let attempts = 0
      open({
        before: (operation, path) => {
          if (operation !== "read") return undefined
          if (path === "restless") return "changed"
          return path === "resting" && attempts++ < 2 ? "changed" : undefined
        },
      })
      const { nodes, held } = await look()
      expect(Object.fromEntries(held)).toEqual({ restless: "changing" })
      expect([...nodes.keys()]).toEqual(["resting"])
    })

    it("holds what it may not read, folders with all that is in them", async () => {
      await plant(workspace, { "d/a": "1", b: "2", c: "3" })
      const cache = await agree()
      open({
        before: (operation, path) => {
          if ((operation === "list" && path === "d") || (operation === "read" && path === "b")) return "denied"
          return undefined
        },
      })
      await edit(workspace, "b", "22")
      const { nodes, held } = await look({ cache })
      expect(Object.fromEntries(held)).toEqual({ d: "unreadable", b: "unreadable" })
      expect([...nodes.keys()]).toEqual(["c"])
    })

    it("holds a file that is gone when it comes to read it: perhaps it is being saved", async () => {
      await plant(workspace, { a: "1" })
      open({ before: (operation) => (operation === "read" ? "missing" : undefined) })
      expect(Object.fromEntries((await look()).held)).toEqual({ a: "changing" })
    })

    it("holds what it did not meet but finds when it looks again, and only that", async () => {
      await plant(workspace, { saved: "1", gone: "2", "d/gone": "3" })
      const cache = await agree()
      await workspace.removeFile("saved")
      await workspace.removeFile("gone")
      await workspace.removeFile("d/gone")
      await workspace.removeFolder("d")
      let isBack = false
      open({
        before: (operation, path) => {
          if (operation === "stat" && path === "saved" && !isBack) {
            isBack = true
            disk.root.items.set("saved", {
              name: "saved",
              inode: disk.make({ type: "file", bytes: utf8("new") }, 0o644),
            })
          }
          return undefined
        },
      })
      const { nodes, held } = await look({ cache })
      expect(Object.fromEntries(held)).toEqual({ saved: "changing" })
      expect(nodes.size).toBe(0)
    })

    it("takes a changed case for a rename where names are folded", async () => {
      disk = createMemoryDisk({ caseInsensitive: true })
      open({ caseInsensitive: true })
      await plant(workspace, { readme: "1" })
      const cache = await agree()
      await workspace.rename("readme", "README", { replace: false })
      const { nodes, held } = await look({ cache })
      expect([...nodes.keys()]).toEqual(["README"])
      expect(held.size).toBe(0)
    })

    it("holds what is no file, and names that are not text", async () => {
      disk.root.items.set("fifo", { name: "fifo", inode: disk.make({ type: "other" }, 0o644) })
      disk.root.items.set("\ud800", { name: "\ud800", inode: disk.make({ type: "file", bytes: utf8("x") }, 0o644) })
      const { nodes, held, occupied } = await look()
      expect(Object.fromEntries(held)).toEqual({ fifo: "not-a-file", "\ud800": "name-not-unicode" })
      expect(nodes.size).toBe(0)
      expect(occupied.has("")).toBe(true)
    })
  })

  describe("ignore rules", () => {
    it("applies them folder by folder, before anything is read", async () => {
      await plant(workspace, {
        ".syncignore": "*.log\nbuild/\n",
        "a.log": "1",
        "build/x": "2",
        "src/.syncignore": "!keep.log\n/only-here\n",
        "src/keep.log": "3",
        "src/only-here": "4",
        "src/deep/only-here": "5",
      })
      const { nodes, excluded, occupied } = await look()
      const files = [...nodes].flatMap(([path, { type }]) => (type === "file" ? [path] : []))
      expect(files.sort()).toEqual([".syncignore", "src/.syncignore", "src/deep/only-here", "src/keep.log"])
      expect(reads.filter((path) => /a\.log|build|src\/only/.test(path))).toEqual([])
      expect(excluded("build/")).toBe(true)
      expect(excluded("new.log")).toBe(true)
      expect(excluded("src/keep.log")).toBe(false)
      expect([...occupied].sort()).toEqual(["", "src"])
    })

    it("holds a folder whose rules cannot be read", async () => {
      await plant(workspace, { "d/.syncignore": "secret", "d/secret": "x", e: "y" })
      open({ before: (operation, path) => (operation === "read" && path === "d/.syncignore" ? "denied" : undefined) })
      const { nodes, held } = await look()
      expect(Object.fromEntries(held)).toEqual({ d: "unreadable", "d/.syncignore": "unreadable" })
      expect([...nodes.keys()]).toEqual(["e"])
    })

    it("does not take an ignored file for one that came back", async () => {
      await plant(workspace, { "a.log": "1" })
      const cache = await agree()
      await plant(workspace, { ".syncignore": "*.log\n" })
      expect((await look({ cache })).held.size).toBe(0)
    })
  })

  describe("permissions", () => {
    it("are the vault's as long as the disk shows what was left there", async () => {
      await plant(workspace, { ".env": { text: "x", mode: 0o600 } })
      const { nodes, seen } = await look()
      const agreed = new Map([...nodes].map(([path, node]) => [path, { ...node, mode: 0o644 }]))
      const cache = remember(new Map(), agreed, about, seen, new Map([[".env", 0o600]]))
      expect((await look({ cache })).nodes.get(".env")?.mode).toBe(0o644)
      await workspace.setMode(".env", 0o640)
      expect((await look({ cache })).nodes.get(".env")?.mode).toBe(0o640)
      // Not agreed on yet: it stays a change, however often it is looked at.
      const later = await look({ cache })
      const next = remember(cache, baseOf(cache), about, later.seen, later.diskModes)
      expect((await look({ cache: next })).nodes.get(".env")?.mode).toBe(0o640)
    })

    it("survive a platform that shows none", async () => {
      await plant(workspace, { "run.sh": { text: "x", mode: 0o755 }, d: { folder: 0o711 } })
      const cache = await agree()
      open({ modes: "none" })
      await write(workspace, "new", "x")
      const { nodes } = await look({ cache })
      expect(Object.fromEntries([...nodes].map(([path, { mode }]) => [path, mode]))).toEqual({
        "run.sh": 0o755,
        d: 0o711,
        new: 0o644,
      })
    })
  })

  describe("the root", () => {
    const id = { workspaceId: "abc" }

    it("is missing if it is not there", async () => {
      disk.mounted = false
      await expect(look(id)).rejects.toMatchObject({ code: "ROOT_MISSING" })
    })

    it("is missing if the marker is gone and most of the files with it", async () => {
      await plant(workspace, { a: "1", b: "2", c: "3" })
      const cache = await agree()
      disk = createMemoryDisk()
      open()
      await plant(workspace, { a: "1" })
      await expect(look({ ...id, cache })).rejects.toMatchObject({ code: "ROOT_MISSING" })
    })

    it("is another's if the marker is", async () => {
      await expect(look({ workspaceId: "other" })).rejects.toMatchObject({ code: "ROOT_MISSING" })
    })

    it("is there if only the marker is gone", async () => {
      await plant(workspace, { a: "1", b: "2", c: "3" })
      const cache = await agree()
      expect((await look({ ...id, cache })).markerMissing).toBe(false)
      await workspace.removeFile(".sessyn/workspace")
      await workspace.removeFile("a")
      expect((await look({ ...id, cache })).markerMissing).toBe(true)
    })

    it("is there if the user deleted all files and left the marker", async () => {
      await plant(workspace, { a: "1" })
      const cache = await agree()
      await workspace.removeFile("a")
      expect((await look({ ...id, cache })).nodes.size).toBe(0)
    })
  })

  it("stops when told to", async () => {
    await plant(workspace, { a: "1" })
    const reason = new Error("stop")
    await expect(look({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  describe("tells what all of it looked like", () => {
    const TREE = { a: "x", "in/b": "x", empty: { folder: 0o700 }, link: { link: "a" } }

    it("if that is enough to know whether it changes", async () => {
      await plant(workspace, TREE)
      const { settledLooks } = await look({ cache: await agree() })
      const { others, files } = settledLooks() ?? { others: new Map(), files: new Map() }
      expect([...others.keys()].sort()).toEqual(["", "empty", "in", "link"])
      expect([...files.keys()].sort()).toEqual(["a", "in/b"])
    })

    it("not where folders do not tell that names come and go, or nothing tells of a change", async () => {
      await plant(workspace, TREE)
      const still: Workspace = {
        ...workspace,
        async stat(path) {
          const stat = await workspace.stat(path)
          return stat.ok && stat.value.type === "folder"
            ? { ok: true, value: { ...stat.value, mtimeNs: 1n, ctimeNs: 1n } }
            : stat
        },
      }
      const unchanging: Workspace = {
        ...workspace,
        async stat(path) {
          const stat = await workspace.stat(path)
          return stat.ok ? { ok: true, value: { ...stat.value, ctimeNs: stat.value.mtimeNs } } : stat
        },
      }
      const cache = await agree()
      expect((await look({ workspace: still, cache })).settledLooks()).toBeNull()
      expect((await look({ workspace: unchanging, cache })).settledLooks()).toBeNull()
    })

    it("not if something is left alone, or rules leave themselves out", async () => {
      await plant(workspace, { ...TREE, ".syncignore": ".syncignore\n" })
      expect((await look({ cache: await agree() })).settledLooks()).toBeNull()
      await workspace.removeFile(".syncignore")
      expect((await look({ cache: await agree() })).settledLooks()).not.toBeNull()
      open({ before: (operation, path) => (operation === "readLink" && path === "link" ? "denied" : undefined) })
      expect((await look({ cache: await agree() })).settledLooks()).toBeNull()
    })
  })
})
