import { beforeAll, describe, expect, it } from "vitest"
import type { Crypto } from "../../../../crypto/crypto.ts"
import type { Secret } from "../../../../crypto/secret.ts"
import { decodeEnvelope, encodeEnvelope, type KeyId, signBytes } from "../../../../storage/format/envelope.ts"
import { MAX_EPOCHS, type MachineRecord, machineId, recoverySigners } from "../../../../storage/format/machine.ts"
import {
  MAX_LOG_BYTES,
  MAX_TRUST_ENTRIES,
  MAX_TRUSTED_MACHINES,
  RESERVED_FOR_REVOCATIONS,
  rekeyStatement,
} from "../../../../storage/format/trustEntry.ts"
import { verifyTrustMacs } from "../../../../storage/verify/macs.ts"
import { type TrustLogReason, verifyTrustLog } from "../../../../storage/verify/trustLog.ts"
import { extendsLog, trustedMachines } from "../../../../storage/verify/trustState.ts"
import {
  createTestCrypto,
  newMachine,
  newPassphrase,
  startLog,
  type TestLog,
  type TestMachine,
  type Wrongly,
} from "../../../support/trustLog.ts"

let crypto: Crypto
let log: TestLog
let first: TestMachine
let second: TestMachine

beforeAll(async () => {
  crypto = await createTestCrypto(1)
  log = await startLog(crypto)
  first = log.first
  second = await newMachine(crypto, "ecdsa-p256")
  await log.approve(first, second)
})

/** A log of two machines that a test may go on from. */
const twoMachines = (): TestLog => log.fork()

async function refusedFor(reason: TrustLogReason | "MAC wrong" | "no key for the MAC", attempt: Promise<unknown>) {
  await expect(attempt).rejects.toMatchObject({ code: "TRUST_LOG_INVALID", reason })
}

describe("a log that keeps the rules", () => {
  it("goes through every kind of entry", async () => {
    const own = twoMachines()
    const third = await newMachine(crypto, "ed25519", "ml-dsa-87")
    await own.approve(second, third)
    await own.openEpoch(first)
    await own.changePassphrase(third, await newPassphrase(crypto))
    const next = await newMachine(crypto, "ml-dsa-87")
    await own.rekey(first, next)
    const rekeyed = { ...next, id: first.id }
    await own.revoke(rekeyed, [second])
    await own.remove(third, second)
    await own.tighten(rekeyed, { signatures: "hybrid", format: 1 })
    await own.retire(third, rekeyed)
    const saved = await newMachine(crypto, "ml-dsa-87")
    await own.recover(saved, await newPassphrase(crypto))

    const { state } = own
    expect(state.entries.map(({ entry }) => entry.kind)).toEqual([
      "genesis",
      "approve",
      "approve",
      "epoch",
      "passphrase",
      "rekey",
      "revoke",
      "delete",
      "policy",
      "revoke",
      "recover",
    ])
    expect(trustedMachines(state).map(({ id }) => id)).toEqual([saved.id])
    expect(state.machines.get(first.id)).toMatchObject({ status: "revoked", approvedBy: null, since: 1, revokedAt: 10 })
    expect(state.machines.get(first.id)?.records.map(({ since }) => since)).toEqual([1, 6])
    expect(state.machines.get(second.id)).toMatchObject({ status: "deleted", approvedBy: first.id, revokedAt: 7 })
    expect(state.epochs.map(({ epoch, since }) => [epoch, since])).toEqual([
      [1, 1],
      [2, 4],
      [3, 7],
      [4, 10],
      [5, 11],
    ])
    expect(state.passphraseSince).toBe(11)
    expect(state.policy.signatures).toBe("hybrid")
    verifyTrustMacs(crypto, state, (epoch) => own.keyring.get(epoch)?.mac)
  })

  it("says the same whether verified whole or from a prefix", async () => {
    const whole = await verifyTrustLog(crypto, log.envelopes)
    const prefix = await verifyTrustLog(crypto, log.envelopes.slice(0, 1))
    const rest = await verifyTrustLog(crypto, log.envelopes.slice(1), prefix)
    expect(rest).toEqual(whole)
    expect(prefix.length).toBe(1)
    expect(extendsLog(prefix, whole)).toBe(true)
    expect(extendsLog(whole, prefix)).toBe(false)
  })

  it("derives the workspace id from the genesis entry and the machine id from its record", () => {
    expect(log.workspace).toMatch(/^[a-z2-7]{26}$/)
    expect(first.id).toMatch(/^[a-z2-7]{52}$/)
  })

  it("does not extend another log", async () => {
    const other = await startLog(crypto)
    expect(extendsLog(log.state, other.state)).toBe(false)
  })
})

describe("chain", () => {
  it("refuses no entries", () => refusedFor("no entries", verifyTrustLog(crypto, [])))

  it("refuses a log that begins elsewhere", () =>
    refusedFor("log does not begin with genesis", verifyTrustLog(crypto, log.envelopes.slice(1))))

  it("refuses a second genesis", () =>
    refusedFor("sequence broken", verifyTrustLog(crypto, log.envelopes.slice(0, 1), log.state)))

  it("refuses a left-out entry", async () => {
    const own = twoMachines()
    await own.openEpoch(first)
    await own.openEpoch(first)
    const withGap = own.envelopes.filter((_, i) => i !== 2)
    await refusedFor("sequence broken", verifyTrustLog(crypto, withGap))
  })

  it("refuses an entry that follows another one than the last", () =>
    refusedFor("chain broken", twoMachines().openEpoch(first, { fields: { previous: new Uint8Array(32) } })))

  it("refuses an entry of another workspace", () =>
    refusedFor("another workspace", twoMachines().openEpoch(first, { fields: { workspace: "a".repeat(26) } })))
})

describe("signatures", () => {
  const unsigned = "not signed by exactly the keys it needs"

  it("refuses a machine that was never let in", async () =>
    refusedFor("writer not trusted", twoMachines().openEpoch(await newMachine(crypto))))

  it("refuses a revoked machine", async () => {
    const own = twoMachines()
    await own.revoke(first, [second])
    await refusedFor("writer not trusted", own.openEpoch(second))
  })

  it("refuses a trusted writer's name over another's signature", () =>
    refusedFor(unsigned, twoMachines().openEpoch(first, { signers: second.signers })))

  it("refuses an entry without signature", () => refusedFor(unsigned, twoMachines().openEpoch(first, { signers: [] })))

  it("refuses a signature too many", () =>
    refusedFor(unsigned, twoMachines().openEpoch(first, { signers: [...first.signers, ...second.signers] })))

  it("takes the algorithm from the record, not from the keyid", () =>
    refusedFor(unsigned, twoMachines().openEpoch(first, { relabel: ["ecdsa-p256"] })))

  it("refuses one of two keys, and two in another order", async () => {
    const own = twoMachines()
    const pair = await newMachine(crypto, "ed25519", "ml-dsa-87")
    await own.approve(first, pair)
    await refusedFor(unsigned, own.openEpoch(pair, { signers: pair.signers.slice(0, 1) }))
    await refusedFor(unsigned, own.openEpoch(pair, { signers: pair.signers.slice(1) }))
    await refusedFor(unsigned, own.openEpoch(pair, { signers: pair.signers.toReversed() }))
    await own.openEpoch(pair)
  })

  it("refuses a passphrase that its recovery key did not sign", async () => {
    const next = await newPassphrase(crypto)
    const other = await newPassphrase(crypto)
    await refusedFor(unsigned, twoMachines().changePassphrase(first, next, { signers: first.signers }))
    const signers = [...first.signers, ...recoverySigners(other.recovery)]
    await refusedFor(unsigned, twoMachines().changePassphrase(first, next, { signers }))
    const half = [...first.signers, ...recoverySigners(next.recovery).slice(0, 1)]
    await refusedFor(unsigned, twoMachines().changePassphrase(first, next, { signers: half }))
  })

  it("refuses a genesis that the recovery key did not sign", async () => {
    const machine = await newMachine(crypto)
    await refusedFor(unsigned, startLog(crypto, { first: machine, wrongly: { signers: machine.signers } }))
  })

  it("refuses old keys after a re-key", async () => {
    const own = twoMachines()
    await own.rekey(first, await newMachine(crypto))
    await refusedFor(unsigned, own.openEpoch(first))
  })
})

describe("epochs", () => {
  it("refuses an entry that names another epoch than is in force after it", async () => {
    await refusedFor("wrong epoch", twoMachines().openEpoch(first, { fields: { epoch: 1 } }))
    await refusedFor("wrong epoch", twoMachines().openEpoch(first, { fields: { epoch: 3 } }))
    await refusedFor("wrong epoch", twoMachines().approve(first, await newMachine(crypto), { fields: { epoch: 2 } }))
    await refusedFor("wrong epoch", startLog(crypto, { wrongly: { fields: { epoch: 2 } } }))
  })

  it("refuses a commitment that was used before", async () => {
    const { commitment } = log.state.epoch
    await refusedFor("key, salt or commitment used before", twoMachines().openEpoch(first, { fields: { commitment } }))
  })
})

describe("letting in", () => {
  it("refuses a genesis in another machine's name", async () => {
    const machine = await newMachine(crypto)
    const writer = (await newMachine(crypto)).id
    await refusedFor(
      "writer is not the machine of genesis",
      startLog(crypto, { first: machine, wrongly: { fields: { writer } } }),
    )
  })

  it("refuses a machine that is trusted already, or was revoked or deleted", async () => {
    const own = twoMachines()
    await refusedFor("machine known already", own.approve(first, second))
    await own.revoke(first, [second])
    await refusedFor("machine known already", own.approve(first, second))
    await own.remove(first, second)
    await refusedFor("machine known already", own.approve(first, second))
  })

  it("refuses a revoked machine's signing key or sealing key in a new record", async () => {
    const own = twoMachines()
    await own.revoke(first, [second])
    const fresh = await newMachine(crypto)
    const withSigning = { ...fresh, record: { ...fresh.record, signing: second.record.signing } }
    const withSealing = { ...fresh, record: { ...fresh.record, sealing: second.record.sealing } }
    await refusedFor("key, salt or commitment used before", own.approve(first, withSigning))
    await refusedFor("key, salt or commitment used before", own.approve(first, withSealing))
  })

  it("refuses a name sealed under a later epoch", async () => {
    const own = twoMachines()
    const machine = await newMachine(crypto)
    const name = { epoch: 2, salt: crypto.randomBytes(32), sealed: crypto.randomBytes(80) }
    const fields = { machine: { record: machine.record, name } }
    await refusedFor("name sealed under a later epoch", own.approve(first, machine, { fields }))
  })

  it("refuses classical keys under a hybrid policy", async () => {
    const hybrid = await newMachine(crypto, "ml-dsa-87")
    const own = await startLog(crypto, { first: hybrid, policy: { signatures: "hybrid", format: 1 } })
    await refusedFor("keys do not meet the policy", own.approve(hybrid, await newMachine(crypto)))
    await own.approve(hybrid, await newMachine(crypto, "ecdsa-p256", "ml-dsa-87"))
    const classical = await newMachine(crypto)
    const policy = { signatures: "hybrid", format: 1 } as const
    await refusedFor("keys do not meet the policy", startLog(crypto, { first: classical, policy }))
    await refusedFor("keys do not meet the policy", own.recover(classical, null))
  })
})

it("trusts at most 256 machines at a time", async () => {
  const own = await startLog(crypto)
  const { signing } = (await newMachine(crypto)).record
  for (let i = 1; i < MAX_TRUSTED_MACHINES; i++) await own.approve(own.first, cheapMachine(i, signing))
  await refusedFor("too many machines", own.approve(own.first, cheapMachine(MAX_TRUSTED_MACHINES, signing)))
  await own.retire(own.first, cheapMachine(1, signing))
  await own.approve(own.first, cheapMachine(MAX_TRUSTED_MACHINES, signing))
}, 60_000)

/** A machine that never signs: its keys are only numbers. */
function cheapMachine(number: number, signing: MachineRecord["signing"]): TestMachine {
  const distinct = (length: number) => new Uint8Array(length).map((_, i) => (i < 2 ? (number >> (8 * i)) & 255 : 7))
  const keys = signing.map(({ algorithm }) => ({ algorithm, publicKey: distinct(32) }))
  const record: MachineRecord = {
    format: 1,
    signing: keys,
    sealing: { algorithm: "x-wing", publicKey: distinct(1216) },
  }
  return { id: machineId(crypto, record), record, signers: [], sealingSeed: log.first.sealingSeed }
}

describe("putting out", () => {
  it("refuses to revoke a machine that is not trusted", async () => {
    const own = twoMachines()
    await refusedFor("machine not trusted", own.revoke(first, [await newMachine(crypto)]))
    await own.revoke(first, [second])
    await refusedFor("machine not trusted", own.revoke(first, [second]))
  })

  it("refuses a machine that revokes itself, alone or among others, so that one always remains", async () => {
    await refusedFor("machine revokes itself", twoMachines().retire(first, first))
    await refusedFor("machine revokes itself", twoMachines().revoke(first, [first, second]))
  })

  it("refuses a lost machine's revocation without a new passphrase", async () => {
    const own = twoMachines()
    const wrong = own.retire(first, second, { fields: { reason: "lost" } })
    await expect(wrong).rejects.toMatchObject({ code: "FORMAT_INVALID", reason: "a lost machine knows the passphrase" })
  })

  it("revokes several in one entry", async () => {
    const own = twoMachines()
    const third = await newMachine(crypto)
    await own.approve(second, third)
    await own.revoke(first, [second, third])
    expect(trustedMachines(own.state).map(({ id }) => id)).toEqual([first.id])
  })

  it("deletes revoked machines only, once", async () => {
    const own = twoMachines()
    await refusedFor("machine not revoked", own.remove(first, second))
    await own.retire(first, second)
    await own.remove(first, second)
    await refusedFor("machine not revoked", own.remove(first, second))
    await refusedFor("machine not revoked", own.remove(first, await newMachine(crypto)))
  })
})

describe("re-keying", () => {
  it("refuses new keys that did not sign, or signed something else", async () => {
    const own = twoMachines()
    const next = await newMachine(crypto)
    await refusedFor("new keys did not sign", own.rekey(first, next, { proof: [] }))
    const statement = rekeyStatement(crypto, own.workspace, second.id, own.state.head, next.record)
    const proof = await signBytes(crypto, statement, next.signers)
    await refusedFor("new keys did not sign", own.rekey(first, next, { proof }))
    const byOldKey = await signBytes(
      crypto,
      rekeyStatement(crypto, own.workspace, first.id, own.state.head, next.record),
      first.signers,
    )
    await refusedFor("new keys did not sign", own.rekey(first, next, { proof: byOldKey }))
  })

  it("refuses to go back from a post-quantum key, and a key used before", async () => {
    const own = twoMachines()
    const pair = await newMachine(crypto, "ed25519", "ml-dsa-87")
    await own.approve(first, pair)
    await refusedFor("new keys weaker than the old", own.rekey(pair, await newMachine(crypto)))
    await refusedFor("key, salt or commitment used before", own.rekey(first, first))
  })
})

describe("passphrase and policy", () => {
  it("refuses a passphrase that is cheaper to guess", async () => {
    const own = twoMachines()
    await own.changePassphrase(first, await newPassphrase(crypto, { memoryKiB: 131_072, passes: 4 }))
    const lessMemory = await newPassphrase(crypto, { memoryKiB: 65_536, passes: 4 })
    const fewerPasses = await newPassphrase(crypto, { memoryKiB: 131_072, passes: 3 })
    await refusedFor("passphrase cheaper to guess than before", own.changePassphrase(first, lessMemory))
    await refusedFor("passphrase cheaper to guess than before", own.changePassphrase(first, fewerPasses))
  })

  it("refuses a passphrase entry that was in force before", () =>
    refusedFor("key, salt or commitment used before", twoMachines().changePassphrase(first, log.passphrase)))

  it("refuses a policy that is not stricter, or that a machine does not meet", async () => {
    const own = twoMachines()
    await refusedFor("policy not stricter", own.tighten(first, { signatures: "classical", format: 1 }))
    await refusedFor("a machine does not meet the new policy", own.tighten(first, { signatures: "hybrid", format: 1 }))
  })
})

describe("recovery", () => {
  const unsigned = "not signed by exactly the keys it needs"

  it("revokes every other machine and keeps the passphrase unless it sets one", async () => {
    const own = twoMachines()
    const saved = await newMachine(crypto)
    await own.recover(saved, null)
    expect(trustedMachines(own.state).map(({ id }) => id)).toEqual([saved.id])
    expect(own.state.passphraseSince).toBe(1)
    await own.approve(saved, await newMachine(crypto))
  })

  it("refuses the recovery key of a passphrase that is no longer in force", async () => {
    const own = twoMachines()
    const old = own.passphrase
    await own.revoke(first, [second])
    const signers = recoverySigners(old.recovery)
    await refusedFor(unsigned, own.recover(await newMachine(crypto), null, { signers }))
  })

  it("refuses a machine's signature in place of the recovery key's", async () => {
    const relabel: KeyId[] = ["recovery-ed25519"]
    const wrong = { signers: first.signers, relabel }
    await refusedFor(unsigned, twoMachines().recover(await newMachine(crypto), null, wrong))
  })

  it("refuses a new passphrase that the one in force did not sign for", async () => {
    const next = await newPassphrase(crypto)
    const signers = recoverySigners(next.recovery)
    await refusedFor(unsigned, twoMachines().recover(await newMachine(crypto), next, { signers }))
  })

  it("refuses to bring back a machine", () => refusedFor("machine known already", twoMachines().recover(second, null)))
})

describe("MACs", () => {
  it("tell a forger without the workspace key", async () => {
    const own = twoMachines()
    await own.openEpoch(first, { macKey: own.keyring.get(1)?.mac as Secret })
    const keys = (epoch: number) => own.keyring.get(epoch)?.mac
    expect(() => verifyTrustMacs(crypto, own.state, keys)).toThrow("MAC wrong")
    verifyTrustMacs(crypto, log.state, keys)
    expect(() => verifyTrustMacs(crypto, log.state, () => undefined)).toThrow("no key for the MAC")
  })
})

it("refuses an entry with any byte changed", async () => {
  const [genesis, approve] = log.envelopes as [Uint8Array, Uint8Array]
  const prefix = await verifyTrustLog(crypto, [genesis])
  const { mac } = decodeEnvelope("trust", approve)
  const key = log.keyring.get(1)?.mac as Secret
  expect(encodeEnvelope(decodeEnvelope("trust", approve))).toEqual(approve)
  for (let i = 0; i < approve.length; i++) {
    const changed = approve.slice()
    changed[i] = (changed[i] as number) ^ 1
    const attempt = verifyTrustLog(crypto, [changed], prefix).then((state) =>
      verifyTrustMacs(crypto, state, () => key, 2),
    )
    await expect(attempt, `byte ${i}`).rejects.toMatchObject({
      code: expect.stringMatching(/^(TRUST_LOG_INVALID|FORMAT_(INVALID|NEWER|LIMIT_EXCEEDED))$/),
    })
  }
  expect(mac).toHaveLength(32)
})

describe("the end of what a log can hold", () => {
  type Make = (own: TestLog, fields: Wrongly) => Promise<void>
  const approve: Make = async (own, wrongly) => own.approve(first, await newMachine(crypto), wrongly)
  const rotate: Make = (own, wrongly) => own.openEpoch(first, wrongly)
  const change: Make = async (own, wrongly) => own.changePassphrase(first, await newPassphrase(crypto), wrongly)
  const revoke: Make = (own, wrongly) => own.revoke(first, [second], wrongly)
  const retire: Make = (own, wrongly) => own.retire(first, second, wrongly)
  const recover: Make = async (own, wrongly) => own.recover(await newMachine(crypto), null, wrongly)
  const opensEpoch = new Set([rotate, revoke, retire, recover])

  /** What a log says to one more entry when it has come so far already. */
  async function added(make: Make, come: { sequence?: number; epoch?: number; bytes?: number }): Promise<string> {
    const own = twoMachines()
    const { state } = own
    const { sequence = state.length, epoch = state.epoch.epoch, bytes = state.bytes } = come
    const from = {
      ...state,
      bytes,
      entries: [...Array(sequence - state.length).fill(state.entries[0]), ...state.entries],
      epochs: [...Array(epoch - state.epoch.epoch).fill(state.epoch), ...state.epochs],
    }
    const before = own.built
    const fields = { sequence: sequence + 1, epoch: opensEpoch.has(make) ? epoch + 1 : epoch }
    await make(own, { fields }).catch(() => undefined)
    expect(own.built).not.toBe(before)
    return verifyTrustLog(crypto, [own.built], from).then(
      () => "added",
      ({ reason }: { reason: string }) => reason,
    )
  }

  const FULL = "room left for revocations only"
  const ENTRIES = MAX_TRUST_ENTRIES - RESERVED_FOR_REVOCATIONS
  const EPOCHS = MAX_EPOCHS - RESERVED_FOR_REVOCATIONS

  it("is kept for revocations: by number of entries", async () => {
    for (const make of [approve, rotate, change, revoke]) {
      expect(await added(make, { sequence: ENTRIES - 1 })).toBe("added")
    }
    for (const make of [approve, rotate, change]) expect(await added(make, { sequence: ENTRIES })).toBe(FULL)
    for (const make of [revoke, retire, recover]) {
      expect(await added(make, { sequence: MAX_TRUST_ENTRIES - 1 })).toBe("added")
    }
  })

  it("is kept for revocations: by epochs, which nothing else opens, and nobody comes in to be put out", async () => {
    expect(await added(approve, { epoch: EPOCHS })).toBe("added")
    expect(await added(rotate, { epoch: EPOCHS - 1 })).toBe("added")
    expect(await added(rotate, { epoch: EPOCHS })).toBe(FULL)
    expect(await added(approve, { epoch: EPOCHS + 1 })).toBe(FULL)
    for (const make of [revoke, retire, recover]) expect(await added(make, { epoch: MAX_EPOCHS - 1 })).toBe("added")
    expect(await added(change, { epoch: MAX_EPOCHS })).toBe("added")
  })

  it("is kept for revocations: by bytes, which every client has to keep", async () => {
    for (const make of [approve, rotate, change]) expect(await added(make, { bytes: MAX_LOG_BYTES - 1 })).toBe(FULL)
    for (const make of [revoke, recover]) expect(await added(make, { bytes: 2 * MAX_LOG_BYTES })).toBe("added")
  })

  it("counts the bytes of every entry", () => {
    const { state, envelopes } = twoMachines()
    expect(state.bytes).toBe(envelopes.reduce((sum, { length }) => sum + length, 0))
  })
})
