import { beforeAll, describe, expect, it } from "vitest"
import type { Crypto } from "../../../../crypto/crypto.ts"
import { compareLogs } from "../../../../storage/verify/forks.ts"
import {
  createTestCrypto,
  newMachine,
  newPassphrase,
  startLog,
  type TestLog,
  type TestMachine,
} from "../../../support/trustLog.ts"

let crypto: Crypto
let log: TestLog
/** Trusted on both sides of every fork below. */
let ann: TestMachine
let ben: TestMachine
let mal: TestMachine

beforeAll(async () => {
  crypto = await createTestCrypto(2)
  log = await startLog(crypto)
  ann = log.first
  ben = await newMachine(crypto)
  mal = await newMachine(crypto)
  await log.approve(ann, ben)
  await log.approve(ann, mal)
})

const compare = (a: TestLog, b: TestLog) => compareLogs(a.state, b.state)

/** Compares both ways round: the answer must not depend on which log is called a. */
function expectWin(winner: TestLog, loser: TestLog, lost: number, overruled: readonly TestMachine[]) {
  const ids = new Set(overruled.map(({ id }) => id))
  expect(compare(winner, loser)).toMatchObject({ kind: "wins", winner: "a", common: 3, overruled: ids })
  const reversed = compare(loser, winner)
  expect(reversed).toMatchObject({ kind: "wins", winner: "b", common: 3, overruled: ids })
  expect(reversed.kind === "wins" && reversed.lost.length).toBe(lost)
}

function expectQuestion(reason: string, a: TestLog, b: TestLog) {
  expect(compare(a, b)).toEqual({ kind: "question", reason, common: 3 })
  expect(compare(b, a)).toEqual({ kind: "question", reason, common: 3 })
}

describe("logs that do not part", () => {
  it("are the same, or one goes on", async () => {
    const longer = log.fork()
    await longer.openEpoch(ben)
    expect(compare(log, log)).toEqual({ kind: "same" })
    expect(compare(log, longer)).toEqual({ kind: "extends", longer: "b" })
    expect(compare(longer, log)).toEqual({ kind: "extends", longer: "a" })
  })

  it("are of one workspace", async () => {
    const other = await startLog(crypto)
    expect(compare(log, other)).toEqual({ kind: "question", reason: "another workspace", common: 0 })
  })
})

describe("a revocation", () => {
  it("beats whatever the revoked machine signs, however much that is", async () => {
    const right = log.fork()
    const rival = log.fork()
    await right.revoke(ann, [mal])
    await rival.openEpoch(mal)
    await rival.openEpoch(mal)
    await rival.openEpoch(mal)
    expectWin(right, rival, 3, [mal])
  })

  it("beats machines that the revoked one let in since, and those that they let in", async () => {
    const right = log.fork()
    const rival = log.fork()
    await right.revoke(ann, [mal])
    const [one, two] = [await newMachine(crypto), await newMachine(crypto)]
    await rival.approve(mal, one)
    await rival.approve(one, two)
    await rival.openEpoch(two)
    expectWin(right, rival, 3, [mal, one, two])
  })

  it("does not beat a machine that the revoked one let in before the fork", async () => {
    const own = await startLog(crypto)
    const [bad, good] = [await newMachine(crypto), await newMachine(crypto)]
    await own.approve(own.first, bad)
    await own.approve(bad, good)
    const right = own.fork()
    const other = own.fork()
    await right.revoke(own.first, [bad])
    await other.openEpoch(good)
    expectQuestion("both sides stand", right, other)
  })

  it("is a question if an innocent machine signed on the other side too", async () => {
    const right = log.fork()
    const mixed = log.fork()
    await right.revoke(ann, [mal])
    await mixed.openEpoch(mal)
    await mixed.openEpoch(ben)
    expectQuestion("both sides stand", right, mixed)
  })

  it("against a revocation is a question", async () => {
    const one = log.fork()
    const other = log.fork()
    await one.revoke(ann, [mal])
    await other.revoke(mal, [ann])
    expectQuestion("mutual revocation", one, other)
  })

  it("by a machine let in by the revoked one does not help it", async () => {
    const right = log.fork()
    const rival = log.fork()
    await right.revoke(ann, [mal])
    const puppet = await newMachine(crypto)
    await rival.approve(mal, puppet)
    await rival.revoke(puppet, [ben])
    expectWin(right, rival, 2, [mal, puppet])
  })
})

describe("a question for a person", () => {
  it("is a fork in which nobody is revoked", async () => {
    const one = log.fork()
    const other = log.fork()
    await one.openEpoch(ann)
    await other.openEpoch(ben)
    expectQuestion("both sides stand", one, other)
  })

  it("is a recovery, even against a revocation", async () => {
    const right = log.fork()
    const recovered = log.fork()
    await right.revoke(ann, [mal])
    await recovered.recover(await newMachine(crypto), await newPassphrase(crypto))
    expectQuestion("recovery", right, recovered)
  })
})
