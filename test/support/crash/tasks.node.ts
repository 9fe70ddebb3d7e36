/**
 * What a machine can be told to do, by itself or in a process that is going to
 * be killed: everything that changes something in the vault or on the disk.
 *
 * @module
 */
import { join } from "node:path"
import { utf8 } from "../../../crypto/bytes.ts"
import { createFileKeychain } from "../../../src/platform/node/fileKeychain.ts"
import { workspaceHome } from "../../../src/platform/node/state/home.ts"
import { createNodeState } from "../../../src/platform/node/state/nodeState.ts"
import { createNodeWorkspace } from "../../../src/platform/node/workspace/nodeWorkspace.ts"
import { enter } from "../../../src/sync/sync.ts"
import { readMarker } from "../../../src/tree/stateFolder.ts"
import type { Resolution } from "../../../src/tree/plan/plan.ts"
import { openEpoch } from "../../../src/trust/keys.ts"
import { createContext } from "../../../src/vault/refresh.ts"
import { createMemory } from "../../../src/vault/memory.ts"
import type { CredentialSource } from "../../../storage/remote/node/gitCredentials.ts"
import { openGitHttpStore } from "../../../storage/remote/node/gitHttpStore.ts"
import type { Store } from "../../../storage/remote/store.ts"
import { createMachine, type TestMachine } from "../machine.node.ts"

export type Task =
  | { readonly kind: "sync" }
  | { readonly kind: "compact"; readonly versions: number }
  | { readonly kind: "restore"; readonly path: string; readonly sequence: number }
  | { readonly kind: "init" | "join" | "recover"; readonly machineName: string }
  | { readonly kind: "approve" | "delete"; readonly machine: string }
  | { readonly kind: "revoke"; readonly machine: string; readonly keepPassphrase: boolean }
  | { readonly kind: "passphrase" | "epoch" | "rekey" | "repair" }

/** A machine that keeps everything on disk, in small packs. */
export interface MachinePlan {
  readonly name: string
  readonly folder: string
  readonly storeUrl: string
  readonly packBytes: number
  readonly stageBytes: number
  /** It remembers no key beyond its process. */
  readonly isForgetful?: boolean
  /** What it answers when a new passphrase is asked for. */
  readonly newPassphrase?: string
  /** How it decides conflicts, by path; texts are of a merge. */
  readonly resolutions?: Readonly<
    Record<string, "keep-both" | "keep-local" | "keep-remote" | { readonly text: string }>
  >
}

const nobody: CredentialSource = { find: async () => undefined, approve: async () => {}, reject: async () => {} }

/** Without trying again: a test wants to see every fault. */
const overHttp = async (url: string): Promise<Store> => openGitHttpStore({ url, credentials: nobody })

export function makeMachine(plan: MachinePlan): TestMachine {
  const { name, folder, packBytes, stageBytes } = plan
  const keychain = createFileKeychain(join(folder, `${name}-home`, "keychain"))
  const machine = createMachine({
    name,
    folder,
    packBytes,
    stageBytes,
    ...(plan.isForgetful !== true && { keychain }),
    ...(plan.storeUrl.startsWith("http") && { openStore: overHttp }),
  })
  if (plan.newPassphrase !== undefined) machine.person.newPassphrase = plan.newPassphrase
  machine.person.resolve = (questions) =>
    new Map(
      questions.flatMap(({ conflict }): [string, Resolution][] => {
        const choice = plan.resolutions?.[conflict.path]
        if (choice === undefined) return []
        const resolution: Resolution =
          typeof choice === "string" ? { choice } : { choice: "merged", content: utf8(choice.text) }
        return [[conflict.path, resolution]]
      }),
    )
  return machine
}

export async function perform(machine: TestMachine, { storeUrl }: MachinePlan, task: Task): Promise<void> {
  const { engine, root } = machine
  switch (task.kind) {
    case "sync":
      await machine.sync({ allowMassDelete: true })
      return
    case "compact":
      await machine.session((session) => session.compact({ keep: { versions: task.versions } }))
      return
    case "restore":
      await machine.session((session) => session.restore(task.path, { sequence: task.sequence }))
      return
    case "init":
      await engine.init({ root, storeUrl, machineName: task.machineName, remember: true })
      return
    case "join":
    case "recover": {
      const { machineName } = task
      await engine.join({ root, storeUrl, machineName, remember: true, recover: task.kind === "recover" })
      return
    }
    case "approve":
      await machine.session((session) => session.approve(task.machine))
      return
    case "delete":
      await machine.session((session) => session.deleteMachine(task.machine))
      return
    case "revoke":
      await machine.session((session) => session.revoke(task.machine, { keepPassphrase: task.keepPassphrase }))
      return
    case "passphrase":
      await machine.session((session) => session.changePassphrase())
      return
    case "repair":
      await machine.session((session) => session.repair())
      return
    case "rekey":
      await machine.session((session) => session.rekey(["ed25519", "ml-dsa-87"]))
      return
    case "epoch":
      await startEpoch(machine)
  }
}

/** What no session offers: people get a new epoch by revoking. */
async function startEpoch(machine: TestMachine): Promise<void> {
  const { host, home, root } = machine
  const id = (await readMarker(createNodeWorkspace(root))) ?? ""
  const state = createNodeState(workspaceHome(home, id))
  const config = await createMemory(state).config()
  if (config === null) throw new Error("not set up")
  const store = await host.openStore(config.store, { create: false })
  const lock = await state.lock()
  try {
    const context = await createContext(host, config, store)
    const { head } = await enter(context, {})
    await openEpoch(context, head, {})
  } finally {
    await lock?.release()
    await store.close()
  }
}
