import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { plant, treeOf } from "../../support/files.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, type Machine, pair } from "../cli/command.ts"
import { expectRefusal } from "./refusal.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

describe("a folder", () => {
  let folder: string
  let store: string
  let machine: Machine

  beforeAll(async () => {
    folder = folders.make()
    store = join(folder, "vault.git")
    machine = createMachine(folder, "laptop")
    plant(machine.root, { "a.txt": "a", "deep/er/b.txt": "b" })
    await machine.ok(["init", "--store", store])
    await machine.ok(["sync"])
  })

  test("that is set up is not set up again, neither by init nor by join", async () => {
    const set = { code: "ALREADY_SET_UP", status: 2, store } as const
    await expectRefusal(machine, ["init"], set)
    await expectRefusal(machine, ["init", "--store", "../another.git"], set)
    await expectRefusal(machine, ["join", "--store", store], set)
    expect(existsSync(join(folder, "another.git"))).toBe(false)
  })

  test.each([["sync"], ["status"], ["machines"], ["log"], ["verify"], ["repair"], ["unlock"], ["lock"], ["watch"]])(
    "that is not set up: sessyn %s says how to",
    async (verb) => {
      const bare = createMachine(folders.make(), "bare")
      await expectRefusal(bare, [verb], { code: "NOT_SET_UP", status: 2, says: /sessyn init.*sessyn join/s })
    },
  )

  test("that is not there is named as such, and not made", async () => {
    await expectRefusal(machine, ["sync", "../nowhere"], { code: "ROOT_MISSING", status: 1, store })
    await expectRefusal(machine, ["-C", "../nowhere", "status"], { code: "ROOT_MISSING", status: 1, store })
    expect(existsSync(join(folder, "nowhere"))).toBe(false)
  })

  test("that is a file is none", async () => {
    const outcome = await machine.run(["init", "a.txt"])
    expect([outcome.status, outcome.err]).toEqual([1, expect.stringContaining("folder")])
    expect(outcome.err).not.toMatch(/should not|\n\s+at /)
    expect(readFileSync(join(machine.root, "a.txt"), "utf8")).toBe("a")
  })

  test("that was set up and is empty now deletes nothing, and says that it is not the one", async () => {
    const away = `${machine.root}-away`
    const { renameSync, mkdirSync } = await import("node:fs")
    renameSync(machine.root, away)
    mkdirSync(machine.root)
    for (const args of [["sync"], ["sync", "--allow-mass-delete", "--yes"], ["status"]]) {
      await expectRefusal(machine, args, { code: "ROOT_MISSING", status: 1, says: /mount/, store })
    }
    expect(treeOf(machine.root, [])).toEqual({})
    rmSync(machine.root, { recursive: true })
    // The mount point itself is gone, too.
    const missing = { code: "ROOT_MISSING", status: 1, store, how: { cwd: folder } } as const
    await expectRefusal(machine, ["sync", machine.root], missing)
    renameSync(away, machine.root)
    expect(await machine.ok(["sync"])).toContain("In sync")
  })

  test("that lost its `.sessyn` goes on from anywhere in it", async () => {
    rmSync(join(machine.root, ".sessyn"), { recursive: true })
    expect(await machine.ok(["sync"], {}, { cwd: join(machine.root, "deep/er") })).toContain("In sync")
    expect(existsSync(join(machine.root, ".sessyn/workspace"))).toBe(true)
  })

  test.each([
    [["sync", "--on-conflict", "sometimes"], /keep-local/],
    [["sync", "--no-such-option"], /Unknown option/],
    [["frobnicate"], /Unknown command/],
    [["join"], /--store/],
    [["restore"], /path/],
    [["restore", "a.txt", "--at", "yesterday"], /--at/],
    [["restore", "../outside"], /outside|inside/],
    [["machines", "approve"], /id/],
    [["sync", "a", "b"], /argument/],
  ])("%j is not how it is called", async (args, says) => {
    const outcome = await machine.run(args)
    expect([outcome.status, outcome.out, outcome.err]).toEqual([2, "", expect.stringMatching(says)])
    expect(outcome.err).not.toMatch(/\n\s+at /)
  })
})

const WELL = { "a.txt": "a", "new.txt": "new", "news.txt": "news" }

describe("what a machine remembers, damaged,", () => {
  let folder: string
  let store: string
  let machine: Machine
  let state: string

  beforeEach(async () => {
    folder = folders.make()
    store = join(folder, "vault.git")
    machine = createMachine(folder, "laptop")
    plant(machine.root, { "a.txt": "a" })
    const desk = createMachine(folder, "desk")
    await pair(machine, desk, store)
    plant(desk.root, { "news.txt": "news" })
    await desk.ok(["sync"])
    const [id = ""] = readdirSync(join(machine.home, "workspaces"))
    state = join(machine.home, "workspaces", id)
    plant(machine.root, { "new.txt": "new" })
  })

  const CONTENTS = (path: string) => ["", "{}", "noise", readFileSync(path, "utf8").slice(0, 10)]

  test.each(["seen", "counter"])("is named, changes nothing, and is found out again by repair: %s", async (name) => {
    const path = join(state, `${name}.bin`)
    for (const content of CONTENTS(path)) {
      writeFileSync(path, content)
      await expectRefusal(machine, ["sync"], { code: "STATE_DAMAGED", status: 1, says: /sessyn repair/, store })
    }
    await machine.ok(["repair", "--yes"])
    await expectAllIsWell()
  })

  test.each(["config", "identity"])("is named, changes nothing, and costs joining again: %s", async (name) => {
    const path = join(state, `${name}.bin`)
    for (const content of CONTENTS(path)) {
      writeFileSync(path, content)
      for (const args of [["sync"], ["repair", "--yes"]]) {
        await expectRefusal(machine, args, { code: "SETUP_DAMAGED", status: 1, says: /sessyn join --again/, store })
      }
    }
    await joinAgain()
    await expectAllIsWell()
  })

  test("of a machine that was revoked, does not keep it from coming back", async () => {
    const desk = createMachine(folder, "desk")
    await desk.ok(["machines", "revoke", "laptop", "--yes", "--keep-passphrase"])
    await expectRefusal(machine, ["sync"], { code: "REVOKED", status: 4, says: /sessyn join --again/, store })
    plant(machine.root, { "a.txt": null })
    await joinAgain()
    // Gone while it was out: who joins only adds.
    await expectAllIsWell()
  })

  async function joinAgain(): Promise<void> {
    const asked = await machine.json<{ machine: { id: string } }>([
      "join",
      "--again",
      "--store",
      store,
      "--name",
      "new",
    ])
    await createMachine(folder, "desk").ok(["machines", "approve", asked.machine.id, "--yes"])
  }

  async function expectAllIsWell(): Promise<void> {
    await machine.ok(["sync", "--yes"])
    const desk = createMachine(folder, "desk")
    await desk.ok(["sync"])
    for (const { root } of [machine, desk]) expect(treeOf(root)).toEqual(WELL)
  }

  test.each(["base", "past", "dormant", "journal"])(
    "costs nothing where it can be found out again: %s",
    async (name) => {
      for (const content of ["", "noise", "x".repeat(10_000)]) {
        writeFileSync(join(state, `${name}.bin`), content)
        await machine.ok(["sync"])
      }
      const desk = createMachine(folder, "desk")
      await desk.ok(["sync"])
      expect(treeOf(desk.root)).toEqual(WELL)
    },
  )
})
