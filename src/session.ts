/**
 * The engine's front door: set up a workspace, open it, and everything a front
 * end can ask of it. Hosts call nothing else of the engine.
 *
 * @module
 */
import type { SignatureAlgorithm } from "../crypto/crypto.ts"
import type { Host } from "./host.ts"
import type {
  AuditReport,
  CompactReport,
  InitReport,
  JoinReport,
  MachineView,
  RepairReport,
  RestoreReport,
  RevokeReport,
  StatusReport,
  SyncReport,
  VersionView,
} from "./reports.ts"
import type { Retention } from "./sync/compact/retention.ts"
import type { GuessingCosts } from "./trust/keys.ts"
import type { Resolution } from "./tree/plan/plan.ts"

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface InitOptions extends CallOptions {
  readonly root: string
  /** Without one, a local vault under the state folder. */
  readonly storeUrl?: string
  /** What this machine is called; encrypted in the vault. */
  readonly machineName: string
  /** Make a second vault beside one that is there. */
  readonly another?: boolean
  readonly remember?: boolean
}

export interface JoinOptions extends CallOptions {
  readonly root: string
  readonly storeUrl: string
  readonly machineName: string
  /** Which workspace, if the passphrase opens several. */
  readonly workspace?: string
  readonly remember?: boolean
  /**
   * This folder was set up before: give this machine new keys and let it ask anew, after it was revoked or its own were
   * lost. Nothing is deleted anywhere: who joins only adds.
   */
  readonly again?: boolean
  /** All machines are lost: let this one in by the passphrase's recovery key, which revokes the others. */
  readonly recover?: boolean
}

export interface SyncOptions extends CallOptions {
  readonly dryRun?: boolean
  /** `ask` goes through the host's prompts. */
  readonly onConflict: "ask" | Exclude<Resolution["choice"], "merged">
  /** Take a clean three-way merge of text, where there is one, before anything is asked or decided by flag. */
  readonly autoMerge?: boolean
  readonly allowMassDelete?: boolean
}

/**
 * One workspace on this machine. Every method may throw `SyncError`, `StorageError`, `StoreError` or
 * `CryptoError`; when one throws nothing on disk or in the vault is half done. Close it when done.
 */
export interface Session {
  readonly workspace: string
  readonly root: string

  sync(options: SyncOptions): Promise<SyncReport>
  status(options?: CallOptions): Promise<StatusReport>

  machines(options?: CallOptions): Promise<readonly MachineView[]>
  /** `id` may be a prefix, or a machine's name, if only one fits. Asks `approve` with the words. */
  approve(id: string, options?: CallOptions): Promise<MachineView>
  revoke(id: string, options?: CallOptions & { readonly keepPassphrase?: boolean }): Promise<RevokeReport>
  /** Retires, if the person asked agrees, the machines of which nothing was seen on 30 days that this one looked. */
  purge(options?: CallOptions): Promise<RevokeReport>
  /** Forgets a pending request, or hides a revoked machine. */
  deleteMachine(id: string, options?: CallOptions): Promise<MachineView>

  /** Opens the vault's key with the passphrase; `remember` keeps it in the host's keychain. */
  unlock(options?: CallOptions & { readonly remember?: boolean }): Promise<{ readonly rememberedIn: string | null }>
  /** Forgets the remembered key and the one in memory. */
  lock(): Promise<void>
  /** A new passphrase, or the same one again, that costs at least so much to try. Answers what it costs. */
  changePassphrase(options?: CallOptions & { readonly costs?: GuessingCosts }): Promise<Required<GuessingCosts>>
  /** Gives this machine new keys, classical or with ML-DSA-87, alone or beside; its id stays. */
  rekey(algorithms: readonly SignatureAlgorithm[], options?: CallOptions): Promise<MachineView>
  /** A new workspace key for all that is written from now on. Answers its epoch. */
  rotateKey(options?: CallOptions): Promise<number>
  /** From now on every machine of the workspace needs an ML-DSA-87 key. There is no way back, so it asks. */
  requirePostQuantum(options?: CallOptions): Promise<void>

  log(path: string | null, options?: CallOptions & { readonly limit?: number }): Promise<readonly VersionView[]>
  /** Writes an older version into the workspace, to its path or to `to`; what lies there goes to quarantine. */
  restore(
    path: string,
    options?: CallOptions & { readonly sequence?: number; readonly to?: string },
  ): Promise<RestoreReport>

  /** Hands over the content of a version, piece by piece in order: to be written elsewhere, or shown. */
  content(
    path: string,
    options: CallOptions & { readonly sequence?: number },
    take: (bytes: Uint8Array) => void | Promise<void>,
  ): Promise<RestoreReport>

  /** `from`: a copy of the store, of whatever age, instead of the store itself; nothing is learnt from it. */
  verify(options?: CallOptions & { readonly from?: string }): Promise<AuditReport>
  repair(options?: CallOptions): Promise<RepairReport>
  /** Drops the versions beyond what is to be kept; by default 30 days. Asks `compact` first. */
  compact(options?: CallOptions & { readonly keep?: Retention; readonly dryRun?: boolean }): Promise<CompactReport>

  /** Resolves when the vault's head is another than the one last synced. */
  waitForRemote(options: CallOptions & { readonly pollMs: number }): Promise<void>
  close(): Promise<void>
}

/** How to find a set-up folder: the folder itself or one above it. */
export type FindFolder = (from: string) => Promise<{ readonly root: string; readonly workspace: string } | null>

export interface Engine {
  init(options: InitOptions): Promise<InitReport>
  join(options: JoinOptions): Promise<JoinReport>
  /** Whether that store holds a vault that this machine could join. */
  inspect(storeUrl: string, options?: CallOptions): Promise<{ readonly workspaces: readonly string[] }>
  /** Folders that were set up on this machine, whether they are there now or not. */
  roots(): Promise<readonly string[]>
  /** @throws {SyncError} `NOT_SET_UP`, `ROOT_MISSING`. */
  open(root: string): Promise<Session>
}

export type CreateEngine = (host: Host) => Engine
