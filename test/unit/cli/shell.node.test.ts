import { mkdir, readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { SyncError } from "../../../src/errors.ts"
import type { StatusReport, SyncReport } from "../../../src/reports.ts"
import { StorageError, StoreError } from "../../../storage/errors.ts"
import { makeFolder, type RunOptions, run as runShell } from "./harness.ts"

let root: string
let remove: () => Promise<void>

beforeEach(async () => {
  ;({ root, remove } = await makeFolder())
})
afterEach(() => remove())

const run = (args: string[], options: Partial<RunOptions> = {}) => runShell(args, { cwd: root, ...options })
const failing = (error: unknown) => () => {
  throw error
}

const synced: SyncReport = {
  kind: "in-sync",
  sequence: 7,
  sent: [],
  received: [],
  conflicts: [],
  skipped: [],
  bytesSent: 0,
  bytesReceived: 0,
}
const conflict = { path: "a.txt", kind: "edit-edit", machine: "laptop", choice: "skip" } as const

const status: StatusReport = {
  workspace: "w",
  root: "/w",
  store: "/store",
  machine: { id: "abcdefghijkl", name: "laptop", status: "this" },
  locked: false,
  sequence: 7,
  lastSyncMs: 0,
  toSend: [],
  toReceive: [],
  conflicts: [],
  skipped: [],
  pendingMachines: [],
  storeBytes: null,
  fingerprints: [],
  offline: null,
}

describe("usage", () => {
  it.each([
    [["frobnicate"], "unknown command 'frobnicate'"],
    [["stauts"], "Did you mean status?"],
    [["sync", "--nope"], "unknown option '--nope'"],
    [["sync", "a", "b"], "too many arguments"],
    [["sync", "--on-conflict", "shrug"], "shrug"],
    [["watch", "--on-conflict", "ask"], "ask"],
    [["join"], "--store"],
    [["restore"], "missing required argument"],
    [["restore", "a", "--at", "-1"], "whole number"],
    [["watch", "--interval", "0"], "seconds"],
    [["machines", "approve"], "missing required argument"],
    [["init", "--store", "git@github.com:me/vault.git"], "https://github.com/me/vault"],
    [["init", "--store", "https://me:hunter2@example.com/vault"], "credential"],
    [["init", "--name", "a\u0007b"], "name"],
    [["log", "../elsewhere"], "not inside the synced folder"],
  ])("%j ends with status 2 and says what is wrong", async (args, why) => {
    const { exit, out, err, calls } = await run(args as string[])
    expect({ exit, out, calls }).toEqual({ exit: 2, out: "", calls: [] })
    expect(err.toLowerCase()).toContain((why as string).toLowerCase())
    expect(err).not.toContain("hunter2")
    const json = await run([...(args as string[]), "--json"])
    expect(json.exit).toBe(2)
    expect(json.err).toBe("")
    expect(JSON.parse(json.out)).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) } })
  })

  it("prints the version, and the help of every verb with its exit status", async () => {
    expect(await run(["--version"])).toMatchObject({
      exit: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      err: "",
    })
    const help = await run(["--help"])
    expect(help.exit).toBe(0)
    const verbs = [...help.out.matchAll(/^ {2}([a-z]+) /gm)].map(([, verb]) => verb as string)
    const expected = "init join sync watch status machines unlock lock passphrase log restore verify repair".split(" ")
    expect(verbs).toEqual(expect.arrayContaining(expected))
    for (const verb of expected) {
      const { exit, out } = await run(["help", verb])
      expect({ verb, exit }).toEqual({ verb, exit: 0 })
      expect(out).toMatch(/Examples:\n {2}sessyn/)
      expect(out).toMatch(/EXIT STATUS\n {2}0 /)
      expect(out).toContain("--passphrase-file")
    }
  })

  it("alone shows the status of a folder that is set up, else help", async () => {
    expect((await run([], { answers: { status } })).calls.map(({ method }) => method)).toEqual(["status"])
    expect(JSON.parse((await run(["--json"], { answers: { status } })).out)).toEqual(status)
    const fresh = await makeFolder(false)
    const { exit, out } = await runShell([], { cwd: fresh.root })
    expect({ exit, isHelp: out.startsWith("Usage: sessyn") }).toEqual({ exit: 0, isHelp: true })
    await fresh.remove()
  })
})

describe("errors", () => {
  it.each([
    [new StoreError("STORE_UNREACHABLE", ""), 1],
    [new SyncError("NOT_SET_UP", ""), 2],
    [new SyncError("REVOKED", ""), 4],
    [new SyncError("WRONG_PASSPHRASE", ""), 5],
    [new SyncError("MASS_DELETE", ""), 6],
    [new StorageError("HASH_MISMATCH", "chunk"), 7],
  ])("%s ends with status %i, one message and one action", async (error, exit) => {
    const plain = await run(["sync"], { answers: { sync: failing(error) } })
    expect(plain).toMatchObject({ exit, out: "", err: expect.stringMatching(/^sessyn: [A-Z]/) })
    const json = await run(["sync", "--json"], { answers: { sync: failing(error) } })
    expect(json).toMatchObject({ exit, err: "" })
    expect(JSON.parse(json.out).error).toMatchObject({ code: error.code, message: /./, action: /./ })
  })

  it("name facts of this machine as text that commands no terminal", async () => {
    const error = new SyncError("MASS_DELETE", "too many", { paths: ["a\u001b[2J", ...Array(20).fill("b")] })
    const { err } = await run(["sync"], { answers: { sync: failing(error) } })
    expect(err).toContain('"a\\e[2J"')
    expect(err).toContain("and 11 more")
  })

  it("that nobody planned show neither stack nor message, unless asked for", async () => {
    const error = Object.assign(new Error("open '/home/me/secret.txt'"), { code: "EACCES", syscall: "open" })
    const { exit, err } = await run(["sync"], { answers: { sync: failing(error) } })
    expect(exit).toBe(1)
    expect(err).toContain("EACCES (open)")
    expect(err).not.toMatch(/secret\.txt|at .*\.ts:/)
    const debug = await run(["sync"], { answers: { sync: failing(error) }, env: { SESSYN_DEBUG: "1" } })
    expect(debug.err).toMatch(/at .*\.ts:/)
  })

  it("say that an answer was needed where the engine was left without one", async () => {
    const answers = { approve: failing(new SyncError("CANCELLED", "the machine was not approved")) }
    expect(await run(["machines", "approve", "x"], { answers, unanswered: true })).toMatchObject({ exit: 2 })
    expect(await run(["machines", "approve", "x"], { answers })).toMatchObject({ exit: 1 })
  })

  it("after Ctrl-C end with status 130", async () => {
    const interruption = new AbortController()
    const sync = () => {
      interruption.abort()
      throw new SyncError("CANCELLED", "")
    }
    expect(await run(["sync"], { answers: { sync }, interruption })).toMatchObject({ exit: 130, out: "" })
  })
})

describe("sync", () => {
  it("leaves conflicts where nobody can be asked, and says so with status 3", async () => {
    const report = { ...synced, kind: "conflicts", conflicts: [conflict] }
    const { exit, out, calls } = await run(["sync"], { answers: { sync: report } })
    expect(exit).toBe(3)
    expect(out).toContain("a.txt")
    expect(calls).toHaveLength(1)
    expect(calls[0]?.args[0]).toMatchObject({ onConflict: "skip" })
  })

  it("passes its options on", async () => {
    const args = ["sync", "-n", "--on-conflict", "keep-both", "--auto-merge", "--allow-mass-delete", "--json"]
    const { calls, out } = await run(args, { answers: { sync: { ...synced, kind: "dry-run" } } })
    expect(calls[0]?.args[0]).toMatchObject({
      dryRun: true,
      onConflict: "keep-both",
      autoMerge: true,
      allowMassDelete: true,
    })
    expect(JSON.parse(out)).toMatchObject({ kind: "dry-run" })
  })

  it("marks what runs code when opened, and shows hostile names as text", async () => {
    const base = { type: "file", change: "new", size: 1, from: "lap\ntop" } as const
    const received = [
      { ...base, path: ".vscode/tasks.json", runsOnOpen: true },
      { ...base, path: "a\u001b]0;x\u0007", runsOnOpen: false },
    ]
    const { out } = await run(["sync"], { answers: { sync: { ...synced, kind: "synced", received } } })
    expect(out).toMatch(/tasks\.json .*runs code when opened/)
    expect(out).toContain('"a\\e]0;x\\u{7}"')
    expect(out).toContain('"lap\\ntop"')
  })
})

describe("status", () => {
  const words = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
  it.each([
    [{}, 0, "In sync"],
    [
      { toSend: [{ path: "f", type: "file", change: "new", size: 1, runsOnOpen: false, from: null }] },
      0,
      "sessyn sync",
    ],
    [{ conflicts: [conflict] }, 3, "conflicts"],
    [{ machine: { ...status.machine, status: "pending" }, fingerprints: [{ machine: "desk", words }] }, 4, "one  two"],
    [{ machine: { ...status.machine, status: "revoked" } }, 4, "revoked"],
    [{ locked: true }, 5, "locked"],
    [{ offline: "STORE_UNREACHABLE" }, 1, "cannot be reached"],
    [{ offline: "SOMETHING_NEW" }, 1, "store"],
    [{ storeBytes: 2 * 1024 ** 3 }, 0, "compact"],
  ])("%j ends with status %i and says %s", async (more, exit, text) => {
    const report = { ...status, ...more }
    const { out, ...rest } = await run(["status"], { answers: { status: report } })
    expect(rest.exit).toBe(exit)
    expect(out).toContain(text)
    const json = await run(["status", "--json"], { answers: { status: report } })
    expect(json.exit).toBe(exit)
    expect(JSON.parse(json.out)).toEqual(report)
  })
})

describe("init and join", () => {
  const made = { workspace: "w", root: "/w", store: "/store", machine: { id: "abcdefghijkl", name: "laptop" } }

  it("make the folder, absolute paths and a name", async () => {
    const { exit, calls, host } = await run(["init", "fresh/deep", "--store", "vault.git"], { answers: { init: made } })
    expect(exit).toBe(0)
    expect(calls[0]?.args[0]).toMatchObject({ root: join(root, "fresh/deep") })
    expect(calls[0]?.args[0]).toMatchObject({
      storeUrl: join(root, "vault.git"),
      machineName: expect.stringMatching(/./),
    })
    expect((await stat(join(root, "fresh/deep"))).isDirectory()).toBe(true)
    expect(host).toMatchObject({ firstPassphrase: true })
  })

  it("leave no folder behind when they fail", async () => {
    await run(["join", "fresh", "--store", "x"], { answers: { join: failing(new SyncError("VAULT_MISSING", "")) } })
    expect(await readdir(root)).toEqual([".sessyn"])
  })

  it("do not recover without being asked to twice", async () => {
    expect(await run(["join", "--store", "x", "--recover"])).toMatchObject({ exit: 2, calls: [] })
    const answers = { join: { ...made, status: "recovered", fingerprints: [] } }
    expect(await run(["join", "--store", "x", "--recover", "--yes"], { answers })).toMatchObject({ exit: 0 })
  })

  it("wait for the approval if wanted", async () => {
    let looks = 0
    const answers = {
      join: { ...made, root, status: "pending", fingerprints: [] },
      status: () => ({ ...status, machine: { ...status.machine, status: ++looks > 0 ? "this" : "pending" } }),
    }
    const { exit, out, err } = await run(["join", "--store", "x", "--wait", "--json"], { answers })
    expect(exit).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ status: "trusted" })
    expect(err).toContain("sessyn machines approve")
  })
})

describe("restore", () => {
  const report = { path: "a.txt", to: "a.txt", sequence: 3, size: 5 }

  it("gives the engine paths of the folder, from wherever it is typed", async () => {
    await mkdir(join(root, "sub"))
    const { calls } = await run(["-C", "sub", "restore", "a.txt", "--at", "3", "--to", "../b.txt"], {
      answers: { restore: report },
    })
    expect(calls[0]?.args).toMatchObject(["sub/a.txt", { sequence: 3, to: "b.txt" }])
  })

  it("writes outside of the folder only to a new, private file", async () => {
    const outside = await makeFolder(false)
    const to = join(outside.root, "old.txt")
    const content = async (_path: string, _options: unknown, take: (bytes: Uint8Array) => Promise<void>) => {
      await take(Buffer.from("he"))
      await take(Buffer.from("llo"))
      return report
    }
    const first = await run(["restore", "a.txt", "--to", to, "--json"], { answers: { content } })
    expect(JSON.parse(first.out)).toEqual({ ...report, to })
    expect(await readFile(to, "utf8")).toBe("hello")
    expect((await stat(to)).mode & 0o777).toBe(0o600)
    expect(await run(["restore", "a.txt", "--to", to], { answers: { content } })).toMatchObject({ exit: 2, calls: [] })
    const broken = await run(["restore", "a.txt", "--to", `${to}2`], {
      answers: { content: failing(new StorageError("HASH_MISMATCH", "")) },
    })
    expect(broken.exit).toBe(7)
    expect(await readdir(outside.root)).toEqual(["old.txt"])
    await outside.remove()
  })
})

it("verify ends with status 7 when anything is wrong", async () => {
  const good = { sequence: 1, trustEntries: 1, shards: 1, packs: 1, files: 1, bytes: 1, problems: [], beforeRepair: [] }
  expect(await run(["verify"], { answers: { verify: good } })).toMatchObject({ exit: 0 })
  const bad = {
    ...good,
    problems: [{ kind: "pack", object: "packs/ab/x", reason: "hash", touches: [], files: ["a\nb"] }],
  }
  const { exit, out } = await run(["verify"], { answers: { verify: bad } })
  expect(exit).toBe(7)
  expect(out).toContain('"a\\nb"')
})

it("watch does not wait for an answer that nobody can give", async () => {
  const answers = { sync: failing(new SyncError("PENDING", "the words were not confirmed")) }
  expect(await run(["watch"], { answers, unanswered: true })).toMatchObject({ exit: 2 })
})

it("watch --json prints one document at the end", async () => {
  const interruption = new AbortController()
  const answers = {
    sync: {
      ...synced,
      kind: "synced",
      sent: [{ path: "f", type: "file", change: "new", size: 1, runsOnOpen: false, from: null }],
    },
    status,
    waitForRemote: () => {
      interruption.abort()
      throw new Error("aborted")
    },
  }
  const { exit, out, err } = await run(["watch", "--json"], { answers, interruption })
  expect(exit).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ syncs: 1, sent: 1, sequence: 7 })
  expect(err).toContain("version 7: sent f")
})
