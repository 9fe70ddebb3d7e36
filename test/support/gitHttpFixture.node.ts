/**
 * A Git store over HTTP for the conformance suite, each with a host of its own.
 *
 * @module
 */
import type { CredentialSource } from "../../storage/remote/node/gitCredentials.ts"
import { openGitHttpStore } from "../../storage/remote/node/gitHttpStore.ts"
import type { Store } from "../../storage/remote/store.ts"
import type { StoreFixture } from "../conformance/store.ts"
import { auditRepository } from "./gitAudit.node.ts"
import { type GitServerOptions, startGitServer } from "./gitServer.node.ts"

const none: CredentialSource = { find: async () => undefined, approve: async () => {}, reject: async () => {} }

export async function gitHttpFixture(options: GitServerOptions, credentials = none): Promise<StoreFixture> {
  const server = await startGitServer(options)
  const stores: Store[] = []
  return {
    async open() {
      const store = openGitHttpStore({ url: server.url, credentials })
      stores.push(store)
      return store
    },
    audit: () => auditRepository(server.path),
    uploadedBytes: () => server.log.reduce((sum, { upBytes }) => sum + upBytes, 0),
    async dispose() {
      for (const store of stores) await store.close()
      await server.close()
    },
  }
}
