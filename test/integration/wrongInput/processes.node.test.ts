import { randomBytes } from "node:crypto"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest"
import { createNodeState } from "../../../src/platform/node/state/nodeState.ts"
import { at, plant, treeOf } from "../../support/files.node.ts"
import { type GitServer, startGitServer } from "../../support/gitServer.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, type Machine, pair } from "../cli/command.ts"
import { expectRefusal, refsOf } from "./refusal.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

function stateOf({ home }: Machine): string {
  const [id = ""] = readdirSync(join(home, "workspaces"))
  return join(home, "workspaces", id)
}

describe("several processes at once", () => {
  let folder: string
  let store: string
  let laptop: Machine
  let desk: Machine

  beforeEach(async () => {
    folder = folders.make()
    store = join(folder, "vault.git")
    laptop = createMachine(folder, "laptop")
    desk = createMachine(folder, "desk")
    plant(laptop.root, { "a.txt": "a" })
    await pair(laptop, desk, store)
  })

  test("on one machine take turns: each change is sent once", async () => {
    plant(laptop.root, { "b.txt": "b", "c.txt": "c" })
    const outcomes = await Promise.all([1, 2, 3].map(() => laptop.run(["sync"])))
    // Whoever waited too long says so; nobody does harm.
    for (const { status, err } of outcomes)
      expect([status, err]).toEqual(status === 0 ? [0, ""] : [1, expect.stringContaining("Another Sessyn is at work")])
    expect(outcomes.filter(({ out }) => out.includes("b.txt"))).toHaveLength(1)
    await desk.ok(["sync"])
    expect(treeOf(desk.root)).toEqual({ "a.txt": "a", "b.txt": "b", "c.txt": "c" })
  })

  test("on two machines race for the vault, and both get in", async () => {
    for (let round = 0; round < 3; round++) {
      for (const { root, name } of [laptop, desk]) plant(root, { [`${name}-${round}`]: `by ${name}` })
      const outcomes = await Promise.all([laptop, desk].map((machine) => machine.run(["sync"])))
      expect(outcomes.map(({ status, err }) => [status, err])).toEqual([
        [0, ""],
        [0, ""],
      ])
    }
    for (const machine of [laptop, desk]) await machine.ok(["sync"])
    expect(treeOf(laptop.root)).toEqual(treeOf(desk.root))
    expect(Object.keys(treeOf(desk.root))).toHaveLength(1 + 2 * 3)
  })

  test("one that holds on is named, and nothing is done beside it", async () => {
    plant(laptop.root, { "b.txt": "b" })
    const lock = await createNodeState(stateOf(laptop)).lock()
    for (const args of [["sync"], ["restore", "a.txt"]]) {
      await expectRefusal(laptop, args, { code: "BUSY", status: 1, says: /Wait until it is done/, store })
    }
    await lock?.release()
    await laptop.ok(["sync"])
  })

  test("one that was killed holds nobody up", async () => {
    const watching = laptop.start(["watch", "--interval", "5"])
    await watching.says("Watching")
    watching.child.kill("SIGKILL")
    await watching.ended
    plant(laptop.root, { "b.txt": "b" })
    await laptop.ok(["sync"])
  })
})

describe("Ctrl-C", () => {
  let server: GitServer
  let laptop: Machine
  let desk: Machine

  beforeEach(async () => {
    const folder = folders.make()
    server = await startGitServer()
    laptop = createMachine(folder, "laptop")
    desk = createMachine(folder, "desk")
    plant(laptop.root, { "a.txt": "a", "b.txt": "b", "c.txt": "c" })
    await pair(laptop, desk, server.url)
  })

  afterEach(() => server.close())

  /** Interrupts a sync at its n-th request, which is never answered; false if it had fewer. */
  async function interruptAt(machine: Machine, n: number): Promise<boolean> {
    const running = machine.start(["sync"])
    let hit = false
    server.onRequest((index) => {
      if (index !== n) return undefined
      hit = true
      running.child.kill("SIGINT")
      return { kind: "silence" }
    })
    const { status, out, err } = await running.ended
    server.onRequest(undefined)
    if (hit) expect([status, out, err]).toEqual([130, "", "Stopped; nothing is half done.\n"])
    else expect(status).toBe(0)
    return hit
  }

  test("at any request of an upload stops with 130, and the next sync does it all", async () => {
    const before = refsOf(server.path)
    const content = randomBytes(100_000).toString("hex")
    for (let n = 0; ; n++) {
      plant(laptop.root, { "new.txt": content, "a.txt": `edited ${n}`, "b.txt": null })
      const wasHit = await interruptAt(laptop, n)
      expect(at(laptop.root, "a.txt")).toBe(`edited ${n}`)
      if (!wasHit) break
      expect(n).toBeLessThan(20)
    }
    expect(refsOf(server.path)).not.toBe(before)
    await laptop.ok(["sync"])
    await desk.ok(["sync"])
    expect(treeOf(desk.root)).toEqual(treeOf(laptop.root))
  })

  test("at any request of a download leaves every file whole, old or new", async () => {
    plant(laptop.root, { "a.txt": "edited", "b.txt": null, "new.txt": randomBytes(500_000).toString("hex") })
    await laptop.ok(["sync"])
    const [old, now] = [treeOf(desk.root), treeOf(laptop.root)]
    for (let n = 0; await interruptAt(desk, n); n++) {
      for (const [path, text] of Object.entries(treeOf(desk.root))) expect([old[path], now[path]]).toContain(text)
      expect(n).toBeLessThan(20)
    }
    await desk.ok(["sync"])
    expect(treeOf(desk.root)).toEqual(now)
    expect(await laptop.ok(["sync"])).toContain("In sync")
  })

  test("with --json is one document all the same", async () => {
    const running = laptop.start(["sync", "--json"])
    server.onRequest(() => {
      running.child.kill("SIGINT")
      return { kind: "silence" }
    })
    const { status, out } = await running.ended
    expect([status, JSON.parse(out)]).toMatchObject([130, { error: { code: "CANCELLED" } }])
  })

  test("in init and join leaves what can be done again", async () => {
    const folder = folders.make()
    const other = await startGitServer()
    try {
      const phone = createMachine(folder, "phone")
      for (const verb of [["init"], ["join"]]) {
        for (let n = 0; ; n++) {
          const running = phone.start([...verb, "--store", other.url])
          let hit = false
          other.onRequest((index) => {
            if (index !== n) return undefined
            hit = true
            running.child.kill("SIGINT")
            return { kind: "silence" }
          })
          const { status, err } = await running.ended
          other.onRequest(undefined)
          if (!hit) {
            expect([status, err]).toEqual([0, ""])
            break
          }
          expect(status).toBe(130)
          expect(n).toBeLessThan(20)
        }
        if (verb[0] === "init") await phone.ok(["sync"])
        else break
        // The second machine has its own folder and home.
        Object.assign(phone, createMachine(folder, "tablet"))
      }
      const branches = refsOf(other.path)?.trim().split("\n") ?? []
      // One vault, one request: what was cut short was not made twice.
      expect(branches.map((line) => line.replace(/.*\/(main|join)(\/.*)?$/, "$1")).sort()).toEqual(["join", "main"])
    } finally {
      await other.close()
    }
  })
})

describe("rules that mean harm", () => {
  let laptop: Machine
  let desk: Machine

  beforeEach(async () => {
    const folder = folders.make()
    laptop = createMachine(folder, "laptop")
    desk = createMachine(folder, "desk")
    plant(
      laptop.root,
      Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${"a".repeat(i % 7)}/${"a".repeat(200)}${i}`, "x"])),
    )
    plant(laptop.root, { "deep/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/file": "x" })
    await pair(laptop, desk, join(folder, "vault.git"))
  })

  const BAD = [
    `${"*a".repeat(30)}*b`,
    `${"a*".repeat(100)}b`,
    `${"**/a/".repeat(20)}b`,
    `${"[!b]*".repeat(40)}b`,
    `${"(a+)+".repeat(20)}$`,
    "[".repeat(200),
    "\\".repeat(99),
    `!${"?".repeat(250)}x`,
  ]

  test("a megabyte of them, each as bad as can be, holds nobody up", { timeout: 300_000 }, async () => {
    const lines = BAD.map((line) => `${line}\n`).join("")
    plant(laptop.root, { ".syncignore": lines.repeat(Math.floor(1_000_000 / lines.length)), "new.txt": "new" })
    const started = performance.now()
    await laptop.ok(["sync"])
    await desk.ok(["sync"])
    expect(performance.now() - started).toBeLessThan(120_000)
    expect(treeOf(desk.root)).toEqual(treeOf(laptop.root))
  })

  test("more than a megabyte is not read, is named, and nothing is deleted", async () => {
    const before = treeOf(desk.root)
    plant(laptop.root, { ".syncignore": "x\n".repeat(600_000), "new.txt": "new" })
    const out = await laptop.ok(["sync"])
    expect(out).toMatch(/\.syncignore +is too large/)
    expect(out).not.toMatch(/Sent/)
    await desk.ok(["sync"])
    expect(treeOf(desk.root)).toEqual(before)
  })

  test("rules for everything, or for the rules themselves, delete nothing", async () => {
    const before = treeOf(desk.root)
    for (const rules of ["*\n", "/\n", "**\n!*\n*\n", ".syncignore\n", "\0\n", "\ufeff*\r\n"]) {
      plant(laptop.root, { ".syncignore": rules })
      await laptop.ok(["sync"])
      await desk.ok(["sync"])
    }
    expect(treeOf(desk.root)).toEqual(before)
    expect(treeOf(laptop.root)).toEqual(before)
  })
})
