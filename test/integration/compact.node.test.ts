import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { CredentialSource } from "../../storage/remote/node/gitCredentials.ts"
import { openGitHttpStore } from "../../storage/remote/node/gitHttpStore.ts"
import type { Store } from "../../storage/remote/store.ts"
import { noise } from "../support/crash/world.node.ts"
import { treeOf } from "../support/files.node.ts"
import { auditRepository, gitSays } from "../support/gitAudit.node.ts"
import { type GitServer, startGitServer } from "../support/gitServer.node.ts"
import { createPair, type TestMachine } from "../support/machine.node.ts"

const MIB = 1024 * 1024

let folder: string
let a: TestMachine
let b: TestMachine

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sessyn-compact-"))
})

/** Two machines, and a vault with versions of which each dropped most of what the one before brought. */
async function setUp(openStore?: () => Promise<Store>): Promise<void> {
  ;({ a, b } = await createPair(folder, openStore === undefined ? {} : { openStore }))
  for (let i = 0; i < 6; i++) {
    writeFileSync(join(a.root, "large.bin"), noise(`large ${i}`, 3 * MIB))
    writeFileSync(join(a.root, "small.txt"), `small ${i}`)
    for (let n = 0; n < 20; n++) writeFileSync(join(a.root, `part-${n}`), noise(`${n} ${n === i ? i : 0}`, 50_000))
    await a.sync()
  }
  await b.sync()
}

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const vaultOf = (): string => join(folder, "vault.git")

function sizeOf(path: string): number {
  if (!statSync(path).isDirectory()) return statSync(path).size
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

async function expectSound(): Promise<void> {
  await auditRepository(vaultOf())
  const clone = join(folder, "clone.git")
  execFileSync("git", ["clone", "-q", "--bare", vaultOf(), clone])
  await auditRepository(clone)
  rmSync(clone, { recursive: true })
  for (const machine of [a, b]) {
    await machine.sync()
    expect((await machine.session((open) => open.verify())).problems).toEqual([])
  }
  expect(treeOf(b.root)).toEqual(treeOf(a.root))
}

describe("a vault in a real repository", () => {
  beforeEach(() => setUp())

  it("is as small as what is kept, sound to git, and goes on", async () => {
    const before = sizeOf(vaultOf())
    const report = await b.session((open) => open.compact({ keep: { versions: 2 } }))
    expect(report).toMatchObject({ kind: "compacted", isReclaimed: true, versionsAfter: 3 })
    expect(report.storeBytes?.after).toBeLessThan(report.storeBytes?.before ?? 0)
    await expectSound()
    writeFileSync(join(a.root, "small.txt"), "after")
    await a.sync()
    await b.sync()
    await a.session((open) => open.compact({ keep: { versions: 1 } }))
    const least = sizeOf(vaultOf())
    expect(least).toBeLessThan(before / 2)
    await expectSound()
  })

  it("is left alone by the clean-up if it holds other things", async () => {
    const tree = (await gitSays(vaultOf(), "write-tree")).trim()
    const identity = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
    const commit = (await gitSays(vaultOf(), ...identity, "commit-tree", "-m", "mine", tree)).trim()
    await gitSays(vaultOf(), "update-ref", "refs/heads/mine", commit)
    const before = sizeOf(vaultOf())
    const report = await a.session((open) => open.compact({ keep: { versions: 1 } }))
    expect(report).toMatchObject({ kind: "compacted", isReclaimed: false })
    expect(sizeOf(vaultOf())).toBeGreaterThan(before - 50_000)
    await expectSound()
    await gitSays(vaultOf(), "update-ref", "-d", "refs/heads/mine")
    const again = await a.session((open) => open.compact({ keep: { versions: 1 } }))
    expect(again.isReclaimed).toBe(true)
    expect(sizeOf(vaultOf())).toBeLessThan(before / 2)
    await expectSound()
  })

  it("keeps what other machines push while it is cleaned up", async () => {
    await a.session((open) => open.compact({ keep: { versions: 1 } }))
    const store = await a.host.openStore(`file://${vaultOf()}`, { create: false })
    let isOver = false
    const cleaning = (async () => {
      let times = 0
      while (!isOver) times += (await store.reclaim()) ? 1 : 0
      return times
    })()
    try {
      for (let i = 0; i < 15; i++) {
        const machine = i % 2 === 0 ? a : b
        writeFileSync(join(machine.root, `new-${i}`), noise(`new ${i}`, 200_000))
        await machine.sync()
      }
    } finally {
      isOver = true
    }
    expect(await cleaning).toBeGreaterThan(0)
    await store.close()
    await expectSound()
  })
})

describe("a vault at a Git host", () => {
  const nobody: CredentialSource = { find: async () => undefined, approve: async () => {}, reject: async () => {} }
  let server: GitServer

  const host = async (config: readonly string[]): Promise<void> => {
    server = await startGitServer({ config })
    await setUp(async () => openGitHttpStore({ url: server.url, credentials: nobody }))
  }

  afterEach(() => server.close())

  it("gets smaller when the host cleans up, and goes on at any time", async () => {
    await host([])
    const report = await b.session((open) => open.compact({ keep: { versions: 1 } }))
    expect(report).toMatchObject({ kind: "compacted", isReclaimed: false, storeBytes: null })
    writeFileSync(join(a.root, "small.txt"), "after")
    await a.sync()
    const before = sizeOf(server.path)
    await gitSays(server.path, "gc", "-q", "--prune=now")
    expect(sizeOf(server.path)).toBeLessThan(before / 2)
    await auditRepository(server.path)
    for (const machine of [a, b]) {
      await machine.sync()
      expect((await machine.session((open) => open.verify())).problems).toEqual([])
    }
    expect(treeOf(b.root)).toEqual(treeOf(a.root))
  })

  it("stays as it is where the host does not let history be replaced", async () => {
    await host(["receive.denyNonFastForwards=true"])
    const compact = a.session((open) => open.compact({ keep: { versions: 2 } }))
    await expect(compact).rejects.toMatchObject({ code: "STORE_FORBIDDEN" })
    for (const machine of [a, b]) expect((await machine.sync()).kind).toBe("in-sync")
    expect((await a.session((open) => open.verify())).problems).toEqual([])
  })
})
