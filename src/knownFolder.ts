/**
 * Which workspace a folder was set up for. Its marker says so; where that is
 * gone, this machine's memory does: a folder that was cleaned out, or a drive
 * that is not mounted, is still the folder that was set up, and not a new one.
 *
 * @module
 */
import { SyncError } from "./errors.ts"
import type { Host } from "./host.ts"
import type { Workspace } from "./ports/workspace.ts"
import { readMarker } from "./tree/stateFolder.ts"
import { type Config, createMemory } from "./vault/memory.ts"

/** null if this machine knows of no set-up here. @throws {SyncError} `SETUP_DAMAGED` */
export async function setUpFor(host: Host, workspace: Workspace): Promise<Config | null> {
  const marker = await readMarker(workspace)
  if (marker !== null) return createMemory(host.openState(marker)).config()
  return (await remembered(host)).find(({ root }) => root === workspace.root) ?? null
}

/** What was set up on this machine (all, or of these workspaces), as far as it can be read. */
export async function remembered(host: Host, ids?: readonly string[]): Promise<readonly Config[]> {
  const configs: Config[] = []
  for (const id of ids ?? (await host.workspaces?.()) ?? []) {
    const config = await createMemory(host.openState(id))
      .config()
      .catch(() => null)
    if (config !== null) configs.push(config)
  }
  return configs
}

export async function isSetUpAt(host: Host, { root, workspace }: Config): Promise<boolean> {
  try {
    return (await readMarker(await host.openWorkspace(root))) === workspace
  } catch (error) {
    if (error instanceof SyncError && error.code === "ROOT_MISSING") return false
    throw error
  }
}

/** A folder that was moved is followed; a copy of one that is still there is not. */
export async function followMove(host: Host, config: Config, workspace: Workspace): Promise<Config> {
  if (config.root === workspace.root) return config
  if (await isSetUpAt(host, config)) {
    throw new SyncError("ALREADY_SET_UP", "this folder is a copy of another that is set up", { root: config.root })
  }
  const moved = { ...config, root: workspace.root }
  await createMemory(host.openState(config.workspace)).setConfig(moved)
  return moved
}
