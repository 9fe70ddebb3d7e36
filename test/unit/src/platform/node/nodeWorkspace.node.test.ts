import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { createServer } from "node:net"
import { basename, dirname, join } from "node:path"
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest"
import {
  createNodeWorkspace,
  type NodeWorkspaceOptions,
} from "../../../../../src/platform/node/workspace/nodeWorkspace.ts"
import type { Workspace } from "../../../../../src/ports/workspace.ts"
import { textAt, utf8, write } from "../../../../support/trees.ts"
import { canMount, mountTmpfs, remount, unmountAll } from "../../../../support/mounts.node.ts"
import { createTemporaryFolders } from "../../../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
const MAY_MOUNT = canMount()
const NOBODY = 65534
const IS_ROOT = process.geteuid?.() === 0
/** Linux says of such a file that it is a page long. */
const SHORTER =
  ["/sys/kernel/uevent_seqnum"].find((path) => fs.existsSync(path) && fs.statSync(path).size === 4096) ?? null
const VARIANTS: Readonly<Record<string, NodeWorkspaceOptions>> = {
  "by descriptors": { anchor: "descriptors" },
  "by checks": { anchor: "check", syncfs: false },
}

afterEach(unmountAll)
afterAll(folders.remove)

for (const [name, options] of Object.entries(process.platform === "linux" ? VARIANTS : { default: {} })) {
  describe(`a real folder, reached ${name}`, () => {
    let root: string
    let workspace: Workspace

    beforeEach(() => {
      root = folders.make()
      workspace = createNodeWorkspace(root, options)
    })

    const names = async (path: string) => {
      const listed = await workspace.list(path)
      return listed.ok ? listed.value.map((item) => item.name).sort() : listed.refusal
    }

    it("sees what this file system can, and leaves no trace of trying", () => {
      expect([workspace.caseInsensitive, workspace.normalizes, workspace.links]).toEqual([false, false, true])
      expect(fs.readdirSync(root)).toEqual([])
    })

    it("is missing if it is not there, or is a file", () => {
      fs.writeFileSync(join(root, "file"), "")
      for (const path of ["nothing", "file"]) {
        expect(() => createNodeWorkspace(join(root, path), options)).toThrow(
          expect.objectContaining({ code: "ROOT_MISSING" }),
        )
      }
    })

    it("says so when the root goes, or is another folder, until it is looked at afresh", async () => {
      await write(workspace, "a", "x")
      fs.renameSync(root, `${root}-away`)
      await expect(workspace.stat("")).rejects.toMatchObject({ code: "ROOT_MISSING" })
      fs.mkdirSync(root)
      // Longer than what was seen may be believed.
      await new Promise((resolve) => setTimeout(resolve, 30))
      await expect(workspace.create("a")).rejects.toMatchObject({ code: "ROOT_MISSING" })
      expect(fs.readdirSync(root)).toEqual([])
      expect(await workspace.stat("")).toMatchObject({ ok: true })
      expect(await names("")).toEqual([])
      fs.rmSync(`${root}-away`, { recursive: true })
    })

    it("neither waits for a FIFO nor reads a socket", async () => {
      execFileSync("mkfifo", [join(root, "fifo")])
      const server = createServer().listen(join(root, "socket"))
      await once(server, "listening")
      for (const path of ["fifo", "socket"]) {
        expect(await workspace.stat(path)).toMatchObject({ value: { type: "other" } })
        expect((await workspace.read(path, 10)).ok).toBe(false)
        expect((await workspace.readPieces(path, () => {})).ok).toBe(false)
        expect((await workspace.create(path, { resume: true })).ok).toBe(false)
        expect((await workspace.link(path, "copy")).ok).toBe(false)
      }
      server.close()
    })

    it.runIf(SHORTER !== null)("has no file whole that ends before the length that its file system told", async () => {
      const there = createNodeWorkspace(dirname(SHORTER as string), options)
      const read = await there.readPieces(basename(SHORTER as string), () => {})
      expect(read).toEqual({ ok: false, refusal: "changed" })
    })

    it("takes names of 255 bytes, with newlines, quotes and whatever else", async () => {
      for (const path of ["é".repeat(127), "a\nb", "'\"`$(x)", "\\", "-rf", "\u0001\u007f", " ", "\ufffd", "👩‍🚀"]) {
        await write(workspace, path, path)
        expect(await textAt(workspace, path)).toBe(path)
        expect(await names("")).toContain(path)
      }
      expect(await workspace.create("é".repeat(128))).toEqual({ ok: false, refusal: "name" })
    })

    it("shows names that are not UTF-8 without a path, the others as they are", async () => {
      const bytes = Buffer.concat([Buffer.from(`${root}/bad-`), Buffer.from([0xff, 0xfe])])
      fs.writeFileSync(bytes, "x")
      await write(workspace, "good", "x")
      const listed = await workspace.list("")
      if (!listed.ok) throw new Error(listed.refusal)
      expect(listed.value.map(({ name, shown, stat }) => [name, shown, stat.size]).sort()).toEqual([
        [null, "bad-\ufffd\ufffd", 1],
        ["good", "good", 1],
      ])
      fs.symlinkSync(Buffer.from([0xff]), join(root, "link"))
      expect(await workspace.readLink("link")).toEqual({ ok: false, refusal: "name" })
    })

    it("goes deep", async () => {
      const segment = "d".repeat(100)
      let path = ""
      // Without descriptors the system itself ends at 4,096 bytes.
      const depth = options.anchor === "descriptors" ? 60 : 30
      for (let i = 0; i < depth; i++) {
        path += i === 0 ? segment : `/${segment}`
        expect(await workspace.makeFolder(path)).toMatchObject({ ok: true })
      }
      await write(workspace, `${path}/a`, "deep")
      expect(await textAt(workspace, `${path}/a`)).toBe("deep")
      expect(await names(path)).toEqual(["a"])
      execFileSync("rm", ["-rf", join(root, segment)])
    })

    it("does not mind links in a circle", async () => {
      fs.mkdirSync(join(root, "d"))
      fs.symlinkSync("..", join(root, "d/up"))
      fs.symlinkSync("loop", join(root, "loop"))
      expect(await names("d/up")).toBe("not-a-folder")
      expect(await workspace.stat("d/up/d")).toEqual({ ok: false, refusal: "not-a-folder" })
      expect(await workspace.stat("loop/a")).toEqual({ ok: false, refusal: "not-a-folder" })
      expect(await workspace.stat("loop")).toMatchObject({ value: { type: "link" } })
    })

    it("gives hard-linked files one inode, and leaves the other name when one is replaced", async () => {
      await write(workspace, "a", "old")
      fs.linkSync(join(root, "a"), join(root, "b"))
      const [a, b] = [await workspace.stat("a"), await workspace.stat("b")]
      expect(a.ok && a.value.inode).toBe(b.ok && b.value.inode)
      await write(workspace, "new", "new")
      await workspace.rename("new", "a", { replace: true })
      expect(await textAt(workspace, "b")).toBe("old")
    })

    it("pays no heed to the umask", async () => {
      const before = process.umask(0o077)
      try {
        await write(workspace, "a", "x")
        await workspace.setMode("a", 0o666)
        expect(fs.statSync(join(root, "a")).mode & 0o777).toBe(0o666)
      } finally {
        process.umask(before)
      }
    })

    it("does not change what a link leads to", async () => {
      const outside = join(folders.make(), "outside")
      fs.writeFileSync(outside, "theirs", { mode: 0o644 })
      fs.utimesSync(outside, 1_000, 1_000)
      fs.symlinkSync(outside, join(root, "link"))
      await workspace.setMode("link", 0o777)
      await workspace.setModified("link", 5_000_000)
      await workspace.create("link", { resume: true })
      await workspace.link("link", "copy")
      const { mode, mtimeMs } = fs.statSync(outside)
      expect([mode & 0o777, mtimeMs, fs.readFileSync(outside, "utf8")]).toEqual([0o644, 1_000_000, "theirs"])
    })

    it.runIf(IS_ROOT)("answers `denied` where it may not", async () => {
      fs.chmodSync(root, 0o755)
      for (const folder of ["closed", "read-only"]) fs.mkdirSync(join(root, folder))
      fs.writeFileSync(join(root, "closed/a"), "x")
      fs.writeFileSync(join(root, "secret"), "x", { mode: 0o600 })
      fs.chmodSync(join(root, "closed"), 0o700)
      fs.chmodSync(join(root, "read-only"), 0o555)
      process.seteuid?.(NOBODY)
      try {
        const mine = createNodeWorkspace(root, options)
        const outcomes = [
          mine.list("closed"),
          mine.stat("closed/a"),
          mine.read("secret", 10),
          mine.create("read-only/a"),
          mine.makeFolder("read-only/d"),
          mine.removeFile("secret"),
          mine.setMode("secret", 0o777),
        ]
        for (const outcome of await Promise.all(outcomes)) expect(outcome).toEqual({ ok: false, refusal: "denied" })
      } finally {
        process.seteuid?.(0)
      }
    })

    it.runIf(MAY_MOUNT)("throws DISK_FULL when the disk is", async () => {
      mountTmpfs(root, "size=256k")
      const small = createNodeWorkspace(root, options)
      const writer = await small.create("a")
      if (!writer.ok) throw new Error(writer.refusal)
      await expect(writer.value.write(0, new Uint8Array(1_000_000))).rejects.toMatchObject({ code: "DISK_FULL" })
      await writer.value.close()
      await expect(small.link("a", "b").then(() => small.rename("a", "c", { replace: false }))).resolves.toMatchObject({
        ok: true,
      })
    })

    it.runIf(MAY_MOUNT)("throws ROOT_READ_ONLY if all of it is, and denies what only in part is", async () => {
      mountTmpfs(join(root, "part"), "size=64k")
      fs.writeFileSync(join(root, "part/a"), "x")
      remount(join(root, "part"), "ro")
      expect(await workspace.create("part/b")).toEqual({ ok: false, refusal: "denied" })
      expect(await workspace.removeFile("part/a")).toEqual({ ok: false, refusal: "denied" })
      const whole = createNodeWorkspace(join(root, "part"), options)
      await expect(whole.create("b")).rejects.toMatchObject({ code: "ROOT_READ_ONLY" })
      expect(await textAt(whole, "a")).toBe("x")
    })

    it.runIf(MAY_MOUNT)("moves, links and flushes across a mount point in the workspace", async () => {
      mountTmpfs(join(root, "mount"), "size=8m")
      const text = "x".repeat(3_000_000)
      await write(workspace, "a", text)
      await workspace.setMode("a", 0o640)
      await workspace.setModified("a", 1_600_000_000_000)
      expect(await workspace.link("a", "mount/copy")).toMatchObject({ ok: true })
      expect(await workspace.rename("a", "mount/copy", { replace: false })).toEqual({ ok: false, refusal: "exists" })
      expect(await workspace.rename("a", "mount/moved", { replace: false })).toMatchObject({ ok: true })
      expect(await workspace.rename("mount/moved", "mount/copy", { replace: true })).toMatchObject({ ok: true })
      expect(await workspace.rename("mount/copy", "back", { replace: true })).toMatchObject({ ok: true })
      expect(await workspace.stat("back")).toMatchObject({
        value: { mode: 0o640, mtimeNs: 1_600_000_000_000_000_000n },
      })
      expect((await textAt(workspace, "back")) === text).toBe(true)
      fs.symlinkSync("back", join(root, "link"))
      expect(await workspace.rename("link", "mount/link", { replace: true })).toMatchObject({ ok: true })
      expect(await workspace.readLink("mount/link")).toMatchObject({ value: "back" })
      expect(await names("mount")).toEqual(["link"])
      expect(await names("")).toEqual(["back", "mount"])
      await workspace.flush()
    })

    it("lets the event loop turn during long work", async () => {
      let turns = 0
      const timer = setInterval(() => turns++, 1)
      const until = performance.now() + 200
      while (performance.now() < until) await workspace.stat("")
      clearInterval(timer)
      expect(turns).toBeGreaterThan(3)
    })
  })
}

describe.runIf(process.platform === "linux")("a folder that is swapped for a link again and again", () => {
  /** Another process: swaps `root/d` between a real folder and a link to `outside`, as fast as it can. */
  const SWAP = `
    const { renameSync } = require("node:fs")
    const [root] = process.argv.slice(1)
    process.stdout.write("ready")
    for (;;) {
      renameSync(root + "/d", root + "/d.real"); renameSync(root + "/d.link", root + "/d")
      renameSync(root + "/d", root + "/d.link"); renameSync(root + "/d.real", root + "/d")
    }`

  it("never leads outside", async () => {
    const [root, outside] = [folders.make(), folders.make()]
    fs.mkdirSync(join(root, "d"))
    fs.symlinkSync(outside, join(root, "d.link"))
    fs.writeFileSync(join(outside, "victim"), "theirs")
    const child = spawn(process.execPath, ["-e", SWAP, root], { stdio: ["ignore", "pipe", "inherit"] })
    await once(child.stdout, "data")
    const counts = { done: 0, refused: 0 }
    try {
      const until = performance.now() + 1_500
      for (let i = 0; performance.now() < until; i++) {
        // A new one each time: nothing is remembered from before the swap.
        const workspace = createNodeWorkspace(root)
        const created = await workspace.create(`d/${i}`)
        if (created.ok) {
          await created.value.write(0, utf8("ours"))
          await created.value.close()
        }
        counts[created.ok ? "done" : "refused"]++
        expect(await textAt(workspace, "d/victim")).toBeNull()
        await workspace.removeFile("d/victim")
        await workspace.setMode("d/victim", 0o777)
        const listed = await workspace.list("d")
        expect(listed.ok && listed.value.some((item) => item.name === "victim")).toBe(false)
      }
    } finally {
      child.kill("SIGKILL")
      await once(child, "close")
    }
    expect(fs.readdirSync(outside)).toEqual(["victim"])
    expect(fs.statSync(join(outside, "victim")).mode & 0o777).toBe(0o644)
    expect(Math.min(counts.done, counts.refused)).toBeGreaterThan(0)
  })
})
