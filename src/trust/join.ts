/**
 * Joining: a new machine asks, a trusted one approves, both show the same
 * words. Until then it publishes nothing and syncs nothing.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { encodeEnvelope, signEnvelope } from "../../storage/format/envelope.ts"
import { fingerprint } from "../../storage/format/fingerprint.ts"
import { type JoinRequest, joinRequestCodec } from "../../storage/format/joinRequest.ts"
import { recoverySigners } from "../../storage/format/machine.ts"
import { openName, sealName } from "../../storage/format/machineName.ts"
import type { ApproveEntry } from "../../storage/format/trustEntry.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import { JOIN_PATH, joinBranch, machineOfJoin } from "../../storage/layout.ts"
import type { Branch, CallOptions } from "../../storage/remote/store.ts"
import { StorageError } from "../../storage/errors.ts"
import { canBeLetIn, type VerifiedJoinRequest, verifyJoinRequest } from "../../storage/verify/joinRequest.ts"
import { isMacGood } from "../../storage/verify/macs.ts"
import { verifyTrustLog } from "../../storage/verify/trustLog.ts"
import { type TrustState, trustedMachines } from "../../storage/verify/trustState.ts"
import { SyncError } from "../errors.ts"
import type { StateOptions } from "../ports/state.ts"
import type { Context, Fresh } from "../vault/context.ts"
import { isVaultFault } from "../vault/faults.ts"
import { type Head, readPaths } from "../vault/head.ts"
import { createIdentity, type Identity, signersOf, signingFor, wipeIdentity } from "../vault/identity.ts"
import { publishChange } from "./change.ts"
import { namesakes, namesOf, SHORT_ID_LENGTH, shownName } from "./names.ts"
import type { PassphraseKeys } from "./passphrase.ts"
import { saveIdentity } from "./unlock.ts"

/** The request that was published last, and one that was about to be. */
const REQUEST = "join-request"
const NEXT_REQUEST = "next-join-request"

/** Words to compare, for one machine that could approve. */
export interface ApproverWords {
  readonly machine: string
  readonly words: readonly string[]
}

/** Publishes this machine's request, in place of an older. One that is still good is published again, not made anew. */
export async function ask(context: Context, head: Head, call: CallOptions): Promise<readonly ApproverWords[]> {
  const { host, config, store, state } = context
  const encoded = (await requestAtHand(context, head)) ?? (await makeRequest(context, head))
  const branch = joinBranch(config.workspace, config.machine)
  const [existing] = await store.branches(branch, call)
  const snapshot = new Map([[JOIN_PATH, encoded]])
  const result = await store.commit({ branch, parent: existing?.head ?? null, snapshot, ancestors: [] }, call)
  if (result.kind === "moved") throw new SyncError("CONTENDED", "the request was changed by somebody else")
  await state.write(REQUEST, encoded)
  await state.remove(NEXT_REQUEST)
  return words(context, head, await verifyJoinRequest(host.crypto, encoded, head.trust))
}

async function makeRequest(context: Context, head: Head): Promise<Uint8Array> {
  const { host, config, keyring, state } = context
  const identity = context.identity as Identity
  const keys = keyring.get(head.trust.epoch.epoch) as EpochKeys
  const request: JoinRequest = {
    format: 1,
    workspace: config.workspace,
    record: identity.record,
    name: await sealName(host.crypto, keys.epoch, keys.key, identity.id, config.machineName),
    trust: { length: head.trust.length, head: head.trust.head },
    header: head.verified.hash,
    epoch: keys.epoch,
    time: host.clock.now(),
    nonce: host.crypto.randomBytes(16),
  }
  const envelope = await signEnvelope(host.crypto, "join", joinRequestCodec, request, signersOf(identity), keys.mac)
  const encoded = encodeEnvelope(envelope)
  // Before anybody can see it: approved, it is all that this machine can be confirmed by.
  await state.write(NEXT_REQUEST, encoded)
  return encoded
}

/** A request of this machine that could be approved now. */
async function requestAtHand({ host, state }: Context, head: Head): Promise<Uint8Array | null> {
  for (const name of [REQUEST, NEXT_REQUEST]) {
    const stored = await state.read(name)
    if (stored !== null && (await isGood(host.crypto, stored, head.trust))) return stored
  }
  return null
}

async function isGood(crypto: Crypto, stored: Uint8Array, trust: TrustState): Promise<boolean> {
  try {
    await verifyJoinRequest(crypto, stored, trust)
    return true
  } catch (error) {
    if (error instanceof StorageError) return false
    throw error
  }
}

/** Of a machine that gave itself another name. */
export async function forgetRequest({ state }: Context, options: StateOptions = {}): Promise<void> {
  for (const name of [REQUEST, NEXT_REQUEST]) await state.remove(name, options)
}

/** This machine's own request and its words; asks anew if none is good any more. */
export async function pendingWords(
  context: Context,
  fresh: Fresh,
  call: CallOptions,
): Promise<readonly ApproverWords[]> {
  const { host, state, config } = context
  const stored = await state.read(REQUEST)
  const isThere = fresh.branches.some(({ name }) => name === joinBranch(config.workspace, config.machine))
  if (stored !== null && isThere && (await isGood(host.crypto, stored, fresh.head.trust))) {
    return words(context, fresh.head, await verifyJoinRequest(host.crypto, stored, fresh.head.trust))
  }
  await becomeAdmissible(context, fresh, call)
  return ask(context, fresh.head, call)
}

/**
 * New keys, and so another id, where nobody could let this machine in any more with those it has. The keys are durable
 * before the id is: who is stopped in between has the new ones, and only then takes their id.
 */
async function becomeAdmissible(context: Context, { head, branches }: Fresh, call: CallOptions): Promise<void> {
  const { host, store } = context
  const identity = context.identity as Identity
  if (!canBeLetIn(host.crypto, identity.record, head.trust)) {
    context.identity = await createIdentity(host.crypto, signingFor(head.trust.policy))
    await saveIdentity(context)
    wipeIdentity(identity)
  }
  const { id } = context.identity as Identity
  const { machine, workspace } = context.config
  if (id === machine) return
  await forgetRequest(context)
  context.config = { ...context.config, machine: id }
  await context.memory.setConfig(context.config)
  const old = branches.find(({ name }) => name === joinBranch(workspace, machine))
  if (old !== undefined) await store.deleteBranch(old, call)
}

async function words(
  context: Context,
  head: Head,
  { request, hash }: Pick<VerifiedJoinRequest, "request" | "hash">,
): Promise<readonly ApproverWords[]> {
  const approvers = trustedMachines(head.trust)
  const names = await namesOf(context, head.trust)
  return Promise.all(
    approvers.map(async (approver) => ({
      machine: names(approver.id),
      words: await fingerprint(context.host.crypto, request, hash, approver.id),
    })),
  )
}

/**
 * On the joiner's screen, once a trusted machine has approved it: the words again, to be confirmed once.
 *
 * @throws {SyncError} `PENDING` if they were not, or this machine is not in the log.
 */
export async function confirmApproval(context: Context, head: Head): Promise<void> {
  const { host, config } = context
  // A machine that was stopped right after it was confirmed may still have its request.
  if (config.phase === "confirmed") return forgetRequest(context, { cache: true })
  const machine = head.trust.machines.get(config.machine)
  if (machine === undefined) throw new SyncError("PENDING", "this machine is not approved yet")
  if (machine.approvedBy !== null) await compareWords(context, head, machine.approvedBy)
  context.config = { ...config, phase: "confirmed" }
  await context.memory.setConfig(context.config)
  await forgetRequest(context)
  host.progress.step("verify")
}

async function compareWords(context: Context, head: Head, approver: string): Promise<void> {
  const { host, state, config } = context
  const entry = head.trust.entries.find(
    ({ entry }) => entry.kind === "approve" && entry.sequence === head.trust.machines.get(config.machine)?.since,
  )?.entry as ApproveEntry | undefined
  if (entry === undefined) throw new SyncError("PENDING", "this machine is not approved yet")
  const before = await logBefore(context, head.trust, entry.sequence)
  let own: VerifiedJoinRequest | undefined
  for (const name of [REQUEST, NEXT_REQUEST]) {
    const stored = await state.read(name)
    if (stored === null || !(await isGood(host.crypto, stored, before))) continue
    const asked = await verifyJoinRequest(host.crypto, stored, before)
    if (equalBytes(asked.hash, entry.request)) own = asked
  }
  if (own === undefined) throw new SyncError("PENDING", "another request than this machine's was approved")
  const shown = await fingerprint(host.crypto, own.request, own.hash, approver)
  const name = (await namesOf(context, head.trust))(approver)
  const lines = [`${name} has approved this machine. Its screen showed these words:`, shown.join(" ")]
  if ((await host.prompts.confirm({ code: "fingerprint-matches", lines })) !== true) {
    throw new SyncError("PENDING", "the words were not confirmed")
  }
}

async function logBefore({ host }: Context, trust: TrustState, sequence: number): Promise<TrustState> {
  return verifyTrustLog(
    host.crypto,
    trust.entries.slice(0, sequence - 1).map(({ envelope }) => encodeEnvelope(envelope)),
  )
}

/** A request as a trusted machine sees it. */
export interface PendingMachine extends VerifiedJoinRequest {
  readonly name: string
  readonly branch: Branch
}

/** The sound requests in the store. What is no request is passed over: anybody with access can write there. */
export async function pendingMachines(
  context: Context,
  { head, branches }: Fresh,
  call: CallOptions,
): Promise<readonly PendingMachine[]> {
  const pending: PendingMachine[] = []
  for (const branch of branches) {
    const machine = machineOfJoin(branch.name, context.config.workspace)
    if (machine === null || head.trust.machines.has(machine)) continue
    const found = await readRequest(context, head, branch, machine, call)
    if (found !== null) pending.push(found)
  }
  return pending
}

async function readRequest(
  { host, store, keyring }: Context,
  head: Head,
  branch: Branch,
  machine: string,
  call: CallOptions,
): Promise<PendingMachine | null> {
  try {
    const snapshot = await store.snapshot(branch.head, call)
    const encoded = (await readPaths(store, snapshot, [JOIN_PATH], call)).get(JOIN_PATH) as Uint8Array
    const verified = await verifyJoinRequest(host.crypto, encoded, head.trust)
    const keys = keyring.get(verified.request.epoch)
    if (verified.machine !== machine || keys === undefined) return null
    if (!isMacGood(host.crypto, verified.envelope, keys.mac)) return null
    const name = shownName(machine, await openName(host.crypto, keys.key, machine, verified.request.name))
    return { ...verified, name, branch }
  } catch (error) {
    if (error instanceof StorageError || isVaultFault(error)) return null
    throw error
  }
}

/** Lets a machine in, after a person compared the words. */
export async function approve(
  context: Context,
  head: Head,
  pending: PendingMachine,
  call: CallOptions,
): Promise<readonly string[]> {
  const { host, config } = context
  const shown = await fingerprint(host.crypto, pending.request, pending.hash, config.machine)
  const alike = await namesakes(context, head.trust, pending.name)
  const lines = [
    ...(alike.length === 0 ? [] : [`It calls itself like one that is trusted already: ${alike.join(", ")}.`]),
    `${pending.name} (${pending.machine.slice(0, SHORT_ID_LENGTH)}) asks to be let in. Its screen must show these words:`,
    shown.join(" "),
  ]
  if ((await host.prompts.confirm({ code: "approve", lines })) !== true) {
    throw new SyncError("CANCELLED", "the machine was not approved")
  }
  const { record, name, header } = pending.request
  await publishChange(
    context,
    head,
    {
      entry: (place) => ({
        ...place,
        kind: "approve",
        writer: config.machine,
        machine: { record, name },
        request: pending.hash,
        header,
      }),
      signers: signersOf(context.identity as Identity),
      opensEpoch: false,
      deleteBranches: [pending.branch],
    },
    call,
  )
  return shown
}

/** All machines are lost: the passphrase's recovery key lets this one in and puts out the others. */
export async function recover(
  context: Context,
  head: Head,
  passphraseKeys: PassphraseKeys,
  call: CallOptions,
): Promise<Head> {
  const { host, config } = context
  const identity = context.identity as Identity
  const names = await namesOf(context, head.trust)
  const others = trustedMachines(head.trust).map(({ id }) => names(id))
  const lines = [
    `This revokes every other machine of the workspace: ${others.join(", ")}.`,
    "Do it only if all of them are lost. Machines that are not will ask their user before they follow.",
  ]
  if ((await host.prompts.confirm({ code: "follow-recovery", lines })) !== true) {
    throw new SyncError("CANCELLED", "nothing was recovered")
  }
  const current = context.keyring.get(head.trust.epoch.epoch) as EpochKeys
  const name = await sealName(host.crypto, current.epoch, current.key, identity.id, config.machineName)
  return publishChange(
    context,
    head,
    {
      entry: (place, commitment) => ({
        ...place,
        kind: "recover",
        writer: null,
        machine: { record: identity.record, name },
        commitment,
        passphrase: null,
      }),
      signers: recoverySigners(passphraseKeys.recovery),
      opensEpoch: true,
    },
    call,
  )
}
