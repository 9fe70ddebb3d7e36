import { afterAll } from "vitest"
import { createNodeWorkspace, type NodeWorkspaceOptions } from "../../src/platform/node/workspace/nodeWorkspace.ts"
import { createTemporaryFolders } from "../support/temporaryFolders.node.ts"
import { describeWorkspace } from "./workspace.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

const VARIANTS: Readonly<Record<string, NodeWorkspaceOptions>> = {
  "node, the best there is": {},
  "node, without /proc and syncfs": { anchor: "check", syncfs: false },
}

for (const [name, options] of Object.entries(VARIANTS)) {
  describeWorkspace(name, async () => {
    const folder = folders.make()
    return { workspace: createNodeWorkspace(folder, options), other: createNodeWorkspace(folder, options) }
  })
}
