/**
 * The engine: set up a workspace, or open one. What a sync that finds nothing to
 * do has no need of is loaded when something needs it.
 *
 * @module
 */
import { branchPrefix } from "../storage/layout.ts"
import { SyncError } from "./errors.ts"
import { followMove, remembered, setUpFor } from "./knownFolder.ts"
import { openSession } from "./openSession.ts"
import type { CreateEngine, Engine } from "./session.ts"

const setUp = () => import("./setUp.ts")

export const createEngine: CreateEngine = (host): Engine => ({
  init: async (options) => (await setUp()).init(host, options),
  join: async (options) => (await setUp()).join(host, options),
  roots: async () => (await remembered(host)).map(({ root }) => root),
  async inspect(storeUrl, options = {}) {
    const store = await host.openStore(storeUrl, { create: false })
    try {
      const branches = await store.branches(branchPrefix(), { signal: options.signal })
      return { workspaces: (await setUp()).workspacesOf(branches) }
    } finally {
      await store.close()
    }
  },
  async open(root) {
    const workspace = await host.openWorkspace(root)
    const config = await setUpFor(host, workspace)
    if (config === null) throw new SyncError("NOT_SET_UP", "this folder is not set up for syncing", { root })
    return openSession(host, await followMove(host, config, workspace), workspace)
  },
})
