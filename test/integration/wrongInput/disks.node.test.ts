import { execFileSync } from "node:child_process"
import { chmodSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest"
import { at, plant, treeOf } from "../../support/files.node.ts"
import { canMount, mountTmpfs, remount, unmountAll } from "../../support/mounts.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, type Machine, pair } from "../cli/command.ts"
import { expectRefusal, refsOf } from "./refusal.ts"

const folders = createTemporaryFolders()
let folder: string
let store: string
let laptop: Machine
let desk: Machine

afterEach(unmountAll)
afterAll(folders.remove)

const MEGABYTE = 1024 * 1024
/** Does not shrink. */
const noise = (seed: number, bytes: number) => {
  const all = new Uint8Array(bytes)
  let state = seed
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    all[i] = state >>> 24
  }
  return all
}

/** Fills the file system that a folder lies on to the last byte. */
function fill(path: string): void {
  const full = execFileSync("sh", ["-c", `cat /dev/zero > "${path}/filler" 2>/dev/null; ls "${path}"`])
  expect(full.toString()).toContain("filler")
}

async function setUp(): Promise<void> {
  plant(laptop.root, { "a.txt": "a", "b.txt": "b", "c.txt": "c" })
  await pair(laptop, desk, store)
}

beforeEach(() => {
  folder = folders.make()
  store = join(folder, "store/vault.git")
})

describe.runIf(canMount())("a disk that is full,", () => {
  test("that of the folder: what is there stays whole, and the rest comes when there is room", async () => {
    mountTmpfs(join(folder, "desk"), "size=4m,mode=755")
    laptop = createMachine(folder, "laptop")
    desk = createMachine(folder, "desk")
    await setUp()
    plant(laptop.root, {
      "a.txt": "edited",
      "big.bin": noise(1, 3 * MEGABYTE),
      "big2.bin": noise(2, 3 * MEGABYTE),
      "b.txt": null,
    })
    await laptop.ok(["sync"])
    for (let i = 0; i < 2; i++) {
      const { status, err } = await desk.run(["sync"])
      expect([status, err]).toEqual([1, expect.stringMatching(/The disk is full\.[\s\S]*Make room/)])
      expect(at(desk.root, "c.txt")).toBe("c")
      expect(at(desk.root, "a.txt")).toMatch(/^(a|edited)$/)
      // Nothing half written under a real name.
      for (const name of readdirSync(desk.root))
        if (name.endsWith(".bin")) expect(statSync(join(desk.root, name)).size).toBe(3 * MEGABYTE)
    }
    remount(desk.root, "size=32m")
    await desk.ok(["sync"])
    expect(Object.keys(treeOf(desk.root))).toEqual(["a.txt", "big.bin", "big2.bin", "c.txt"])
    expect(await laptop.ok(["sync"])).toContain("In sync")
    execFileSync("cmp", [join(desk.root, "big2.bin"), join(laptop.root, "big2.bin")])
  })

  test("that of the folder, to the last byte: what is here is still sent", async () => {
    mountTmpfs(join(folder, "desk"), "size=2m,mode=755")
    laptop = createMachine(folder, "laptop")
    desk = createMachine(folder, "desk")
    await setUp()
    plant(laptop.root, { "d.txt": "d".repeat(100_000) })
    await laptop.ok(["sync"])
    plant(desk.root, { "mine.txt": "mine" })
    writeFileSync(join(desk.root, ".syncignore"), "filler\n")
    fill(desk.root)
    const { status, err } = await desk.run(["sync"])
    expect([status, err]).toEqual([1, expect.stringContaining("The disk is full.")])
    expect(at(desk.root, "mine.txt")).toBe("mine")
    rmSync(join(desk.root, "filler"))
    await desk.ok(["sync"])
    await laptop.ok(["sync"])
    expect(at(laptop.root, "mine.txt")).toBe("mine")
    expect(at(desk.root, "d.txt")).toHaveLength(100_000)
  })

  test("that of the state: nothing is lost, and all goes on when there is room", async () => {
    mountTmpfs(join(folder, "desk-home"), "size=4m,mode=700")
    laptop = createMachine(folder, "laptop")
    desk = createMachine(folder, "desk")
    await setUp()
    plant(laptop.root, { "a.txt": "edited", "b.txt": null })
    await laptop.ok(["sync"])
    plant(desk.root, { "mine.txt": "mine", "c.txt": "edited here" })
    fill(desk.home)
    for (let i = 0; i < 2; i++) {
      await expectRefusal(desk, ["sync"], { code: "DISK_FULL", status: 1, says: /Make room/, store })
    }
    rmSync(join(desk.home, "filler"))
    await desk.ok(["sync"])
    await laptop.ok(["sync"])
    for (const { root } of [laptop, desk]) {
      expect(treeOf(root)).toEqual({ "a.txt": "edited", "c.txt": "edited here", "mine.txt": "mine" })
    }
  })

  test("that of the vault: it keeps its last version, and takes the next when there is room", async () => {
    mountTmpfs(join(folder, "store"), "size=3m,mode=755")
    laptop = createMachine(folder, "laptop")
    desk = createMachine(folder, "desk")
    await setUp()
    plant(laptop.root, { "big.bin": noise(3, 4 * MEGABYTE) })
    await expectRefusal(laptop, ["sync"], { code: "STORE_FULL", status: 1, store })
    // Others are not held up by it.
    plant(desk.root, { "small.txt": "small" })
    await desk.ok(["sync"])
    await desk.ok(["verify"])
    remount(join(folder, "store"), "size=64m")
    await laptop.ok(["sync"])
    await desk.ok(["sync"])
    execFileSync("cmp", [join(desk.root, "big.bin"), join(laptop.root, "big.bin")])
    execFileSync("git", ["--git-dir", store, "fsck", "--strict"])
  })

  test("that of the vault, when it is made: none is made, half or whole", async () => {
    mountTmpfs(join(folder, "store"), "size=64k,mode=755")
    fill(join(folder, "store"))
    laptop = createMachine(folder, "laptop")
    const { status, err } = await laptop.run(["init", "--store", store])
    expect([status, err]).toEqual([1, expect.stringMatching(/full/)])
    rmSync(join(folder, "store/filler"))
    remount(join(folder, "store"), "size=8m")
    await laptop.ok(["init", "--store", store])
    await laptop.ok(["sync"])
  })
})

describe.runIf(canMount())("a folder that is read-only", () => {
  test("gets nothing and loses nothing; what is new in it is not held up for ever", async () => {
    mountTmpfs(join(folder, "desk"), "size=4m,mode=755")
    laptop = createMachine(folder, "laptop")
    desk = createMachine(folder, "desk")
    await setUp()
    plant(laptop.root, { "a.txt": "edited", "b.txt": null })
    await laptop.ok(["sync"])
    plant(desk.root, { "mine.txt": "mine" })
    remount(desk.root, "ro")
    await expectRefusal(desk, ["sync"], { code: "ROOT_READ_ONLY", status: 1, says: /write access/, store })
    // To look is allowed.
    expect(await desk.ok(["sync", "--dry-run"])).toMatch(/mine\.txt[\s\S]*a\.txt/)
    remount(desk.root, "rw")
    await desk.ok(["sync"])
    expect(treeOf(desk.root)).toEqual({ "a.txt": "edited", "c.txt": "c", "mine.txt": "mine" })
  })

  test("can be neither made a vault of, nor joined with", async () => {
    laptop = createMachine(folder, "laptop")
    await laptop.ok(["init", "--store", store])
    mountTmpfs(join(folder, "desk"), "size=1m,mode=755")
    desk = createMachine(folder, "desk")
    remount(desk.root, "ro")
    const branches = refsOf(store)
    await expectRefusal(desk, ["join", "--store", store], { code: "ROOT_READ_ONLY", status: 1 })
    await expectRefusal(desk, ["init"], { code: "ROOT_READ_ONLY", status: 1 })
    expect(refsOf(store)).toBe(branches)
  })
})

describe("a state folder that may not be used", () => {
  const through = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
  const forbidden = { code: "STATE_FORBIDDEN", status: 1, says: /SESSYN_HOME/ } as const

  beforeEach(() => {
    laptop = createMachine(folder, "laptop")
    plant(folder, { "laptop-home": "folder/", store: "folder/" })
    chmodSync(folder, 0o755)
    if (through.length > 0) {
      execFileSync("chown", ["65534:65534", laptop.root, laptop.home, join(folder, "store")])
    }
  })

  test("is named, with a way out, and no vault is made", async () => {
    chmodSync(laptop.home, 0o555)
    await expectRefusal(laptop, ["init", "--store", store], { ...forbidden, how: { through } })
    chmodSync(laptop.home, 0)
    await expectRefusal(laptop, ["init", "--store", store], { ...forbidden, how: { through } })
    expect(refsOf(store) ?? "").toBe("")
  })

  test("that is a file is named, too", async () => {
    plant(folder, { "laptop-home": "a file" })
    await expectRefusal(laptop, ["init", "--store", store], forbidden)
    expect(at(folder, "laptop-home")).toBe("a file")
  })

  test("after it was set up, stops every command before anything changes", async () => {
    await laptop.start(["init", "--store", store], {}, { through }).ended
    plant(laptop.root, { "new.txt": "new" })
    const [id = ""] = readdirSync(join(laptop.home, "workspaces"))
    chmodSync(join(laptop.home, "workspaces", id), 0o555)
    for (const args of [["sync"], ["status"], ["machines"]]) {
      await expectRefusal(laptop, args, { ...forbidden, how: { through }, store })
    }
    chmodSync(join(laptop.home, "workspaces", id), 0o700)
    expect((await laptop.start(["sync"], {}, { through }).ended).status).toBe(0)
  })
})
