import { beforeAll, describe, expect, it } from "vitest"
import type { Crypto } from "../../../../crypto/crypto.ts"
import type { Secret } from "../../../../crypto/secret.ts"
import { fingerprint, fingerprintNumbers } from "../../../../storage/format/fingerprint.ts"
import type { JoinRequest } from "../../../../storage/format/joinRequest.ts"
import { openName } from "../../../../storage/format/machineName.ts"
import { type JoinReason, type VerifiedJoinRequest, verifyJoinRequest } from "../../../../storage/verify/joinRequest.ts"
import { isMacGood } from "../../../../storage/verify/macs.ts"
import {
  createTestCrypto,
  joinRequestOf,
  newMachine,
  startLog,
  type TestLog,
  type TestMachine,
  type Wrongly,
} from "../../../support/trustLog.ts"

let crypto: Crypto
let log: TestLog
let joiner: TestMachine
let good: VerifiedJoinRequest

beforeAll(async () => {
  crypto = await createTestCrypto(7)
  log = await startLog(crypto)
  joiner = await newMachine(crypto, "ecdsa-p256")
  good = await verifyJoinRequest(crypto, await joinRequestOf(log, joiner), log.state)
})

async function refusedFor(
  reason: JoinReason,
  fields: Partial<JoinRequest>,
  wrongly: Wrongly = {},
  machine = joiner,
  on = log,
) {
  const attempt = joinRequestOf(on, machine, fields, wrongly).then((encoded) =>
    verifyJoinRequest(crypto, encoded, on.state),
  )
  await expect(attempt).rejects.toMatchObject({ code: "TRUST_LOG_INVALID", reason })
}

describe("a join request", () => {
  it("names the machine, and opens for members only", async () => {
    const keys = log.keyring.get(1)!
    expect(good.machine).toBe(joiner.id)
    expect(isMacGood(crypto, good.envelope, keys.mac)).toBe(true)
    expect(isMacGood(crypto, good.envelope, keys.path as Secret)).toBe(false)
    expect(await openName(crypto, keys.key, joiner.id, good.request.name)).toBe("joiner")
  })

  it("may name an earlier end of this log", async () => {
    const longer = log.fork()
    await longer.approve(longer.first, await newMachine(crypto))
    const encoded = await joinRequestOf(log, joiner)
    expect((await verifyJoinRequest(crypto, encoded, longer.state)).machine).toBe(joiner.id)
  })

  it("is for this workspace", () => refusedFor("request for another workspace", { workspace: "a".repeat(26) }))

  it("is signed by the keys it brings", async () => {
    const other = await newMachine(crypto)
    await refusedFor("request not signed by exactly its own keys", {}, { signers: other.signers })
    await refusedFor("request not signed by exactly its own keys", {}, { signers: [] })
  })

  it("names a place in this log", async () => {
    const reason = "request names a log that is not this one"
    await refusedFor(reason, { trust: { length: 1, head: new Uint8Array(32) } })
    await refusedFor(reason, { trust: { length: 2, head: log.state.head } })
  })

  it("is from the current epoch", async () => {
    const longer = log.fork()
    await longer.openEpoch(longer.first)
    await refusedFor("request from an older epoch", { epoch: 1 }, {}, joiner, longer)
  })

  it("has a name of its own epoch", () =>
    refusedFor("request name sealed under another epoch", { name: { ...good.request.name, epoch: 2 } }))

  it("meets the policy", async () => {
    const first = await newMachine(crypto, "ml-dsa-87")
    const strict = await startLog(crypto, { first, policy: { signatures: "hybrid", format: 1 } })
    await refusedFor("request with keys that do not meet the policy", {}, {}, joiner, strict)
  })

  it("brings keys that the log has never seen", async () => {
    const longer = log.fork()
    await longer.approve(longer.first, joiner)
    await refusedFor("request with a key used before", {}, {}, joiner, longer)
    await longer.revoke(longer.first, [joiner])
    await refusedFor("request with a key used before", {}, {}, joiner, longer)
  })
})

describe("its fingerprint", () => {
  const approver = "a".repeat(52)

  it("is eight words, the same on both screens", async () => {
    const words = await fingerprint(crypto, good.request, good.hash, approver)
    expect(words).toHaveLength(8)
    expect(words.every((word) => /^[a-z]{3,8}$/.test(word))).toBe(true)
    expect(await fingerprint(crypto, good.request, good.hash, approver)).toEqual(words)
  })

  it("changes with request, log, header and approver", () => {
    const { request, hash } = good
    const other = new Uint8Array(32)
    const all = [
      fingerprintNumbers(crypto, request, hash, approver),
      fingerprintNumbers(crypto, request, other, approver),
      fingerprintNumbers(crypto, { ...request, trust: { length: 1, head: other } }, hash, approver),
      fingerprintNumbers(crypto, { ...request, header: other }, hash, approver),
      fingerprintNumbers(crypto, request, hash, "b".repeat(52)),
    ].map((numbers) => numbers.join())
    expect(new Set(all).size).toBe(all.length)
  })

  it("takes the first 80 bits, ten a word", () => {
    const digest = Uint8Array.from({ length: 32 }, (_, i) =>
      i === 0 ? 0x00 : i === 1 ? 0x7f : i === 2 ? 0xe0 : i === 9 ? 0x01 : 0,
    )
    const fixed = { ...crypto, sha256: () => digest }
    expect(fingerprintNumbers(fixed, good.request, good.hash, approver)).toEqual([1, 1022, 0, 0, 0, 0, 0, 1])
  })
})
