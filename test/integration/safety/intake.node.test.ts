/**
 * Files that are sealed before it is known whether and where they go.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { workspaceHome } from "../../../src/platform/node/state/home.ts"
import { createNodeState } from "../../../src/platform/node/state/nodeState.ts"
import { createNodeWorkspace } from "../../../src/platform/node/workspace/nodeWorkspace.ts"
import { enter } from "../../../src/sync/sync.ts"
import { readMarker } from "../../../src/tree/stateFolder.ts"
import { openEpoch } from "../../../src/trust/keys.ts"
import type { Context } from "../../../src/vault/context.ts"
import { createContext } from "../../../src/vault/refresh.ts"
import type { Config } from "../../../src/vault/memory.ts"
import { createMemory } from "../../../src/vault/memory.ts"
import { readIndex } from "../../../src/vault/vaultIndex.ts"
import { openLocalGitStore } from "../../../storage/remote/node/localGitStore.ts"
import { at, plant, treeOf } from "../../support/files.node.ts"
import { createPair, type TestMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
let a: TestMachine
let b: TestMachine
/** What happens in the vault just before the next commit there, or the next look, once. */
let before: { readonly call: "commit" | "branches"; readonly act: () => Promise<unknown> } | null = null

beforeEach(async () => {
  before = null
  ;({ a, b } = await createPair(folders.make(), {
    async openStore(url, create) {
      const store = await openLocalGitStore({ path: new URL(url).pathname, create })
      const first = async (call: "commit" | "branches"): Promise<void> => {
        const happens = before?.call === call ? before : null
        if (happens !== null) before = null
        await happens?.act()
      }
      return {
        ...store,
        commit: async (...args) => {
          await first("commit")
          return store.commit(...args)
        },
        branches: async (...args) => {
          await first("branches")
          return store.branches(...args)
        },
      }
    },
  }))
  plant(a.root, { "agreed.txt": "agreed" })
  await a.sync()
  await b.sync()
})

afterAll(folders.remove)

/** Enough that a thread takes part. */
function many(word: string): Record<string, string> {
  const files = Array.from({ length: 400 }, (_, i) => [`many/${i % 7}/${i}.txt`, `${word} ${i}\n`.repeat(i)])
  return Object.fromEntries([...files, [".env", `SECRET=${word}`], ["many/copy.txt", `${word} 9\n`.repeat(9)]])
}

async function inContext<T>({ host, home, root }: TestMachine, work: (context: Context) => Promise<T>): Promise<T> {
  const id = (await readMarker(createNodeWorkspace(root))) ?? ""
  const config = (await createMemory(createNodeState(workspaceHome(home, id))).config()) as Config
  const store = await host.openStore(config.store, { create: false })
  try {
    return await work(await createContext(host, config, store))
  } finally {
    await store.close()
  }
}

const newEpoch = (machine: TestMachine): Promise<unknown> =>
  inContext(machine, async (context) => openEpoch(context, (await enter(context, {})).head, {}))

/** Under which epochs the chunks of these files are sealed. */
const epochsOf = (machine: TestMachine, prefix: string): Promise<readonly number[]> =>
  inContext(machine, async (context) => {
    const { entries } = await readIndex(context, (await enter(context, {})).head, {})
    const files = [...entries.values()].filter(({ path }) => path.startsWith(prefix))
    return [...new Set(files.flatMap((file) => (file.type === "file" ? file.chunks.map(({ epoch }) => epoch) : [])))]
  })

async function expectEqual(): Promise<void> {
  await a.sync()
  expect(treeOf(a.root)).toEqual(treeOf(b.root))
  expect((await a.session((session) => session.verify())).problems).toEqual([])
}

describe("a sync of many new files", () => {
  test("arrives whole", async () => {
    plant(b.root, many("new"))
    const report = await b.sync()
    expect(report.sent.filter(({ path }) => path.startsWith("many/")).length).toBeGreaterThan(400)
    await expectEqual()
  })

  test.each([["commit"], ["branches"]] as const)(
    "seals nothing under an epoch that ended before its %s",
    async (call) => {
      plant(b.root, many("late"))
      before = { call, act: () => newEpoch(a) }
      await b.sync()
      expect(await epochsOf(b, "many/")).toEqual([2])
      await expectEqual()
    },
  )

  test("brings what is there in the end, of a file that is edited after it was read", async () => {
    plant(b.root, many("first"))
    before = {
      call: "commit",
      act: async () => {
        writeFileSync(join(b.root, "many/0/7.txt"), "edited while it was on its way")
        plant(a.root, { "other.txt": "makes the other machine begin again" })
        await a.sync()
      },
    }
    await b.sync()
    await b.sync()
    await expectEqual()
    expect(at(a.root, "many/0/7.txt")).toBe("edited while it was on its way")
  })

  test("that cannot look at the store leaves everything as it was, and does it the next time", async () => {
    plant(b.root, many("kept"))
    before = { call: "branches", act: () => Promise.reject(new Error("the line is cut")) }
    await expect(b.sync()).rejects.toThrow("the line is cut")
    expect(readFileSync(join(b.root, ".env"), "utf8")).toBe("SECRET=kept")
    await b.sync()
    await expectEqual()
  })
})
