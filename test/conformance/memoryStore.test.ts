import { createMemoryStore } from "../../storage/remote/memoryStore.ts"
import { storeSuite } from "./store.ts"

storeSuite("memory", async () => {
  const store = createMemoryStore()
  return { open: async () => store, dispose: () => store.close() }
})
