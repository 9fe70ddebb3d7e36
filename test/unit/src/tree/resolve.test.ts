import { describe, expect, test } from "vitest"
import type { TreeNode } from "../../../../src/tree/node.ts"
import type { Operation, PlanInput, Resolution } from "../../../../src/tree/plan/plan.ts"
import { plan } from "../../../../src/tree/plan/planner.ts"
import { applyResolutions } from "../../../../src/tree/plan/resolve.ts"
import { entry, file, tombstone } from "../../../support/simulation.ts"

const folder: TreeNode = { type: "folder", mode: 0o755 }
const link = (target: string): TreeNode => ({ type: "link", mode: 0o777, target })
type Tree = Readonly<Record<string, TreeNode>>

function input(base: Tree, local: Tree, remote: Tree, more: Partial<PlanInput> = {}): PlanInput {
  const gone = Object.entries(base).filter(([path]) => !(path in remote))
  return {
    base: new Map(Object.entries(base)),
    local: new Map(Object.entries(local)),
    remote: new Map(Object.entries(remote).map(([path, node]) => [path, entry(path, node)])),
    tombstones: new Map(gone.map(([path, node]) => [path, tombstone(path, node)])),
    excluded: () => false,
    held: new Map(),
    ...more,
  }
}

type Choice = Exclude<Resolution["choice"], "merged"> | Uint8Array
type Choices = Readonly<Record<string, Choice>>

function resolve(sides: PlanInput, choices: Choices): readonly string[] {
  const resolutions = Object.entries(choices).map(([path, choice]): [string, Resolution] => [
    path,
    typeof choice === "string" ? { choice } : { choice: "merged", content: choice },
  ])
  const { plan: made, skipped } = applyResolutions(plan(sides), sides, new Map(resolutions))
  return [...made.operations.map(show), ...skipped.map((path) => `skipped ${path}`)]
}

function show(operation: Operation): string {
  const { kind, path } = operation
  if (kind === "upload" && operation.from !== undefined) return `${kind} ${path} from ${operation.from.path}`
  return kind === "write" && operation.node.type === "file"
    ? `${kind} ${path} #${operation.node.size}`
    : `${kind} ${path}`
}

describe("an edit on both sides", () => {
  const sides = input({ "n.txt": file(1) }, { "n.txt": file(2) }, { "n.txt": file(3) })

  test.each<[string, Choices, string[]]>([
    ["keep local", { "n.txt": "keep-local" }, ["upload n.txt"]],
    ["keep remote", { "n.txt": "keep-remote" }, ["write n.txt #3"]],
    [
      "keep both",
      { "n.txt": "keep-both" },
      ["write n.remote.txt #3", "upload n.txt", "upload n.remote.txt from n.txt"],
    ],
    ["merged", { "n.txt": Uint8Array.of(65) }, ["merge n.txt"]],
    ["skip", { "n.txt": "skip" }, ["skipped n.txt"]],
    ["no answer", {}, ["skipped n.txt"]],
    ["an answer about something else", { other: "keep-local" }, ["skipped n.txt"]],
  ])("%s", (_, choices, expected) => {
    expect(resolve(sides, choices)).toEqual(expected)
  })

  test("writes only over what the plan saw, and merges into what both had", () => {
    const { plan: both } = applyResolutions(plan(sides), sides, new Map([["n.txt", { choice: "keep-both" }]]))
    expect(both.operations[0]).toMatchObject({ kind: "write", before: null, node: { path: "n.remote.txt" } })
    const content = Uint8Array.of(65)
    const { plan: merged } = applyResolutions(plan(sides), sides, new Map([["n.txt", { choice: "merged", content }]]))
    expect(merged.operations).toEqual([
      { kind: "merge", path: "n.txt", content, mode: 0o644, local: file(2), remote: sides.remote.get("n.txt") },
    ])
  })

  test("the vault's mode comes with its version, the local one stays with the local", () => {
    const modes = input({ f: file(1, 0o600) }, { f: file(2, 0o755) }, { f: file(3, 0o644) })
    const modeOf = (choice: "keep-local" | "keep-remote"): unknown =>
      applyResolutions(plan(modes), modes, new Map([["f", { choice }]])).plan.operations.map((operation) => [
        operation.kind,
        "node" in operation ? operation.node?.mode : undefined,
      ])
    expect(modeOf("keep-local")).toEqual([["upload", 0o755]])
    expect(modeOf("keep-remote")).toEqual([["write", 0o644]])
  })

  test("the rest of the plan stays as it was", () => {
    const more = input({ a: file(1), f: file(1) }, { a: file(1), f: file(2), n: file(9) }, { a: file(7), f: file(3) })
    expect(resolve(more, { f: "keep-local" })).toEqual(["write a #7", "upload f", "upload n"])
    expect(resolve(more, {})).toEqual(["write a #7", "upload n", "skipped f"])
  })
})

describe("a deletion against an edit", () => {
  const edited = input({ d: folder, "d/f": file(1) }, { d: folder, "d/f": file(2) }, {})
  const deleted = input({ d: folder, "d/f": file(1) }, {}, { d: folder, "d/f": file(2) })

  test.each<[string, PlanInput, Choice, string[]]>([
    ["here edited, keep local", edited, "keep-local", ["upload d", "upload d/f"]],
    ["here edited, keep remote", edited, "keep-remote", ["delete d/f", "delete d"]],
    ["here edited, keep both", edited, "keep-both", ["upload d", "upload d/f"]],
    ["here edited, merged", edited, Uint8Array.of(65), ["upload d", "merge d/f"]],
    ["here deleted, keep local", deleted, "keep-local", ["bury d/f", "bury d"]],
    ["here deleted, keep remote", deleted, "keep-remote", ["write d", "write d/f #2"]],
    ["here deleted, keep both", deleted, "keep-both", ["write d", "write d/f #2"]],
    ["here deleted, merged", deleted, Uint8Array.of(65), ["write d", "merge d/f"]],
  ])("%s", (_, sides, choice, expected) => {
    expect(resolve(sides, { "d/f": choice })).toEqual(expected)
  })
})

describe("a folder against a file", () => {
  const here = input({}, { p: folder, "p/a": file(1) }, { p: file(2) })
  const there = input({}, { p: file(2) }, { p: folder, "p/a": file(1), "p/e": folder })

  test.each<[string, PlanInput, Choice, string[]]>([
    ["folder here, keep local", here, "keep-local", ["upload p", "upload p/a"]],
    ["folder here, keep remote", here, "keep-remote", ["delete p/a", "delete p", "write p #2"]],
    [
      "folder here, keep both",
      here,
      "keep-both",
      ["write p.remote #2", "upload p", "upload p/a", "upload p.remote from p"],
    ],
    ["folder there, keep local", there, "keep-local", ["upload p", "bury p/e", "bury p/a"]],
    ["folder there, keep remote", there, "keep-remote", ["delete p", "write p", "write p/a #1", "write p/e"]],
    [
      "folder there, keep both",
      there,
      "keep-both",
      [
        "write p.remote",
        "write p.remote/a #1",
        "write p.remote/e",
        "upload p",
        "bury p/e",
        "bury p/a",
        "upload p.remote",
        "upload p.remote/a from p/a",
        "upload p.remote/e",
      ],
    ],
    ["merged is no answer", here, Uint8Array.of(65), ["skipped p"]],
  ])("%s", (_, sides, choice, expected) => {
    expect(resolve(sides, { p: choice })).toEqual(expected)
  })
})

describe("both are kept", () => {
  test("for links, too", () => {
    const sides = input({}, { l: link("a") }, { l: link("b") })
    expect(resolve(sides, { l: "keep-both" })).toEqual(["write l.remote", "upload l", "upload l.remote"])
  })

  test("each under a name of its own, never one in use on any side", () => {
    const sides = input(
      { "f.txt": file(1), "g.remote.txt": file(8) },
      { "f.txt": file(2), "F.remote.txt": file(5), "g.txt": file(6), "g.remote.txt": file(8) },
      { "f.txt": file(3), "f.remote-2.txt": file(4), "g.txt": file(7), "g.remote.txt": file(8) },
    )
    expect(resolve(sides, { "f.txt": "keep-both", "g.txt": "keep-both" })).toContain("write f.remote-3.txt #3")
    expect(resolve(sides, { "f.txt": "keep-both", "g.txt": "keep-both" })).toContain("write g.remote-2.txt #7")
  })

  test("or nothing is done: where the copy would be ignored, or could not come here", () => {
    const trees = [{}, { l: link("a"), f: file(1) }, { l: link("b"), f: file(2) }] as const
    const excluded = (path: string): boolean => path === "f.remote"
    expect(resolve(input(...trees, { excluded }), { f: "keep-both" })).toEqual(["skipped f", "skipped l"])
    const outward = input(
      {},
      { l: link("a") },
      { l: link("../b") },
      {
        platform: {
          windowsNames: false,
          caseInsensitive: false,
          normalizes: false,
          links: true,
          mayLeadOut: () => false,
        },
      },
    )
    expect(resolve(outward, { l: "keep-both" })).toEqual(["skipped l"])
    expect(resolve(outward, { l: "keep-remote" })).toEqual(["skipped l"])
    expect(resolve(outward, { l: "keep-local" })).toEqual(["upload l"])
  })

  test("and a source is never an entry that the vault does not have yet", () => {
    const sides = input({}, { "c.txt": file(2), "z.txt": file(1) }, { "c.txt": file(1) })
    expect(resolve(sides, { "c.txt": "keep-both" })).toEqual([
      "write c.remote.txt #1",
      "upload c.txt",
      "upload z.txt from c.txt",
      "upload c.remote.txt from c.txt",
    ])
  })
})

test("a choice also decides about what was ignored before", () => {
  const base: Tree = { p: folder, "p/a": file(1) }
  const dormant = new Set(["p", "p/a"])
  const sides = input(base, { p: file(2) }, { p: folder, "p/a": file(3) }, { dormant })
  expect(resolve(sides, { p: "keep-local" })).toEqual(["upload p", "bury p/a"])
})

test("a choice that what is ignored stands against is skipped", () => {
  const sides = input({}, { p: folder, "p/a": file(1) }, { p: file(2) }, { occupied: new Set(["p"]) })
  expect(resolve(sides, { p: "keep-remote" })).toEqual(["skipped p"])
})
