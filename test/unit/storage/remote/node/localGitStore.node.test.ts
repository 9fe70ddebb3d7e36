import { execFileSync } from "node:child_process"
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { utf8 } from "../../../../../crypto/bytes.ts"
import { openLocalGitStore } from "../../../../../storage/remote/node/localGitStore.ts"
import { committed, random, readAll } from "../../../../conformance/store.ts"
import { auditRepository, gitSays } from "../../../../support/gitAudit.node.ts"
import { storeFault } from "../../../../support/testStores.ts"

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sessyn-local-"))
  path = join(folder, "deep", "vault.git")
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const firstCommit = { branch: "sessyn/aaaa/main", parent: null, snapshot: new Map([["a", utf8("1")]]) }

describe("openLocalGitStore", () => {
  it("makes a private bare repository, and leaves nothing beside it", async () => {
    const store = await openLocalGitStore({ path, create: true })
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    expect(await readdir(join(folder, "deep"))).toEqual(["vault.git"])
    expect((await gitSays(path, "config", "core.bare")).trim()).toBe("true")
    expect((await gitSays(path, "config", "gc.auto")).trim()).toBe("0")
    expect(store.url).toMatch(/^file:\/\/.*vault\.git$/)
    await store.close()
  })

  it("makes it in an empty folder too, and once if several ask", async () => {
    await mkdir(path, { recursive: true })
    const stores = await Promise.all([1, 2, 3].map(() => openLocalGitStore({ path, create: true })))
    const results = await Promise.all(
      stores.map((store, i) => store.commit({ ...firstCommit, snapshot: new Map([["a", utf8(`${i}`)]]) })),
    )
    expect(results.map((result) => result.kind).sort()).toEqual(["committed", "moved", "moved"])
    expect(await readdir(join(folder, "deep"))).toEqual(["vault.git"])
    await auditRepository(path)
  })

  it("makes none unless told to", async () => {
    expect((await storeFault(openLocalGitStore({ path, create: false }))).code).toBe("STORE_NOT_FOUND")
    expect(await readdir(folder)).toEqual([])
  })

  it("refuses a folder with other things in it, and a file", async () => {
    await mkdir(path, { recursive: true })
    await writeFile(join(path, "thesis.txt"), "x")
    expect((await storeFault(openLocalGitStore({ path, create: true }))).code).toBe("STORE_URL_INVALID")
    expect(await readdir(path)).toEqual(["thesis.txt"])
    const file = join(path, "thesis.txt")
    expect((await storeFault(openLocalGitStore({ path: file, create: true }))).code).toBe("STORE_URL_INVALID")
  })

  it("opens a bare repository that somebody else made", async () => {
    execFileSync("git", ["init", "--quiet", "--bare", path])
    const store = await openLocalGitStore({ path, create: false })
    const { snapshot } = committed(await store.commit(firstCommit))
    expect(await readAll(store, snapshot)).toEqual({ a: utf8("1") })
  })

  it("says that the repository is gone, and does not make another", async () => {
    const store = await openLocalGitStore({ path, create: true })
    const { head } = committed(await store.commit(firstCommit))
    await rm(path, { recursive: true })
    expect((await storeFault(store.branches(""))).code).toBe("STORE_NOT_FOUND")
    expect((await storeFault(store.commit({ ...firstCommit, parent: head }))).code).toBe("STORE_NOT_FOUND")
    expect(await readdir(join(folder, "deep"))).toEqual([])
  })

  it("does not mind a repository that the environment names", async () => {
    const before = { ...process.env }
    Object.assign(process.env, { GIT_DIR: "/nowhere", GIT_WORK_TREE: "/nowhere", GIT_OBJECT_DIRECTORY: "/nowhere" })
    try {
      const store = await openLocalGitStore({ path, create: true })
      committed(await store.commit(firstCommit))
    } finally {
      process.env = before
    }
    await auditRepository(path)
  })

  it("keeps one pack a push, as it was sent", async () => {
    const store = await openLocalGitStore({ path, create: true })
    const snapshot = new Map([
      ["packs/aa/1", random(1, 1_500_000)],
      ["b", utf8("2")],
    ])
    const { head } = committed(await store.commit({ ...firstCommit, snapshot }))
    committed(await store.commit({ ...firstCommit, parent: head, snapshot: new Map([["c", utf8("3")]]) }))
    const packs = (await readdir(join(path, "objects", "pack"))).filter((name) => name.endsWith(".pack"))
    expect(packs).toHaveLength(2)
    const delta = (
      await gitSays(path, "cat-file", "--batch-all-objects", "--batch-check=%(objectsize) %(deltabase)")
    ).split("\n")
    expect(delta.filter((line) => line.startsWith("1500000 ") && !line.endsWith("0".repeat(40)))).toHaveLength(1)
  })

  it("names a damaged object", async () => {
    const store = await openLocalGitStore({ path, create: true })
    const { snapshot } = committed(
      await store.commit({ ...firstCommit, snapshot: new Map([["a", random(2, 50_000)]]) }),
    )
    const packs = join(path, "objects", "pack")
    const name = (await readdir(packs)).find((each) => each.endsWith(".pack")) as string
    const bytes = await readFile(join(packs, name))
    bytes.fill(0x55, 20_000, 20_100)
    await chmod(join(packs, name), 0o600)
    await writeFile(join(packs, name), bytes)
    const got: unknown[] = []
    const error = await storeFault(store.read([...snapshot.values()], (_, each) => void got.push(each)))
    expect(error.code).toMatch(/^STORE_(MALFORMED|FAILED|OBJECT_MISSING|UNREACHABLE)$/)
    expect(got).toEqual([])
  })
})
