import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { type Forgery, forge } from "../../support/forger.node.ts"
import { plant, treeOf } from "../../support/files.node.ts"
import { createPair, type TestMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, type Machine } from "../cli/command.ts"
import { expectRefusal } from "./refusal.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

/** Byte 7 of packs and shards is their version. */
const asVersion2 = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 7 ? 2 : byte))

describe("a vault of a newer Sessyn", () => {
  let folder: string
  let store: string
  let newer: TestMachine
  let older: Machine

  beforeEach(async () => {
    folder = folders.make()
    store = join(folder, "vault.git")
    ;({ a: newer } = await createPair(folder))
    plant(newer.root, { "a.txt": "a" })
    await newer.sync()
    older = createMachine(folder, "b")
    await older.ok(["sync", "--yes"])
    plant(older.root, { "mine.txt": "not synced yet" })
  })

  test.each<[string, Forgery]>([
    ["a header of format 2", { header: (fields) => ({ ...fields, format: 2 }) }],
    ["a header with a field that is new", { header: (fields) => ({ ...fields, colour: "blue" }) }],
    ["a header of a kind that is new", { header: (fields) => ({ ...fields, kind: "merge" }) }],
    ["an index of version 2", { shard: asVersion2 }],
    ["a pack of version 2", { items: { "new.txt": "new" }, pack: asVersion2 }],
  ])("with %s is left alone, and the way on is an update", async (_, forgery) => {
    // What is only in a pack shows when that is read; what is new here was sent then.
    if (forgery.pack !== undefined) await older.ok(["sync", "--yes"])
    await forge(newer, forgery)
    for (const args of [["sync"], ["sync", "--dry-run"]]) {
      if (forgery.pack !== undefined && args.length === 2) continue
      await expectRefusal(older, args, { code: "FORMAT_NEWER", status: 1, says: /Update Sessyn/, store })
    }
  })

  test("is not overwritten by repair", async () => {
    await forge(newer, { header: (fields) => ({ ...fields, format: 2 }) })
    await expectRefusal(older, ["repair", "--yes"], { code: "FORMAT_NEWER", status: 1, store })
  })
})

describe("a store that is not what the command needs", () => {
  let folder: string
  let machine: Machine
  const repository = (...args: string[]) => execFileSync("git", ["-C", folder, ...args], { stdio: "ignore" })

  beforeEach(() => {
    folder = folders.make()
    machine = createMachine(folder, "laptop")
    plant(machine.root, { "a.txt": "a" })
  })

  test("join finds no vault in an empty repository, nor in one with other things", async () => {
    repository("init", "-q", "--bare", "empty.git")
    await expectRefusal(machine, ["join", "--store", "../empty.git"], {
      code: "VAULT_MISSING",
      status: 1,
      store: join(folder, "empty.git"),
    })
    repository("init", "-q", "work")
    plant(folder, { "work/readme": "other things" })
    execFileSync("git", ["-C", join(folder, "work"), "add", "."])
    const identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    execFileSync("git", ["-C", join(folder, "work"), ...identity, "commit", "-qm", "x"])
    repository("clone", "-q", "--bare", "work", "other.git")
    await expectRefusal(machine, ["join", "--store", "../other.git"], {
      code: "VAULT_MISSING",
      status: 1,
      store: join(folder, "other.git"),
    })
  })

  test("init makes its vault beside other things in a repository, and leaves those alone", async () => {
    repository("init", "-q", "work")
    plant(folder, { "work/readme": "other things" })
    execFileSync("git", ["-C", join(folder, "work"), "add", "."])
    const identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    execFileSync("git", ["-C", join(folder, "work"), ...identity, "commit", "-qm", "x"])
    repository("clone", "-q", "--bare", "work", "other.git")
    const main = () => execFileSync("git", ["--git-dir", join(folder, "other.git"), "rev-parse", "HEAD"]).toString()
    const before = main()
    await machine.ok(["init", "--store", "../other.git"])
    await machine.ok(["sync"])
    expect(main()).toBe(before)
  })

  test.each([
    ["a folder with files in it", "folder", { "folder/file": "x" }],
    ["a repository that has a working tree", "work", {}],
    ["a file", "file", { file: "x" }],
  ])("neither init nor join takes %s", async (_, path, items) => {
    if (path === "work") repository("init", "-q", "work")
    plant(folder, items)
    const before = treeOf(join(folder), ["laptop", "laptop-home"])
    for (const verb of ["init", "join"]) {
      const args = [verb, "--store", `../${path}`]
      await expectRefusal(machine, args, { code: "STORE_URL_INVALID", status: 2 })
    }
    expect(treeOf(join(folder), ["laptop", "laptop-home"])).toEqual(before)
  })

  test("join makes no store where there is none", async () => {
    await expectRefusal(machine, ["join", "--store", "../none.git"], { code: "STORE_NOT_FOUND", status: 1 })
    expect(Object.keys(treeOf(folder, ["laptop", "laptop-home"]))).toEqual([])
  })

  test("init takes no store that has a vault, unless told to put another beside it", async () => {
    const store = join(folder, "vault.git")
    const other = createMachine(folder, "other")
    await other.ok(["init", "--store", store])
    await expectRefusal(machine, ["init", "--store", store], {
      code: "VAULT_EXISTS",
      status: 2,
      says: /--another/,
      store,
    })
    await machine.ok(["init", "--store", store, "--another"])
    const third = createMachine(folder, "third")
    await expectRefusal(third, ["join", "--store", store], {
      code: "VAULT_AMBIGUOUS",
      status: 2,
      says: /--workspace/,
      store,
    })
  })
})
