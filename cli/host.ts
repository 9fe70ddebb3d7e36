/**
 * The composition root: gives the engine its parts as Node has them. The only
 * file of the command line that makes adapters.
 *
 * @module
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { createEngine } from "../src/engine.ts"
import type { Host } from "../src/host.ts"
import { sessynHome, workspaceHome, workspacesIn } from "../src/platform/node/state/home.ts"
import { createNodeClock } from "../src/platform/node/nodeClock.ts"
import { createNodeCompressor } from "../src/platform/node/nodeCompressor.ts"
import { createNodeCrypto } from "../src/platform/node/nodeCrypto.ts"
import { createThreadIntake } from "../src/platform/node/intake/threadIntake.ts"
import { openElsewhere } from "../src/platform/node/opening/threadOpener.ts"
import { createNodeState } from "../src/platform/node/state/nodeState.ts"
import { createNodeWorkspace } from "../src/platform/node/workspace/nodeWorkspace.ts"
import { createNodeKeychain } from "../src/platform/node/osKeychain.ts"
import type { Progress } from "../src/ports/progress.ts"
import type { Engine } from "../src/session.ts"
import type { GlobalOptions } from "./command.ts"
import { printable } from "../src/printable.ts"
import { createStyle } from "./output/style.ts"
import type { Asker } from "./prompts/asker.ts"
import { createPrompts } from "./prompts/prompts.ts"
import type { Terminal } from "./terminal.ts"

export interface HostOptions {
  readonly terminal: Terminal
  readonly globals: GlobalOptions
  readonly progress: Progress
  readonly asker: Asker | null
  readonly note: (line: string) => void
  /** File whose first line is the new passphrase. */
  readonly newPassphraseFile?: string
  /** The vault's first passphrase is made: what answers for the passphrase answers for the new one, too. */
  readonly firstPassphrase?: boolean
  /** Words of a pending machine, as its own screen shows them. */
  readonly fingerprint?: string
}

/** Large packs: a desktop has the memory, and hosts like few objects. */
const PACK_BYTES = 8 * 1024 * 1024

export interface CliEngine {
  readonly engine: Engine
  /** Whether a question stayed open for want of a person. */
  readonly unanswered: () => boolean
}

export function createCliEngine(options: HostOptions): CliEngine {
  const { terminal, note, progress } = options
  const { env } = terminal
  const home = sessynHome(env)
  const prompts = createPrompts(promptsOptions(options))
  const clock = createNodeClock()
  const [crypto, compressor] = [createNodeCrypto(), createNodeCompressor()]
  const host: Host = {
    crypto,
    compressor,
    clock,
    progress,
    prompts,
    keychain: createNodeKeychain({
      home,
      env,
      async beforeFile(folder) {
        note(`There is no keychain here: the key goes to a file in ${printable(folder)} that only you can read.`)
        return true
      },
    }),
    packBytes: PACK_BYTES,
    openElsewhere,
    openIntake: (intake) => createThreadIntake({ ...intake, crypto, compressor }),
    async openStore(url, { create }) {
      // Loaded by the first command that needs a store.
      const { openStore } = await import("../storage/remote/node/openStore.ts")
      return openStore(url, { create, env: { ...env }, clock })
    },
    openWorkspace: async (root) => createNodeWorkspace(root),
    openState: (workspaceId) => createNodeState(workspaceHome(home, workspaceId)),
    workspaces: () => workspacesIn(home),
    defaultStoreUrl: (name) => pathToFileURL(freeVaultPath(join(home, "vaults"), safeName(name))).href,
  }
  return { engine: createEngine(host), unanswered: prompts.unanswered }
}

function promptsOptions({ terminal, globals, asker, note, ...extras }: HostOptions) {
  const { env, stderr } = terminal
  const given = { file: globals.passphraseFile, variable: "SESSYN_PASSPHRASE" }
  const givenNew = { file: extras.newPassphraseFile, variable: "SESSYN_NEW_PASSPHRASE" }
  const isGivenNew = givenNew.file !== undefined || Boolean(env[givenNew.variable])
  return {
    asker,
    env,
    yes: globals.yes,
    given,
    givenNew: extras.firstPassphrase && !isGivenNew ? given : givenNew,
    fingerprint: extras.fingerprint,
    columns: stderr.columns ?? 80,
    style: createStyle(stderr),
    note,
  }
}

/** Folders of one name are no reason for one vault: the second one's lies beside the first. */
function freeVaultPath(folder: string, name: string): string {
  for (let number = 1; ; number++) {
    const path = join(folder, `${name}${number === 1 ? "" : `-${number}`}.git`)
    // An empty repository is what a set-up that was given up leaves behind.
    if (!existsSync(join(path, "refs", "heads", "sessyn")) && !existsSync(join(path, "packed-refs"))) return path
  }
}

/** A folder name that every file system takes; the workspace's own name is only a hint in it. */
function safeName(name: string): string {
  return (
    name
      .replaceAll(/[^A-Za-z0-9_-]+/g, "-")
      .replaceAll(/^-+|-+$/g, "")
      .slice(0, 60) || "vault"
  )
}
