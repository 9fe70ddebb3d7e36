import { afterAll } from "vitest"
import { createNodeState } from "../../src/platform/node/state/nodeState.ts"
import { createTemporaryFolders } from "../support/temporaryFolders.node.ts"
import { describeState } from "./state.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

describeState("node", async () => {
  const folder = `${folders.make()}/not/there/yet`
  return { state: createNodeState(folder), other: createNodeState(folder) }
})
