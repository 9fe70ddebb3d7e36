/**
 * What reading a vault costs its host after many syncs: `git clone`, and a
 * machine that joins. A server that is asked for many packs searches them for
 * deltas, for minutes and in vain, unless they are stored so that it need not
 * (`docs/spec/store.md`).
 */
import { execFile, execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { CredentialSource } from "../../storage/remote/node/gitCredentials.ts"
import { openGitHttpStore } from "../../storage/remote/node/gitHttpStore.ts"
import { type GitServer, startGitServer } from "../support/gitServer.node.ts"
import { admit, createMachine, type TestMachine } from "../support/machine.node.ts"
import { seededRandom } from "../support/seededRandom.ts"
import { createTemporaryFolders } from "../support/temporaryFolders.node.ts"

const SYNCS = 32
const SYNC_BYTES = 8_000_000
const TICKS_PER_SECOND = 100
const NONE: CredentialSource = { find: async () => undefined, approve: async () => {}, reject: async () => {} }

const run = promisify(execFile)
const folders = createTemporaryFolders()
let folder: string
let server: GitServer
let a: TestMachine
let b: TestMachine

beforeAll(async () => {
  folder = folders.make()
  server = await startGitServer()
  const openStore = async () => openGitHttpStore({ url: server.url, credentials: NONE })
  a = createMachine({ name: "a", folder, openStore })
  b = createMachine({ name: "b", folder, openStore })
  await a.engine.init({ root: a.root, storeUrl: server.url, machineName: "A", remember: true })
  const random = seededRandom(32)
  for (let i = 0; i < SYNCS; i++) {
    writeFileSync(join(a.root, `noise-${i}.bin`), random(SYNC_BYTES))
    await a.sync()
  }
  await admit(a, b, server.url)
}, 300_000)

afterAll(async () => {
  await server?.close()
  folders.remove()
})

/** Processor time of all processes that this one has started and seen end, in seconds (proc(5)): the host's. */
function childSeconds(): number {
  const stat = readFileSync("/proc/self/stat", "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND
}

/** What a host does for a clone of a repository: everything into one Git pack. @returns what it says of it. */
function packAll(repository: string): string {
  const args = ["-C", repository, "pack-objects", "--revs", "--all", "--stdout", "--delta-base-offset", "--progress"]
  const script = `git "$@" </dev/null 2>&1 >/dev/null`
  return execFileSync("sh", ["-c", script, "sh", ...args], { encoding: "utf8" })
}

/** The same packs as Git itself would have stored them, pushed one by one. */
function plainCopy(): string {
  const copy = join(folder, "plain.git")
  const git = (args: readonly string[], input?: Buffer): string =>
    execFileSync("git", ["--git-dir", copy, ...args], { input, maxBuffer: 64 * 1024 * 1024 })
      .toString()
      .trim()
  execFileSync("git", ["init", "-q", "--bare", copy])
  const listed = execFileSync("git", ["--git-dir", server.path, "ls-tree", "-r", ...branch(), "packs/"]).toString()
  for (const line of listed.trim().split("\n")) {
    const [, , id] = line.split(/\s/) as [string, string, string]
    const bytes = execFileSync("git", ["--git-dir", server.path, "cat-file", "blob", id], {
      maxBuffer: 64 * 1024 * 1024,
    })
    const blob = git(["hash-object", "-w", "--stdin"], bytes)
    const tree = git(["mktree"], Buffer.from(`100644 blob ${blob}\tpack\n`))
    const commit = git(["-c", "user.name=x", "-c", "user.email=x", "commit-tree", tree, "-m", "x"])
    git(["update-ref", `refs/heads/${blob}`, commit])
    git(["repack", "-q"])
  }
  return copy
}

function branch(): string[] {
  const refs = execFileSync("git", ["--git-dir", server.path, "for-each-ref", "--format=%(refname)"]).toString()
  return refs.split("\n").filter((ref) => ref.endsWith("/main"))
}

describe(`a vault after ${SYNCS} syncs of ${SYNC_BYTES / 1e6} MB`, () => {
  test("is cloned without a search for deltas", { timeout: 600_000 }, async () => {
    const start = childSeconds()
    const said = packAll(server.path)
    const ours = childSeconds() - start
    const copy = plainCopy()
    const copied = childSeconds()
    packAll(copy)
    const plain = childSeconds() - copied
    console.info(`to pack for a clone: ${ours.toFixed(2)} s; the same bytes stored by Git: ${plain.toFixed(2)} s`)
    const [, reused] = /reused \d+ \(delta (\d+)\)/.exec(said) as unknown as [string, string]
    expect(Number(reused)).toBeGreaterThanOrEqual(SYNCS)
    expect(ours).toBeLessThan(plain / 4)
    // Not synchronously: the server is this process.
    await run("git", ["clone", "-q", "--bare", server.url, join(folder, "clone.git")])
    execFileSync("git", ["--git-dir", join(folder, "clone.git"), "fsck", "--strict"], { stdio: "ignore" })
  })

  test("is read by a machine that joins without one, too", { timeout: 600_000 }, async () => {
    const start = childSeconds()
    await b.sync()
    const seconds = childSeconds() - start
    console.info(`the host's time for a machine that joins: ${seconds.toFixed(2)} s`)
    expect(readFileSync(join(b.root, "noise-31.bin")).length).toBe(SYNC_BYTES)
    // Reading, inflating and sending 256 MB; a search takes 20 s and more.
    expect(seconds).toBeLessThan(8)
  })
})
