import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import type { JoinReport, MachineView, StatusReport, SyncReport } from "../../../src/reports.ts"
import { startGitServer } from "../../support/gitServer.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, type Machine, pair, PASSPHRASE } from "./command.ts"

const folders = createTemporaryFolders()
afterAll(() => folders.remove())

const write = (machine: Machine, path: string, text: string) => writeFileSync(join(machine.root, path), text)
const read = (machine: Machine, path: string) => readFileSync(join(machine.root, path), "utf8")

describe("from the first machine to the second", () => {
  it("goes by init, sync, join, approve with the words of the other screen, sync", async () => {
    const folder = folders.make()
    const [laptop, desk] = [createMachine(folder, "laptop"), createMachine(folder, "desk")]
    write(laptop, ".env", "TOKEN=1\n")
    const store = join(folder, "vault.git")

    expect(await laptop.json(["status"], 2)).toMatchObject({ error: { code: "NOT_SET_UP" } })
    await laptop.ok(["init", "--store", store, "--name", "laptop"])
    expect(await laptop.json(["init", "--store", store], 2)).toMatchObject({ error: { code: "ALREADY_SET_UP" } })
    expect(await desk.json(["init", "--store", store], 2)).toMatchObject({ error: { code: "VAULT_EXISTS" } })
    const first = await laptop.json<SyncReport>(["sync"])
    expect(first.sent.map(({ path }) => path)).toContain(".env")

    const asked = await desk.json<JoinReport>(["join", "--store", store, "--name", "desk"])
    expect(asked.status).toBe("pending")
    const words = asked.fingerprints[0]?.words.join(" ") as string
    expect(words.split(" ")).toHaveLength(8)
    expect(await desk.json(["sync"], 4)).toMatchObject({ error: { code: "PENDING" } })
    expect((await desk.json<StatusReport>(["status"], 4)).fingerprints[0]?.words.join(" ")).toBe(words)

    // Nobody to ask: not approved. Other words: not approved. The right words: approved.
    expect((await laptop.run(["machines", "approve", "desk"])).status).toBe(2)
    const wrong = words.split(" ").reverse().join(" ")
    expect(await laptop.json(["machines", "approve", "desk", "--fingerprint", wrong], 1)).toMatchObject({
      error: { code: "FINGERPRINT_DIFFERS" },
    })
    await laptop.ok(["machines", "approve", "desk", "--fingerprint", words])
    const { machines } = await laptop.json<{ machines: MachineView[] }>(["machines"])
    expect(machines.map(({ name, status }) => `${name} ${status}`).sort()).toEqual(["desk trusted", "laptop this"])

    // The one that was let in confirms the words, too.
    expect((await desk.run(["sync"])).status).toBe(2)
    await desk.ok(["sync", "--yes"])
    expect(read(desk, ".env")).toBe("TOKEN=1\n")
  })

  it("works through a Git host, with the token from the environment", async () => {
    const folder = folders.make()
    const server = await startGitServer({ credential: { username: "x-access-token", password: "t0ken-of-mine" } })
    try {
      const env = { SESSYN_TOKEN: "t0ken-of-mine", GIT_CONFIG_GLOBAL: "/dev/null" }
      const [laptop, desk] = [createMachine(folder, "laptop", env), createMachine(folder, "desk", env)]
      write(laptop, "a.txt", "over http")
      await pair(laptop, desk, server.url)
      expect(read(desk, "a.txt")).toBe("over http")
      const refused = await laptop.run(["sync", "--json"], { SESSYN_TOKEN: "wrong" })
      expect(refused.status).toBe(1)
      expect(JSON.parse(refused.out)).toMatchObject({ error: { code: "STORE_UNAUTHENTICATED" } })
    } finally {
      await server.close()
    }
  })
})

describe("two machines", () => {
  const folder = folders.make()
  const [laptop, desk] = [createMachine(folder, "laptop"), createMachine(folder, "desk")]

  it("are paired", async () => {
    write(laptop, "notes.txt", "1\n2\n3\n4\n5\n")
    for (let i = 0; i < 12; i++) write(laptop, `file${i}.txt`, `content ${i}`)
    await pair(laptop, desk, join(folder, "vault.git"))
  })

  it("show what differs, from anywhere in the folder, and change nothing in a dry run", async () => {
    mkdirSync(join(desk.root, "deep/er"), { recursive: true })
    write(desk, "deep/er/new.txt", "new")
    const status = await desk.json<StatusReport>(["-C", "deep/er", "status"])
    expect(status.toSend.map(({ path }) => path)).toEqual(
      ["deep/", "deep/er/", "deep/er/new.txt"].map((p) => p.replace(/\/$/, "")),
    )
    const dry = await desk.json<SyncReport>(["sync", "--dry-run"])
    expect([dry.kind, dry.sent.length]).toEqual(["dry-run", 3])
    expect((await desk.json<StatusReport>(["status"])).toSend).toHaveLength(3)
    await desk.ok(["sync"])
    await laptop.ok(["sync"])
    expect(read(laptop, "deep/er/new.txt")).toBe("new")
  })

  it("leave a conflict with status 3 until a flag decides it", async () => {
    write(laptop, "notes.txt", "ONE\n2\n3\n4\n5\n")
    write(desk, "notes.txt", "uno\n2\n3\n4\n5\n")
    await laptop.ok(["sync"])
    const left = await desk.json<SyncReport>(["sync"], 3)
    expect(left.conflicts).toMatchObject([{ path: "notes.txt", kind: "edit-edit", machine: "laptop", choice: "skip" }])
    expect((await desk.run(["status"])).status).toBe(3)
    expect(read(desk, "notes.txt")).toBe("uno\n2\n3\n4\n5\n")
    await desk.ok(["sync", "--on-conflict", "keep-both"])
    expect(read(desk, "notes.txt")).toBe("uno\n2\n3\n4\n5\n")
    expect(read(desk, "notes.remote.txt")).toBe("ONE\n2\n3\n4\n5\n")
    await laptop.ok(["sync"])
  })

  it("merge what does not touch, if wanted", async () => {
    write(laptop, "notes.txt", "uno\n2\n3\n4\nLAPTOP\n")
    write(desk, "notes.txt", "DESK\n2\n3\n4\n5\n")
    await laptop.ok(["sync"])
    expect((await desk.run(["status"])).status).toBe(3)
    const merged = await desk.json<SyncReport>(["sync", "--auto-merge"])
    expect(merged.conflicts).toMatchObject([{ path: "notes.txt", choice: "merged" }])
    expect(read(desk, "notes.txt")).toBe("DESK\n2\n3\n4\nLAPTOP\n")
    await laptop.ok(["sync"])
  })

  it("refuse a mass delete with status 6, --yes or not, until it is allowed", async () => {
    for (let i = 0; i < 12; i++) rmSync(join(laptop.root, `file${i}.txt`))
    expect(await laptop.json(["sync"], 6)).toMatchObject({ error: { code: "MASS_DELETE" } })
    expect((await laptop.run(["sync", "--yes"])).status).toBe(6)
    await laptop.ok(["sync", "--allow-mass-delete"])
    expect((await desk.run(["sync"])).status).toBe(6)
    expect(read(desk, "file3.txt")).toBe("content 3")
    await desk.ok(["sync", "--allow-mass-delete"])
    expect(() => read(desk, "file3.txt")).toThrow()
  })

  it("bring old versions back, into the folder or beside it", async () => {
    const { versions } = await laptop.json<{ versions: { sequence: number; change: string }[] }>(["log", "file3.txt"])
    expect(versions.map(({ change }) => change)).toEqual(["deleted", "new"])
    await laptop.ok(["restore", "file3.txt"])
    expect(read(laptop, "file3.txt")).toBe("content 3")
    const to = join(folder, "old.txt")
    const at = String(versions[1]?.sequence)
    expect(await laptop.json(["restore", "file4.txt", "--at", at, "--to", to])).toMatchObject({ to, size: 9 })
    expect(readFileSync(to, "utf8")).toBe("content 4")
    expect(await laptop.json(["restore", "never.txt"], 2)).toMatchObject({ error: { code: "VERSION_UNKNOWN" } })
    await laptop.ok(["sync"])
  })

  it("part when one is revoked, with a new passphrase that is not the old one", async () => {
    const env = { SESSYN_NEW_PASSPHRASE: "orchard pencil quantum ribbon saddle timber" }
    expect((await laptop.run(["machines", "revoke", "desk", "--yes"])).status).toBe(2)
    const report = await laptop.json<{ epoch: number }>(["machines", "revoke", "desk", "--yes"], 0, env)
    expect(report.epoch).toBe(2)
    expect(await desk.json(["sync"], 4)).toMatchObject({ error: { code: "REVOKED" } })
    expect(await laptop.json(["unlock"], 5, { SESSYN_PASSPHRASE: PASSPHRASE })).toMatchObject({
      error: { code: "WRONG_PASSPHRASE" },
    })
    await laptop.ok(["sync"], { SESSYN_PASSPHRASE: env.SESSYN_NEW_PASSPHRASE })
  })
})
