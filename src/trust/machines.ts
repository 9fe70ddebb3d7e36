/**
 * The machines of a workspace: listing, revoking, deleting; and what else
 * changes whom or what the vault trusts: passphrase, epoch, keys, policy.
 *
 * @module
 */
import type { SignatureAlgorithm } from "../../crypto/crypto.ts"
import { generatePassphrase } from "../../crypto/words.ts"
import { signBytes, type SigningKey } from "../../storage/format/envelope.ts"
import { fingerprint } from "../../storage/format/fingerprint.ts"
import { type MachineRecord, type PassphraseEntry, type Policy, recoverySigners } from "../../storage/format/machine.ts"
import { rekeyStatement } from "../../storage/format/trustEntry.ts"
import { joinBranch, uploadBranch } from "../../storage/layout.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import { type MachineState, trustedMachines, type TrustState } from "../../storage/verify/trustState.ts"
import { SyncError } from "../errors.ts"
import type { MachineView, RevokeReport } from "../reports.ts"
import { looksSecret } from "../tree/sensitive.ts"
import { believe, type Context, type Fresh } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import { createIdentity, type Identity, openIdentity, signersOf, wipeIdentity } from "../vault/identity.ts"
import { readIndex, type VaultIndex } from "../vault/vaultIndex.ts"
import { publishChange } from "./change.ts"
import type { PendingMachine } from "./join.ts"
import { nameOf, namesOf, SHORT_ID_LENGTH } from "./names.ts"
import { createPassphraseEntry, type NewPassphrase, type PassphraseKeys, wipePassphraseKeys } from "./passphrase.ts"
import { signedLines } from "./signed.ts"
import { requireStrongPassphrase } from "./strength.ts"
import { NEXT_IDENTITY, saveIdentity } from "./unlock.ts"

/** All machines a person should see: this one first, then pending, trusted, revoked. */
export async function listMachines(
  context: Context,
  head: Head,
  pending: readonly PendingMachine[],
  call: CallOptions,
): Promise<readonly MachineView[]> {
  const written = lastWritten(head, await readIndex(context, head, call))
  const names = await namesOf(context, head.trust)
  const views: MachineView[] = []
  for (const machine of head.trust.machines.values()) {
    if (machine.status === "deleted") continue
    const view = await viewOf(context, head, machine, names)
    views.push({ ...view, lastSequence: written.get(machine.id) ?? null })
  }
  for (const request of pending) {
    views.push({
      id: request.machine,
      name: request.name,
      status: "pending",
      sinceMs: request.request.time,
      approvedBy: null,
      fingerprint: await fingerprint(context.host.crypto, request.request, request.hash, context.config.machine),
      algorithms: request.request.record.signing.map(({ algorithm }) => algorithm),
      lastSequence: null,
    })
  }
  const order = { this: 0, pending: 1, trusted: 2, revoked: 3 }
  return views.sort((a, b) => order[a.status] - order[b.status] || (a.name < b.name ? -1 : 1))
}

/** The newest version that each machine is known to have written: this one's writer, and what the index still tells. */
function lastWritten({ verified }: Head, { entries, tombstones }: VaultIndex): ReadonlyMap<string, number> {
  const { writer, sequence } = verified.header
  const written = new Map([[writer, sequence]])
  const note = (machine: string, version: number): void => {
    written.set(machine, Math.max(version, written.get(machine) ?? 0))
  }
  for (const entry of entries.values()) note(entry.writer, entry.version)
  for (const tombstone of tombstones.values()) note(tombstone.writer, tombstone.sequence)
  return written
}

/** @param names - Of all machines of the log: {@link namesOf}. */
async function viewOf(
  context: Context,
  { trust }: Head,
  machine: MachineState,
  names: (id: string) => string,
): Promise<MachineView> {
  const isThis = machine.id === context.config.machine && machine.status === "trusted"
  const since = trust.entries[(machine.revokedAt ?? machine.since) - 1]
  return {
    id: machine.id,
    name: await nameOf(context, machine),
    status: isThis ? "this" : machine.status === "trusted" ? "trusted" : "revoked",
    sinceMs: since?.entry.time ?? 0,
    approvedBy: machine.approvedBy === null ? null : names(machine.approvedBy),
    fingerprint: null,
    algorithms: machine.record.signing.map(({ algorithm }) => algorithm),
    lastSequence: null,
  }
}

/**
 * The one machine that an id, the start of one, or a name means.
 *
 * @throws {SyncError} `MACHINE_UNKNOWN` if there is none or more than one.
 */
export function findMachine(views: readonly MachineView[], wanted: string): MachineView {
  const byId = views.filter(({ id }) => wanted.length >= 4 && id.startsWith(wanted))
  const matches = byId.length > 0 ? byId : views.filter(({ name }) => name === wanted)
  const [match] = matches
  if (match !== undefined && matches.length === 1) return match
  const candidates = matches.map(({ id, name }) => `${name} (${id.slice(0, SHORT_ID_LENGTH)})`)
  throw new SyncError(
    "MACHINE_UNKNOWN",
    matches.length === 0 ? "no machine of that id or name" : "several machines of that name",
    { wanted, candidates },
  )
}

/** The machine and those that it let in, directly or not, which go with it unless it only retires. */
function cascade(trust: TrustState, id: string, self: string): readonly string[] {
  const out = new Set([id])
  // By way of machines that are out already, too.
  for (const { id: each, approvedBy } of [...trust.machines.values()].sort((a, b) => a.since - b.since)) {
    if (approvedBy !== null && out.has(approvedBy) && each !== self) out.add(each)
  }
  return trustedMachines(trust).flatMap((machine) => (out.has(machine.id) ? [machine.id] : []))
}

/** Puts a machine out: a new epoch and, unless it only retires, a new passphrase, in one entry. */
export async function revoke(
  context: Context,
  fresh: Fresh,
  target: MachineView,
  options: { readonly keepPassphrase: boolean; readonly withThoseItApproved: boolean },
  call: CallOptions,
): Promise<RevokeReport> {
  const { host, config } = context
  const { head, branches } = fresh
  if (target.status === "this") {
    throw new SyncError("MACHINE_STATE", "a machine cannot revoke itself", { machine: target.name })
  }
  if (target.status !== "trusted")
    throw new SyncError("MACHINE_STATE", "not a trusted machine", { machine: target.name })
  const machines = options.withThoseItApproved ? cascade(head.trust, target.id, config.machine) : [target.id]
  const names = await namesOf(context, head.trust)
  const views = await Promise.all(
    machines.map(async (id) => viewOf(context, head, head.trust.machines.get(id) as MachineState, names)),
  )
  const index = await readIndex(context, head, call)
  const rotate = [...index.entries.values()].filter(({ path, type }) => type === "file" && looksSecret(path))
  const signed = await signedLines(context, head, index, new Set(machines))
  const lines = [...revokeLines(views, rotate.length, options), ...signed]
  const confirmed = await host.prompts.confirm({ code: "revoke", lines })
  if (confirmed !== true) throw new SyncError("CANCELLED", "nothing was revoked")
  const renewed = options.keepPassphrase ? null : await askNewPassphrase(context, head.trust.passphrase)
  const revoked = await publishChange(
    context,
    head,
    {
      entry: (place, commitment) => ({
        ...place,
        kind: "revoke",
        writer: config.machine,
        machines,
        reason: options.keepPassphrase ? "retired" : "lost",
        commitment,
        passphrase: renewed?.entry ?? null,
      }),
      signers: withRecovery(context, renewed?.keys ?? null),
      opensEpoch: true,
      deleteBranches: branches.filter(({ name }) =>
        machines.some((id) => name === uploadBranch(config.workspace, id) || name === joinBranch(config.workspace, id)),
      ),
    },
    call,
  ).finally(() => {
    if (renewed !== null) wipePassphraseKeys(renewed.keys)
  })
  return { revoked: views, rotate: rotate.map(({ path }) => path).sort(), epoch: revoked.trust.epoch.epoch }
}

function revokeLines(
  views: readonly MachineView[],
  secrets: number,
  { keepPassphrase }: { readonly keepPassphrase: boolean },
): readonly string[] {
  const names = views.map(({ name, id }) => `${name} (${id.slice(0, SHORT_ID_LENGTH)})`).join(", ")
  return [
    `Revoke ${names}: from now on nothing they publish is accepted.`,
    "First take their access token away at the Git host, if they have one of their own.",
    `They keep what they have already read, ${secrets} secret-looking files among it: rotate those secrets.`,
    keepPassphrase
      ? "The passphrase stays: whoever knows it and can reach the repository can still read what you sync from now on."
      : "You will set a new passphrase, and every other machine will need it once its remembered key is gone.",
  ]
}

/** Takes a revoked machine off the lists, or drops the request of a pending one. */
export async function deleteMachine(
  context: Context,
  { head, branches }: Fresh,
  target: MachineView,
  call: CallOptions,
): Promise<void> {
  const { host, config, store } = context
  if (target.status === "pending") {
    const branch = branches.find(({ name }) => name === joinBranch(config.workspace, target.id))
    if (branch !== undefined) await store.deleteBranch(branch, call)
    return
  }
  if (target.status !== "revoked") {
    throw new SyncError("MACHINE_STATE", "revoke the machine before you delete it", { machine: target.name })
  }
  const lines = [
    `${target.name} (${target.id.slice(0, SHORT_ID_LENGTH)}) leaves the list. Its keys stay refused for ever.`,
  ]
  if ((await host.prompts.confirm({ code: "delete-machine", lines })) !== true) {
    throw new SyncError("CANCELLED", "nothing was deleted")
  }
  await publishChange(
    context,
    head,
    {
      entry: (place) => ({ ...place, kind: "delete", writer: config.machine, machine: target.id }),
      signers: withRecovery(context, null),
      opensEpoch: false,
    },
    call,
  )
}

/** A new passphrase for the same key: nothing is encrypted anew, nobody is locked out. */
export async function changePassphrase(context: Context, head: Head, call: CallOptions): Promise<void> {
  const { entry: passphrase, keys } = await askNewPassphrase(context, head.trust.passphrase)
  await publishChange(
    context,
    head,
    {
      entry: (place) => ({ ...place, kind: "passphrase", writer: context.config.machine, passphrase }),
      signers: withRecovery(context, keys),
      opensEpoch: false,
    },
    call,
  ).finally(() => wipePassphraseKeys(keys))
}

/** A new workspace key for all that is written from now on. */
export async function openEpoch(context: Context, head: Head, call: CallOptions): Promise<Head> {
  const { machine: writer } = context.config
  return publishChange(
    context,
    head,
    {
      entry: (place, commitment) => ({ ...place, kind: "epoch", writer, commitment }),
      signers: withRecovery(context, null),
      opensEpoch: true,
    },
    call,
  )
}

/** New keys for this machine, of these algorithms. Its id stays. */
export async function rekey(
  context: Context,
  head: Head,
  algorithms: readonly SignatureAlgorithm[],
  call: CallOptions,
): Promise<void> {
  const { host, config, state } = context
  const old = context.identity as Identity
  const next = await nextIdentity(context, old, algorithms)
  const rekeyed = await publishChange(
    context,
    head,
    {
      async entry(place) {
        const statement = rekeyStatement(host.crypto, config.workspace, old.id, place.previous, next.record)
        const proof = await signBytes(host.crypto, statement, signersOf(next))
        return { ...place, kind: "rekey", writer: old.id, record: next.record as MachineRecord, proof }
      },
      signers: signersOf(old),
      headerIdentity: next,
      opensEpoch: false,
    },
    call,
  )
  // A copy of this machine, if there is one, has keys now that nobody believes.
  await believe(context, rekeyed, { tookOver: 0 })
  wipeIdentity(old)
  await state.remove(NEXT_IDENTITY)
}

/**
 * The keys to come, durable before anything speaks of them. Those of an interrupted re-key are used again, because its
 * entry may be on its way to the store still.
 */
async function nextIdentity(
  context: Context,
  old: Identity,
  algorithms: readonly SignatureAlgorithm[],
): Promise<Identity> {
  const { host, state, keyring } = context
  const left = await state.read(NEXT_IDENTITY)
  if (left !== null) {
    const identity = await openIdentity(host.crypto, keyring, left)
    if (identity.record.signing.map(({ algorithm }) => algorithm).join() === algorithms.join()) return identity
  }
  const identity = await createIdentity(host.crypto, algorithms, old.id)
  await saveIdentity({ ...context, identity }, NEXT_IDENTITY)
  return identity
}

/** Makes the policy stricter for all machines. */
export async function setPolicy(context: Context, head: Head, policy: Policy, call: CallOptions): Promise<void> {
  await publishChange(
    context,
    head,
    {
      entry: (place) => ({ ...place, kind: "policy", writer: context.config.machine, policy }),
      signers: withRecovery(context, null),
      opensEpoch: false,
    },
    call,
  )
}

/**
 * Asks for a new passphrase and rates it.
 *
 * @param before - Of the vault's log, which it takes the place of.
 * @throws {SyncError} `LOCKED` if none is given, `WEAK_PASSPHRASE`.
 */
export async function askNewPassphrase(
  { host }: Pick<Context, "host">,
  before?: PassphraseEntry,
): Promise<NewPassphrase> {
  const passphrase = await host.prompts.newPassphrase(await generatePassphrase(host.crypto))
  if (passphrase === null) throw new SyncError("LOCKED", "no passphrase was given")
  try {
    await requireStrongPassphrase(passphrase)
    host.progress.step("unlock")
    return await createPassphraseEntry(host.crypto, passphrase, before)
  } finally {
    passphrase.wipe()
  }
}

/** This machine's keys and, for an entry that sets a passphrase, that one's recovery keys. */
function withRecovery(context: Context, passphraseKeys: PassphraseKeys | null): readonly SigningKey[] {
  const own = signersOf(context.identity as Identity)
  return passphraseKeys === null ? own : [...own, ...recoverySigners(passphraseKeys.recovery)]
}
