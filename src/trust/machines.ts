/**
 * The machines of a workspace: listing, revoking, deleting.
 *
 * @module
 */
import { fingerprint } from "../../storage/format/fingerprint.ts"
import { joinBranch, uploadBranch } from "../../storage/layout.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import { type MachineState, trustedMachines, type TrustState } from "../../storage/verify/trustState.ts"
import { SyncError } from "../errors.ts"
import type { MachineView, RevokeReport } from "../reports.ts"
import { looksSecret } from "../tree/sensitive.ts"
import type { Context, Fresh } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import { readIndex, type VaultIndex } from "../vault/vaultIndex.ts"
import { publishChange } from "./change.ts"
import type { PendingMachine } from "./join.ts"
import { askNewPassphrase, withRecovery } from "./keys.ts"
import { nameOf, namesOf, SHORT_ID_LENGTH } from "./names.ts"
import { wipePassphraseKeys } from "./passphrase.ts"
import { AWAY_DAYS, readSightings } from "./presence.ts"
import { signedLines } from "./signed.ts"

/** All machines a person should see: this one first, then pending, trusted, revoked. */
export async function listMachines(
  context: Context,
  head: Head,
  pending: readonly PendingMachine[],
  call: CallOptions,
): Promise<readonly MachineView[]> {
  const written = lastWritten(head, await readIndex(context, head, call))
  const sightings = await readSightings(context)
  const names = await namesOf(context, head.trust)
  const views: MachineView[] = []
  for (const machine of head.trust.machines.values()) {
    if (machine.status === "deleted") continue
    const view = await viewOf(context, head, machine, names)
    const silentDays = view.status === "trusted" ? (sightings?.get(machine.id)?.silentDays ?? 0) : null
    views.push({ ...view, lastSequence: written.get(machine.id) ?? null, silentDays })
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
      silentDays: null,
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
export async function viewOf(
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
    silentDays: null,
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
  { keepPassphrase }: { readonly keepPassphrase: boolean },
  call: CallOptions,
): Promise<RevokeReport> {
  if (target.status === "this") {
    throw new SyncError("MACHINE_STATE", "a machine cannot revoke itself", { machine: target.name })
  }
  if (target.status !== "trusted")
    throw new SyncError("MACHINE_STATE", "not a trusted machine", { machine: target.name })
  const machines = keepPassphrase ? [target.id] : cascade(fresh.head.trust, target.id, context.config.machine)
  return putOut(context, fresh, machines, { keepPassphrase }, call)
}

/** Retires, if a person agrees, the machines of which nothing was seen for {@link AWAY_DAYS} days. */
export async function purge(
  context: Context,
  fresh: Fresh,
  views: readonly MachineView[],
  call: CallOptions,
): Promise<RevokeReport> {
  const away = views.filter(({ silentDays }) => silentDays !== null && silentDays >= AWAY_DAYS)
  if (away.length === 0) return { revoked: [], rotate: [], epoch: fresh.head.trust.epoch.epoch }
  const silence = away.map(
    ({ name, silentDays }) => `Nothing was seen of ${name} on ${silentDays} days that this machine looked.`,
  )
  return putOut(context, fresh, away.map(({ id }) => id).sort(), { keepPassphrase: true, silence }, call)
}

interface PuttingOut {
  readonly keepPassphrase: boolean
  /** Why, if not because a person named it. */
  readonly silence?: readonly string[]
}

/** @param machines - Ids of trusted ones, ascending. */
async function putOut(
  context: Context,
  { head, branches }: Fresh,
  machines: readonly string[],
  options: PuttingOut,
  call: CallOptions,
): Promise<RevokeReport> {
  const { host, config } = context
  const names = await namesOf(context, head.trust)
  const views = await Promise.all(
    machines.map(async (id) => viewOf(context, head, head.trust.machines.get(id) as MachineState, names)),
  )
  const index = await readIndex(context, head, call)
  const rotate = [...index.entries.values()].filter(({ path, type }) => type === "file" && looksSecret(path))
  const signed = await signedLines(context, head, index, new Set(machines))
  const lines = [...(options.silence ?? []), ...revokeLines(views, rotate.length, options), ...signed]
  if ((await host.prompts.confirm({ code: "revoke", lines })) !== true) {
    throw new SyncError("CANCELLED", "nothing was revoked")
  }
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
