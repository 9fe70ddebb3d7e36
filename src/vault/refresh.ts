/**
 * The two steps that every operation begins with: look at the store's head, and
 * believe it once the vault is unlocked. And what this machine had believed
 * before.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import { StorageError } from "../../storage/errors.ts"
import { encodeEnvelope } from "../../storage/format/envelope.ts"
import { branchPrefix, mainBranch } from "../../storage/layout.ts"
import type { Branch, CallOptions, Store } from "../../storage/remote/store.ts"
import { verifyHeaderAlone } from "../../storage/verify/header.ts"
import { verifyHeaderMac, verifyTrustMacs } from "../../storage/verify/macs.ts"
import { verifyTrustLog } from "../../storage/verify/trustLog.ts"
import type { TrustState } from "../../storage/verify/trustState.ts"
import { SyncError } from "../errors.ts"
import type { Host } from "../host.ts"
import { type Context, dropKeys, emptyContext, type Fresh } from "./context.ts"
import { isVaultFault } from "./faults.ts"
import type { Head } from "./head.ts"
import { alarm, type Look, look } from "./look.ts"
import type { Config, Seen } from "./memory.ts"

/** @throws {SyncError} `STATE_DAMAGED` */
export async function createContext(host: Host, config: Config, store: Store): Promise<Context> {
  const context = emptyContext(host, config, store)
  const stored = await context.memory.seen()
  if (stored !== null) context.seen = { stored, head: await restoreHead(host, config.workspace, stored) }
  return context
}

/** The seen head from this machine's own memory; checked again, for a damaged memory must not become a verdict. */
async function restoreHead({ crypto }: Host, workspace: string, stored: Seen): Promise<Head> {
  try {
    const trust = await verifyTrustLog(crypto, stored.trust)
    const verified = await verifyHeaderAlone(crypto, stored.header, workspace, trust)
    const snapshot = new Map(stored.snapshot.map(({ path, id }) => [path, id]))
    return { commit: stored.commit, snapshot, trust, verified, vaultFile: stored.vaultFile }
  } catch (cause) {
    if (!(cause instanceof StorageError)) throw cause
    throw new SyncError(
      "STATE_DAMAGED",
      "what this machine remembers of the vault is damaged",
      { name: "seen" },
      { cause },
    )
  }
}

/** Reads again what another process of this machine may have learnt since. The caller holds the lock. */
export async function recall(context: Context): Promise<void> {
  const { host, memory, config, seen } = context
  const [now, stored] = [await memory.config(), await memory.seen()]
  if (now === null) throw new SyncError("NOT_SET_UP", "this folder is not set up for syncing", { root: config.root })
  if (now.machine !== config.machine) dropKeys(context)
  context.config = { ...now, root: config.root }
  if (stored === null) context.seen = null
  else {
    const isSame =
      seen !== null && seen.stored.commit === stored.commit && equalBytes(seen.stored.header, stored.header)
    context.seen = { stored, head: isSame ? seen.head : await restoreHead(host, now.workspace, stored) }
  }
}

/** The same for a repair, which goes on with the store's word where this machine's memory cannot be read. */
export async function recallWhatCanBe(context: Context): Promise<void> {
  try {
    await recall(context)
    await context.memory.counter()
  } catch (error) {
    if (!(error instanceof SyncError && error.code === "STATE_DAMAGED")) throw error
    // The bytes stay until the repair is done. The counter will be found ahead of this, and taken over.
    context.seen = null
    await context.memory.setCounter(0)
  }
}

export interface TakeOver {
  /** This machine is about to get new keys, which leaves any copy of it behind. */
  readonly isTakenOver?: boolean
}

/** How long a look that found an older head is repeated before it is reported, in milliseconds. */
const PATIENCE_MS = [1000, 2000, 4000, 8000]

/**
 * Looks at the store. Waits a little for a host that shows an older head.
 *
 * @throws {SyncError} `VAULT_VANISHED`, `VAULT_MISSING`, `STORE_BEHIND`, `VAULT_WENT_BACK`, `VAULT_FORKED`, `TRUST_FORKED`,
 * `CLONED`, `CANCELLED` (a repair not followed).
 */
export async function refresh(context: Context, call: CallOptions & TakeOver): Promise<Fresh> {
  context.host.progress.step("read-store")
  for (const pause of [...PATIENCE_MS, null]) {
    const { found, branches } = await lookOnce(context, call)
    switch (found.kind) {
      case "follow":
        await acceptCounter(context, found.restoredCounter, call)
        if (found.isParted) await changeSeen(context, { base: "superseded" })
        return { head: found.head, branches }
      case "none":
        throw context.seen === null
          ? new SyncError("VAULT_MISSING", "there is no such vault in the store")
          : new SyncError("VAULT_VANISHED", "the vault that was here is gone")
      case "repair":
        if (!(await followsRepair(context, found.head))) throw new SyncError("CANCELLED", "the repair was not followed")
        await changeSeen(context, { base: "superseded" })
        return { head: found.head, branches }
      case "forked":
        throw alarm(found, 0)
      case "older":
        if (pause === null) throw await behind(context, found)
        await context.host.clock.sleep(pause, call.signal)
    }
  }
  throw new SyncError("STORE_BEHIND", "the store shows an older version than this machine has seen")
}

/**
 * Whether the store shows another version by now than the one looked at, or the one that this machine made of it: what was
 * being read of that may be gone by right.
 */
export async function hasMoved(
  { store, config, seen }: Context,
  head: Pick<Head, "commit">,
  call: CallOptions,
): Promise<boolean> {
  const main = await mainOf(store, config, call)
  return main !== undefined && main.head !== head.commit && main.head !== seen?.head.commit
}

async function mainOf(store: Store, { workspace }: Config, call: CallOptions): Promise<Branch | undefined> {
  const name = mainBranch(workspace)
  return (await store.branches(name, call)).find((branch) => branch.name === name)
}

const MAX_LOOKS = 3

/** One look, without waiting and without judgement; anew if a compaction took away what was being looked at. */
export async function lookOnce(
  context: Context,
  call: CallOptions,
): Promise<{ readonly found: Look; readonly branches: readonly Branch[] }> {
  for (let looks = 1; ; looks++) {
    const { asked } = context
    context.asked = null
    const branches = await (asked ?? context.store.branches(branchPrefix(context.config.workspace), call))
    try {
      return await lookAt(context, branches, call)
    } catch (error) {
      if (!isVaultFault(error) || looks === MAX_LOOKS) throw error
      const name = mainBranch(context.config.workspace)
      const before = branches.find((branch) => branch.name === name)
      if (before?.head === (await mainOf(context.store, context.config, call))?.head) throw error
    }
  }
}

/** Looks at the vault as these branches show it, without waiting and without judgement. */
export async function lookAt(
  context: Context,
  branches: readonly Branch[],
  call: CallOptions,
): Promise<{ readonly found: Look; readonly branches: readonly Branch[] }> {
  const { host, store, config, memory, seen } = context
  const headerMemory = {
    seen: seen?.head.verified ?? null,
    trust: seen?.head.trust ?? null,
    self: { id: config.machine, counter: await memory.counter() },
  }
  const looking = { crypto: host.crypto, store, workspace: config.workspace, memory: headerMemory, call }
  return { found: await look(looking, branches, seen?.head ?? null), branches }
}

/**
 * Checks MACs, which takes the unlocked keys, and remembers the head.
 *
 * @throws {StorageError} `TRUST_LOG_INVALID` or `HEADER_INVALID`: nothing is remembered then.
 */
export async function believe(context: Context, head: Head, changes: Partial<Seen> = {}): Promise<void> {
  const { seen } = context
  if (seen?.head.commit === head.commit && Object.keys(changes).length === 0 && seen.stored.behindSinceMs === null)
    return
  checkMacs(context, head)
  const stored: Seen = {
    format: 1,
    syncedSequence: 0,
    lastSyncMs: 0,
    tookOver: 0,
    base: "agreed",
    idlePacks: [],
    ...seen?.stored,
    commit: head.commit,
    header: encodeEnvelope(head.verified.envelope),
    trust: head.trust.entries.map(({ envelope }) => encodeEnvelope(envelope)),
    vaultFile: head.vaultFile,
    snapshot: [...head.snapshot].map(([path, id]) => ({ path, id })),
    behindSinceMs: null,
    ...changes,
  }
  await context.memory.setSeen(stored)
  context.seen = { stored, head }
}

/** @throws {StorageError} `TRUST_LOG_INVALID` or `HEADER_INVALID`. */
export function checkMacs({ host, keyring }: Context, { trust, verified }: Head): void {
  const macs = (epoch: number) => keyring.get(epoch)?.mac
  verifyTrustMacs(host.crypto, trust, macs)
  verifyHeaderMac(host.crypto, verified, macs)
}

/** What a machine may do, by the log it has just seen. */
export function requireTrusted(config: Config, trust: TrustState): void {
  requireNotRevoked(config, trust)
  if (!trust.machines.has(config.machine)) throw new SyncError("PENDING", "this machine is not approved yet")
}

/** What needs no key to be known. */
export function requireNotRevoked(config: Config, trust: TrustState): void {
  const status = trust.machines.get(config.machine)?.status ?? "trusted"
  if (status !== "trusted") throw new SyncError("REVOKED", "this machine was revoked")
}

async function acceptCounter(context: Context, restored: number | null, { isTakenOver }: TakeOver): Promise<void> {
  if (restored === null) return
  const tookOver = context.seen?.stored.tookOver ?? 0
  if (tookOver > 0 && isTakenOver !== true) throw new SyncError("CLONED", "a second copy of this machine is at work")
  await context.memory.setCounter(restored)
  await changeSeen(context, { tookOver: tookOver + 1 })
}

async function changeSeen(context: Context, changes: Partial<Seen>): Promise<void> {
  if (context.seen === null) return
  const stored = { ...context.seen.stored, ...changes }
  await context.memory.setSeen(stored)
  context.seen = { ...context.seen, stored }
}

async function followsRepair(context: Context, head: Head): Promise<boolean> {
  const lines = [
    `The vault was repaired by another machine at version ${head.verified.header.sequence}.`,
    "What this machine had seen last is not part of it. Nothing on this disk is lost by following it.",
  ]
  return (await context.host.prompts.confirm({ code: "repair", lines })) === true
}

async function behind(context: Context, found: Extract<Look, { kind: "older" }>): Promise<SyncError> {
  const now = context.host.clock.now()
  if (context.seen === null) return alarm(found, 0)
  // A clock that was set back must not put the alarm off.
  const since = Math.min(context.seen.stored.behindSinceMs ?? now, now)
  await changeSeen(context, { behindSinceMs: since })
  return alarm(found, now - since)
}
