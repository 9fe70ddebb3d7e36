import { execFileSync } from "node:child_process"
import { renameSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, it, test } from "vitest"
import type { AuditReport } from "../../../src/reports.ts"
import { damage, damageVersion, pathsOf } from "../../support/damage.node.ts"
import { plant } from "../../support/files.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, type Machine } from "./command.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

/** A vault of some versions with files: `kept` is in all, `changed` is another in each. */
async function vault(contents = ["second"]): Promise<{ machine: Machine; store: string; folder: string }> {
  const folder = folders.make()
  const store = join(folder, "vault.git")
  const machine = createMachine(folder, "laptop")
  plant(machine.root, { kept: "kept", "docs/changed": "first" })
  await machine.ok(["init", "--store", store])
  await machine.ok(["sync"])
  for (const content of contents) {
    plant(machine.root, { "docs/changed": content })
    await machine.ok(["sync"])
  }
  return { machine, store, folder }
}

const verify = (machine: Machine, status: number, ...args: string[]) =>
  machine.json<AuditReport>(["verify", ...args], status)

const flipped = (bytes: Buffer): Buffer => {
  const at = Math.floor(bytes.length / 2)
  bytes[at] = (bytes[at] as number) ^ 1
  return bytes
}
const gone = (): null => null
const FILES = [".syncignore", "docs/changed", "kept"]

test("a whole vault verifies, every version of it", async () => {
  const { machine } = await vault()
  const report = await verify(machine, 0)
  expect(report).toMatchObject({ versions: 3, files: 3, packs: 2, problems: [] })
})

describe("damage is named, with the files it touches, and repaired from what is on this disk", () => {
  it.each([
    ["a pack that is another", "pack", "packs/", flipped, "pack hash"],
    ["a pack that is gone", "pack", "packs/", gone, "no such pack in the tree"],
    ["a shard that is another", "shard", "index/000", flipped, "shard hash"],
    ["a shard that is gone", "shard", "index/000", gone, "no index in the tree"],
  ] as const)("%s", async (_, kind, path, how, reason) => {
    const { machine, store } = await vault()
    const objects = pathsOf(store, path)
    for (const object of objects) damage(store, object, how)
    const { problems, sequence } = await verify(machine, 7)
    expect(problems.map((problem) => problem.object).sort()).toEqual(objects)
    for (const problem of problems) {
      expect(problem).toMatchObject({ kind, reason })
      expect(problem.touches.map((each) => each.sequence)).toContain(sequence)
    }
    expect([...new Set(problems.flatMap(({ files }) => files))].sort()).toEqual(FILES)
    expect((await machine.run(["verify"])).out).toContain("touches docs/changed")
    await machine.ok(["repair", "--yes"])
    // The version that was damaged stays what it is in the history; the newest is whole, and goes on.
    const after = await verify(machine, 0)
    for (const { touches } of after.beforeRepair)
      for (const each of touches) expect(each.sequence).toBeLessThan(after.sequence)
    plant(machine.root, { "docs/changed": "later" })
    await machine.ok(["sync"])
    await verify(machine, 0)
  })

  it.each([
    ["a header that is another", "header", "manifest.json", flipped],
    ["a header that is gone", "header", "manifest.json", gone],
    ["key boxes that are others", "key-boxes", "vault.json", flipped],
    ["key boxes that are gone", "key-boxes", "vault.json", gone],
    ["a trust entry that is another", "trust-entry", "trust/000001.json", flipped],
    ["a trust entry that is gone", "trust-entry", "trust/000001.json", gone],
  ] as const)("%s", async (_, kind, object, how) => {
    const { machine, store } = await vault()
    damage(store, object, how)
    // What is known of the log is not read again: it is the next machine to join that would be refused.
    expect((await machine.run(["sync"])).status).toBe(kind === "trust-entry" ? 0 : 7)
    const { problems } = await verify(machine, 7)
    expect(problems.map((problem) => [problem.kind, problem.object])).toEqual([[kind, object]])
    await machine.ok(["repair", "--yes"])
    expect((await verify(machine, 0)).problems).toEqual([])
  })
})

it("an old version alone: which one, and which file of it; the present one goes on", async () => {
  const { machine, store } = await vault(["second", "third"])
  const { sequence } = await verify(machine, 0)
  damageVersion(store, 1)
  const { problems } = await verify(machine, 7)
  for (const { kind, reason, touches } of problems) {
    expect([kind, reason]).toEqual(["pack", "no such pack in the tree"])
    expect(touches.map((each) => each.sequence)).toEqual([sequence - 1])
  }
  expect(problems.flatMap(({ files }) => files).sort()).toEqual(FILES)
  plant(machine.root, { "docs/changed": "later" })
  await machine.ok(["sync"])
  await machine.ok(["compact", "--keep", "1", "--yes"])
  expect((await verify(machine, 0)).versions).toBe(1)
})

it("a copy of the store is checked without the store, and nothing is learnt from it", async () => {
  const { machine, store, folder } = await vault()
  const copy = join(folder, "copy.git")
  execFileSync("git", ["clone", "--quiet", "--mirror", store, copy])
  plant(machine.root, { "docs/changed": "fourth" })
  await machine.ok(["sync"])
  renameSync(store, `${store}.away`)
  expect(await verify(machine, 0, "--from", copy)).toMatchObject({ versions: 3, problems: [] })
  const [object = ""] = pathsOf(copy, "packs/")
  damage(copy, object, flipped)
  const { problems } = await verify(machine, 7, "--from", copy)
  expect(problems.map((problem) => problem.object)).toEqual([object])
  damage(copy, "manifest.json", gone)
  expect((await verify(machine, 7, "--from", copy)).problems[0]).toMatchObject({ kind: "header" })
  renameSync(`${store}.away`, store)
  expect(await machine.json(["sync"])).toMatchObject({ kind: "in-sync" })
})
