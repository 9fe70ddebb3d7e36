/**
 * Vectors of the trust log: one log that goes through every kind of entry, logs
 * that each break one rule, and pairs of logs that part.
 *
 * @module
 */
import { fromUtf8, toBase64, toHex } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import type { Secret } from "../../crypto/secret.ts"
import { decodeEnvelope } from "../../storage/format/envelope.ts"
import { leavesRoom, type LogExtent } from "../../storage/format/trustEntry.ts"
import { recoverySigners } from "../../storage/format/machine.ts"
import { compareLogs } from "../../storage/verify/forks.ts"
import { verifyTrustLog } from "../../storage/verify/trustLog.ts"
import { trustedMachines } from "../../storage/verify/trustState.ts"
import { envelopeOf, newMachine, newPassphrase, type TestLog, type TestMachine } from "../../test/support/trustLog.ts"
import { createVectorCrypto, keysInHex, refusalOf, texts, twoMachineLog } from "./signed.ts"

interface Base {
  readonly log: TestLog
  readonly first: TestMachine
  readonly second: TestMachine
}

export async function trustLogVectors(): Promise<unknown> {
  const crypto = await createVectorCrypto(101)
  const base = await twoMachineLog(crypto)
  const whole = await everyKind(crypto, base)
  return {
    format: "docs/spec/trust.md",
    about: {
      log: "a good log; every entry a good envelope. keys: workspace keys by epoch",
      refused: "`after` entries of the log, then `entries`: the last of them must be refused",
      room: "whether an entry of that kind may end a log of that length, epoch and bytes of envelopes, itself included",
      parted: "`common` entries of the log, then `a` or `b`: two good logs, and how they compare",
    },
    log: texts(whole.envelopes),
    keys: keysInHex(whole.keyring),
    expect: {
      workspace: whole.workspace,
      head: toHex(whole.state.head),
      hashes: whole.state.entries.map(({ hash }) => toHex(hash)),
      epoch: whole.state.epoch.epoch,
      passphraseSince: whole.state.passphraseSince,
      trusted: trustedMachines(whole.state).map(({ id }) => id),
      policy: whole.state.policy.signatures,
    },
    refused: [...(await brokenRules(crypto, base)), ...(await brokenForms(crypto, base))],
    parted: await partedLogs(crypto, base),
    room: roomCases(),
  }
}

/** Logs of that length fill no file: the rule by itself. */
function roomCases(): readonly unknown[] {
  const kinds = ["approve", "revoke", "delete", "rekey", "passphrase", "epoch", "policy", "recover"] as const
  const extents: readonly LogExtent[] = [
    { sequence: 65_024, epoch: 3584, bytes: 33_554_432 },
    { sequence: 65_025, epoch: 2, bytes: 1_000_000 },
    { sequence: 65_536, epoch: 4096, bytes: 60_000_000 },
    { sequence: 3, epoch: 3585, bytes: 10_000 },
    { sequence: 3, epoch: 2, bytes: 33_554_433 },
  ]
  return extents.flatMap((extent) => kinds.map((kind) => ({ kind, ...extent, fits: leavesRoom(kind, extent) })))
}

async function everyKind(crypto: Crypto, { log, first, second }: Base): Promise<TestLog> {
  const own = log.fork()
  const third = await newMachine(crypto, "ed25519", "ml-dsa-87")
  await own.approve(second, third)
  await own.openEpoch(first)
  await own.changePassphrase(third, await newPassphrase(crypto))
  const next = await newMachine(crypto, "ml-dsa-87")
  await own.rekey(first, next)
  const rekeyed = { ...next, id: first.id }
  await own.revoke(rekeyed, [second])
  await own.remove(third, second)
  await own.tighten(third, { signatures: "hybrid", format: 1 })
  await own.retire(third, first)
  await own.recover(await newMachine(crypto, "ml-dsa-87"), await newPassphrase(crypto))
  return own
}

/** A name, and what goes wrong with it; what came before the wrong entry is kept. */
type Attempt = readonly [name: string, attempt: (log: TestLog) => Promise<void>]

async function brokenRules(crypto: Crypto, { log, first, second }: Base): Promise<readonly unknown[]> {
  const fresh = await newMachine(crypto)
  const hybrid = { signatures: "hybrid", format: 1 } as const
  const attempts: readonly Attempt[] = [
    ["sequence skipped", (own) => own.openEpoch(first, { fields: { sequence: 4 } })],
    ["previous is another hash", (own) => own.openEpoch(first, { fields: { previous: new Uint8Array(32) } })],
    ["another workspace", (own) => own.openEpoch(first, { fields: { workspace: "a".repeat(26) } })],
    ["writer never let in", (own) => own.openEpoch(fresh)],
    [
      "writer revoked",
      async (own) => {
        await own.retire(first, second)
        await own.openEpoch(second)
      },
    ],
    ["signed by another trusted machine", (own) => own.openEpoch(first, { signers: second.signers })],
    ["not signed", (own) => own.openEpoch(first, { signers: [] })],
    ["a signature too many", (own) => own.openEpoch(first, { signers: [...first.signers, ...second.signers] })],
    ["keyid of another algorithm", (own) => own.openEpoch(first, { relabel: ["ecdsa-p256"] })],
    [
      "passphrase not signed by its recovery key",
      async (own) => own.changePassphrase(first, await newPassphrase(crypto), { signers: first.signers }),
    ],
    ["epoch entry that names the old epoch", (own) => own.openEpoch(first, { fields: { epoch: 1 } })],
    ["approve entry that names the next epoch", (own) => own.approve(first, fresh, { fields: { epoch: 2 } })],
    ["commitment used before", (own) => own.openEpoch(first, { fields: { commitment: log.state.epoch.commitment } })],
    ["machine approved twice", (own) => own.approve(first, second)],
    [
      "revoked machine approved again",
      async (own) => {
        await own.retire(first, second)
        await own.approve(first, second)
      },
    ],
    [
      "revoked sealing key in a new record",
      async (own) => {
        await own.retire(first, second)
        await own.approve(first, { ...fresh, record: { ...fresh.record, sealing: second.record.sealing } })
      },
    ],
    [
      "classical machine under a hybrid policy",
      async (own) => {
        const strong = await newMachine(crypto, "ml-dsa-87")
        await own.retire(first, second)
        await own.rekey(first, strong)
        await own.tighten({ ...strong, id: first.id }, hybrid)
        await own.approve({ ...strong, id: first.id }, fresh)
      },
    ],
    ["revokes a machine that is not trusted", (own) => own.retire(first, fresh)],
    ["revokes itself", (own) => own.retire(first, first)],
    ["deletes a trusted machine", (own) => own.remove(first, second)],
    ["re-key without proof", (own) => own.rekey(first, fresh, { proof: [] })],
    ["re-key to keys of its own used before", (own) => own.rekey(first, first)],
    [
      "re-key from post-quantum to classical",
      async (own) => {
        const pair = await newMachine(crypto, "ed25519", "ml-dsa-87")
        await own.approve(first, pair)
        await own.rekey(pair, fresh)
      },
    ],
    [
      "passphrase with fewer passes",
      async (own) => {
        await own.changePassphrase(first, await newPassphrase(crypto, { passes: 4 }))
        await own.changePassphrase(first, await newPassphrase(crypto))
      },
    ],
    ["policy that is not stricter", (own) => own.tighten(first, { signatures: "classical", format: 1 })],
    ["policy that a machine does not meet", (own) => own.tighten(first, hybrid)],
    [
      "recovery by a passphrase no longer in force",
      async (own) => {
        const signers = recoverySigners(own.passphrase.recovery)
        await own.changePassphrase(first, await newPassphrase(crypto))
        await own.recover(fresh, null, { signers })
      },
    ],
    ["recovery signed by a machine", (own) => own.recover(fresh, null, { signers: first.signers })],
  ]
  const cases: unknown[] = []
  for (const [name, attempt] of attempts) {
    const own = log.fork()
    const refusal = await refusalOf(name, () => attempt(own))
    cases.push({
      name,
      after: log.state.length,
      entries: texts([...own.envelopes.slice(log.state.length), own.built]),
      ...refusal,
    })
  }
  return cases
}

/** Entries whose payload no encoder would write, each signed as it should be. */
async function brokenForms(crypto: Crypto, { log, first }: Base): Promise<readonly unknown[]> {
  const own = log.fork()
  await own.openEpoch(first)
  const text = fromUtf8(decodeEnvelope("trust", own.built).payload)
  const good = JSON.parse(text) as Readonly<Record<string, unknown>>
  const { commitment, ...withoutCommitment } = good
  const sorted = (payload: object) =>
    JSON.stringify(Object.fromEntries(Object.entries(payload).sort(([a], [b]) => (a < b ? -1 : 1))))
  const payloads: readonly (readonly [name: string, payload: string])[] = [
    ["newer format", sorted({ ...good, format: 2 })],
    ["unknown field", sorted({ ...good, hint: 0 })],
    ["unknown kind", sorted({ ...good, kind: "suspend" })],
    ["field missing", sorted(withoutCommitment)],
    ["number of 2^48", sorted({ ...good, time: 2 ** 48 })],
    ["number below zero", sorted({ ...good, time: -1 })],
    ["number as text", sorted({ ...good, time: "0" })],
    ["hash of 31 bytes", sorted({ ...good, commitment: toBase64(new Uint8Array(31)) })],
    ["base64 without padding", sorted({ ...good, commitment: String(commitment).slice(0, -1) })],
    ["base64 with unused bits set", sorted({ ...good, commitment: `${"A".repeat(42)}B=` })],
    ["machine id with an impossible end", sorted({ ...good, writer: "b".repeat(52) })],
    ["no previous", sorted({ ...good, previous: null })],
    ["no writer", sorted({ ...good, writer: null })],
    ["no workspace", sorted({ ...good, workspace: null })],
    ["nested too deep", text.replace(/"time":\d+/, '"time":[[[[[[[[0]]]]]]]]')],
    ["white space", text.replace(",", ", ")],
    ["a key twice", text.replace('"epoch":2', '"epoch":2,"epoch":2')],
    ["keys in another order", JSON.stringify({ workspace: good.workspace, ...good })],
    ["number with an exponent", text.replace('"epoch":2', '"epoch":2e0')],
    ["escape that is not needed", text.replace('"epoch"', '"\\u0065poch"')],
    ["not JSON", text.slice(0, -1)],
  ]
  const macKey = own.keyring.get(2)?.mac as Secret
  const cases: unknown[] = []
  for (const [name, payload] of payloads) {
    const encoded = await envelopeOf(crypto, "trust", payload, first.signers, macKey)
    const refusal = await refusalOf(name, () => verifyTrustLog(crypto, [encoded], log.state))
    cases.push({ name, after: log.state.length, entries: texts([encoded]), ...refusal })
  }
  return cases
}

async function partedLogs(crypto: Crypto, { log, first, second }: Base): Promise<readonly unknown[]> {
  const fresh = await newMachine(crypto)
  type Side = (own: TestLog) => Promise<void>
  const revokeSecond: Side = (own) => own.retire(first, second)
  const pairs: readonly (readonly [name: string, a: Side, b: Side])[] = [
    ["a goes on from b", (own) => own.openEpoch(first), async () => {}],
    ["b revokes who signed a", (own) => own.openEpoch(second), revokeSecond],
    [
      "a revokes who let in who signed b",
      revokeSecond,
      async (own) => {
        await own.approve(second, fresh)
        await own.openEpoch(fresh)
      },
    ],
    [
      "an innocent machine signed on the side of the revoked one",
      revokeSecond,
      async (own) => {
        await own.openEpoch(second)
        await own.openEpoch(first)
      },
    ],
    ["each revokes the other", revokeSecond, (own) => own.retire(second, first)],
    ["nobody is revoked", (own) => own.openEpoch(first), (own) => own.openEpoch(second)],
    ["recovery against revocation", revokeSecond, (own) => own.recover(fresh, null)],
  ]
  const cases: unknown[] = []
  for (const [name, left, right] of pairs) {
    const a = log.fork()
    const b = log.fork()
    await left(a)
    await right(b)
    const common = log.state.length
    const result = compareLogs(a.state, b.state)
    const { kind } = result
    const answer =
      kind === "wins" ? result.winner : kind === "question" ? result.reason : kind === "extends" ? result.longer : null
    cases.push({ name, common, a: texts(a.envelopes.slice(common)), b: texts(b.envelopes.slice(common)), kind, answer })
  }
  return cases
}
