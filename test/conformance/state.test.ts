import { createMemoryState, createMemoryStateDisk } from "../../src/platform/memory/memoryState.ts"
import { describeState } from "./state.ts"

describeState("memory", async () => {
  const disk = createMemoryStateDisk()
  return { state: createMemoryState({ disk }), other: createMemoryState({ disk }) }
})
