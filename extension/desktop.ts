/**
 * The extension on a desktop or a remote machine: a composition root. Gives
 * the engine its parts as Node has them; state lies where the `sessyn` command
 * has it, so that both are one machine.
 *
 * @module
 */
import { hostname } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { ExtensionContext } from "vscode"
import { createEngine } from "../src/engine.ts"
import { sessynHome, workspaceHome, workspacesIn } from "../src/platform/node/state/home.ts"
import { createNodeClock } from "../src/platform/node/nodeClock.ts"
import { createNodeCompressor } from "../src/platform/node/nodeCompressor.ts"
import { createNodeCrypto } from "../src/platform/node/nodeCrypto.ts"
import { createNodeState } from "../src/platform/node/state/nodeState.ts"
import { createNodeWorkspace } from "../src/platform/node/workspace/nodeWorkspace.ts"
import type { Engine } from "../src/session.ts"
import { openStore } from "../storage/remote/node/openStore.ts"
import { activateWith } from "./activate.ts"
import type { EditorPorts } from "./platform.ts"

/** Large packs: a desktop has the memory, and hosts like few objects. */
const PACK_BYTES = 8 * 1024 * 1024

export function activate(context: ExtensionContext): void {
  activateWith({ machineName: hostname(), createEngine: createDesktopEngine }, context)
}

function createDesktopEngine(ports: EditorPorts): Engine {
  const { env } = process
  const home = sessynHome(env)
  const clock = createNodeClock()
  return createEngine({
    ...ports,
    crypto: createNodeCrypto(),
    compressor: createNodeCompressor(),
    clock,
    packBytes: PACK_BYTES,
    openStore: (url, { create }) => openStore(url, { create, env, clock }),
    openWorkspace: async (root) => createNodeWorkspace(root),
    openState: (workspaceId) => createNodeState(workspaceHome(home, workspaceId)),
    workspaces: () => workspacesIn(home),
    // The wizard always asks for a store; this is for none given.
    defaultStoreUrl: (name) => pathToFileURL(join(home, "vaults", `${name.replaceAll(/[^\w-]+/g, "-")}.git`)).href,
  })
}
