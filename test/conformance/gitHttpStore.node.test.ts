import type { Store } from "../../storage/remote/store.ts"
import { type CredentialSource, createGitCredentials } from "../../storage/remote/node/gitCredentials.ts"
import { openGitHttpStore } from "../../storage/remote/node/gitHttpStore.ts"
import { auditRepository } from "../support/gitAudit.node.ts"
import { type GitServerOptions, startGitServer } from "../support/gitServer.node.ts"
import { storeSuite, type StoreFixture } from "./store.ts"

const none: CredentialSource = { find: async () => undefined, approve: async () => {}, reject: async () => {} }

async function fixture(options: GitServerOptions, credentials = none): Promise<StoreFixture> {
  const server = await startGitServer(options)
  const stores: Store[] = []
  return {
    async open() {
      const store = openGitHttpStore({ url: server.url, credentials })
      stores.push(store)
      return store
    },
    audit: () => auditRepository(server.path),
    async dispose() {
      for (const store of stores) await store.close()
      await server.close()
    },
  }
}

storeSuite("Git over HTTP", () => fixture({}))

storeSuite("Git over HTTP, with a password", () =>
  fixture(
    { credential: { username: "x-access-token", password: "s3cret" } },
    createGitCredentials({ env: { ...process.env, SESSYN_TOKEN: "s3cret" } }),
  ),
)

storeSuite("Git over HTTP, without filters", () => fixture({ config: ["uploadpack.allowFilter=false"] }))

storeSuite("Git over HTTP, protocol 1", () => fixture({ protocol: 1 }))

storeSuite("Git over HTTP, protocol 0, only heads", () =>
  fixture({ protocol: 0, config: ["uploadpack.allowFilter=false", "uploadpack.allowAnySHA1InWant=false"] }),
)
