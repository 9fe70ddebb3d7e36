import { describe, expect, test } from "vitest"
import { checkBrakes } from "../../../../src/tree/plan/brake.ts"
import type { TreeNode } from "../../../../src/tree/node.ts"
import type { PlanInput } from "../../../../src/tree/plan/plan.ts"
import { plan } from "../../../../src/tree/plan/planner.ts"
import { contentOf, entry, file, tombstone } from "../../../support/simulation.ts"

type Tree = Readonly<Record<string, TreeNode>>

const empty: TreeNode = { ...file(0), size: 0 } as TreeNode
const never = (): boolean => false

/** `count` files, the first `changed` of them made by `change`. */
function files(count: number, changed = 0, change: (i: number) => TreeNode | null = () => null): Tree {
  const tree: Record<string, TreeNode> = { d: { type: "folder", mode: 0o755 } }
  for (let i = 0; i < count; i++) {
    const node = i < changed ? change(i) : file(i + 1)
    if (node !== null) tree[`d/f${String(i).padStart(3, "0")}`] = node
  }
  return tree
}

function brakes(
  base: Tree,
  local: Tree,
  remote: Tree,
  isOldVersion = never as (path: string, hash: Uint8Array) => boolean,
) {
  const gone = Object.entries(base).filter(([path]) => !(path in remote))
  const input: PlanInput = {
    base: new Map(Object.entries(base)),
    local: new Map(Object.entries(local)),
    remote: new Map(Object.entries(remote).map(([path, node]) => [path, entry(path, node)])),
    tombstones: new Map(gone.map(([path, node]) => [path, tombstone(path, node)])),
    excluded: () => false,
    held: new Map(),
  }
  return checkBrakes(plan(input), input, isOldVersion)
}

function brake(...trees: Parameters<typeof brakes>) {
  const found = brakes(...trees)
  expect(found.length).toBeLessThan(2)
  return found[0] ?? null
}

function more(folder: string, count: number): Tree {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${folder}/${i}`, file(500 + i)]))
}

describe("a sync asks before it deletes or empties", () => {
  test.each([
    [1, 1, false],
    [2, 1, false],
    [2, 2, true],
    [3, 1, false],
    [3, 2, true],
    [4, 2, false],
    [4, 3, true],
    [100, 50, false],
    [100, 51, true],
  ])("of %i files %i: %s", (count, lost, expected) => {
    const all = files(count)
    const deleted = files(count, lost)
    const emptied = files(count, lost, () => empty)
    expect(brake(all, all, deleted)?.side).toBe(expected ? "local" : undefined)
    expect(brake(all, deleted, all)?.side).toBe(expected ? "vault" : undefined)
    expect(brake(all, all, emptied)?.side).toBe(expected ? "local" : undefined)
    expect(brake(all, emptied, all)?.side).toBe(expected ? "vault" : undefined)
  })

  test("and says what", () => {
    const found = brake(files(20), files(20), files(20, 12))
    expect(found).toMatchObject({ kind: "mass-delete", side: "local", total: 20 })
    expect(found?.paths.length).toBe(12)
    expect(found?.lines[0]).toBe("This sync would delete or empty 12 of 20 files on this machine.")
    expect(found?.lines).toContain("  d/f000")
    expect(found?.lines.at(-1)).toBe("  and 2 more")
  })

  test("but not before a rename, unless it loses something", () => {
    const all = files(10)
    const moved = Object.fromEntries(Object.entries(all).map(([path, node]) => [path.replace("d", "e"), node]))
    expect(brake(all, moved, all)).toBeNull()
    expect(brake(all, all, moved)).toBeNull()
    const partly = Object.fromEntries(Object.entries(moved).slice(0, 4))
    expect(brake(all, partly, all)?.paths.length).toBe(7)
  })

  test("for each side by itself: who allows one has not allowed the other", () => {
    const both = brakes({ ...more("x", 4), ...more("y", 4) }, more("x", 4), more("y", 4))
    expect(both.map(({ kind, side }) => `${kind} ${side}`)).toEqual(["mass-delete local", "mass-delete vault"])
  })

  test("nor where a copy of one of many equal files comes", () => {
    const same = files(10, 10, () => file(7))
    expect(brake(same, { "e.txt": file(7) }, same)?.paths.length).toBe(9)
  })

  test("nor when many files are edited or added", () => {
    expect(
      brake(
        files(10),
        files(10, 9, (i) => file(100 + i)),
        files(10),
      ),
    ).toBeNull()
    expect(brake({}, {}, files(10))).toBeNull()
  })

  test("also when folders take the place of files", () => {
    const all = files(4)
    const folders = files(4, 3, () => ({ type: "folder", mode: 0o755 }))
    expect(brake(all, all, folders)?.side).toBe("local")
    expect(brake(all, folders, all)?.side).toBe("vault")
  })
})

describe("a sync asks before it puts back old versions", () => {
  const old = (i: number): TreeNode => file(1000 + i)
  const isOld = (_: string, hash: Uint8Array): boolean => contentOf({ hash }) >= 1000

  test.each([
    [10, 2, false],
    [10, 3, true],
    [30, 3, false],
    [30, 4, true],
    [1000, 20, false],
    [1000, 21, true],
  ])("of %i files %i: %s", (count, reverted, expected) => {
    const found = brake(files(count), files(count, reverted, old), files(count), isOld)
    expect(found?.kind).toBe(expected ? "mass-revert" : undefined)
  })

  test("from this machine only, and only if they are old", () => {
    expect(brake(files(10), files(10), files(10, 9, old), isOld)).toBeNull()
    expect(brake(files(10), files(10, 9, old), files(10), never)).toBeNull()
  })
})
