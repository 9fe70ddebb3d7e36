/**
 * One set-up workspace at work: what every operation on it needs, and the lock
 * that each takes. How it looks at the store: `refresh.ts`.
 *
 * @module
 */
import { createKeyring, type Keyring } from "../../storage/keys.ts"
import { branchPrefix } from "../../storage/layout.ts"
import type { Branch, CallOptions, Store } from "../../storage/remote/store.ts"
import { SyncError } from "../errors.ts"
import type { Host } from "../host.ts"
import type { State, StateLock } from "../ports/state.ts"
import type { Glance } from "../tree/scan/resume.ts"
import { type Identity, wipeIdentity } from "./identity.ts"
import type { Head } from "./head.ts"
import { type Config, createMemory, type Memory, type Seen } from "./memory.ts"

/** What was seen last, in both its forms. */
export interface SeenHead {
  readonly stored: Seen
  readonly head: Head
}

/** Mutable: belongs to one session, and is changed only by the operation that holds the workspace's lock. */
export interface Context {
  readonly host: Host
  readonly state: State
  readonly memory: Memory
  readonly store: Store
  readonly keyring: Keyring
  config: Config
  /** null until unlocked. */
  identity: Identity | null
  /** null before the first head was believed. */
  seen: SeenHead | null
  /** The store's answer to {@link askEarly}, for the first look of this operation. */
  asked: Promise<readonly Branch[]> | null
  /** What was seen of the disk already, for the first scan of this operation. */
  glance: Glance | null
}

/** What the store shows now. */
export interface Fresh {
  readonly head: Head
  /** All branches of this workspace. */
  readonly branches: readonly Branch[]
}

/** A workspace at work, as far as it is known without reading what was seen: {@link recall} does. */
export function emptyContext(host: Host, config: Config, store: Store, identity: Identity | null = null): Context {
  const state = host.openState(config.workspace)
  return {
    host,
    state,
    memory: createMemory(state),
    store,
    keyring: createKeyring(),
    config,
    identity,
    seen: null,
    asked: null,
    glance: null,
  }
}

/** How long other operations of this machine are waited for, in milliseconds: most are short. */
const LOCK_PAUSES_MS = [100, 200, 400, 800, 1600, 3200]

/** @throws {SyncError} `BUSY` if another process of this machine keeps at work on the workspace. */
export async function takeLock({ state, host, config }: Context, { signal }: CallOptions): Promise<StateLock> {
  for (const pauseMs of LOCK_PAUSES_MS) {
    const lock = await state.lock()
    if (lock !== null) return lock
    await host.clock.sleep(pauseMs, signal)
  }
  throw new SyncError("BUSY", "another Sessyn is at work on this workspace", { root: config.root })
}

/** Wipes all keys from memory. */
export function dropKeys(context: Context): void {
  context.keyring.wipe()
  if (context.identity !== null) wipeIdentity(context.identity)
  context.identity = null
}

/** Asks the store for its branches before anything else is done; whoever looks first takes the answer. */
export function askEarly(context: Context, call: CallOptions): Promise<readonly Branch[]> {
  const asked = context.store.branches(branchPrefix(context.config.workspace), call)
  // Whoever takes it hears of it.
  asked.catch(() => {})
  context.asked = asked
  return asked
}
