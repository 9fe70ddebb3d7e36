/**
 * Opens the store that a URL names: a bare repository on disk, or a repository
 * at a Git host over HTTPS (`github:owner/repo` is one). Loaded by the first
 * command that needs a store.
 *
 * @module
 */
import { createNodeClock } from "../src/platform/node/nodeClock.ts"
import { createGitCredentials } from "../storage/remote/node/gitCredentials.ts"
import { openGitHttpStore } from "../storage/remote/node/gitHttpStore.ts"
import { openLocalGitStore } from "../storage/remote/node/localGitStore.ts"
import { createRetryStore } from "../storage/remote/retryStore.ts"
import type { Store } from "../storage/remote/store.ts"
import { parseStoreUrl } from "../storage/remote/storeUrl.ts"
import type { Env } from "./terminal.ts"

export interface StoreOptions {
  /** Make an empty local repository if there is none. */
  readonly create: boolean
  readonly env: Env
}

/** @throws {StoreError} `STORE_URL_INVALID`, `STORE_NOT_FOUND`. */
export async function openStore(url: string, { create, env }: StoreOptions): Promise<Store> {
  const place = parseStoreUrl(url)
  if (place.kind === "path") return openLocalGitStore({ path: place.path, create })
  const forGit = withoutPassphrases(env)
  const store = openGitHttpStore({ url: place.url, credentials: createGitCredentials({ env: forGit }), env: forGit })
  return createRetryStore(store, { clock: createNodeClock(), random: Math.random })
}

/** Git and its helpers get the user's environment, less what is none of their business. */
function withoutPassphrases({ SESSYN_PASSPHRASE: _, SESSYN_NEW_PASSPHRASE: __, ...rest }: Env): NodeJS.ProcessEnv {
  return { ...rest }
}
