import { once } from "node:events"
import { watch } from "node:fs"
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type FolderWatcher, watchFolder } from "../../../../../src/platform/node/workspace/watcher.ts"

let root: string
let watcher: FolderWatcher | null = null

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sessyn-watch-"))
})

afterEach(async () => {
  watcher?.close()
  watcher = null
  await rm(root, { recursive: true, force: true })
})

const ignores = (path: string) => path === ".git" || path === "noise"

/** A watcher whose changes can be awaited one by one. */
async function start(options: { perFolder?: boolean; quietMs?: number; maxWaitMs?: number } = {}) {
  let seen = 0
  let wake: (() => void) | null = null
  watcher = watchFolder(root, {
    ignores,
    quietMs: 20,
    ...options,
    onChange: () => {
      seen++
      wake?.()
    },
  })
  await watcher.ready
  return {
    watcher,
    count: () => seen,
    async next() {
      if (seen === 0) await new Promise<void>((resolve) => (wake = resolve))
      seen = 0
      wake = null
    },
  }
}

describe.each([{ perFolder: true }, { perFolder: false }])("watchFolder $perFolder", (mode) => {
  it("tells of a file that is made, changed and removed, also in a folder", async () => {
    await mkdir(join(root, "a/b"), { recursive: true })
    const changes = await start(mode)
    await writeFile(join(root, "a/b/file"), "1")
    await changes.next()
    await writeFile(join(root, "a/b/file"), "2")
    await changes.next()
    await rm(join(root, "a/b/file"))
    await changes.next()
  })

  it("watches folders that come later, and what is in them already", async () => {
    const changes = await start(mode)
    await mkdir(join(root, "new/deep"), { recursive: true })
    await changes.next()
    await writeFile(join(root, "new/deep/file"), "1")
    await changes.next()
  })

  it("is silent about what is ignored", async () => {
    await mkdir(join(root, ".git/objects"), { recursive: true })
    const changes = await start({ ...mode, quietMs: 1 })
    const system = watch(root)
    const told = once(system, "change")
    await writeFile(join(root, ".git/objects/x"), "1")
    await writeFile(join(root, "noise"), "1")
    await told
    system.close()
    // The system has told; had the watcher listened, its quiet time would be over by now.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(changes.count()).toBe(0)
  })
})

describe("watching folder by folder", () => {
  it("takes one watch a folder, none for ignored ones, files and links", async () => {
    await mkdir(join(root, "a/b"), { recursive: true })
    await mkdir(join(root, ".git/objects"), { recursive: true })
    for (let i = 0; i < 20; i++) await writeFile(join(root, "a", `f${i}`), "x")
    await symlink("a", join(root, "link"))
    const { watcher } = await start({ perFolder: true })
    expect(watcher.folders()).toBe(3)
  })

  it("follows a folder that is moved, and lets go of one that is removed", async () => {
    await mkdir(join(root, "a/b"), { recursive: true })
    const changes = await start({ perFolder: true })
    await rename(join(root, "a"), join(root, "c"))
    await changes.next()
    expect(changes.watcher.folders()).toBe(3)
    await writeFile(join(root, "c/b/file"), "1")
    await changes.next()
    await rm(join(root, "c"), { recursive: true })
    await changes.next()
    expect(changes.watcher.folders()).toBe(1)
  })

  it("notices a folder that was replaced by another of the same name", async () => {
    await mkdir(join(root, "a"))
    const changes = await start({ perFolder: true })
    await mkdir(join(root, "b"))
    await changes.next()
    await rm(join(root, "a"), { recursive: true })
    await rename(join(root, "b"), join(root, "a"))
    await changes.next()
    await writeFile(join(root, "a/file"), "1")
    await changes.next()
  })
})

it("waits for quiet, but not for ever", async () => {
  const changes = await start({ quietMs: 200, maxWaitMs: 300 })
  let writing = true
  const writer = (async () => {
    for (let i = 0; writing; i++) {
      await writeFile(join(root, "log"), String(i))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  await changes.next()
  writing = false
  await writer
})

it("says so and looks now and then where the folder cannot be watched", async () => {
  const told: string[] = []
  const changed = new Promise<void>((resolve) => {
    watcher = watchFolder(join(root, "missing"), {
      ignores,
      onChange: resolve,
      onPolling: (errno) => told.push(errno),
      perFolder: true,
      pollMs: 5,
    })
  })
  await changed
  expect(told).toEqual(["ENOENT"])
})
