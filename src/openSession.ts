/**
 * A session on one set-up workspace. Most syncs find nothing changed: those are
 * answered here, and all that the other operations need is loaded by the first
 * that is more than that.
 *
 * @module
 */
import { StoreError } from "../storage/errors.ts"
import type { Store } from "../storage/remote/store.ts"
import type { Host } from "./host.ts"
import type { Operations } from "./operations.ts"
import type { Workspace } from "./ports/workspace.ts"
import type { SyncReport } from "./reports.ts"
import type { Session, SyncOptions } from "./session.ts"
import { standstill } from "./sync/standstill.ts"
import { askEarly, dropKeys, emptyContext, takeLock } from "./vault/context.ts"
import type { Config } from "./vault/memory.ts"

export async function openSession(host: Host, config: Config, workspace: Workspace): Promise<Session> {
  const store = await openOrNot(host, config.store)
  const context = emptyContext(host, config, store)

  let loaded: Operations | undefined
  async function operations(): Promise<Operations> {
    const { createOperations } = await import("./operations.ts")
    loaded ??= createOperations(context, workspace)
    return loaded
  }

  async function sync(options: SyncOptions): Promise<SyncReport> {
    const lock = await takeLock(context, options)
    try {
      const still = await standstill(context, workspace, askEarly(context, options), options)
      return still ?? (await (await operations()).sync(options))
    } finally {
      context.asked = null
      context.glance = null
      await lock.release()
    }
  }

  return {
    workspace: config.workspace,
    root: workspace.root,
    sync,
    status: async (options) => (await operations()).status(options),
    machines: async (options) => (await operations()).machines(options),
    approve: async (id, options) => (await operations()).approve(id, options),
    revoke: async (id, options) => (await operations()).revoke(id, options),
    purge: async (options) => (await operations()).purge(options),
    deleteMachine: async (id, options) => (await operations()).deleteMachine(id, options),
    unlock: async (options) => (await operations()).unlock(options),
    lock: async () => (await operations()).lock(),
    changePassphrase: async (options) => (await operations()).changePassphrase(options),
    rekey: async (algorithms, options) => (await operations()).rekey(algorithms, options),
    rotateKey: async (options) => (await operations()).rotateKey(options),
    requirePostQuantum: async (options) => (await operations()).requirePostQuantum(options),
    log: async (path, options) => (await operations()).log(path, options),
    restore: async (path, options) => (await operations()).restore(path, options),
    content: async (path, options, take) => (await operations()).content(path, options, take),
    verify: async (options) => (await operations()).verify(options),
    repair: async (options) => (await operations()).repair(options),
    compact: async (options) => (await operations()).compact(options),
    waitForRemote: async (options) => (await operations()).waitForRemote(options),
    async close() {
      dropKeys(context)
      await store.close()
    },
  }
}

/** The store; one that cannot even be opened (a drive that is not there) says so when it is asked for something. */
async function openOrNot(host: Host, url: string): Promise<Store> {
  try {
    return await host.openStore(url, { create: false })
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    const fail = () => Promise.reject(error)
    const reads = { branches: fail, snapshot: fail, read: fail, history: fail, sizeBytes: fail }
    return { url, ...reads, commit: fail, deleteBranch: fail, reclaim: fail, close: async () => {} }
  }
}
