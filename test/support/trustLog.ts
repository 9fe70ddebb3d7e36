/**
 * Builds trust logs, headers and join requests for tests, right ones and wrong
 * ones. Passphrases are random seeds here, not Argon2id, so that it is fast;
 * everything else is the real thing.
 *
 * @module
 */
import { utf8 } from "../../crypto/bytes.ts"
import type { Crypto, SignatureAlgorithm } from "../../crypto/crypto.ts"
import { Secret } from "../../crypto/secret.ts"
import { createWebCrypto } from "../../crypto/webCrypto.ts"
import {
  type EnvelopeKind,
  encodeEnvelope,
  type KeyId,
  preAuthEncoding,
  type Signature,
  type SigningKey,
  signBytes,
  signEnvelope,
} from "../../storage/format/envelope.ts"
import { type Header, headerCodec } from "../../storage/format/header.ts"
import { type JoinRequest, joinRequestCodec } from "../../storage/format/joinRequest.ts"
import {
  type MachineRecord,
  machineId,
  type PassphraseEntry,
  type Policy,
  recoverySigners,
} from "../../storage/format/machine.ts"
import { sealName } from "../../storage/format/machineName.ts"
import { rekeyStatement, type TrustEntry, trustEntryCodec } from "../../storage/format/trustEntry.ts"
import { createEpochKeys, createKeyring, type EpochKeys, type Keyring, keyCommitment } from "../../storage/keys.ts"
import type { VerifiedHeader } from "../../storage/verify/header.ts"
import { verifyTrustLog } from "../../storage/verify/trustLog.ts"
import type { TrustState } from "../../storage/verify/trustState.ts"
import { seededRandom } from "./seededRandom.ts"

/** A crypto whose randomness repeats itself, by seed. */
export function createTestCrypto(seed: number): Promise<Crypto> {
  return createWebCrypto({ randomBytes: seededRandom(seed) })
}

export interface TestMachine {
  readonly id: string
  readonly record: MachineRecord
  readonly signers: readonly SigningKey[]
  readonly sealingSeed: Secret
}

export interface TestPassphrase {
  readonly entry: PassphraseEntry
  readonly recipient: Secret
  readonly recovery: { readonly ed25519: Secret; readonly mlDsa87: Secret }
}

export async function newMachine(crypto: Crypto, ...algorithms: readonly SignatureAlgorithm[]): Promise<TestMachine> {
  const signers: SigningKey[] = []
  const signing: MachineRecord["signing"][number][] = []
  for (const algorithm of algorithms.length === 0 ? (["ed25519"] as const) : algorithms) {
    const seed = new Secret(crypto.randomBytes(32))
    signers.push({ keyid: algorithm, algorithm, seed })
    signing.push({ algorithm, publicKey: await crypto.signingPublicKey(algorithm, seed) })
  }
  const sealingSeed = new Secret(crypto.randomBytes(32))
  const publicKey = await crypto.sealingPublicKey(sealingSeed)
  const record: MachineRecord = { format: 1, signing, sealing: { algorithm: "x-wing", publicKey } }
  return { id: machineId(crypto, record), record, signers, sealingSeed }
}

export async function newPassphrase(
  crypto: Crypto,
  costs: { memoryKiB?: number; passes?: number } = {},
): Promise<TestPassphrase> {
  const [recipient, ed25519, mlDsa87] = [0, 1, 2].map(() => new Secret(crypto.randomBytes(32))) as [
    Secret,
    Secret,
    Secret,
  ]
  const entry: PassphraseEntry = {
    salt: crypto.randomBytes(16),
    memoryKiB: costs.memoryKiB ?? 65_536,
    passes: costs.passes ?? 3,
    lanes: 4,
    recipient: await crypto.sealingPublicKey(recipient),
    recovery: {
      ed25519: await crypto.signingPublicKey("ed25519", ed25519),
      mlDsa87: await crypto.signingPublicKey("ml-dsa-87", mlDsa87),
    },
  }
  return { entry, recipient, recovery: { ed25519, mlDsa87 } }
}

/** What a test may make wrong: any field, the signing keys, the keyids, the MAC key. */
export interface Wrongly {
  readonly fields?: Readonly<Record<string, unknown>>
  readonly signers?: readonly SigningKey[]
  readonly relabel?: readonly KeyId[]
  readonly macKey?: Secret
}

/** A log under construction. Methods that append return the encoded entry; what they append need not be valid. */
export interface TestLog {
  readonly crypto: Crypto
  readonly first: TestMachine
  readonly keyring: Keyring
  readonly workspace: string
  /** Verified up to the last entry kept. */
  readonly state: TrustState
  readonly envelopes: readonly Uint8Array[]
  readonly passphrase: TestPassphrase
  /** The entry built last, kept or refused. */
  readonly built: Uint8Array
  /** Adds an entry and verifies it; throws, and adds nothing, if it is refused. */
  approve(by: TestMachine, machine: TestMachine, wrongly?: Wrongly): Promise<void>
  revoke(by: TestMachine, machines: readonly TestMachine[], wrongly?: Wrongly): Promise<void>
  retire(by: TestMachine, machine: TestMachine, wrongly?: Wrongly): Promise<void>
  remove(by: TestMachine, machine: TestMachine, wrongly?: Wrongly): Promise<void>
  rekey(
    by: TestMachine,
    next: TestMachine,
    wrongly?: Wrongly & { readonly proof?: readonly Signature[] },
  ): Promise<void>
  changePassphrase(by: TestMachine, next: TestPassphrase, wrongly?: Wrongly): Promise<void>
  openEpoch(by: TestMachine, wrongly?: Wrongly): Promise<void>
  tighten(by: TestMachine, policy: Policy, wrongly?: Wrongly): Promise<void>
  recover(machine: TestMachine, next: TestPassphrase | null, wrongly?: Wrongly): Promise<void>
  /** Another log that begins with the same entries. */
  fork(): TestLog
}

interface Parts {
  envelopes: Uint8Array[]
  state: TrustState
  passphrase: TestPassphrase
  keyring: Keyring
  built: Uint8Array
}

/** A log with its genesis entry. */
export async function startLog(
  crypto: Crypto,
  options: { readonly first?: TestMachine; readonly policy?: Policy; readonly wrongly?: Wrongly } = {},
): Promise<TestLog> {
  const first = options.first ?? (await newMachine(crypto))
  const passphrase = await newPassphrase(crypto)
  const key = new Secret(crypto.randomBytes(32))
  const genesis = {
    format: 1,
    kind: "genesis",
    sequence: 1,
    previous: null,
    workspace: null,
    epoch: 1,
    writer: first.id,
    time: TIME,
    machine: { record: first.record, name: await sealName(crypto, 1, key, first.id, "first") },
    passphrase: passphrase.entry,
    commitment: keyCommitment(crypto, 1, key),
    policy: options.policy ?? { signatures: "classical", format: 1 },
    ...options.wrongly?.fields,
  } as TrustEntry
  const signers = options.wrongly?.signers ?? [...first.signers, ...recoverySigners(passphrase.recovery)]
  // The MAC key needs the workspace id, which is the hash of what the MAC is not part of: sign, hash, MAC.
  const unsealed = await signEnvelope(
    crypto,
    "trust",
    trustEntryCodec,
    genesis,
    signers,
    new Secret(new Uint8Array(32)),
  )
  const { workspace } = await verifyTrustLog(crypto, [encodeEnvelope(unsealed)])
  const keys = createEpochKeys(crypto, workspace, 1, key)
  const encoded = encodeEnvelope({ ...unsealed, mac: crypto.hmacSha256(keys.mac, unsealed.signed) })
  const keyring = createKeyring()
  keyring.add(keys)
  const state = await verifyTrustLog(crypto, [encoded])
  return continueLog(crypto, first, { envelopes: [encoded], state, passphrase, keyring, built: encoded })
}

const TIME = 1_790_000_000_000

function continueLog(crypto: Crypto, first: TestMachine, parts: Parts): TestLog {
  const append = async (
    own: Readonly<Record<string, unknown>>,
    by: TestMachine | null,
    extraSigners: readonly SigningKey[],
    wrongly: Wrongly = {},
    opened?: EpochKeys,
  ): Promise<void> => {
    const { state, keyring } = parts
    const entry = {
      format: 1,
      sequence: state.length + 1,
      previous: state.head,
      workspace: state.workspace,
      epoch: opened?.epoch ?? state.epoch.epoch,
      writer: by?.id ?? null,
      time: TIME + state.length,
      ...own,
      ...(opened === undefined ? {} : { commitment: opened.commitment }),
      ...wrongly.fields,
    } as TrustEntry
    const signers = wrongly.signers ?? [...(by?.signers ?? []), ...extraSigners]
    const macKey = wrongly.macKey ?? (opened ?? (keyring.current as EpochKeys)).mac
    const envelope = await signEnvelope(crypto, "trust", trustEntryCodec, entry, signers, macKey)
    const signatures = envelope.signatures.map((each, i) => ({ ...each, keyid: wrongly.relabel?.[i] ?? each.keyid }))
    const encoded = encodeEnvelope({ ...envelope, signatures })
    parts.built = encoded
    parts.state = await verifyTrustLog(crypto, [encoded], state)
    parts.envelopes = [...parts.envelopes, encoded]
    if (opened !== undefined) keyring.add(opened)
  }

  const nextKeys = (): EpochKeys => {
    const { workspace, epoch } = parts.state
    return createEpochKeys(crypto, workspace, epoch.epoch + 1, new Secret(crypto.randomBytes(32)))
  }

  const named = async (machine: TestMachine, epoch = parts.state.epoch.epoch) => {
    const { key } = parts.keyring.get(epoch) as EpochKeys
    return { record: machine.record, name: await sealName(crypto, epoch, key, machine.id, "other") }
  }

  return {
    crypto,
    first,
    get keyring() {
      return parts.keyring
    },
    get workspace() {
      return parts.state.workspace
    },
    get state() {
      return parts.state
    },
    get envelopes() {
      return parts.envelopes
    },
    get passphrase() {
      return parts.passphrase
    },
    get built() {
      return parts.built
    },
    async approve(by, machine, wrongly) {
      const request = crypto.randomBytes(32)
      const header = crypto.randomBytes(32)
      await append({ kind: "approve", machine: await named(machine), request, header }, by, [], wrongly)
    },
    async revoke(by, machines, wrongly) {
      const next = await newPassphrase(crypto)
      const ids = machines.map(({ id }) => id).sort()
      const own = { kind: "revoke", machines: ids, reason: "lost", passphrase: next.entry }
      await append(own, by, recoverySigners(next.recovery), wrongly, nextKeys())
      parts.passphrase = next
    },
    async retire(by, machine, wrongly) {
      const own = { kind: "revoke", machines: [machine.id], reason: "retired", passphrase: null }
      await append(own, by, [], wrongly, nextKeys())
    },
    remove: (by, machine, wrongly) => append({ kind: "delete", machine: machine.id }, by, [], wrongly),
    async rekey(by, next, wrongly) {
      const { workspace, head } = parts.state
      const statement = rekeyStatement(crypto, workspace, by.id, head, next.record)
      const proof = wrongly?.proof ?? (await signBytes(crypto, statement, next.signers))
      await append({ kind: "rekey", record: next.record, proof }, by, [], wrongly)
    },
    async changePassphrase(by, next, wrongly) {
      await append({ kind: "passphrase", passphrase: next.entry }, by, recoverySigners(next.recovery), wrongly)
      parts.passphrase = next
    },
    openEpoch: (by, wrongly) => append({ kind: "epoch" }, by, [], wrongly, nextKeys()),
    tighten: (by, policy, wrongly) => append({ kind: "policy", policy }, by, [], wrongly),
    async recover(machine, next, wrongly) {
      const own = { kind: "recover", machine: await named(machine), passphrase: next?.entry ?? null }
      const signers =
        next === null
          ? recoverySigners(parts.passphrase.recovery)
          : [...recoverySigners(parts.passphrase.recovery, "old-"), ...recoverySigners(next.recovery)]
      await append(own, null, signers, wrongly, nextKeys())
      parts.passphrase = next ?? parts.passphrase
    },
    fork() {
      const keyring = createKeyring()
      for (const epoch of parts.keyring.epochs) {
        const { workspace, key } = parts.keyring.get(epoch) as EpochKeys
        keyring.add(createEpochKeys(crypto, workspace, epoch, new Secret(key.expose().slice())))
      }
      return continueLog(crypto, first, { ...parts, keyring })
    },
  }
}

/** Any text as the payload of an envelope, rightly signed: for what the encoders refuse to write. */
export async function envelopeOf(
  crypto: Crypto,
  kind: EnvelopeKind,
  payload: string,
  signers: readonly SigningKey[],
  macKey: Secret,
): Promise<Uint8Array> {
  const signed = preAuthEncoding(kind, utf8(payload))
  const signatures = await signBytes(crypto, signed, signers)
  const mac = crypto.hmacSha256(macKey, signed)
  return encodeEnvelope({ kind, payload: utf8(payload), signed, mac, signatures })
}

/** The header with which `by` follows `before` in a vault with this log; any field can be made wrong. */
export async function headerAfter(
  log: TestLog,
  by: TestMachine,
  before: VerifiedHeader | null,
  fields: Partial<Header> = {},
  wrongly: Wrongly = {},
): Promise<Uint8Array> {
  const { crypto, state } = log
  const counters = new Map((before?.header.machines ?? []).map((each) => [each.id, each]))
  if (before !== null) {
    const { writer } = before.header
    counters.set(writer, { id: writer, counter: counters.get(writer)?.counter ?? 0, head: before.hash })
  }
  for (const { id, status } of state.machines.values()) if (status === "deleted") counters.delete(id)
  const own = counters.get(by.id)
  counters.set(by.id, { id: by.id, counter: (own?.counter ?? 0) + 1, head: own?.head ?? null })
  const hasGrown = before === null || state.length > before.header.trust.length
  const header: Header = {
    format: 1,
    workspace: state.workspace,
    kind: hasGrown ? "trust" : "sync",
    sequence: (before?.header.sequence ?? 0) + 1,
    previous: before?.hash ?? null,
    writer: by.id,
    machines: [...counters.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    epoch: state.epoch.epoch,
    trust: { length: state.length, head: state.head },
    vault: crypto.randomBytes(32),
    index: [{ sha256: crypto.randomBytes(32), size: 16_384 }],
    inbox: [],
    tombstoneFloor: 0,
    historyFloor: 0,
    supersedes: null,
    time: TIME,
    ...fields,
  }
  const macKey = wrongly.macKey ?? (log.keyring.get(state.epoch.epoch) as EpochKeys).mac
  return encodeEnvelope(
    await signEnvelope(crypto, "header", headerCodec, header, wrongly.signers ?? by.signers, macKey),
  )
}

/** The request with which `machine` asks to join; any field can be made wrong. */
export async function joinRequestOf(
  log: TestLog,
  machine: TestMachine,
  fields: Partial<JoinRequest> = {},
  wrongly: Wrongly = {},
): Promise<Uint8Array> {
  const { crypto, state } = log
  const keys = log.keyring.get(state.epoch.epoch) as EpochKeys
  const request: JoinRequest = {
    format: 1,
    workspace: state.workspace,
    record: machine.record,
    name: await sealName(crypto, keys.epoch, keys.key, machine.id, "joiner"),
    trust: { length: state.length, head: state.head },
    header: crypto.randomBytes(32),
    epoch: keys.epoch,
    time: TIME,
    nonce: crypto.randomBytes(16),
    ...fields,
  }
  const signers = wrongly.signers ?? machine.signers
  return encodeEnvelope(
    await signEnvelope(crypto, "join", joinRequestCodec, request, signers, wrongly.macKey ?? keys.mac),
  )
}
