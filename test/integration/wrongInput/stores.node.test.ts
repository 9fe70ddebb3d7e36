import { execFileSync } from "node:child_process"
import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest"
import { plant, treeOf } from "../../support/files.node.ts"
import { type GitServer, startGitServer } from "../../support/gitServer.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, type Machine, pair } from "../cli/command.ts"
import { expectRefusal } from "./refusal.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

describe("a URL", () => {
  const SECRET = "hunter2hunter2"

  test.each([
    [`https://me:${SECRET}@example.com/vault.git`, /credential helper/],
    [`https://${SECRET}@example.com/vault.git`, /credential helper/],
    [`https://example.com/vault.git?access_token=${SECRET}`, /credential helper/],
    [`https://example.com/vault.git#${SECRET}`, /fragment/],
    [`ssh://git@example.com/${"me"}/vault.git`, /https:\/\/example\.com/],
    ["git@example.com:me/vault.git", /https:\/\/example\.com/],
    ["http://example.com/vault.git", /https:/],
    ["ftp://example.com/vault.git", /https:/],
    ["https://example.com", /no repository/],
    ["https://", /URL/],
    ["github:owner", /github:owner\/repo/],
    ["github:../..", /github:owner\/repo/],
    ["file://elsewhere/vault.git", /host/],
    ["", /empty/],
    ["two\nlines", /garbled/],
    ["\u001b]0;title\u0007.git\u0000", /garbled/],
  ])("that cannot be a store is refused, and no secret in it repeated: %j", async (url, says) => {
    if (url.includes("\0")) return
    const machine = createMachine(folders.make(), "laptop")
    for (const verb of ["init", "join"]) {
      const args = [verb, "--store", url]
      const err = await expectRefusal(machine, args, { code: "STORE_URL_INVALID", status: 2, says })
      expect(err).not.toContain(SECRET)
    }
  })
})

describe("a store in a folder", () => {
  let folder: string
  let store: string
  let machine: Machine

  beforeEach(async () => {
    folder = folders.make()
    store = join(folder, "vault.git")
    machine = createMachine(folder, "laptop")
    plant(machine.root, { "a.txt": "a" })
    await machine.ok(["init", "--store", store])
    await machine.ok(["sync"])
    plant(machine.root, { "new.txt": "new" })
  })

  test("that is gone is missed, not made anew; back again, all goes on", async () => {
    renameSync(store, `${store}-away`)
    for (const args of [["sync"], ["verify"], ["machines"]]) {
      await expectRefusal(machine, args, { code: "STORE_NOT_FOUND", status: 1, store })
    }
    expect((await machine.json<{ offline: string }>(["status"], 1)).offline).toBe("STORE_NOT_FOUND")
    renameSync(`${store}-away`, store)
    await machine.ok(["sync"])
  })

  test("whose place an empty repository took is an alarm", async () => {
    rmSync(store, { recursive: true })
    execFileSync("git", ["init", "-q", "--bare", store])
    await expectRefusal(machine, ["sync"], { code: "VAULT_VANISHED", status: 7, says: /sessyn repair/, store })
  })

  test("whose place another vault took is an alarm, too", async () => {
    rmSync(store, { recursive: true })
    await createMachine(folder, "stranger").ok(["init", "--store", store])
    await expectRefusal(machine, ["sync"], { code: "VAULT_VANISHED", status: 7, store })
  })

  test("that is no repository any more is named as such", async () => {
    rmSync(join(store, "HEAD"))
    rmSync(join(store, "objects"), { recursive: true })
    const { status, err } = await machine.run(["sync"])
    expect([status, err]).toEqual([2, expect.stringContaining("not a bare Git repository")])
  })

  test("with a branch that points nowhere does not verify", async () => {
    const refs = execFileSync("git", ["--git-dir", store, "for-each-ref", "--format=%(refname)"], { encoding: "utf8" })
    writeFileSync(join(store, refs.trim()), `${"1".repeat(40)}\n`)
    const { status, err } = await machine.run(["sync"])
    expect(status).toBe(7)
    expect(err).not.toMatch(/\n\s+at /)
    expect(treeOf(machine.root)).toEqual({ "a.txt": "a", "new.txt": "new" })
  })

  test("without git to reach it says what is missing", async () => {
    const { status, err } = await machine.run(["sync"], { PATH: folder })
    expect([status, err]).toEqual([1, expect.stringMatching(/git was not found: install Git/)])
  })
})

describe("a Git host", () => {
  const CREDENTIAL = { username: "x-access-token", password: "t0ken-of-mine" }
  let server: GitServer
  let laptop: Machine
  let desk: Machine

  beforeEach(async () => {
    const folder = folders.make()
    server = await startGitServer({ credential: CREDENTIAL })
    const env = { SESSYN_TOKEN: CREDENTIAL.password, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" }
    laptop = createMachine(folder, "laptop", env)
    desk = createMachine(folder, "desk", env)
    plant(laptop.root, { "a.txt": "a" })
    await pair(laptop, desk, server.url)
    plant(laptop.root, { "new.txt": "new" })
  })

  afterEach(() => server.close())

  const answering = (status: number) => server.onRequest(() => ({ kind: "status", status, body: "<h1>no</h1>" }))

  test.each([
    [404, "STORE_NOT_FOUND", /SESSYN_TOKEN/],
    [401, "STORE_UNAUTHENTICATED", /SESSYN_TOKEN/],
    [403, "STORE_FORBIDDEN", /write access/],
  ] as const)("that says %i is told of as what it means, and all goes on afterwards", async (status, code, says) => {
    answering(status)
    for (const args of [["sync"], ["verify"]]) {
      const err = await expectRefusal(laptop, args, { code, status: 1, says, store: server.path })
      expect(err).not.toContain(CREDENTIAL.password)
    }
    expect((await laptop.json<{ offline: string }>(["status"], 1)).offline).toBe(code)
    server.onRequest(undefined)
    await laptop.ok(["sync"])
    await desk.ok(["sync"])
    expect(treeOf(desk.root)).toEqual({ "a.txt": "a", "new.txt": "new" })
  })

  test("that does not take the credential any more, after it did", async () => {
    const expired = { code: "STORE_UNAUTHENTICATED", status: 1, says: /Sign in again/, store: server.path } as const
    await expectRefusal(laptop, ["sync"], { ...expired, env: { SESSYN_TOKEN: "an-expired-one" } })
    await expectRefusal(laptop, ["sync"], { ...expired, env: { SESSYN_TOKEN: undefined } })
    await laptop.ok(["sync"])
  })

  test("that answers with a page, or with noise, is no Git host", async () => {
    server.onRequest(() => ({ kind: "status", status: 200, headers: { "content-type": "text/html" }, body: "<html>" }))
    const { status, err } = await laptop.run(["sync"])
    expect([status, err]).toEqual([7, expect.stringContaining("something that a Git host must not answer")])
    server.onRequest(() => ({
      kind: "rewrite",
      body: (bytes) => Buffer.from(bytes.map((byte, i) => (i % 7 === 3 ? byte ^ 0x55 : byte))),
    }))
    const noise = await laptop.run(["sync"])
    expect(noise.status).not.toBe(0)
    expect(noise.err).not.toMatch(/\n\s+at |should not/)
    server.onRequest(undefined)
    await laptop.ok(["sync"])
  })

  test("that is down is told of within half a minute; status still shows what is known", async () => {
    await server.close()
    const started = performance.now()
    const { status, err } = await laptop.run(["sync"])
    expect([status, err]).toEqual([1, expect.stringContaining("The store cannot be reached.")])
    expect(err).toContain("ECONNREFUSED")
    expect(performance.now() - started).toBeLessThan(30_000)
    const shown = await laptop.json<{ offline: string; sequence: number }>(["status"], 1)
    expect(shown).toMatchObject({ offline: "STORE_UNREACHABLE", sequence: expect.any(Number) })
  })
})

describe("a folder of the store that may not be written to", () => {
  test("is named, and nothing here changes", async () => {
    const folder = folders.make()
    const store = join(folder, "vault.git")
    const machine = createMachine(folder, "laptop")
    plant(machine.root, { "a.txt": "a" })
    await machine.ok(["init", "--store", store])
    await machine.ok(["sync"])
    plant(machine.root, { "new.txt": "new" })
    if (process.getuid?.() === 0) execFileSync("chown", ["-R", "65534:65534", machine.root, machine.home])
    for (const path of ["objects", "refs", "."]) chmodSync(join(store, path), 0o555)
    const through = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
    chmodSync(folder, 0o755)
    const how = { through, cwd: machine.root }
    const { status, err } = await machine.start(["sync"], {}, how).ended
    expect([status, err]).toEqual([1, expect.stringContaining("This account may not write to the store.")])
    expect(treeOf(machine.root)).toEqual({ "a.txt": "a", "new.txt": "new" })
  })
})
