/**
 * A vault in a repository at a Git host, over smart HTTP.
 *
 * @module
 */
import { StoreError } from "../../errors.ts"
import { createGitStore } from "../git/gitStore.ts"
import type { Store } from "../store.ts"
import { parseStoreUrl } from "../storeUrl.ts"
import type { CredentialSource } from "./gitCredentials.ts"
import { nodeGitPrimitives } from "./gitPrimitives.ts"
import { createHttpTransport } from "./httpTransport.ts"

export interface GitHttpStoreOptions {
  /** `https://…`, or `http://…` on loopback. */
  readonly url: string
  readonly credentials: CredentialSource
  /** How long nothing may come or go before the host counts as unreachable. */
  readonly inactivityMs?: number
  /** Milliseconds since the epoch, for the commits' dates and for dates in headers. */
  readonly now?: () => number
  /** For proxies. */
  readonly env?: NodeJS.ProcessEnv
}

const INACTIVITY_MS = 120_000

/** Asks the host nothing yet. @throws {StoreError} `STORE_URL_INVALID` */
export function openGitHttpStore(options: GitHttpStoreOptions): Store {
  const parsed = parseStoreUrl(options.url)
  if (parsed.kind !== "http") throw new StoreError("STORE_URL_INVALID", "not the URL of a Git host")
  const now = options.now ?? Date.now
  const transport = createHttpTransport({
    url: new URL(parsed.url),
    credentials: options.credentials,
    inactivityMs: options.inactivityMs ?? INACTIVITY_MS,
    now,
    env: options.env ?? process.env,
  })
  return createGitStore({ transport, git: nodeGitPrimitives, now })
}
