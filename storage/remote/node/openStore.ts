/**
 * The store that a URL names, as Node can reach it: one place for all hosts
 * that have Node, so that the same URL means the same to each of them.
 *
 * @module
 */
import { createRetryStore } from "../retryStore.ts"
import type { Store } from "../store.ts"
import { parseStoreUrl } from "../storeUrl.ts"
import { createGitCredentials } from "./gitCredentials.ts"
import { openGitHttpStore } from "./gitHttpStore.ts"
import { openLocalGitStore } from "./localGitStore.ts"

export interface OpenStoreOptions {
  /** Whether to make a bare repository on disk if there is none. */
  readonly create: boolean
  /** For credentials and proxies. */
  readonly env: NodeJS.ProcessEnv
  readonly clock: {
    now(): number
    sleep(ms: number, signal?: AbortSignal): Promise<void>
  }
}

/** @throws {StoreError} `STORE_URL_INVALID`; for a path also what {@link openLocalGitStore} throws. */
export async function openStore(typed: string, { create, env, clock }: OpenStoreOptions): Promise<Store> {
  const place = parseStoreUrl(typed)
  if (place.kind === "path") return openLocalGitStore({ path: place.path, create })
  const store = openGitHttpStore({ url: place.url, credentials: createGitCredentials({ env }), env })
  return createRetryStore(store, { clock, random: Math.random })
}
