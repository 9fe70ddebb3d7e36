/**
 * What a composition root (CLI, extension, tour) hands to the engine. Plain
 * arguments: no container, nothing global.
 *
 * @module
 */
import type { Crypto } from "../crypto/crypto.ts"
import type { Compressor } from "../storage/compress.ts"
import type { Keyring } from "../storage/keys.ts"
import type { PackOpener } from "../storage/packOpener.ts"
import type { Store } from "../storage/remote/store.ts"
import type { Clock } from "./ports/clock.ts"
import type { Intake, IntakeOptions } from "./ports/intake.ts"
import type { Keychain } from "./ports/keychain.ts"
import type { Progress } from "./ports/progress.ts"
import type { Prompts } from "./ports/prompts.ts"
import type { State } from "./ports/state.ts"
import type { Workspace } from "./ports/workspace.ts"

export interface Host {
  readonly crypto: Crypto
  readonly compressor: Compressor
  readonly clock: Clock
  readonly progress: Progress
  readonly prompts: Prompts
  /** Where a remembered workspace key lies. */
  readonly keychain: Keychain
  /** Packs are filled to about this many bytes: 8 MiB on desktop, 2 MiB on the web. */
  readonly packBytes: number
  /** Sealed bytes that are held in memory before they are sent ahead of the commit; 32 MiB if not said. */
  readonly stageBytes?: number

  /** Opens many chunks on another thread, with the keys of this ring; absent, or nothing, where there is none. */
  openElsewhere?(keyring: Keyring): PackOpener | undefined

  /** Reads small files on more than one core; absent where there is no such thing: the workspace reads them. */
  openIntake?(options: IntakeOptions): Intake

  /**
   * Opens the store a URL names. `create`: make an empty local repository if there is none (init only).
   *
   * @throws {StoreError} `STORE_URL_INVALID`, `STORE_NOT_FOUND`.
   */
  openStore(url: string, options: { readonly create: boolean }): Promise<Store>
  /** @throws {SyncError} `ROOT_MISSING` if there is no such folder. */
  openWorkspace(root: string): Promise<Workspace>
  /** The state of one workspace on this machine; made when first written to. */
  openState(workspaceId: string): State
  /** Ids of all workspaces that have a state on this machine. Without it, a folder is known by its marker only. */
  workspaces?(): Promise<readonly string[]>
  /** URL of a local vault of its own, for `init` without a store. */
  defaultStoreUrl(workspaceName: string): string
}
