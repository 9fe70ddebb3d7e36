import { beforeAll, describe, expect, it } from "vitest"
import type { Crypto } from "../../../../crypto/crypto.ts"
import { Secret } from "../../../../crypto/secret.ts"
import { encodeEnvelope } from "../../../../storage/format/envelope.ts"
import type { Header } from "../../../../storage/format/header.ts"
import { compareLogs } from "../../../../storage/verify/forks.ts"
import {
  type HeaderDoubt,
  type HeaderMemory,
  type HeaderReason,
  type HeaderVerdict,
  MAX_LEAP,
  type VerifiedHeader,
  verifyHeader,
  verifyHeaderAlone,
} from "../../../../storage/verify/header.ts"
import { verifyHeaderMac } from "../../../../storage/verify/macs.ts"
import { verifyTrustLog } from "../../../../storage/verify/trustLog.ts"
import {
  createTestCrypto,
  headerAfter,
  newMachine,
  startLog,
  type TestLog,
  type TestMachine,
  type Wrongly,
} from "../../../support/trustLog.ts"

let crypto: Crypto
let log: TestLog
let ann: TestMachine
let ben: TestMachine
/** Written by ann, ann, ben, ann. */
let h1: VerifiedHeader
let h2: VerifiedHeader
let h3: VerifiedHeader
let h4: VerifiedHeader

beforeAll(async () => {
  crypto = await createTestCrypto(3)
  log = await startLog(crypto)
  ann = log.first
  ben = await newMachine(crypto)
  const alone = log.fork()
  await log.approve(ann, ben)
  h1 = await write(alone, ann, null)
  h2 = await write(log, ann, h1)
  h3 = await write(log, ben, h2)
  h4 = await write(log, ann, h3)
})

const encode = headerAfter

async function write(on: TestLog, by: TestMachine, before: VerifiedHeader | null, fields: Partial<Header> = {}) {
  return verifyHeaderAlone(crypto, await encode(on, by, before, fields), on.workspace, on.state)
}

const remember = (seen: VerifiedHeader | null, own: Partial<HeaderMemory> = {}): HeaderMemory => ({
  seen,
  trust: log.state,
  self: null,
  ...own,
})

/** How a header looks to a client with this memory. */
function look({ envelope }: VerifiedHeader, memory: HeaderMemory, trust = log.state): Promise<HeaderVerdict> {
  return verifyHeader(crypto, encodeEnvelope(envelope), log.workspace, trust, memory)
}

async function expectDoubt(verdict: Promise<HeaderVerdict>, kind: HeaderVerdict["kind"], doubt: HeaderDoubt) {
  expect(await verdict).toMatchObject({ kind, doubt })
}

describe("a header in itself", () => {
  async function refusedFor(reason: HeaderReason, fields: Partial<Header>, wrongly: Wrongly = {}, by = ann) {
    const attempt = encode(log, by, h2, fields, wrongly).then((encoded) =>
      verifyHeaderAlone(crypto, encoded, log.workspace, log.state),
    )
    await expect(attempt).rejects.toMatchObject({ code: "HEADER_INVALID", reason })
  }

  it("is of the pinned workspace", async () => {
    await refusedFor("another workspace", { workspace: "a".repeat(26) })
    const attempt = verifyHeaderAlone(crypto, await encode(log, ann, h2), "b".repeat(26), log.state)
    await expect(attempt).rejects.toMatchObject({ reason: "another workspace" })
  })

  it("names the log of its tree, not a shorter or another one", async () => {
    await refusedFor("trust log is not the one in the tree", { trust: { length: 1, head: log.state.head } })
    await refusedFor("trust log is not the one in the tree", { trust: { length: 2, head: new Uint8Array(32) } })
  })

  it("is written by a machine trusted at that log", async () => {
    const stranger = await newMachine(crypto)
    await refusedFor("writer not trusted", {}, {}, stranger)
    const own = log.fork()
    await own.retire(ann, ben)
    const attempt = encode(own, ben, h2).then((encoded) => verifyHeaderAlone(crypto, encoded, own.workspace, own.state))
    await expect(attempt).rejects.toMatchObject({ reason: "writer not trusted" })
  })

  it("is signed by exactly the writer's keys", async () => {
    const reason = "not signed by exactly the writer's keys"
    await refusedFor(reason, {}, { signers: ben.signers })
    await refusedFor(reason, {}, { signers: [] })
    await refusedFor(reason, {}, { signers: [...ann.signers, ...ben.signers] })
  })

  it("is of the current epoch", () => refusedFor("epoch not current", { epoch: 2 }))

  it("counts known machines only", async () => {
    const stranger = await newMachine(crypto)
    const machines = [
      { id: ann.id, counter: 2, head: h1.hash },
      { id: stranger.id, counter: 1, head: h1.hash },
    ].sort((a, b) => (a.id < b.id ? -1 : 1))
    await refusedFor("counter of an unknown machine", { machines })
    const item = { machine: stranger.id, id: new Uint8Array(16), sha256: new Uint8Array(32), size: 1 }
    await refusedFor("inbox of an unknown machine", { inbox: [item] })
  })

  it("carries the MAC of its epoch", async () => {
    const keys = (epoch: number) => log.keyring.get(epoch)?.mac
    verifyHeaderMac(crypto, h2, keys)
    const macKey = new Secret(new Uint8Array(32))
    const encoded = await encode(log, ann, h2, {}, { macKey })
    const forged = await verifyHeaderAlone(crypto, encoded, log.workspace, log.state)
    expect(() => verifyHeaderMac(crypto, forged, keys)).toThrow("MAC wrong")
    expect(() => verifyHeaderMac(crypto, h2, () => undefined)).toThrow("no key for the MAC")
  })
})

describe("the shape of a header", () => {
  const wrong: readonly (readonly [string, () => Partial<Header>])[] = [
    ["all but the first header name the one before", () => ({ previous: null })],
    ["a repair, and it alone, supersedes", () => ({ kind: "repair" })],
    ["a repair, and it alone, supersedes", () => ({ supersedes: h1.hash })],
    ["floor above the sequence", () => ({ tombstoneFloor: 4 })],
    ["floor above the sequence", () => ({ historyFloor: 4 })],
    ["writer has no counter", () => ({ machines: [] })],
    ["counter and last header disagree", () => ({ machines: [{ id: ann.id, counter: 2, head: null }] })],
    ["counter and last header disagree", () => ({ machines: [{ id: ann.id, counter: 1, head: h1.hash }] })],
    ["counter above the sequence", () => ({ machines: [{ id: ann.id, counter: 9, head: h1.hash }] })],
    ["machines not ascending", () => ({ machines: [0, 1].map(() => ({ id: ann.id, counter: 2, head: h1.hash })) })],
    ["number of shards not a power of two", () => ({ index: Array(3).fill(h2.header.index[0]) })],
    ["malformed shard reference", () => ({ index: [{ sha256: new Uint8Array(32), size: 0 }] })],
  ]
  for (const [reason, fields] of wrong) {
    it(`refuses: ${reason}`, async () => {
      await expect(encode(log, ann, h2, fields())).rejects.toMatchObject({ code: "FORMAT_INVALID", reason })
    })
  }

  it("refuses a first header that is not of kind trust", async () => {
    await expect(encode(log, ann, null, { kind: "sync" })).rejects.toMatchObject({ code: "FORMAT_INVALID" })
  })
})

describe("a header that follows", () => {
  it("is the first for who saw none", async () => expect((await look(h4, remember(null))).kind).toBe("first"))
  it("is the same", async () => expect((await look(h4, remember(h4))).kind).toBe("same"))
  it("is newer by one", async () => expect((await look(h3, remember(h2))).kind).toBe("newer"))
  it("is newer by many", async () => expect((await look(h4, remember(h2))).kind).toBe("newer"))

  it("lets a deleted machine's counter go", async () => {
    const own = log.fork()
    await own.retire(ann, ben)
    const revoked = await write(own, ann, h4)
    const before = own.state
    await own.remove(ann, ben)
    const removed = await write(own, ann, revoked)
    expect((await look(removed, remember(revoked, { trust: before }), own.state)).kind).toBe("newer")
    expect(removed.header.machines.map(({ id }) => id)).toEqual([ann.id])
  })

  it("does not contradict its kind", async () => {
    const wrong: Promise<VerifiedHeader>[] = [
      write(log, ann, h3, { kind: "trust" }),
      write(log, ann, h1, { kind: "sync" }),
    ]
    const [trust, sync] = (await Promise.all(wrong)) as [VerifiedHeader, VerifiedHeader]
    await expect(look(trust, remember(h3))).rejects.toMatchObject({ reason: "kind contradicts the trust log" })
    await expect(look(sync, remember(h1))).rejects.toMatchObject({ reason: "kind contradicts the trust log" })
  })

  it("raises a floor only by a compaction", async () => {
    for (const floors of [{ tombstoneFloor: 2 }, { historyFloor: 2 }]) {
      const sync = await write(log, ben, h3, floors)
      await expect(look(sync, remember(h3))).rejects.toMatchObject({ reason: "only a compaction raises a floor" })
      const compact = await write(log, ben, h3, { ...floors, kind: "compact" })
      await expect(look(compact, remember(h3))).resolves.toMatchObject({ kind: "newer" })
    }
  })

  it("counts its writer's one more and nothing else", async () => {
    const { machines } = h4.header
    const others = machines.filter(({ id }) => id !== ann.id)
    const own = machines.filter(({ id }) => id === ann.id)
    const mine = own.map((each) => ({ ...each, counter: each.counter + 1, head: h4.hash }))
    const sorted = (list: Header["machines"]) => list.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const wrong: readonly Header["machines"][] = [
      [...mine, ...others.map((each) => ({ ...each, counter: 2, head: new Uint8Array(32) }))],
      [...mine, ...others.map((each) => ({ ...each, counter: 2 }))],
      [...others, ...mine.map((each) => ({ ...each, counter: each.counter + 1 }))],
    ]
    for (const list of wrong) {
      for (const fields of [
        {},
        { kind: "repair", supersedes: h4.hash },
        { kind: "compact", historyFloor: 5 },
      ] as const) {
        const header = await write(log, ann, h4, { ...fields, machines: sorted(list) })
        await expect(look(header, remember(h4))).rejects.toMatchObject({ reason: "counters do not follow" })
      }
    }
    const withAnother = log.fork()
    const carl = await newMachine(crypto)
    await withAnother.approve(ann, carl)
    const early = { machines: sorted([...mine, ...others, { id: carl.id, counter: 1, head: h1.hash }]) }
    const header = await write(withAnother, ann, h4, early)
    await expect(look(header, remember(h4), withAnother.state)).rejects.toMatchObject({
      reason: "counters do not follow",
    })
    expect((await look(await write(withAnother, ann, h4), remember(h4), withAnother.state)).kind).toBe("newer")
  })

  it("does not leap, nor does a repair: nobody can use up all numbers", async () => {
    const { sequence } = h3.header
    const far = { sequence: sequence + MAX_LEAP, previous: h1.hash }
    const further = { ...far, sequence: far.sequence + 1 }
    expect((await look(await write(log, ann, h3, far), remember(h3))).kind).toBe("newer")
    for (const fields of [further, { ...further, kind: "repair", supersedes: h4.hash } as const]) {
      const leaping = await write(log, ann, h3, fields)
      await expect(look(leaping, remember(h3))).rejects.toMatchObject({ reason: "sequence leaps" })
    }
  })

  it("does not lower a floor", async () => {
    const high = await write(log, ann, h3, { tombstoneFloor: 2, historyFloor: 2 })
    const lowTombstones = await write(log, ben, high, { tombstoneFloor: 1, historyFloor: 2 })
    const lowHistory = await write(log, ben, high, { tombstoneFloor: 2, historyFloor: 1 })
    await expect(look(lowTombstones, remember(high))).rejects.toMatchObject({ reason: "floor went down" })
    await expect(look(lowHistory, remember(high))).rejects.toMatchObject({ reason: "floor went down" })
  })
})

describe("a header that precedes", () => {
  it("is older, not forked: the host may be stale", async () => {
    await expectDoubt(look(h3, remember(h4)), "older", "counters behind")
    await expectDoubt(look(h2, remember(h4)), "older", "counters behind")
  })

  it("is older with an older log", async () => {
    const then = await verifyTrustLog(crypto, log.envelopes.slice(0, 1))
    await expectDoubt(look(h1, remember(h4), then), "older", "counters behind")
  })

  it("is older if a machine that it counts was deleted since", async () => {
    const own = log.fork()
    await own.retire(ann, ben)
    const revoked = await write(own, ann, h4)
    const stateThen = own.state
    await own.remove(ann, ben)
    const removed = await write(own, ann, revoked)
    await expectDoubt(look(revoked, remember(removed, { trust: own.state }), stateThen), "older", "counters behind")
  })

  it("is not believed if it leaves out trust entries that came another way, whoever wrote it since", async () => {
    const own = log.fork()
    await own.revoke(ann, [ben])
    const byRevoked = await write(log, ben, h4)
    await expectDoubt(look(byRevoked, remember(h4, { trust: own.state })), "older", "trust log behind")
    await expectDoubt(look(h4, remember(null, { trust: own.state })), "older", "trust log behind")
  })
})

describe("a header that contradicts", () => {
  it("has a history that parts from the one seen", async () => {
    const rival3 = await write(log, ann, h2)
    const rival4 = await write(log, ann, rival3)
    await expectDoubt(look(rival3, remember(h3)), "forked", "counters parted")
    await expectDoubt(look(rival4, remember(h3)), "forked", "counters parted")
    await expectDoubt(look(h4, remember(rival3)), "forked", "two headers with one counter")
  })

  it("has a machine's first header instead of those seen, though it is no longer than them", async () => {
    const rival3 = await write(log, ann, h2)
    const rival4 = await write(log, ann, rival3)
    await expectDoubt(look(h3, remember(rival4)), "forked", "counters parted")
  })

  it("gives one counter to two headers", async () => {
    const twin = await write(log, ben, h2)
    await expectDoubt(look(twin, remember(h3)), "forked", "two headers with one counter")
  })

  it("goes on from a header that its writer did not write", async () => {
    const fields = {
      machines: h3.header.machines.map((each) =>
        each.id === ann.id ? { ...each, counter: 3, head: h1.hash } : { ...each, head: h3.hash },
      ),
    }
    const broken = await write(log, ann, h3, fields)
    await expectDoubt(look(broken, remember(h3)), "forked", "two headers with one counter")
  })

  it("has a sequence that did not grow, or skips what it says it follows", async () => {
    const stuck = await write(log, ann, h3, { sequence: 3, previous: h3.hash })
    await expectDoubt(look(stuck, remember(h3)), "forked", "sequence did not grow")
    const elsewhere = await write(log, ann, h3, { previous: h1.hash })
    await expectDoubt(look(elsewhere, remember(h3)), "forked", "does not follow the header before")
    const jump = await write(log, ann, h3, { sequence: 9 })
    await expectDoubt(look(jump, remember(h3)), "forked", "does not follow the header before")
  })

  it("drops the counter of a machine that is still listed", async () => {
    const forgetful = await write(log, ann, h3, { machines: [{ id: ann.id, counter: 3, head: h2.hash }] })
    await expectDoubt(look(forgetful, remember(h3)), "forked", "counters parted")
  })

  it("stands on a log that parts from the one seen", async () => {
    const one = log.fork()
    const other = log.fork()
    await one.openEpoch(ann)
    await other.openEpoch(ben)
    const header = await write(other, ben, h4)
    await expectDoubt(look(header, remember(h4, { trust: one.state }), other.state), "forked", "trust logs parted")
  })

  it("is followed after all if its log won: the overruled machines' headers do not count", async () => {
    const mine = log.fork()
    const winning = log.fork()
    await mine.openEpoch(ben)
    await winning.revoke(ann, [ben])
    const lost = await write(mine, ben, h4)
    const won = await write(winning, ann, h4)
    await expectDoubt(look(won, remember(lost, { trust: mine.state }), winning.state), "forked", "trust logs parted")
    const decision = compareLogs(mine.state, winning.state)
    if (decision.kind !== "wins") throw new Error(decision.kind)
    const memory = remember(lost, { trust: winning.state, overruled: decision.overruled })
    expect((await look(won, memory, winning.state)).kind).toBe("newer")
  })
})

describe("a repair", () => {
  it("that contradicts what was seen asks first; one that does not is simply newer", async () => {
    const rival = await write(log, ben, h2)
    const repair = await write(log, ann, rival, { kind: "repair", sequence: 9, supersedes: h4.hash })
    await expectDoubt(look(repair, remember(h4)), "repair", "two headers with one counter")
    expect((await look(repair, remember(rival))).kind).toBe("newer")
  })

  it("may go back on floors and carry trust entries: it takes up what is left", async () => {
    const high = await write(log, ann, h3, { tombstoneFloor: 2, historyFloor: 2 })
    const grown = log.fork()
    await grown.openEpoch(ben)
    const repair = await write(grown, ben, high, { kind: "repair", supersedes: h4.hash })
    expect((await look(repair, remember(high), grown.state)).kind).toBe("newer")
  })

  it("must count right what it says it follows, or nobody is even asked", async () => {
    const own = { id: ann.id, counter: 4, head: h4.hash }
    const forgetful = await write(log, ann, h4, { kind: "repair", supersedes: h3.hash, machines: [own] })
    await expect(look(forgetful, remember(h4))).rejects.toMatchObject({ reason: "counters do not follow" })
  })

  it("that is itself old or no further on is no way out", async () => {
    const rival = await write(log, ben, h2)
    const repair = await write(log, ann, rival, { kind: "repair", sequence: 4, supersedes: h4.hash })
    expect((await look(repair, remember(h4))).kind).toBe("forked")
    const good = await write(log, ann, h3, { kind: "repair", supersedes: h4.hash })
    const after = await write(log, ann, good)
    await expectDoubt(look(good, remember(after)), "older", "counters behind")
  })
})

describe("this machine's own counter", () => {
  it("ahead of its memory means restored or cloned", async () => {
    const self = { id: ann.id, counter: 1 }
    expect(await look(h4, remember(h1, { self }))).toMatchObject({ kind: "restored", counter: 3 })
    expect(await look(h4, remember(null, { self }))).toMatchObject({ kind: "restored", counter: 3 })
    expect((await look(h4, remember(h3, { self: { id: ann.id, counter: 3 } }))).kind).toBe("newer")
    expect((await look(h3, remember(h2, { self: { id: ben.id, counter: 1 } }))).kind).toBe("newer")
    const twin = await write(log, ann, h3)
    expect((await look(twin, remember(h4, { self }))).kind).toBe("forked")
    expect((await look(h3, remember(h4, { self }))).kind).toBe("older")
  })
})

it("refuses a header with any byte changed", async () => {
  const encoded = encodeEnvelope(h2.envelope)
  for (let i = 0; i < encoded.length; i++) {
    const changed = encoded.slice()
    changed[i] = (changed[i] as number) ^ 1
    const attempt = verifyHeaderAlone(crypto, changed, log.workspace, log.state).then((verified) =>
      verifyHeaderMac(crypto, verified, (epoch) => log.keyring.get(epoch)?.mac),
    )
    await expect(attempt, `byte ${i}`).rejects.toMatchObject({
      code: expect.stringMatching(/^(HEADER_INVALID|FORMAT_(INVALID|NEWER|LIMIT_EXCEEDED))$/),
    })
  }
})
