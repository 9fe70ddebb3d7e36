/**
 * Real machines and a real Git host, with an attacker on the wire between them. What the parsers do with damaged answers is
 * `gitHttpFaults.test.ts`; here whole clients look at them, and at repositories that are not what they seem.
 */
import { cpSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest"
import { openGitHttpStore } from "../../../storage/remote/node/gitHttpStore.ts"
import { flipped, places } from "../../support/adversary/mischief.ts"
import {
  type Answer,
  asksForHeads,
  changing,
  elsewhere,
  pushes,
  replaying,
  startWire,
  type Wire,
} from "../../support/adversary/wire.node.ts"
import { at, plant, treeOf } from "../../support/files.node.ts"
import { auditRepository, gitSays } from "../../support/gitAudit.node.ts"
import { type GitServer, startGitServer } from "../../support/gitServer.node.ts"
import { createMachine, type TestMachine } from "../../support/machine.node.ts"
import { createHastyClock } from "../../support/person.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const MINUTE = 60 * 1000
const SEED = 20_260_103
const credentials = { find: async () => undefined, approve: async () => {}, reject: async () => {} }
const folders = createTemporaryFolders()

let host: GitServer
let wire: Wire
let clock: ReturnType<typeof createHastyClock>
let a: TestMachine
let b: TestMachine

const arrive = (name: string, folder: string): TestMachine =>
  createMachine({ name, folder, clock, openStore: async (url) => openGitHttpStore({ url, credentials }) })

async function admit(member: TestMachine, joiner: TestMachine): Promise<void> {
  const { root, name } = joiner
  const options = { root, storeUrl: wire.door(name), machineName: name, remember: true }
  const { machine } = await joiner.engine.join(options)
  await member.session((open) => open.approve(machine.id))
}

beforeEach(async () => {
  host = await startGitServer()
  wire = await startWire(host)
  clock = createHastyClock()
  const folder = folders.make()
  a = arrive("a", folder)
  b = arrive("b", folder)
  await a.engine.init({ root: a.root, storeUrl: wire.door("a"), machineName: "a", remember: true })
  await admit(a, b)
  plant(a.root, { kept: "kept", "src/large.txt": "line\n".repeat(3000) })
  await a.sync()
  await b.sync()
})

afterEach(async () => {
  await wire.close()
  await auditRepository(host.path)
  await host.close()
})
afterAll(() => folders.remove())

const code = (expected: string) => expect.objectContaining({ code: expected })
const refsOf = (repository = host.path) => gitSays(repository, "for-each-ref")

/** The repository as it is now, kept beside the real one. */
function keepCopy(name: string): string {
  const copy = join(dirname(host.path), name)
  cpSync(host.path, copy, { recursive: true })
  return copy
}

async function refusedWithoutTrace(machine: TestMachine, expected: string, repositories = [host.path]): Promise<void> {
  const look = async () => [treeOf(a.root), treeOf(b.root), ...(await Promise.all(repositories.map(refsOf)))]
  const before = await look()
  await expect(machine.sync()).rejects.toEqual(code(expected))
  expect(await look()).toEqual(before)
}

async function expectPeace(): Promise<void> {
  for (const machine of [a, b, a, b]) await machine.sync()
  expect(treeOf(b.root)).toEqual(treeOf(a.root))
  for (const machine of [a, b]) expect((await machine.session((open) => open.verify())).problems).toEqual([])
}

/** What the host answers to the machine's question for heads, now. */
async function headsNow(machine: TestMachine): Promise<Answer> {
  let answer: Answer | null = null
  wire.rule(machine.name, async (asked, pass) => {
    const given = await pass()
    if (asksForHeads(asked)) answer = given
    return given
  })
  await machine.session((open) => open.status())
  wire.rule(machine.name, null)
  if (answer === null) throw new Error("it did not ask")
  return answer
}

describe("answers changed on the wire", () => {
  const CODES =
    /^(STORE_|FORMAT_|HASH_MISMATCH|SEAL_BROKEN|OBJECT_MISSING|TRUST_LOG_INVALID|HEADER_INVALID|VAULT_VANISHED)/

  it.each([
    ["cut short", (body: Buffer, place: number) => body.subarray(0, place)],
    ["with a byte changed", (body: Buffer, place: number) => Buffer.from(flipped(body, place, 0x11))],
  ] as const)("%s: refused with a name, or of no effect", async (_, change) => {
    let [refused, without] = [0, 0]
    // A version that B lacks is read in four requests: heads, trees, what is to be believed, index and packs.
    for (let index = 0; index < 4; index++) {
      for (const which of [0, 1, 2]) {
        plant(a.root, { new: `${index} ${which}` })
        await a.sync()
        const before = treeOf(b.root)
        wire.rule(
          "b",
          changing(index, (body) => change(body, places(SEED + index, Math.max(1, body.length), 3)[which] ?? 0)),
        )
        const outcome = await b.sync().then(
          () => null,
          (error: unknown) => error,
        )
        wire.rule("b", null)
        if (outcome === null) without++
        else {
          refused++
          expect(outcome).toHaveProperty("code", expect.stringMatching(CODES))
          expect(treeOf(b.root)).toEqual(before)
          await b.sync()
        }
        expect(treeOf(b.root)).toEqual(treeOf(a.root))
      }
    }
    expect(refused).toBeGreaterThan(6)
    expect(refused + without).toBe(12)
  })
})

describe("answers of before", () => {
  it("about heads: waited for, then an alarm; nothing is published on top, and repair is the way out", async () => {
    const old = await headsNow(b)
    plant(a.root, { newer: "newer" })
    await a.sync()
    await b.sync()
    wire.rule("b", replaying(asksForHeads, old))
    plant(b.root, { "by-b": "b" })
    await refusedWithoutTrace(b, "STORE_BEHIND")
    clock.advance(6 * MINUTE)
    await refusedWithoutTrace(b, "VAULT_WENT_BACK")
    expect(at(b.root, "by-b")).toBe("b")
    // The real branch is elsewhere: a repair on top of what is shown cannot land, and says so.
    await expect(b.session((open) => open.repair())).rejects.toEqual(code("STORE_FAILED"))
    wire.rule("b", null)
    await expectPeace()
    expect(at(a.root, "by-b")).toBe("b")
  })

  it("about a push, which is never made: found out at the next look, and the work is published after a repair", async () => {
    let done: Answer | null = null
    wire.rule("b", async (asked, pass) => {
      if (!pushes(asked)) return pass()
      if (done !== null) return done
      done = await pass()
      return done
    })
    plant(b.root, { one: "1" })
    await b.sync()
    const refs = await refsOf()
    plant(b.root, { two: "2" })
    await b.sync().catch(() => {})
    expect(await refsOf()).toBe(refs)
    await refusedWithoutTrace(b, "STORE_BEHIND")
    wire.rule("b", null)
    await b.session((open) => open.repair())
    await expectPeace()
    expect(at(a.root, "two")).toBe("2")
  })
})

describe("a push that is made twice", () => {
  it("moves the branch once", async () => {
    wire.rule("b", async (asked, pass) => {
      const answer = await pass()
      if (pushes(asked)) await pass()
      return answer
    })
    plant(b.root, { one: "1" })
    await b.sync()
    wire.rule("b", null)
    await expectPeace()
    expect(at(a.root, "one")).toBe("1")
  })
})

describe("answers held back", () => {
  it("until another has published: planned again, nothing lost", async () => {
    plant(a.root, { "by-a": "a" })
    plant(b.root, { "by-b": "b" })
    wire.rule("b", async (asked, pass) => {
      const answer = await pass()
      if (asked.index === 0) await a.sync()
      return answer
    })
    await b.sync()
    wire.rule("b", null)
    await expectPeace()
    expect([at(a.root, "by-a"), at(a.root, "by-b")]).toEqual(["a", "b"])
  })

  it("about its own push, until another is on top: taken for what it is", async () => {
    plant(b.root, { "by-b": "b" })
    let pushed = 0
    wire.rule("b", async (asked, pass) => {
      const answer = await pass()
      if (pushes(asked) && pushed++ === 0) {
        plant(a.root, { "by-a": "a" })
        await a.sync()
      }
      return answer
    })
    await b.sync()
    wire.rule("b", null)
    await expectPeace()
    expect(at(b.root, "by-a")).toBe("a")
  })
})

describe("another repository at the same address", () => {
  it("of before: behind, and another history once somebody wrote to it; repair brings both together", async () => {
    const then = keepCopy("then.git")
    plant(a.root, { newer: "newer" })
    await a.sync()
    wire.rule("b", elsewhere("then.git"))
    plant(b.root, { "by-b": "b" })
    // B saw no more than that: it goes on there, unknowing.
    await b.sync()
    wire.rule("a", elsewhere("then.git"))
    await refusedWithoutTrace(a, "VAULT_FORKED", [host.path, then])
    for (const name of ["a", "b"]) wire.rule(name, null)
    await refusedWithoutTrace(b, "VAULT_FORKED", [host.path, then])
    await b.session((open) => open.repair())
    await expectPeace()
    expect([at(a.root, "newer"), at(a.root, "by-b")]).toEqual(["newer", "b"])
  })

  it("with another vault under this one's id: no vault of theirs", async () => {
    const [ours = ""] = (await refsOf()).match(/refs\/heads\/\S+\/main/) ?? []
    const other = await startGitServer()
    const far = createMachine({
      name: "far",
      folder: folders.make(),
      openStore: async (url) => openGitHttpStore({ url, credentials }),
    })
    await far.engine.init({ root: far.root, storeUrl: other.url, machineName: "a", remember: true })
    const theirs = join(dirname(host.path), "theirs.git")
    cpSync(other.path, theirs, { recursive: true })
    const [, head = ""] = /^(\S+).*\/main$/m.exec(await refsOf(theirs)) ?? []
    await gitSays(theirs, "update-ref", ours, head)
    for (const machine of [a, b]) {
      wire.rule(machine.name, elsewhere("theirs.git"))
      await refusedWithoutTrace(machine, "TRUST_LOG_INVALID", [host.path, theirs])
      wire.rule(machine.name, null)
    }
    await other.close()
    await expectPeace()
  })

  it("that is empty, or none: vanished, never begun anew", async () => {
    const empty = keepCopy("empty.git")
    for (const ref of (await refsOf(empty)).matchAll(/refs\/\S+/g)) await gitSays(empty, "update-ref", "-d", ref[0])
    wire.rule("b", elsewhere("empty.git"))
    await refusedWithoutTrace(b, "VAULT_VANISHED", [host.path, empty])
    wire.rule("b", elsewhere("nobody.git"))
    await refusedWithoutTrace(b, "STORE_NOT_FOUND", [host.path, empty])
    wire.rule("b", null)
    await expectPeace()
  })
})
