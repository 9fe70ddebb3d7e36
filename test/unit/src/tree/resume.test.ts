import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createMemoryDisk } from "../../../../src/platform/memory/memoryDisk.ts"
import { createMemoryWorkspace } from "../../../../src/platform/memory/memoryWorkspace.ts"
import { takeFootprint } from "../../../../src/ports/footprint.ts"
import type { Workspace } from "../../../../src/ports/workspace.ts"
import { createIgnoreRules } from "../../../../src/tree/scan/ignoreRules.ts"
import type { Glance } from "../../../../src/tree/scan/resume.ts"
import { type ScanInput, type ScanResult, scan } from "../../../../src/tree/scan/scan.ts"
import { remember, type ScanCache } from "../../../../src/tree/scan/scanCache.ts"
import { prepareStateFolder } from "../../../../src/tree/stateFolder.ts"
import { about, hashing, plant } from "../../../support/trees.ts"

const NAMES = ["a", "b", "c", "ignored", ".syncignore"]
const pathOf = fc
  .array(fc.constantFrom(...NAMES.slice(0, 4)), { minLength: 1, maxLength: 3 })
  .map((all) => all.join("/"))
const filePath = fc.tuple(pathOf, fc.constantFrom(...NAMES)).map(([folder, name]) => `${folder}/${name}`)
const content: fc.Arbitrary<string> = fc.constantFrom("", "x", "ignored\n", "a/b\n!c\n", ".syncignore\n")

const edits = fc.oneof(
  fc.record({ kind: fc.constant("write" as const), path: fc.oneof(pathOf, filePath), text: content }),
  fc.record({ kind: fc.constant("remove" as const), path: fc.oneof(pathOf, filePath) }),
  fc.record({
    kind: fc.constant("mode" as const),
    path: fc.oneof(pathOf, filePath),
    mode: fc.constantFrom(0o600, 0o755),
  }),
  fc.record({ kind: fc.constant("folder" as const), path: pathOf }),
  fc.record({ kind: fc.constant("link" as const), path: fc.oneof(pathOf, filePath) }),
  fc.record({ kind: fc.constant("rename" as const), path: fc.oneof(pathOf, filePath), to: pathOf }),
)
type Edit = typeof edits extends fc.Arbitrary<infer T> ? T : never

/** Whatever of it can be done; in place where there is something, as many programs save. */
async function make(workspace: Workspace, edit: Edit): Promise<void> {
  switch (edit.kind) {
    case "write": {
      const created = await workspace.create(edit.path, { resume: true })
      if (!created.ok) return
      await created.value.write(0, new TextEncoder().encode(edit.text))
      return created.value.close()
    }
    case "remove":
      if (!(await workspace.removeFile(edit.path)).ok) await workspace.removeFolder(edit.path)
      return
    case "mode":
      return void (await workspace.setMode(edit.path, edit.mode))
    case "folder":
      return void (await workspace.makeFolder(edit.path))
    case "link":
      return void (await workspace.makeLink(edit.path, "a"))
    case "rename":
      return void (await workspace.rename(edit.path, edit.to, { replace: true }))
  }
}

const look = (workspace: Workspace, cache: ScanCache, more: Partial<ScanInput> = {}): Promise<ScanResult> =>
  scan({ workspace, crypto: hashing, rules: createIgnoreRules(), cache, workspaceId: null, ...more })

const sorted = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))

const comparable = (result: ScanResult, paths: readonly string[]) => ({
  nodes: sorted(result.nodes),
  held: sorted(result.held),
  occupied: [...result.occupied].sort(),
  diskModes: sorted(result.diskModes),
  excluded: paths.map((path) => [result.excluded(path), result.excluded(`${path}/`)]),
  // When a file was read decides what counts as settled; the rest must be the same.
  seen: sorted(result.seen).map(([path, { settled: _, ...facts }]) => [path, facts]),
})

/** A tree that was agreed on, and what a glance at it shows after some edits. */
async function glanceAfter(workspace: Workspace, changes: readonly Edit[]) {
  let cache: ScanCache = new Map()
  let agreed = await look(workspace, cache)
  // Once more, so that everything has settled.
  for (let time = 0; time < 2; time++) {
    cache = remember(cache, agreed.nodes, about, agreed.seen, agreed.diskModes)
    agreed = await look(workspace, cache)
  }
  const looks = agreed.settledLooks()
  const footprint = looks === null ? null : takeFootprint(looks.others, looks.files)
  for (const change of changes) await make(workspace, change)
  if (footprint === null) return { cache, glance: undefined }
  const changed = await workspace.compare(footprint)
  const glance: Glance = { footprint, changed, occupied: agreed.occupied }
  return { cache, glance }
}

async function planted(): Promise<Workspace> {
  const workspace = createMemoryWorkspace({ disk: createMemoryDisk() })
  await prepareStateFolder(workspace, "abc")
  return workspace
}

describe("a walk of which most is known", () => {
  it("finds what a whole one finds", async () => {
    let resumed = 0
    await fc.assert(
      fc.asyncProperty(fc.array(edits, { maxLength: 40 }), fc.array(edits, { maxLength: 4 }), async (before, after) => {
        const workspace = await planted()
        for (let i = 0; i < 30; i++) await plant(workspace, { [`many/${i}`]: "x" })
        for (const edit of before) await make(workspace, edit)
        const { cache, glance } = await glanceAfter(workspace, after)
        const paths = [...NAMES, ...NAMES.flatMap((a) => NAMES.map((b) => `${a}/${b}`)), ...cache.keys()]
        let listed = 0
        const counting: Workspace = {
          ...workspace,
          list: (path) => {
            listed++
            return workspace.list(path)
          },
        }
        const whole = await look(workspace, cache)
        const quick = await look(counting, cache, { glance })
        if (listed === 0) resumed++
        expect(comparable(quick, paths)).toEqual(comparable(whole, paths))
      }),
      { numRuns: 400 },
    )
    expect(resumed).toBeGreaterThan(20)
  })

  it("reads the file that was edited, lists the folder that was changed, and nothing else", async () => {
    const workspace = await planted()
    await plant(workspace, { "a/1": "x", "a/2": "x", "b/1": "x", "b/c/1": "x", "d/1": "x", "d/2": "x", "d/3": "x" })
    const { cache, glance } = await glanceAfter(workspace, [
      { kind: "write", path: "a/1", text: "edited" },
      { kind: "write", path: "b/new", text: "new" },
    ])
    const done: string[] = []
    const watched: Workspace = {
      ...workspace,
      list: (path) => {
        done.push(`list ${path}`)
        return workspace.list(path)
      },
      read: (path, ...how) => {
        done.push(`read ${path}`)
        return workspace.read(path, ...how)
      },
    }
    const { nodes } = await look(watched, cache, { glance })
    expect(nodes.size).toBe(cache.size + 1)
    expect(done.sort()).toEqual(["list b", "list b/c", "read a/1", "read b/new"])
  })

  it("walks all of it if the rules change under it", async () => {
    const workspace = await planted()
    await plant(workspace, { ".syncignore": "other\n", kept: "x", "in/kept": "x", a: "x", b: "x", c: "x" })
    const { cache, glance } = await glanceAfter(workspace, [{ kind: "write", path: "a", text: "edited" }])
    let isChanged = false
    const changing: Workspace = {
      ...workspace,
      read: async (path, ...how) => {
        if (path === ".syncignore" && !isChanged) {
          isChanged = true
          await make(workspace, { kind: "write", path, text: "kept\n#" })
        }
        return workspace.read(path, ...how)
      },
    }
    const { nodes } = await look(changing, cache, { glance })
    expect(isChanged).toBe(true)
    expect([...nodes.keys()].sort()).toEqual([".syncignore", "a", "b", "c", "in"])
  })
})
