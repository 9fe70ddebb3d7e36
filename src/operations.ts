/**
 * The operations on one set-up workspace. Each takes the lock that all processes
 * of this machine share, but for `sync`, whose caller holds it.
 *
 * @module
 */
import { StoreError } from "../storage/errors.ts"
import { mainBranch } from "../storage/layout.ts"
import type { MachineState } from "../storage/verify/trustState.ts"
import { SyncError } from "./errors.ts"
import type { Workspace } from "./ports/workspace.ts"
import type { MachineStatus, MachineView, StatusReport } from "./reports.ts"
import type { CallOptions, Session } from "./session.ts"
import { verify, verifyCopy } from "./sync/audit/verify.ts"
import { compact } from "./sync/compact/compact.ts"
import { DEFAULT_RETENTION } from "./sync/compact/retention.ts"
import { readInOrder } from "./sync/download.ts"
import { findVersion, log } from "./sync/versions/history.ts"
import { repair } from "./sync/repair.ts"
import { restore } from "./sync/versions/restore.ts"
import { ofOneVersion } from "./sync/versions/oneVersion.ts"
import { lastStandstillMs } from "./sync/standstill.ts"
import { enter, preview, syncOnce } from "./sync/sync.ts"
import { approve, pendingMachines, pendingWords } from "./trust/join.ts"
import { changePassphrase, openEpoch, rekey, requirePostQuantum } from "./trust/keys.ts"
import { deleteMachine, findMachine, listMachines, purge, revoke, viewOf } from "./trust/machines.ts"
import { namesOf } from "./trust/names.ts"
import { forget, isRemembered, remember } from "./trust/remembered.ts"
import { unlock } from "./trust/unlock.ts"
import { type Context, dropKeys, type Fresh, takeLock } from "./vault/context.ts"
import { believe, recall, recallWhatCanBe, refresh } from "./vault/refresh.ts"
import { readIndex, storedBytes } from "./vault/vaultIndex.ts"

const LOG_LIMIT = 1000

export type Operations = Omit<Session, "workspace" | "root" | "close">

export function createOperations(context: Context, workspace: Workspace): Operations {
  const { host, store, config } = context

  async function locked<T>(call: CallOptions, work: () => Promise<T>, remembering = recall): Promise<T> {
    const lock = await takeLock(context, call)
    try {
      await remembering(context)
      return await work()
    } finally {
      await lock.release()
    }
  }

  /** All machines, with what is needed to act on one. */
  async function allMachines(call: CallOptions) {
    const fresh = await enter(context, call)
    const pending = await pendingMachines(context, fresh, call)
    return { fresh, pending, views: await listMachines(context, fresh.head, pending, call) }
  }

  return {
    async sync(options) {
      await recall(context)
      return syncOnce(context, workspace, options)
    },
    status: (options = {}) => locked(options, () => status(context, workspace, options)),

    machines: (options = {}) => locked(options, async () => (await allMachines(options)).views),
    approve: (id, options = {}) =>
      locked(options, async () => {
        const { fresh, pending, views } = await allMachines(options)
        const view = findMachine(views, id)
        const request = pending.find(({ machine }) => machine === view.id)
        if (request === undefined) {
          throw new SyncError("MACHINE_STATE", "this machine does not ask to be let in", { machine: view.name })
        }
        await approve(context, fresh.head, request, options)
        return { ...view, status: "trusted" as MachineStatus }
      }),
    revoke: (id, options = {}) =>
      locked(options, async () => {
        const { fresh, views } = await allMachines(options)
        const { keepPassphrase = false } = options
        return revoke(context, fresh, findMachine(views, id), { keepPassphrase }, options)
      }),
    purge: (options = {}) =>
      locked(options, async () => {
        const { fresh, views } = await allMachines(options)
        return purge(context, fresh, views, options)
      }),
    deleteMachine: (id, options = {}) =>
      locked(options, async () => {
        const { fresh, views } = await allMachines(options)
        const view = findMachine(views, id)
        await deleteMachine(context, fresh, view, options)
        return view
      }),

    unlock: (options = {}) =>
      locked(options, async () => {
        const { head } = await refresh(context, options)
        await unlock(context, head)
        await believe(context, head)
        if (options.remember === true) await remember(context)
        return { rememberedIn: (await isRemembered(context)) ? host.keychain.place : null }
      }),
    lock: () =>
      locked({}, async () => {
        await forget(context)
        dropKeys(context)
      }),
    changePassphrase: (options = {}) =>
      locked(options, async () => {
        const { head } = await enter(context, options)
        return changePassphrase(context, head, options.costs ?? {}, options)
      }),
    rekey: (algorithms, options = {}) =>
      locked(options, async () => {
        const { head } = await enter(context, { ...options, isTakenOver: true })
        const rekeyed = await rekey(context, head, algorithms, options)
        const { trust } = rekeyed
        const machine = trust.machines.get(context.config.machine) as MachineState
        return viewOf(context, rekeyed, machine, await namesOf(context, trust))
      }),
    rotateKey: (options = {}) =>
      locked(options, async () => {
        const { head } = await enter(context, options)
        return (await openEpoch(context, head, options)).trust.epoch.epoch
      }),
    requirePostQuantum: (options = {}) =>
      locked(options, async () => {
        const { head } = await enter(context, options)
        await requirePostQuantum(context, head, options)
      }),

    log: (path, options = {}) =>
      locked(options, () =>
        ofOneVersion(context, options, (head) => log(context, head, path, options.limit ?? LOG_LIMIT, options)),
      ),
    restore: (path, options = {}) =>
      locked(options, async () => {
        const { head } = await enter(context, options)
        return restore(context, workspace, head, path, options)
      }),
    content: (path, options, take) =>
      locked(options, async () => {
        const { head } = await enter(context, options)
        const wanted = options.sequence === undefined ? { unlike: null } : { sequence: options.sequence }
        const { head: past, entry } = await findVersion(context, head, path, wanted, options)
        if (entry.type !== "file") throw new SyncError("VERSION_UNKNOWN", "not a file", { path })
        await readInOrder(context, past.snapshot, entry, take, options)
        return { path, to: path, sequence: past.verified.header.sequence, size: entry.size }
      }),

    verify: ({ from, ...options } = {}) =>
      from === undefined
        ? locked(options, () => verify(context, options))
        : locked(options, () => verifyCopy(context, from, options)),
    compact: (options = {}) =>
      locked(options, () => compact(context, { ...options, keep: options.keep ?? DEFAULT_RETENTION })),
    repair: (options = {}) => locked(options, () => repair(context, workspace, options), recallWhatCanBe),

    async waitForRemote({ pollMs, signal }) {
      // From what is written down: a sync that found nothing changed, and other processes, leave nothing in the context.
      const synced = (await context.memory.seen())?.commit
      for (;;) {
        const [main] = await store.branches(mainBranch(config.workspace), { signal })
        if (main?.head !== synced) return
        await host.clock.sleep(pollMs, signal)
      }
    },
  }
}

/** What differs and what is pending, without changing anything; as much of it as can be known now. */
async function status(context: Context, workspace: Workspace, call: CallOptions): Promise<StatusReport> {
  const known = knownStatus(context, await lastStandstillMs(context.state))
  const as = (status: MachineStatus): StatusReport => ({ ...known, machine: { ...known.machine, status } })
  let fresh: Fresh
  try {
    fresh = await refresh(context, call)
  } catch (error) {
    if (error instanceof StoreError) return { ...known, offline: error.code }
    throw error
  }
  const machine = fresh.head.trust.machines.get(context.config.machine)
  if (machine !== undefined && machine.status !== "trusted") return as("revoked")
  try {
    await unlock(context, fresh.head)
  } catch (error) {
    if (error instanceof SyncError && error.code === "LOCKED") return { ...known, locked: true }
    throw error
  }
  await believe(context, fresh.head)
  if (machine === undefined) {
    const fingerprints = await pendingWords(context, fresh, call)
    // To ask again may have taken new keys, and with them another id.
    return { ...as("pending"), machine: { ...as("pending").machine, id: context.config.machine }, fingerprints }
  }
  if (context.config.phase === "asked") return as("pending")
  const report = await preview(context, workspace, fresh, call)
  const pending = await listMachines(context, fresh.head, await pendingMachines(context, fresh, call), call)
  return {
    ...known,
    sequence: report.sequence,
    toSend: report.sent,
    toReceive: report.received,
    conflicts: report.conflicts,
    skipped: report.skipped,
    pendingMachines: pending.filter(isPending),
    storeBytes: storedBytes(fresh.head, await readIndex(context, fresh.head, call)),
  }
}

function knownStatus({ config, seen }: Context, standstillMs: number): StatusReport {
  const lastSyncMs = Math.max(seen?.stored.lastSyncMs ?? 0, standstillMs)
  return {
    workspace: config.workspace,
    root: config.root,
    store: config.store,
    machine: { id: config.machine, name: config.machineName, status: config.phase === "asked" ? "pending" : "this" },
    locked: false,
    sequence: seen?.head.verified.header.sequence ?? null,
    lastSyncMs: seen === null || lastSyncMs === 0 ? null : lastSyncMs,
    toSend: [],
    toReceive: [],
    conflicts: [],
    skipped: [],
    pendingMachines: [],
    storeBytes: null,
    fingerprints: [],
    offline: null,
  }
}

function isPending({ status }: MachineView): boolean {
  return status === "pending"
}
