import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openLocalGitStore } from "../../storage/remote/node/localGitStore.ts"
import { auditRepository } from "../support/gitAudit.node.ts"
import { storeSuite } from "./store.ts"

storeSuite("local Git", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sessyn-store-"))
  const path = join(folder, "vault.git")
  const stores: Awaited<ReturnType<typeof openLocalGitStore>>[] = []
  return {
    async open() {
      const store = await openLocalGitStore({ path, create: true })
      stores.push(store)
      return store
    },
    audit: () => auditRepository(path),
    async dispose() {
      for (const store of stores) await store.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
})
