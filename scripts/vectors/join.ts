/**
 * Vectors of join requests and of the fingerprint.
 *
 * @module
 */
import { fromUtf8, toHex } from "../../crypto/bytes.ts"
import { fingerprint, fingerprintNumbers } from "../../storage/format/fingerprint.ts"
import { verifyJoinRequest } from "../../storage/verify/joinRequest.ts"
import { joinRequestOf, newMachine } from "../../test/support/trustLog.ts"
import { createVectorCrypto, keysInHex, refusalOf, texts, twoMachineLog } from "./signed.ts"

export async function joinVectors(): Promise<unknown> {
  const crypto = await createVectorCrypto(103)
  const { log, first, second } = await twoMachineLog(crypto)
  const joiner = await newMachine(crypto)
  const encoded = await joinRequestOf(log, joiner)
  const { request, hash, machine } = await verifyJoinRequest(crypto, encoded, log.state)
  const other = await newMachine(crypto)
  const wrong: readonly (readonly [string, Uint8Array])[] = [
    ["another workspace", await joinRequestOf(log, joiner, { workspace: "a".repeat(26) })],
    ["signed by another key", await joinRequestOf(log, joiner, {}, { signers: other.signers })],
    ["a log that is not this one", await joinRequestOf(log, joiner, { trust: { length: 1, head: log.state.head } })],
    ["a longer log", await joinRequestOf(log, joiner, { trust: { length: 3, head: log.state.head } })],
    ["another epoch", await joinRequestOf(log, joiner, { epoch: 2 })],
    ["name of another epoch", await joinRequestOf(log, joiner, { name: { ...request.name, epoch: 2 } })],
    ["a machine that is in already", await joinRequestOf(log, second)],
    ["a record with a known sealing key", await joinRequestOf(log, withSealingKeyOf(joiner, second))],
  ]
  const refused: unknown[] = []
  for (const [name, each] of wrong) {
    const refusal = await refusalOf(name, () => verifyJoinRequest(crypto, each, log.state))
    refused.push({ name, request: fromUtf8(each), ...refusal })
  }
  return {
    format: "docs/spec/join.md",
    log: texts(log.envelopes),
    keys: keysInHex(log.keyring),
    request: fromUtf8(encoded),
    machine,
    hash: toHex(hash),
    approver: first.id,
    fingerprint: {
      numbers: fingerprintNumbers(crypto, request, hash, first.id),
      words: await fingerprint(crypto, request, hash, first.id),
    },
    refused,
  }
}

type Machine = Awaited<ReturnType<typeof newMachine>>

function withSealingKeyOf(machine: Machine, other: Machine): Machine {
  return { ...machine, record: { ...machine.record, sealing: other.record.sealing } }
}
