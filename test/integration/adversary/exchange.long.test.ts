/**
 * Objects exchanged: any two of a vault, of its version before, and of another vault of the same user with the same
 * passphrase, read by somebody who knows nothing yet; and a sample of all damage through whole clients, that of
 * `everyByte.long.test.ts` too.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { HEADER_PATH, packsOf, VAULT_FILE_PATH } from "../../../storage/layout.ts"
import { type MemoryMachine, STORE_URL } from "../../support/memoryMachine.ts"
import type { HostileHost } from "../../support/adversary/host.ts"
import { flipped, kindOf, masks, places } from "../../support/adversary/mischief.ts"
import { arrive, besiege, diskOf, expectPeace } from "../../support/adversary/machines.ts"
import {
  createSpecimen,
  type Objects,
  readAs,
  type Reading,
  type Specimen,
} from "../../support/adversary/specimen.node.ts"
import { createTally, REASONS } from "../../support/adversary/tally.ts"

const SEED = 20_260_102

let one: Specimen
let two: Specimen
const tally = createTally()

beforeAll(async () => {
  one = await createSpecimen("one")
  two = await createSpecimen("two")
})

afterAll(() => tally.print("exchanges, and a sample through whole clients:"))

async function digestOf(objects: Objects): Promise<string> {
  const reading = await readAs(one, objects, 0)
  if (reading.kind !== "read") throw new Error(reading.code)
  return reading.digest
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function expectNamed(prefix: string): void {
  for (const kind of tally.kinds().filter((each) => each.startsWith(prefix))) {
    const { "no effect": _, ...refused } = tally.of(kind)
    expect(REASONS).toEqual(expect.arrayContaining(Object.keys(refused)))
  }
  expect(tally.accepted).toEqual([])
}

describe("one object in the place of another", () => {
  it.each([
    ["this version", () => one.objects],
    ["the version before", () => one.older],
    ["another vault of the same user", () => two.objects],
  ] as const)("from %s: refused, wherever it is read at all", async (from, sources) => {
    const expected = await digestOf(one.objects)
    for (const [path, bytes] of one.objects) {
      for (const [source, other] of sources()) {
        if (same(bytes, other)) continue
        const kind = kindOf(path) === kindOf(source) ? `the same kind: ${kindOf(path)}` : "another kind"
        const reading = await readAs(one, new Map(one.objects).set(path, other), 0)
        if (isNeverRead(path)) expect(reading).toEqual({ kind: "read", digest: expected })
        else expect([path, source, reading.kind]).toEqual([path, source, "refused"])
        tally.count(`${from}, ${kind}`, reading, expected)
      }
    }
    expectNamed(from)
  })
})

/** For people and for Git. */
function isNeverRead(path: string): boolean {
  return path === "README.md" || path === ".gitattributes"
}

describe("all objects of some kinds from elsewhere", () => {
  const KINDS = [HEADER_PATH, VAULT_FILE_PATH, "trust", "index", "packs"]

  /** This version, with those kinds taken from another tree. */
  function mixed(from: Objects, kinds: readonly string[]): Objects {
    const taken = (path: string): boolean => kinds.includes(kindOf(path))
    return new Map([...[...one.objects].filter(([path]) => !taken(path)), ...[...from].filter(([path]) => taken(path))])
  }

  const subsets = Array.from({ length: 2 ** KINDS.length - 1 }, (_, bits) =>
    KINDS.filter((_, i) => ((bits + 1) >> i) & 1),
  )

  it("of the version before: that version as it was, this one, or neither", async () => {
    const [now, before] = [await digestOf(one.objects), await digestOf(one.older)]
    const digests = new Set<string>()
    for (const kinds of subsets) {
      const reading = await readAs(one, mixed(one.older, kinds), 0)
      if (reading.kind === "read") digests.add(reading.digest)
      tally.count(
        "mixed with the version before",
        reading,
        reading.kind === "read" && reading.digest === before ? before : now,
      )
    }
    expect(digests).toEqual(new Set([now, before]))
    expectNamed("mixed")
  })

  it("of another vault: never", async () => {
    for (const kinds of subsets) {
      const reading = await readAs(one, mixed(two.objects, kinds), 0)
      expect([kinds, reading.kind]).toEqual([kinds, "refused"])
      tally.count("mixed with another vault", reading, "")
    }
    expectNamed("mixed")
  })
})

describe("a sample of bytes, through whole clients", () => {
  const SAMPLE = 12
  let host: HostileHost
  let a: MemoryMachine
  let b: MemoryMachine

  /** B has seen all but the newest version, and a newcomer nothing. */
  beforeAll(async () => {
    const made = await besiege(["A", "B"], { ".env": "SECRET=1", text: "text" })
    host = made.host
    ;[a, b] = made.machines
    await a.write("text", "the newest text")
    await a.sync()
  })

  async function attempt(machine: MemoryMachine, work: () => Promise<unknown>): Promise<Reading> {
    const before = await diskOf(machine)
    const heads = await host.picture()
    try {
      await work()
      return { kind: "read", digest: "through" }
    } catch (error) {
      expect(await diskOf(machine)).toEqual(before)
      expect(await host.picture()).toEqual(heads)
      return { kind: "refused", code: (error as { readonly code: string }).code }
    }
  }

  it("a member that has not seen this version refuses each, and writes nothing", async () => {
    const real = await host.picture()
    const objects = await host.objects()
    const known = new Set(
      packsOf(new Map([...(await host.objects((await host.history())[1]))].map(([path]) => [path, path]))).keys(),
    )
    for (const [path, bytes] of objects) {
      const isRead = !isNeverRead(path) && kindOf(path) !== "trust" && !known.has(path.split("/")[2] ?? "")
      if (!isRead) continue
      const mask = masks(SEED, bytes)
      for (const at of places(SEED, bytes.length, SAMPLE)) {
        await host.forge((tree) => void tree.set(path, flipped(bytes, at, mask[at])))
        tally.count(`a member: ${kindOf(path)}`, await attempt(b, () => b.sync()), "")
        await host.rollBack(real)
      }
      expect(Object.keys(tally.of(`a member: ${kindOf(path)}`))).not.toContain("ACCEPTED")
    }
    await expectPeace([a, b], { ".env": "SECRET=1", text: "the newest text" })
  })

  it("a newcomer refuses each of what it reads before it asks, and asks nothing", async () => {
    const real = await host.picture()
    for (const [path, bytes] of await host.objects()) {
      if (!["trust", HEADER_PATH, VAULT_FILE_PATH].includes(kindOf(path))) continue
      const mask = masks(SEED, bytes)
      for (const at of places(SEED, bytes.length, SAMPLE)) {
        await host.forge((tree) => void tree.set(path, flipped(bytes, at, mask[at])))
        const c = await arrive(host, "C")
        const join = () => c.engine.join({ root: "", storeUrl: STORE_URL, machineName: "C" })
        tally.count(`a newcomer: ${kindOf(path)}`, await attempt(c, join), "")
        await host.rollBack(real)
      }
      expect(Object.keys(tally.of(`a newcomer: ${kindOf(path)}`))).not.toContain("ACCEPTED")
    }
    expectNamed("a newcomer")
  })
})
