/**
 * A sync that brings every kind of change at once, to be killed at every step.
 *
 * @module
 */
import { expect } from "vitest"
import { createMemoryClock } from "../../src/platform/memory/memoryClock.ts"
import type { State } from "../../src/ports/state.ts"
import type { Workspace } from "../../src/ports/workspace.ts"
import { type Applied, apply } from "../../src/tree/apply/apply.ts"
import { recover } from "../../src/tree/apply/recover.ts"
import { plan } from "../../src/tree/plan/planner.ts"
import { baseOf, decodeScanCache, encodeScanCache, type ScanCache } from "../../src/tree/scan/scanCache.ts"
import { prepareStateFolder, TEMPORARY } from "../../src/tree/stateFolder.ts"
import type { Tombstone } from "../../storage/format/index/entry.ts"
import { createKillSwitch, Killed, type KillSwitch } from "./killSwitch.ts"
import { agreeOnAll, createTestFetch, hashing, learn, look, plant, textsBelow, toVault, type Tree } from "./trees.ts"

const LONG = "a file that is longer than one chunk and so grows in the state folder: "

const BEFORE: Tree = {
  "same.txt": "same",
  "edit.txt": "old edit",
  "big-edit.bin": `${LONG}old`,
  "gone.txt": "gone",
  "gone/deep/er.txt": "gone, too",
  "old-name.txt": "renamed",
  "old-name.bin": `${LONG}renamed`,
  "mode.sh": { text: "#!/bin/sh", mode: 0o644 },
  "link-edit": { link: "same.txt" },
  "link-gone": { link: "same.txt" },
  "file-to-link": "was a file",
  "link-to-file": { link: "same.txt" },
  "file-to-folder": "was a file, is a folder",
  "folder-to-file/inner.txt": "was in a folder",
}

const AFTER: Tree = {
  "same.txt": "same",
  "edit.txt": "new edit",
  "big-edit.bin": `${LONG}new`,
  "new.txt": "new",
  "empty.txt": "",
  "new/folder/a.txt": "new in a folder",
  "new/folder/b.txt": "new in a folder",
  "new-big.bin": `${LONG}newly made`,
  "new-big-copy.bin": `${LONG}newly made`,
  "new-folder": { folder: 0o700 },
  "read-only": { folder: 0o555 },
  "read-only/a.txt": { text: "read only", mode: 0o444 },
  "new-name.txt": "renamed",
  "moved/new-name.bin": `${LONG}renamed`,
  "copy.txt": "same",
  ".env": "SECRET=1",
  "mode.sh": { text: "#!/bin/sh", mode: 0o755 },
  "link-edit": { link: "edit.txt" },
  "link-new": { link: "new/folder" },
  "file-to-link": { link: "same.txt" },
  "link-to-file": "is a file",
  "file-to-folder/inner.txt": "in what was a file",
  "folder-to-file": "is a file, was a folder",
}

export const isSecret = (path: string): boolean => path === ".env"
const clock = createMemoryClock(Date.UTC(2026, 10, 22, 17, 19, 4))
const remote = toVault(AFTER)
const tombstones: ReadonlyMap<string, Tombstone> = new Map(
  [...toVault(BEFORE).keys()]
    .filter((path) => !remote.has(path))
    .map((path) => [path, { path, hash: new Uint8Array(32), sequence: 2, writer: "there" }]),
)

/** A folder and a state that survive the process. */
export interface Machine {
  readonly workspace: () => Workspace
  readonly state: () => State
}

const CACHE = "cache"

/** Brings a machine to where both sides agree on {@link BEFORE}. */
export async function prepare(machine: Machine): Promise<void> {
  const workspace = machine.workspace()
  await prepareStateFolder(workspace, "abc")
  await plant(workspace, BEFORE)
  await machine.state().write(CACHE, encodeScanCache(await agreeOnAll(workspace), hashing))
}

/** One run of the program: recover, look, plan, apply, remember. Throws {@link Killed} when it is. */
export async function run(
  machine: Machine,
  kill: KillSwitch = createKillSwitch(Number.POSITIVE_INFINITY),
): Promise<Applied> {
  const workspace = kill.workspace(machine.workspace())
  const state = kill.state(machine.state())
  const save = (cache: ScanCache) => state.write(CACHE, encodeScanCache(cache, hashing))
  let cache = await load(state)
  const recovered = await recover({ workspace, state, clock, crypto: hashing, isSecret })
  if (recovered !== null) {
    cache = learn(cache, recovered.agreed, await look(workspace, cache))
    await save(cache)
    await recovered.finish()
  }
  const scanned = await look(workspace, cache)
  const platform = {
    ...workspace,
    caseInsensitive: false,
    normalizes: false,
    windowsNames: false,
    links: true,
    mayLeadOut: () => false,
  }
  const input = {
    base: baseOf(cache),
    local: scanned.nodes,
    remote,
    tombstones,
    excluded: () => false,
    held: scanned.held,
    platform,
  }
  const planned = plan(input)
  expect(planned.conflicts).toEqual([])
  expect(planned.held).toEqual([])
  expect(planned.operations.filter(({ kind }) => kind === "upload" || kind === "bury")).toEqual([])
  const { fetch } = createTestFetch()
  const applied = await apply({
    workspace,
    state,
    clock,
    crypto: hashing,
    operations: planned.operations,
    fetch,
    // Large files grow on the disk, as those do for which memory has no room.
    gatheredBytes: 0,
    isSecret,
    mayLeadOut: () => false,
  })
  expect(Object.fromEntries(applied.skipped)).toEqual({})
  const agreed = planned.operations
    .filter((operation) => operation.kind === "agree")
    .map(({ path, node }) => [path, node] as const)
  await save(
    learn(learn(cache, new Map(agreed), scanned), applied.done, {
      ...scanned,
      seen: applied.seen,
      diskModes: applied.diskModes,
    }),
  )
  await applied.finish()
  return applied
}

async function load(state: State): Promise<ScanCache> {
  const cache = decodeScanCache((await state.read(CACHE)) ?? new Uint8Array(), hashing)
  if (cache === null) throw new Error("the cache is lost")
  return cache
}

/** Runs until killed at call `at`; false if it came through. */
export async function runUntilKilled(machine: Machine, at: number): Promise<boolean> {
  try {
    await run(machine, createKillSwitch(at))
    return false
  } catch (error) {
    if (error instanceof Killed) return true
    throw error
  }
}

/** Every text the user had is in its place or in quarantine. */
export async function expectNothingLost(machine: Machine): Promise<void> {
  const there = new Set((await textsBelow(machine.workspace())).values())
  const had = Object.values(BEFORE).flatMap((leaf) =>
    typeof leaf === "string" ? [leaf] : "text" in leaf ? [leaf.text] : [],
  )
  expect(had.filter((text) => !there.has(text))).toEqual([])
}

/** The folder is as the vault has it, nothing half done is left, and the next run has nothing to do. */
export async function expectInSync(machine: Machine): Promise<void> {
  const workspace = machine.workspace()
  const { nodes, held } = await look(workspace, await load(machine.state()))
  expect(Object.fromEntries(held)).toEqual({})
  const shape = (tree: typeof nodes) =>
    Object.fromEntries([...tree].map(([path, node]) => [path, toShape(node)]).sort())
  expect(shape(nodes)).toEqual(shape(new Map([...remote].map(([path, node]) => [path, node]))))
  const env = await workspace.stat(".env")
  if (workspace.modes === "posix") expect(env.ok && env.value.mode).toBe(0o600)
  const temporary = await workspace.list(TEMPORARY)
  expect(temporary.ok && temporary.value).toEqual([])
  expect(await machine.state().read("journal")).toBeNull()
  expect((await run(machine)).done.size).toBe(0)
}

function toShape(node: {
  readonly type: string
  readonly mode: number
  readonly hash?: Uint8Array
  readonly target?: string
}) {
  const mode = node.type === "link" ? null : node.mode
  return `${node.type} ${mode?.toString(8)} ${node.hash?.join() ?? node.target ?? ""}`
}
