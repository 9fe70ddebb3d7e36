/**
 * A machine in memory: the real engine, crypto, formats and planner over ports
 * that need no platform. Runs in a browser as well.
 *
 * @module
 */
import { fromUtf8, utf8 } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { createWebCrypto } from "../../crypto/webCrypto.ts"
import { createEngine } from "../../src/engine.ts"
import type { Host } from "../../src/host.ts"
import {
  createMemoryState,
  createMemoryStateDisk,
  type MemoryStateDisk,
} from "../../src/platform/memory/memoryState.ts"
import { createMemoryWorkspace, type MemoryWorkspaceOptions } from "../../src/platform/memory/memoryWorkspace.ts"
import { createWebCompressor } from "../../src/platform/web/webCompressor.ts"
import type { Clock } from "../../src/ports/clock.ts"
import type { Workspace } from "../../src/ports/workspace.ts"
import type { SyncReport } from "../../src/reports.ts"
import type { Engine, Session, SyncOptions } from "../../src/session.ts"
import { createMemoryStore, type MemoryStore } from "../../storage/remote/memoryStore.ts"
import type { Branch, Store } from "../../storage/remote/store.ts"
import { createHastyClock, createMemoryKeychain, createPerson, type Person, promptsOf } from "./person.ts"

export const STORE_URL = "memory:"

export interface MemoryMachine {
  readonly name: string
  readonly crypto: Crypto
  readonly host: Host
  readonly engine: Engine
  readonly person: Person
  readonly workspace: Workspace
  /** What the machine remembers, by workspace id. */
  readonly states: Map<string, MemoryStateDisk>
  readonly clock: Clock & { advance(ms: number): void }
  session<T>(work: (session: Session) => Promise<T>): Promise<T>
  sync(options?: Partial<SyncOptions>): Promise<SyncReport>
  write(path: string, content: string): Promise<void>
  /** null if it is not there. */
  read(path: string): Promise<string | null>
  remove(path: string): Promise<void>
}

let sharedCrypto: Promise<Crypto> | null = null

/**
 * The platform's cryptography, but for Argon2id, whose whole point is to be slow and which has vectors of its own:
 * these tests derive dozens of passphrases.
 */
async function createTestCrypto(): Promise<Crypto> {
  const crypto = await createWebCrypto()
  return { ...crypto, argon2id: async (password, salt, _, length) => crypto.hkdf(password, salt, utf8("test"), length) }
}

export async function createMemoryMachine(
  name: string,
  store: Store,
  options: MemoryWorkspaceOptions = {},
  others: Pick<Host, "stageBytes"> = {},
): Promise<MemoryMachine> {
  sharedCrypto ??= createTestCrypto()
  const crypto = await sharedCrypto
  const workspace = createMemoryWorkspace(options)
  const person = createPerson()
  const clock = createHastyClock()
  const states = new Map<string, MemoryStateDisk>()
  const host: Host = {
    crypto,
    compressor: createWebCompressor(),
    clock,
    progress: { step() {}, advance() {} },
    prompts: promptsOf(person),
    keychain: createMemoryKeychain(),
    packBytes: 2 * 1024 * 1024,
    ...others,
    openStore: async () => ({ ...store, close: async () => {} }),
    openWorkspace: async () => workspace,
    openState(id) {
      const disk = states.get(id) ?? createMemoryStateDisk()
      states.set(id, disk)
      return createMemoryState({ disk })
    },
    defaultStoreUrl: () => STORE_URL,
  }
  const engine = createEngine(host)
  const session = async <T>(work: (session: Session) => Promise<T>): Promise<T> => {
    const open = await engine.open(workspace.root)
    try {
      return await work(open)
    } finally {
      await open.close()
    }
  }
  return {
    name,
    crypto,
    host,
    engine,
    person,
    workspace,
    states,
    clock,
    session,
    sync: (how = {}) => session((open) => open.sync({ onConflict: "ask", ...how })),
    async write(path, content) {
      await workspace.removeFile(path)
      const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ""
      if (parent !== "") await workspace.makeFolder(parent)
      const created = await workspace.create(path)
      if (!created.ok) throw new Error(created.refusal)
      await created.value.write(0, utf8(content))
      await created.value.close()
    },
    async read(path) {
      const read = await workspace.read(path, 16 * 1024 * 1024)
      return read.ok ? fromUtf8(read.value.bytes) : null
    },
    async remove(path) {
      const removed = await workspace.removeFile(path)
      if (!removed.ok) throw new Error(removed.refusal)
    },
  }
}

/** Makes a vault on `founder`, and lets the others in. */
export async function found(founder: MemoryMachine, ...others: readonly MemoryMachine[]): Promise<void> {
  await founder.engine.init({ root: "", storeUrl: STORE_URL, machineName: founder.name, remember: true })
  for (const other of others) await admit(founder, other)
}

/** Two machines that have the same files. */
export async function pair(files: Readonly<Record<string, string>> = { kept: "kept" }): Promise<{
  readonly store: MemoryStore
  readonly a: MemoryMachine
  readonly b: MemoryMachine
}> {
  const store = createMemoryStore()
  const [a, b] = [await createMemoryMachine("A", store), await createMemoryMachine("B", store)]
  await found(a, b)
  for (const [path, content] of Object.entries(files)) await a.write(path, content)
  await a.sync()
  await b.sync()
  return { store, a, b }
}

/** The branch on which the vault is. */
export async function mainOf(store: MemoryStore): Promise<Branch> {
  const branch = (await store.branches("")).find(({ name }) => name.endsWith("/main"))
  if (branch === undefined) throw new Error("no main branch")
  return branch
}

export async function admit(member: MemoryMachine, joiner: MemoryMachine): Promise<string> {
  const { machine } = await joiner.engine.join({
    root: "",
    storeUrl: STORE_URL,
    machineName: joiner.name,
    remember: true,
  })
  await member.session((open) => open.approve(machine.id))
  return machine.id
}
