/**
 * A machine for tests: the real engine over a real folder and a real state, with
 * a person who answers as the test says.
 *
 * @module
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { Crypto } from "../../crypto/crypto.ts"
import { createEngine } from "../../src/engine.ts"
import type { Host } from "../../src/host.ts"
import { workspaceHome, workspacesIn } from "../../src/platform/node/state/home.ts"
import { createNodeClock } from "../../src/platform/node/nodeClock.ts"
import { createNodeCompressor } from "../../src/platform/node/nodeCompressor.ts"
import { createNodeCrypto } from "../../src/platform/node/nodeCrypto.ts"
import { createThreadIntake } from "../../src/platform/node/intake/threadIntake.ts"
import { createNodeState } from "../../src/platform/node/state/nodeState.ts"
import { createNodeWorkspace } from "../../src/platform/node/workspace/nodeWorkspace.ts"
import type { Clock } from "../../src/ports/clock.ts"
import type { Keychain } from "../../src/ports/keychain.ts"
import type { Workspace } from "../../src/ports/workspace.ts"
import type { Engine, Session, SyncOptions } from "../../src/session.ts"
import type { SyncReport } from "../../src/reports.ts"
import type { Compressor } from "../../storage/compress.ts"
import type { Store } from "../../storage/remote/store.ts"
import { openLocalGitStore } from "../../storage/remote/node/localGitStore.ts"
import { createMemoryKeychain, createPerson, type Person, promptsOf } from "./person.ts"

export interface TestMachine {
  readonly name: string
  readonly root: string
  readonly home: string
  readonly engine: Engine
  readonly host: Host
  readonly person: Person
  /** One session, for one piece of work. */
  session<T>(work: (session: Session) => Promise<T>): Promise<T>
  sync(options?: Partial<SyncOptions>): Promise<SyncReport>
}

export interface MachineOptions {
  readonly name: string
  /** Holds the workspace (`<name>`) and the home (`<name>-home`). */
  readonly folder: string
  readonly openStore?: (url: string, create: boolean) => Promise<Store>
  /** Another disk than the real one, or the real one with something that happens at a certain moment. */
  readonly openWorkspace?: (root: string) => Workspace
  readonly clock?: Clock
  readonly crypto?: Crypto
  readonly compressor?: Compressor
  readonly packBytes?: number
  readonly stageBytes?: number
  /** In memory, unless the test needs one that outlives the process. */
  readonly keychain?: Keychain
}

export function createMachine(options: MachineOptions): TestMachine {
  const { name, folder } = options
  const root = join(folder, name)
  const home = join(folder, `${name}-home`)
  mkdirSync(root, { recursive: true })
  const person = createPerson()
  const openStore = options.openStore ?? ((url, create) => openLocalGitStore({ path: new URL(url).pathname, create }))
  const [crypto, compressor] = [createNodeCrypto(), createNodeCompressor()]
  // Who brings a disk or ciphers of his own wants all work to go through them.
  const isPlain = !(options.openWorkspace ?? options.crypto ?? options.compressor)
  const host: Host = {
    crypto: options.crypto ?? crypto,
    compressor: options.compressor ?? compressor,
    ...(isPlain && { openIntake: (intake) => createThreadIntake({ ...intake, crypto, compressor }) }),
    clock: options.clock ?? createNodeClock(),
    progress: { step() {}, advance() {} },
    prompts: promptsOf(person),
    keychain: options.keychain ?? createMemoryKeychain(),
    packBytes: options.packBytes ?? 8 * 1024 * 1024,
    ...(options.stageBytes !== undefined && { stageBytes: options.stageBytes }),
    openStore: (url, { create }) => openStore(url, create),
    openWorkspace: async (path) => (options.openWorkspace ?? createNodeWorkspace)(path),
    openState: (id) => createNodeState(workspaceHome(home, id)),
    workspaces: () => workspacesIn(home),
    defaultStoreUrl: (workspace) => pathToFileURL(join(home, "vaults", `${workspace}.git`)).href,
  }
  const engine = createEngine(host)
  const session = async <T>(work: (session: Session) => Promise<T>): Promise<T> => {
    const open = await engine.open(root)
    try {
      return await work(open)
    } finally {
      await open.close()
    }
  }
  return {
    name,
    root,
    home,
    engine,
    host,
    person,
    session,
    sync: (how = {}) => session((open) => open.sync({ onConflict: "ask", ...how })),
  }
}

/** Machine A with a vault, machine B let in: both have synced. */
export async function createPair(
  folder: string,
  options: Partial<MachineOptions> = {},
): Promise<{ readonly a: TestMachine; readonly b: TestMachine; readonly storeUrl: string }> {
  const storeUrl = pathToFileURL(join(folder, "vault.git")).href
  const a = createMachine({ ...options, name: "a", folder })
  const b = createMachine({ ...options, name: "b", folder })
  await a.engine.init({ root: a.root, storeUrl, machineName: "Machine A", remember: true })
  await admit(a, b, storeUrl)
  return { a, b, storeUrl }
}

/** Lets `joiner` into the vault of `member`. */
export async function admit(member: TestMachine, joiner: TestMachine, storeUrl: string): Promise<void> {
  const machineName = `Machine ${joiner.name.toUpperCase()}`
  const { machine } = await joiner.engine.join({ root: joiner.root, storeUrl, machineName, remember: true })
  await member.session((open) => open.approve(machine.id))
}
