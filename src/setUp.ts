/**
 * Setting up: making a vault, and joining one.
 *
 * @module
 */
import { utf8 } from "../crypto/bytes.ts"
import { openPreviousKeys } from "../storage/format/keyBox.ts"
import { decodeVaultFile } from "../storage/format/vaultFile.ts"
import { isPlainName } from "../storage/format/machineName.ts"
import type { EpochKeys } from "../storage/keys.ts"
import { branchPrefix, workspaceOfMain } from "../storage/layout.ts"
import type { Branch, Store } from "../storage/remote/store.ts"
import { begunIn, forgetBegun, goOnFounding } from "./begun.ts"
import { SyncError } from "./errors.ts"
import type { Host } from "./host.ts"
import { isSetUpAt, remembered } from "./knownFolder.ts"
import type { Workspace } from "./ports/workspace.ts"
import type { InitReport, JoinReport } from "./reports.ts"
import type { InitOptions, JoinOptions } from "./session.ts"
import { forgetFounding, found, noteFounding, publishFounded } from "./trust/found.ts"
import { ask, forgetRequest, recover } from "./trust/join.ts"
import { askNewPassphrase } from "./trust/keys.ts"
import { type PassphraseKeys, wipePassphraseKeys } from "./trust/passphrase.ts"
import { remember } from "./trust/remembered.ts"
import { leftIdentity, saveIdentity, tryPassphrase } from "./trust/unlock.ts"
import { DEFAULT_IGNORE_TEXT, IGNORE_FILE } from "./tree/scan/ignoreRules.ts"
import { ensureFolder, MARKER, prepareStateFolder, readMarker, STATE_FOLDER, TEMPORARY } from "./tree/stateFolder.ts"
import { type Context, dropKeys, emptyContext, takeLock } from "./vault/context.ts"
import { believe, createContext } from "./vault/refresh.ts"
import type { Head } from "./vault/head.ts"
import { look } from "./vault/look.ts"
import { createIdentity, type Identity, SIGNING_ALGORITHM, signingFor } from "./vault/identity.ts"
import { type Config, createMemory } from "./vault/memory.ts"

/** Workspaces in one store that a passphrase is tried on without asking which is meant. */
const MAX_TRIED_WORKSPACES = 3

export async function init(host: Host, options: InitOptions): Promise<InitReport> {
  requireName(options.machineName)
  const workspace = await freshFolder(host, options.root)
  const storeUrl = options.storeUrl ?? host.defaultStoreUrl(lastSegment(options.root))
  const store = await host.openStore(storeUrl, { create: true })
  try {
    const branches = await store.branches(branchPrefix(), { signal: options.signal })
    const begun = await begunIn(host, workspace)
    if (options.another !== true) {
      const config = begun.find((each) => each.store === store.url && each.phase === "confirmed")
      const report = config === undefined ? null : await goOnWith(host, config, { store, branches, workspace, options })
      if (report !== null) return report
      if (workspacesOf(branches).length > 0) {
        throw new SyncError("VAULT_EXISTS", "this store holds a vault already", { store: store.url })
      }
    }
    for (const config of begun) await forgetBegun(host, config)
    return await foundAnew(host, store, workspace, options)
  } finally {
    await store.close()
  }
}

interface GoingOn {
  readonly store: Store
  readonly branches: readonly Branch[]
  readonly workspace: Workspace
  readonly options: InitOptions
}

async function goOnWith(
  host: Host,
  config: Config,
  { store, branches, workspace, options }: GoingOn,
): Promise<InitReport | null> {
  const context = await createContext(host, config, store)
  const lock = await takeLock(context, { signal: options.signal })
  try {
    if (!(await goOnFounding(context, branches, { signal: options.signal }))) return null
    return await settle(context, workspace, options)
  } finally {
    dropKeys(context)
    await lock.release()
  }
}

async function foundAnew(host: Host, store: Store, workspace: Workspace, options: InitOptions): Promise<InitReport> {
  const passphrase = await askNewPassphrase({ host })
  const { machineName } = options
  const founded = await found(host.crypto, {
    passphrase,
    machineName,
    nowMs: host.clock.now(),
    algorithm: SIGNING_ALGORITHM,
  })
  const { identity, keys, trust } = founded
  const context = emptyContext(
    host,
    configOf(workspace, options, trust.workspace, store, identity, "confirmed"),
    store,
    identity,
  )
  context.keyring.add(keys)
  // What leads to the rest goes first, so that an interrupted set-up is found again; keys are durable before anything
  // is made with them; the marker comes last: without it nothing is set up.
  await context.memory.setConfig(context.config)
  await saveIdentity(context)
  const founding = await noteFounding(context, founded)
  try {
    if ((await publishFounded(context, founding, { signal: options.signal })) === "moved") {
      throw new SyncError("VAULT_EXISTS", "there is such a vault already", { store: store.url })
    }
    return await settle(context, workspace, options)
  } finally {
    wipePassphraseKeys(passphrase.keys)
    dropKeys(context)
  }
}

/** The last steps of founding, once the vault is there. */
async function settle(context: Context, workspace: Workspace, options: InitOptions): Promise<InitReport> {
  if (options.remember === true) await remember(context)
  await forgetFounding(context)
  await writeTemplate(workspace)
  await claim(workspace, context.config.workspace)
  return reportOf(context.config)
}

export async function join(host: Host, options: JoinOptions): Promise<JoinReport> {
  requireName(options.machineName)
  const workspace = await freshFolder(host, options.root, options.again)
  const store = await host.openStore(options.storeUrl, { create: false })
  const call = { signal: options.signal }
  try {
    const branches = await store.branches(branchPrefix(), call)
    const opened = await openByPassphrase(host, store, branches, options)
    const { head, keys } = opened
    const id = head.trust.workspace
    const identity = await createIdentity(host.crypto, signingFor(head.trust.policy))
    const context = emptyContext(host, configOf(workspace, options, id, store, identity, "asked"), store, identity)
    await requireUnused(host, id, workspace.root)
    const lock = await takeLock(context, call)
    try {
      context.keyring.add(opened.current)
      const boxes = decodeVaultFile(head.vaultFile)
      await openPreviousKeys(host.crypto, head.trust, boxes, opened.current, context.keyring)
      const begun = options.again === true ? [] : await begunIn(host, workspace)
      await becomeSomebody(
        context,
        head,
        begun.find((each) => each.workspace === id && each.store === store.url),
      )
      await context.memory.setConfig(context.config)
      await saveIdentity(context)
      await believe(context, head)
      const isIn = head.trust.machines.get(context.config.machine)
      if (options.recover === true && isIn === undefined) {
        await recover(context, head, keys, call)
        await context.memory.setConfig({ ...context.config, phase: "confirmed" })
      }
      const asks = options.recover !== true && isIn === undefined
      const fingerprints = asks ? await ask(context, head, call) : []
      if (options.remember === true) await remember(context)
      await claim(workspace, id)
      const status = asks ? "pending" : isIn?.approvedBy ? "trusted" : "recovered"
      return { ...reportOf(context.config), status, fingerprints }
    } finally {
      wipePassphraseKeys(keys)
      dropKeys(context)
      await lock.release()
    }
  } finally {
    await store.close()
  }
}

/** This machine is the one of a join that was cut short, if that can still be let in; else the new one of the context. */
async function becomeSomebody(context: Context, head: Head, begun: Config | undefined): Promise<void> {
  const { state, config } = context
  const left = begun === undefined ? null : await leftIdentity(context, head.trust)
  if (begun === undefined || left === null || left.id !== begun.machine) {
    // What an earlier membership had agreed on says nothing about this folder: who joins only adds.
    for (const name of await state.list("")) await state.remove(name)
    return
  }
  context.identity = left
  context.config = { ...config, machine: left.id, phase: begun.phase }
  if (begun.machineName !== config.machineName) await forgetRequest(context)
}

interface Opened {
  readonly head: Head
  readonly current: EpochKeys
  readonly keys: PassphraseKeys
}

/** The one workspace of the store that the passphrase opens. */
async function openByPassphrase(
  host: Host,
  store: Store,
  branches: readonly Branch[],
  options: JoinOptions,
): Promise<Opened> {
  const all = workspacesOf(branches)
  const wanted = options.workspace === undefined ? all : all.filter((id) => id.startsWith(options.workspace as string))
  if (wanted.length === 0) throw new SyncError("VAULT_MISSING", "there is no vault in this store", { store: store.url })
  if (wanted.length > MAX_TRIED_WORKSPACES) {
    throw new SyncError("VAULT_AMBIGUOUS", "too many to try the passphrase on all of them", { workspaces: wanted })
  }
  const heads = await Promise.all(wanted.map((id) => headOf(host, store, id, branches, options)))
  for (let attempt = 0; attempt < MAX_TRIED_WORKSPACES; attempt++) {
    const passphrase = await host.prompts.passphrase(attempt > 0)
    if (passphrase === null) {
      if (attempt === 0) throw new SyncError("LOCKED", "no passphrase was given")
      break
    }
    const opened: Opened[] = []
    for (const head of heads) {
      const found = await tryPassphrase({ host }, head.trust, decodeVaultFile(head.vaultFile), passphrase)
      if (found !== null) opened.push({ head, current: found.current, keys: found.passphraseKeys })
    }
    passphrase.wipe()
    if (opened.length > 1) {
      const ids = opened.map(({ head }) => head.trust.workspace)
      throw new SyncError("VAULT_AMBIGUOUS", "the passphrase opens more than one of them", { workspaces: ids })
    }
    if (opened[0] !== undefined) return opened[0]
  }
  throw new SyncError("WRONG_PASSPHRASE", "this passphrase opens no vault of the store")
}

async function headOf(
  { crypto }: Host,
  store: Store,
  workspace: string,
  branches: readonly Branch[],
  { signal }: JoinOptions,
): Promise<Head> {
  const memory = { seen: null, trust: null, self: null }
  const found = await look({ crypto, store, workspace, memory, call: { signal } }, branches, null)
  if (found.kind !== "follow") throw new SyncError("VAULT_MISSING", "there is no vault in this store")
  return found.head
}

/** A workspace with a policy of post-quantum signatures takes nobody without. */
function configOf(
  { root }: Workspace,
  { machineName }: InitOptions | JoinOptions,
  workspace: string,
  store: Store,
  identity: Identity,
  phase: Config["phase"],
): Config {
  return { format: 1, workspace, root, store: store.url, machine: identity.id, machineName, phase }
}

function reportOf({ workspace, root, store, machine, machineName }: Config): InitReport {
  return { workspace, root, store, machine: { id: machine, name: machineName } }
}

/** A folder that nothing was set up in yet, or that is to be set up `again`. */
async function freshFolder(host: Host, root: string, again = false): Promise<Workspace> {
  const workspace = await host.openWorkspace(root)
  const marker = await readMarker(workspace)
  // A marker without a memory is a folder that was copied, or whose set-up was cut short: it may be set up anew.
  if (!again && marker !== null && (await createMemory(host.openState(marker)).config()) !== null) {
    throw new SyncError("ALREADY_SET_UP", "this folder is set up already", { root })
  }
  await requireWritable(workspace)
  return workspace
}

/** Found out before anything is made elsewhere. */
async function requireWritable(workspace: Workspace): Promise<void> {
  const made = await workspace.makeFolder(STATE_FOLDER)
  if (made.ok) await workspace.removeFolder(STATE_FOLDER)
  else if (made.refusal !== "exists") {
    throw new SyncError("ROOT_READ_ONLY", "the state folder cannot be made", { reason: made.refusal })
  }
}

/** Makes the folder that workspace's, whatever it was before. */
async function claim(workspace: Workspace, id: string): Promise<void> {
  if ((await readMarker(workspace)) !== id) await workspace.removeFile(MARKER)
  await prepareStateFolder(workspace, id)
}

/** One folder a workspace in one home: its state is kept by the workspace's id. */
async function requireUnused(host: Host, workspace: string, root: string): Promise<void> {
  const other = (await remembered(host, [workspace]))[0] ?? null
  if (other === null || other.root === root || !(await isSetUpAt(host, other))) return
  throw new SyncError("ALREADY_SET_UP", "this workspace is set up here in another folder", { root: other.root })
}

/** Whole or not at all: half of it would sync what the other half keeps out. */
async function writeTemplate(workspace: Workspace): Promise<void> {
  if ((await workspace.stat(IGNORE_FILE)).ok) return
  const draft = `${TEMPORARY}/${IGNORE_FILE}`
  if (!(await ensureFolder(workspace, TEMPORARY)).ok) return
  await workspace.removeFile(draft)
  const created = await workspace.create(draft)
  if (!created.ok) return
  await created.value.write(0, utf8(DEFAULT_IGNORE_TEXT))
  await created.value.close()
  await workspace.setMode(draft, 0o644)
  await workspace.rename(draft, IGNORE_FILE, { replace: false })
}

export function workspacesOf(branches: readonly Branch[]): readonly string[] {
  return branches.map(({ name }) => workspaceOfMain(name)).filter((id) => id !== null)
}

function requireName(name: string): void {
  if (!isPlainName(name)) throw new SyncError("MACHINE_STATE", "not a name for a machine", { machine: name })
}

function lastSegment(root: string): string {
  return root.split(/[/\\]/).findLast((segment) => segment !== "") ?? "workspace"
}
