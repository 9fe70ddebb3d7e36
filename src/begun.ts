/**
 * Set-ups that were begun in a folder and cut short before their first sync:
 * killed, or failed half-way. `init` and `join` go on with them, so that neither
 * a second vault nor a second machine comes of it.
 *
 * @module
 */
import { mainBranch } from "../storage/layout.ts"
import type { Branch, CallOptions } from "../storage/remote/store.ts"
import type { Host } from "./host.ts"
import { remembered } from "./knownFolder.ts"
import type { Workspace } from "./ports/workspace.ts"
import { publishFounded, readFounding } from "./trust/found.ts"
import { forget } from "./trust/remembered.ts"
import { unlock } from "./trust/unlock.ts"
import type { Context } from "./vault/context.ts"
import { believe, refresh } from "./vault/refresh.ts"
import { type Config, createMemory } from "./vault/memory.ts"

/** What was begun here, and in which store. The folder is one without a marker. */
export async function begunIn(host: Host, { root }: Workspace): Promise<readonly Config[]> {
  const begun: Config[] = []
  for (const config of await remembered(host)) {
    if (config.root !== root) continue
    const { seen } = createMemory(host.openState(config.workspace))
    // What cannot be read may well have synced.
    const synced = await seen().then(
      (last) => last?.syncedSequence ?? 0,
      () => 1,
    )
    if (synced === 0) begun.push(config)
  }
  return begun
}

/** Forgets a set-up. What leads to the rest goes last. */
export async function forgetBegun(host: Host, { workspace }: Config): Promise<void> {
  const state = host.openState(workspace)
  await forget({ host, config: { workspace } })
  for (const name of (await state.list("")).filter((each) => each !== "config")) await state.remove(name)
  await state.remove("config")
}

/**
 * Goes on with founding a workspace: publishes it if the store does not have it. The passphrase that was chosen for it,
 * or the remembered key, must open it.
 *
 * @returns False if it was never so far that it could have been published: then it is to be begun anew.
 */
export async function goOnFounding(context: Context, branches: readonly Branch[], call: CallOptions): Promise<boolean> {
  if (!branches.some(({ name }) => name === mainBranch(context.config.workspace))) {
    const founding = await readFounding(context)
    if (founding === null) return false
    await unlock(context, founding)
    // Moved: it was on its way still when we were cut short.
    if ((await publishFounded(context, founding, call)) === "published") return true
  }
  const { head } = await refresh(context, call)
  await unlock(context, head)
  await believe(context, head)
  return true
}
