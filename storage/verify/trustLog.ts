/**
 * The trust log, checked: every entry against chain, signatures and the rules of
 * its kind, from the genesis entry on. Pure, without keys and without
 * decryption, the same for clients and notifier; MACs are `macs.ts`, two logs
 * that part are `forks.ts`. Normative text: `docs/spec/trust.md`.
 *
 * @module
 */
import { equalBytes, toHex } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { StorageError } from "../errors.ts"
import { areSignedBy, decodeEnvelope, decodePayload, envelopeHash, type VerificationKey } from "../format/envelope.ts"
import {
  hasPostQuantumKey,
  type MachineRecord,
  machineId,
  meetsPolicy,
  type NamedRecord,
  type PassphraseEntry,
  type Policy,
  recoveryKeys,
  verificationKeys,
} from "../format/machine.ts"
import {
  type ApproveEntry,
  type DeleteEntry,
  type GenesisEntry,
  leavesRoom,
  MAX_TRUSTED_MACHINES,
  passphraseOf,
  type RecoverEntry,
  type RekeyEntry,
  type RevokeEntry,
  rekeyStatement,
  type TrustEntry,
  trustEntryCodec,
  workspaceId,
} from "../format/trustEntry.ts"
import { isNewer, isVouchedFor, UNVOUCHED } from "./newer.ts"
import type { EpochState, LogEntry, MachineState, TrustState } from "./trustState.ts"

/** Why a log is refused: the `reason` of a {@link StorageError} `TRUST_LOG_INVALID`. */
export type TrustLogReason =
  | "no entries"
  | "log does not begin with genesis"
  | "sequence broken"
  | "chain broken"
  | "another workspace"
  | "writer not trusted"
  | "not signed by exactly the keys it needs"
  | "wrong epoch"
  | "room left for revocations only"
  | typeof UNVOUCHED
  | "writer is not the machine of genesis"
  | "key, salt or commitment used before"
  | "machine known already"
  | "keys do not meet the policy"
  | "name sealed under a later epoch"
  | "too many machines"
  | "machine not trusted"
  | "machine revokes itself"
  | "machine not revoked"
  | "new keys weaker than the old"
  | "new keys did not sign"
  | "passphrase cheaper to guess than before"
  | "policy not stricter"
  | "a machine does not meet the new policy"

/**
 * Verifies a log, or the entries that follow a verified one.
 *
 * @param envelopes - All entries in order or, with `from`, only those after it. From an untrusted place.
 * @param from - A verified log to go on from; it is not changed. Pass it to save the work, and to be sure that the
 * result extends it.
 * @returns What the log says at its end. Whether to believe *this* log is the caller's: compare the workspace id, or the
 * passphrase's recovery keys, or see that it extends the log seen last.
 * @throws {StorageError} `TRUST_LOG_INVALID` with a {@link TrustLogReason}; `FORMAT_INVALID`, `FORMAT_NEWER` or
 * `FORMAT_LIMIT_EXCEEDED` for an entry that cannot be read.
 */
export async function verifyTrustLog(
  crypto: Crypto,
  envelopes: readonly Uint8Array[],
  from?: TrustState,
): Promise<TrustState> {
  const draft = from === undefined ? emptyDraft() : draftFrom(from)
  for (const encoded of envelopes) await append(crypto, draft, encoded)
  return finish(draft)
}

/** A log while entries are added to it. Owned by one call of `verifyTrustLog`. */
interface Draft {
  workspace: string
  readonly entries: LogEntry[]
  readonly machines: Map<string, MachineState>
  readonly epochs: EpochState[]
  passphrase: PassphraseEntry | undefined
  passphraseSince: number
  policy: Policy
  readonly spent: Set<string>
  bytes: number
}

async function append(crypto: Crypto, draft: Draft, encoded: Uint8Array): Promise<void> {
  const { envelope, entry } = await readEntry(crypto, draft, encoded)
  checkPlace(draft, entry)
  if (entry.kind === "genesis") draft.workspace = workspaceId(crypto, envelope)
  const keys = keysNeeded(draft, entry)
  if (!(await areSignedBy(crypto, envelope.signed, envelope.signatures, keys))) {
    refuse("not signed by exactly the keys it needs")
  }
  checkEpoch(draft, entry)
  draft.bytes += encoded.length
  if (!leavesRoom(entry.kind, { ...entry, bytes: draft.bytes })) refuse("room left for revocations only")
  await applyRules(crypto, draft, entry)
  draft.entries.push({ sequence: entry.sequence, hash: envelopeHash(crypto, envelope), entry, envelope })
}

/** Nobody can vouch for a newer genesis: it is what brings the first machine. */
async function readEntry(crypto: Crypto, draft: Draft, encoded: Uint8Array) {
  try {
    const envelope = decodeEnvelope("trust", encoded)
    return { envelope, entry: decodePayload(trustEntryCodec, envelope) }
  } catch (error) {
    if (!isNewer(error) || draft.entries.length === 0 || (await isVouchedFor(crypto, "trust", encoded, draft)))
      throw error
    throw refusal(UNVOUCHED)
  }
}

function checkPlace(draft: Draft, entry: TrustEntry): void {
  const last = draft.entries.at(-1)
  if (last === undefined && entry.kind !== "genesis") refuse("log does not begin with genesis")
  if (entry.sequence !== draft.entries.length + 1) refuse("sequence broken")
  if (last === undefined || entry.previous === null) return
  if (!equalBytes(entry.previous, last.hash)) refuse("chain broken")
  if (entry.workspace !== draft.workspace) refuse("another workspace")
}

/** Whose signatures the entry must carry: the writer's as they were just before it, and those of a passphrase it sets. */
function keysNeeded(draft: Draft, entry: TrustEntry): readonly VerificationKey[] {
  const passphrase = passphraseOf(entry)
  const ofPassphrase = passphrase === null ? [] : recoveryKeys(passphrase)
  if (entry.kind === "genesis") return [...verificationKeys(entry.machine.record), ...ofPassphrase]
  if (entry.kind === "recover") {
    const inForce = draft.passphrase as PassphraseEntry
    return passphrase === null ? recoveryKeys(inForce) : [...recoveryKeys(inForce, "old-"), ...ofPassphrase]
  }
  return [
    ...verificationKeys(requireTrusted(draft, entry.writer as string, "writer not trusted").record),
    ...ofPassphrase,
  ]
}

function checkEpoch(draft: Draft, entry: TrustEntry): void {
  const opens = "commitment" in entry ? 1 : 0
  if (entry.epoch !== draft.epochs.length + opens) refuse("wrong epoch")
}

async function applyRules(crypto: Crypto, draft: Draft, entry: TrustEntry): Promise<void> {
  switch (entry.kind) {
    case "genesis":
      applyGenesis(crypto, draft, entry)
      break
    case "approve":
      admit(crypto, draft, entry, entry.machine, entry.writer)
      break
    case "revoke":
      applyRevoke(draft, entry)
      break
    case "delete":
      applyDelete(draft, entry)
      break
    case "rekey":
      await applyRekey(crypto, draft, entry)
      break
    case "policy":
      applyPolicy(draft, entry.policy)
      break
    case "recover":
      applyRecover(crypto, draft, entry)
      break
    case "passphrase":
    case "epoch":
      break
  }
  if ("commitment" in entry) openEpoch(crypto, draft, entry)
  const passphrase = passphraseOf(entry)
  if (passphrase !== null) setPassphrase(crypto, draft, passphrase, entry.sequence)
}

function applyGenesis(crypto: Crypto, draft: Draft, entry: GenesisEntry): void {
  if (machineId(crypto, entry.machine.record) !== entry.writer) refuse("writer is not the machine of genesis")
  draft.policy = entry.policy
  admit(crypto, draft, entry, entry.machine, null)
}

/** A machine comes in: its keys are new to the log, and meet the policy. */
function admit(
  crypto: Crypto,
  draft: Draft,
  entry: GenesisEntry | ApproveEntry | RecoverEntry,
  { record, name }: NamedRecord,
  approvedBy: string | null,
): void {
  const id = machineId(crypto, record)
  if (draft.machines.has(id)) refuse("machine known already")
  checkRecord(crypto, draft, record)
  if (name.epoch > entry.epoch) refuse("name sealed under a later epoch")
  if (trustedCount(draft) >= MAX_TRUSTED_MACHINES) refuse("too many machines")
  const { sequence: since } = entry
  const records = [{ record, since }]
  draft.machines.set(id, { id, status: "trusted", record, records, name, approvedBy, since, revokedAt: null })
}

function applyRevoke(draft: Draft, entry: RevokeEntry): void {
  for (const id of entry.machines) {
    if (id === entry.writer) refuse("machine revokes itself")
    putOut(draft, requireTrusted(draft, id, "machine not trusted"), entry.sequence)
  }
}

function applyDelete(draft: Draft, entry: DeleteEntry): void {
  const machine = draft.machines.get(entry.machine)
  if (machine?.status !== "revoked") throw refusal("machine not revoked")
  draft.machines.set(machine.id, { ...machine, status: "deleted" })
}

async function applyRekey(crypto: Crypto, draft: Draft, entry: RekeyEntry): Promise<void> {
  const { record, sequence: since, writer, previous } = entry
  const machine = requireTrusted(draft, writer as string, "writer not trusted")
  if (hasPostQuantumKey(machine.record) && !hasPostQuantumKey(record)) refuse("new keys weaker than the old")
  checkRecord(crypto, draft, record)
  const statement = rekeyStatement(crypto, draft.workspace, machine.id, previous as Uint8Array, record)
  if (!(await areSignedBy(crypto, statement, entry.proof, verificationKeys(record)))) refuse("new keys did not sign")
  draft.machines.set(machine.id, { ...machine, record, records: [...machine.records, { record, since }] })
}

function applyPolicy(draft: Draft, policy: Policy): void {
  if (draft.policy.signatures === "hybrid" || policy.signatures === "classical") refuse("policy not stricter")
  for (const { status, record } of draft.machines.values()) {
    if (status === "trusted" && !meetsPolicy(record, policy)) refuse("a machine does not meet the new policy")
  }
  draft.policy = policy
}

function applyRecover(crypto: Crypto, draft: Draft, entry: RecoverEntry): void {
  for (const machine of [...draft.machines.values()]) {
    if (machine.status === "trusted") putOut(draft, machine, entry.sequence)
  }
  admit(crypto, draft, entry, entry.machine, null)
}

function openEpoch(crypto: Crypto, draft: Draft, entry: TrustEntry & { readonly commitment: Uint8Array }): void {
  const { epoch, commitment, sequence: since } = entry
  spend(crypto, draft, commitment)
  draft.epochs.push({ epoch, commitment, since })
}

function setPassphrase(crypto: Crypto, draft: Draft, next: PassphraseEntry, sequence: number): void {
  const { passphrase: before } = draft
  if (before !== undefined && (next.memoryKiB < before.memoryKiB || next.passes < before.passes)) {
    refuse("passphrase cheaper to guess than before")
  }
  spend(crypto, draft, next.salt, next.recipient, next.recovery.ed25519, next.recovery.mlDsa87)
  draft.passphrase = next
  draft.passphraseSince = sequence
}

function checkRecord(crypto: Crypto, draft: Draft, record: MachineRecord): void {
  if (!meetsPolicy(record, draft.policy)) refuse("keys do not meet the policy")
  spend(crypto, draft, ...record.signing.map(({ publicKey }) => publicKey), record.sealing.publicKey)
}

/** Marks values as used; each may come into a log once, whosever it is. */
function spend(crypto: Crypto, draft: Draft, ...values: readonly Uint8Array[]): void {
  for (const value of values) {
    const digest = toHex(crypto.sha256(value))
    if (draft.spent.has(digest)) refuse("key, salt or commitment used before")
    draft.spent.add(digest)
  }
}

function putOut(draft: Draft, machine: MachineState, revokedAt: number): void {
  draft.machines.set(machine.id, { ...machine, status: "revoked", revokedAt })
}

function requireTrusted(draft: Draft, id: string, reason: TrustLogReason): MachineState {
  const machine = draft.machines.get(id)
  if (machine?.status !== "trusted") throw refusal(reason)
  return machine
}

function trustedCount(draft: Draft): number {
  let count = 0
  for (const { status } of draft.machines.values()) if (status === "trusted") count++
  return count
}

function emptyDraft(): Draft {
  return {
    workspace: "",
    entries: [],
    machines: new Map(),
    epochs: [],
    passphrase: undefined,
    passphraseSince: 0,
    policy: { signatures: "classical", format: 1 },
    spent: new Set(),
    bytes: 0,
  }
}

function draftFrom(state: TrustState): Draft {
  return {
    workspace: state.workspace,
    entries: [...state.entries],
    machines: new Map(state.machines),
    epochs: [...state.epochs],
    passphrase: state.passphrase,
    passphraseSince: state.passphraseSince,
    policy: state.policy,
    spent: new Set(state.spent),
    bytes: state.bytes,
  }
}

function finish(draft: Draft): TrustState {
  const { passphrase, entries, epochs } = draft
  const head = entries.at(-1)?.hash
  const epoch = epochs.at(-1)
  if (head === undefined || epoch === undefined || passphrase === undefined) throw refusal("no entries")
  return { ...draft, passphrase, epoch, head, length: entries.length }
}

function refuse(reason: TrustLogReason): never {
  throw refusal(reason)
}

function refusal(reason: TrustLogReason): StorageError {
  return new StorageError("TRUST_LOG_INVALID", reason)
}
