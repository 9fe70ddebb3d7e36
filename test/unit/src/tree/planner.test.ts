import { describe, expect, test } from "vitest"
import type { IndexEntry, Tombstone } from "../../../../storage/format/index/entry.ts"
import type { TreeNode } from "../../../../src/tree/node.ts"
import {
  baseAfter,
  type HoldReason,
  type Operation,
  type Plan,
  type PlanInput,
} from "../../../../src/tree/plan/plan.ts"
import { plan } from "../../../../src/tree/plan/planner.ts"
import { entry, file, hashTarget, tombstone } from "../../../support/simulation.ts"

const folder: TreeNode = { type: "folder", mode: 0o755 }
const link = (target: string): TreeNode => ({ type: "link", mode: 0o777, target })

type Tree = Readonly<Record<string, TreeNode>>

/** What lies in no side is not there. Everything of the base that the vault lacks has its tombstone. */
function input(trees: { base?: Tree; local?: Tree; remote?: Tree }, more: Partial<PlanInput> = {}): PlanInput {
  const { base = {}, local = {}, remote = {} } = trees
  const stones = new Map<string, Tombstone>()
  for (const [path, node] of Object.entries(base)) if (!(path in remote)) stones.set(path, tombstone(path, node))
  return {
    base: new Map(Object.entries(base)),
    local: new Map(Object.entries(local)),
    remote: new Map(Object.entries(remote).map(([path, node]) => [path, entry(path, node)])),
    tombstones: stones,
    excluded: () => false,
    held: new Map(),
    ...more,
  }
}

const platform = {
  windowsNames: false,
  caseInsensitive: false,
  normalizes: false,
  links: true,
  mayLeadOut: () => false,
}

function show({ operations, conflicts, held }: Plan): string[] {
  return [
    ...operations.map(showOperation),
    ...conflicts.map(({ path, kind }) => `conflict ${path} ${kind}`),
    ...held.map(({ path, reason }) => `held ${path} ${reason}`),
  ]
}

function showOperation(operation: Operation): string {
  const { kind, path } = operation
  if (kind === "mode") return `mode ${path} ${operation.mode.toString(8)}`
  if ((kind === "write" || kind === "upload") && operation.node.type !== "folder") {
    const { node, from } = operation
    const source = from === undefined ? "" : ` from ${typeof from === "string" ? from : from.path}`
    return `${kind} ${path} ${node.mode.toString(8)}${source}`
  }
  return `${kind} ${path}`
}

describe("one file", () => {
  const [one, two, three] = [file(1), file(2), file(3)]
  const sides = (base: TreeNode | null, local: TreeNode | null, remote: TreeNode | null) =>
    input({ base: base ? { f: base } : {}, local: local ? { f: local } : {}, remote: remote ? { f: remote } : {} })

  test.each<[string, TreeNode | null, TreeNode | null, TreeNode | null, string[]]>([
    ["nothing changed", one, one, one, []],
    ["new here", null, one, null, ["upload f 644"]],
    ["new there", null, null, one, ["write f 644"]],
    ["new on both, the same", null, one, one, ["agree f"]],
    ["new on both, different", null, one, two, ["conflict f create-create"]],
    ["edited here", one, two, one, ["upload f 644"]],
    ["edited there", one, one, two, ["write f 644"]],
    ["edited the same way", one, two, two, ["agree f"]],
    ["edited differently", one, two, three, ["conflict f edit-edit"]],
    ["deleted here", one, null, one, ["bury f"]],
    ["deleted there", one, one, null, ["delete f"]],
    ["deleted on both", one, null, null, ["agree f"]],
    ["deleted here, edited there", one, null, two, ["conflict f delete-edit"]],
    ["edited here, deleted there", one, two, null, ["conflict f edit-delete"]],
    ["deleted here, only its mode changed there", one, null, file(1, 0o755), ["bury f"]],
    ["only its mode changed here, deleted there", one, file(1, 0o755), null, ["delete f"]],
    ["a link here, edited there", one, link("x"), two, ["conflict f type-type"]],
    ["a link there", one, one, link("x"), ["write f 777"]],
    ["the same link on both", null, link("x"), link("x"), ["agree f"]],
    ["other links on both", null, link("x"), link("y"), ["conflict f create-create"]],
    ["a link turned differently", link("x"), link("y"), link("z"), ["conflict f edit-edit"]],
  ])("%s", (_, base, local, remote, expected) => {
    expect(show(plan(sides(base, local, remote)))).toEqual(expected)
  })

  test.each<[string, TreeNode | null, TreeNode, TreeNode, string[]]>([
    ["mode changed here", file(1), file(1, 0o755), file(1), ["upload f 755 from f"]],
    ["mode changed there", file(1), file(1), file(1, 0o755), ["mode f 755"]],
    ["mode changed on both, the same", file(1), file(1, 0o755), file(1, 0o755), ["agree f"]],
    ["mode changed on both, differently", file(1), file(1, 0o755), file(1, 0o600), ["upload f 755 from f"]],
    ["mode here, content there", file(1), file(1, 0o755), file(2), ["write f 755", "upload f 755 from f"]],
    ["content here, mode there", file(1), file(2), file(1, 0o755), ["mode f 755", "upload f 755"]],
    ["no base, another mode: the vault's", null, file(1), file(1, 0o755), ["mode f 755"]],
    ["links: modes do not count", link("x"), { type: "link", mode: 0o755, target: "x" }, link("x"), []],
  ])("%s", (_, base, local, remote, expected) => {
    expect(show(plan(sides(base, local, remote)))).toEqual(expected)
  })

  test("a conflict says who changed it there", () => {
    const conflicted = sides(one, two, three)
    const remote = new Map([["f", entry("f", three, "laptop")]])
    expect(plan({ ...conflicted, remote }).conflicts[0]?.writer).toBe("laptop")
    const tombstones = new Map([["f", tombstone("f", one, "desk")]])
    expect(plan({ ...conflicted, remote: new Map(), tombstones }).conflicts[0]?.writer).toBe("desk")
  })
})

describe("absence is no deletion", () => {
  const tree: Tree = { d: folder, "d/f": file(1), g: file(2) }

  test("on a machine without a base", () => {
    expect(show(plan(input({ remote: tree })))).toEqual(["write d", "write d/f 644", "write g 644"])
  })

  test("in a vault without a tombstone", () => {
    const sides = input({ base: tree, local: tree }, { tombstones: new Map() })
    expect(show(plan(sides))).toEqual(["upload d", "upload d/f 644", "upload g 644"])
  })

  test("and what is brought back after its deletion is new", () => {
    const tombstones = new Map([["g", tombstone("g", file(2))]])
    expect(show(plan(input({ local: { g: file(2) } }, { tombstones })))).toEqual(["upload g 644"])
  })
})

describe("a machine that lost its base", () => {
  const baseLost = { hashTarget }
  const stones = (tree: Tree): Map<string, Tombstone> =>
    new Map(Object.entries(tree).map(([path, node]) => [path, tombstone(path, node)]))

  test("takes what matches its tombstone for deleted", () => {
    const tree: Tree = { d: folder, "d/f": file(1), l: link("x") }
    const sides = input({ local: tree }, { baseLost, tombstones: stones(tree) })
    expect(show(plan(sides))).toEqual(["delete l", "delete d/f", "delete d"])
  })

  test("takes anything else for new", () => {
    const tombstones = stones({ d: folder, "d/f": file(1), l: link("x") })
    const sides = input({ local: { d: folder, "d/f": file(2), l: link("y"), n: file(3) } }, { baseLost, tombstones })
    expect(show(plan(sides))).toEqual(["upload d", "upload d/f 644", "upload l 777", "upload n 644"])
  })

  test("agrees with what is the same and asks about the rest", () => {
    const sides = input(
      { local: { a: file(1), b: file(2) }, remote: { a: file(1), b: file(3), c: file(4) } },
      { baseLost },
    )
    expect(show(plan(sides))).toEqual(["agree a", "write c 644", "conflict b create-create"])
  })

  test("remembers a deleted folder that it cannot empty", () => {
    const tombstones = stones({ d: folder })
    const sides = input({ local: { d: folder } }, { baseLost, tombstones, occupied: new Set(["d"]) })
    const first = plan(sides)
    expect(first.operations).toEqual([{ kind: "agree", path: "d", node: folder }])
    const { baseLost: _, ...after } = { ...sides, base: baseAfter(sides.base, first, new Set()) }
    expect(show(plan(after))).toEqual([])
  })
})

describe("folders", () => {
  test("are synced empty, and with what is in them", () => {
    expect(show(plan(input({ local: { d: folder, "d/e": folder } })))).toEqual(["upload d", "upload d/e"])
    expect(show(plan(input({ remote: { d: folder, "d/e": folder } })))).toEqual(["write d", "write d/e"])
  })

  test("go from the inside out", () => {
    const tree: Tree = { d: folder, "d/a": file(1), "d/e": folder, "d/e/b": file(2) }
    expect(show(plan(input({ base: tree, local: tree })))).toEqual([
      "delete d/e/b",
      "delete d/e",
      "delete d/a",
      "delete d",
    ])
    expect(show(plan(input({ base: tree, remote: tree })))).toEqual(["bury d/e/b", "bury d/e", "bury d/a", "bury d"])
  })

  test("stay where something new is in them", () => {
    const tree: Tree = { d: folder, "d/a": file(1) }
    expect(show(plan(input({ base: tree, local: { ...tree, "d/n": file(2) } })))).toEqual([
      "delete d/a",
      "upload d",
      "upload d/n 644",
    ])
    expect(show(plan(input({ base: tree, remote: { ...tree, "d/n": file(2) } })))).toEqual([
      "write d",
      "write d/n 644",
      "bury d/a",
    ])
  })

  test("stay quietly where a conflict, something ignored or something held is in them", () => {
    const tree: Tree = { d: folder, "d/a": file(1) }
    expect(show(plan(input({ base: tree, local: { d: folder, "d/a": file(2) } })))).toEqual([
      "conflict d/a edit-delete",
    ])
    expect(show(plan(input({ base: tree, local: tree }, { occupied: new Set(["d"]) })))).toEqual(["delete d/a"])
    const held = new Map<string, HoldReason>([["d/fifo", "not-a-file"]])
    expect(show(plan(input({ base: tree, local: tree }, { held })))).toEqual(["delete d/a", "held d/fifo not-a-file"])
  })

  test("that the vault does not list are there if something in them is", () => {
    const remote: Tree = { "d/e/f": file(1) }
    expect(show(plan(input({ remote })))).toEqual(["write d", "write d/e", "write d/e/f 644"])
    const local: Tree = { d: folder, "d/e": folder, "d/e/f": file(1) }
    expect(show(plan(input({ base: local, local, remote })))).toEqual([])
    expect(show(plan(input({ base: local, remote })))).toEqual(["agree d", "agree d/e", "bury d/e/f"])
  })

  test("renamed here, move nothing and bury the old; what changed there meanwhile is asked about", () => {
    const base: Tree = { d: folder, "d/a": file(1), "d/b": file(2) }
    const local: Tree = { n: folder, "n/a": file(1), "n/b": file(2) }
    expect(show(plan(input({ base, local, remote: base })))).toEqual([
      "upload n",
      "upload n/a 644 from d/a",
      "upload n/b 644 from d/b",
      "bury d/b",
      "bury d/a",
      "bury d",
    ])
    expect(show(plan(input({ base, local, remote: { ...base, "d/a": file(3) } })))).toEqual([
      "upload n",
      "upload n/a 644",
      "upload n/b 644 from d/b",
      "bury d/b",
      "conflict d/a delete-edit",
    ])
  })

  test("renamed there, are copied from what is here before it goes", () => {
    const base: Tree = { d: folder, "d/a": file(1) }
    expect(show(plan(input({ base, local: base, remote: { n: folder, "n/a": file(1) } })))).toEqual([
      "write n",
      "write n/a 644 from d/a",
      "delete d/a",
      "delete d",
    ])
  })
})

describe("a file in the place of a folder, or the other way round", () => {
  const base: Tree = { p: folder, "p/a": file(1) }

  test("comes when the folder is emptied", () => {
    expect(show(plan(input({ base, local: base, remote: { p: file(2) } })))).toEqual([
      "delete p/a",
      "delete p",
      "write p 644",
    ])
    expect(show(plan(input({ base, local: { p: file(2) }, remote: base })))).toEqual(["upload p 644", "bury p/a"])
    const flat: Tree = { p: file(2) }
    expect(show(plan(input({ base: flat, local: flat, remote: base })))).toEqual([
      "delete p",
      "write p",
      "write p/a 644",
    ])
  })

  test("is one conflict when something in the folder was changed", () => {
    const changed: Tree = { p: folder, "p/a": file(3), "p/n": file(4) }
    expect(show(plan(input({ base, local: changed, remote: { p: file(2) } })))).toEqual([
      "conflict p type-type",
      "held p/a blocked-folder",
      "held p/n blocked-folder",
    ])
    expect(show(plan(input({ base, local: { p: file(2) }, remote: changed })))).toEqual([
      "conflict p type-type",
      "held p/a blocked-folder",
      "held p/n blocked-folder",
    ])
  })

  test("waits when something ignored is in the folder", () => {
    const occupied = new Set(["p"])
    expect(show(plan(input({ base, local: base, remote: { p: file(2) } }, { occupied })))).toEqual([
      "held p blocked-folder",
      "held p/a blocked-folder",
    ])
    const excluded = (path: string): boolean => path === "p/x"
    const remote: Tree = { ...base, "p/x": file(5) }
    expect(show(plan(input({ base, local: { p: file(2) }, remote }, { excluded })))).toEqual([
      "held p blocked-folder",
      "held p/a blocked-folder",
    ])
  })

  test("needs no question when the other side only deleted", () => {
    expect(show(plan(input({ base, local: { p: file(2) } })))).toEqual(["agree p/a", "upload p 644"])
    expect(show(plan(input({ base, remote: { p: file(2) } })))).toEqual(["agree p/a", "write p 644"])
  })

  test("is no conflict with a deletion of what it replaced", () => {
    const flat: Tree = { p: file(2) }
    expect(show(plan(input({ base: flat, local: base })))).toEqual(["upload p", "upload p/a 644"])
    expect(show(plan(input({ base: flat, remote: base })))).toEqual(["write p", "write p/a 644"])
  })

  test("is a conflict when both made one", () => {
    expect(show(plan(input({ local: base, remote: { p: file(2) } })))).toEqual([
      "conflict p type-type",
      "held p/a blocked-folder",
    ])
  })
})

describe("what is left alone", () => {
  test("is what is ignored, with all that is in it, and keeps its base", () => {
    const base: Tree = { i: folder, "i/a": file(1), k: file(2) }
    const asked: string[] = []
    const excluded = (path: string): boolean => {
      asked.push(path)
      return path === "i/"
    }
    const made = plan(input({ base, remote: { i: folder, "i/a": file(3), "i/n": file(4), k: file(2) } }, { excluded }))
    expect(show(made)).toEqual(["bury k"])
    expect(made.dormant).toEqual(["i", "i/a"])
    expect(asked).toEqual(["i/", "k"])
    expect(baseAfter(new Map(Object.entries(base)), made, new Set()).has("i/a")).toBe(true)
  })

  test("and when it is ignored no more, its absence here deletes nothing", () => {
    const base: Tree = { i: folder, "i/a": file(1) }
    const dormant = new Set(["i", "i/a"])
    expect(show(plan(input({ base, remote: base }, { dormant })))).toEqual(["write i", "write i/a 644"])
    expect(show(plan(input({ base, local: base }, { dormant })))).toEqual(["delete i/a", "delete i"])
  })

  test("is what is held, with all that is in it; told of is what would have come", () => {
    const base: Tree = { h: folder, "h/a": file(1), "h/b": file(2), "h/c": file(3) }
    const held = new Map<string, HoldReason>([["h", "unreadable"]])
    const remote: Tree = { h: folder, "h/a": file(3), "h/b": file(2), "h/d": file(4) }
    const told = ["held h unreadable", "held h/a blocked-folder", "held h/c blocked-folder", "held h/d blocked-folder"]
    expect(show(plan(input({ base, remote }, { held })))).toEqual(told)
    const all = new Map<string, HoldReason>([["", "unreadable"]])
    expect(show(plan(input({ base, remote }, { held: all })))).toEqual(told.slice(1))
  })

  test("is a hostile path of the vault, and what contradicts itself there", () => {
    const remote: Tree = {
      "../x": file(1),
      ".GIT": folder,
      ".GIT/hooks": file(2),
      ok: file(3),
      p: file(4),
      "p/q": file(5),
    }
    expect(show(plan(input({ remote })))).toEqual([
      "write ok 644",
      "held .. hostile-path",
      "held ../x blocked-folder",
      "held .GIT hostile-path",
      "held .GIT/hooks blocked-folder",
      "held p hostile-path",
      "held p/q blocked-folder",
    ])
  })

  test("is a name that this platform cannot hold; its absence deletes nothing", () => {
    const base: Tree = { "a?": file(1) }
    const windows = { platform: { ...platform, windowsNames: true } }
    expect(show(plan(input({ base, remote: base }, windows)))).toEqual(["held a? name-not-allowed"])
    expect(show(plan(input({ remote: { ...base, b: file(2) } }, windows)))).toEqual([
      "write b 644",
      "held a? name-not-allowed",
    ])
  })

  test("is a link where there are none, or one that leads out", () => {
    const remote: Tree = { in: link("x"), out: link("../x") }
    expect(show(plan(input({ base: remote, remote }, { platform: { ...platform, links: false } })))).toEqual([
      "held in no-links",
      "held out no-links",
    ])
    expect(show(plan(input({ remote }, { platform })))).toEqual(["write in 777", "held out outward-link"])
    expect(show(plan(input({ remote }, { platform: { ...platform, mayLeadOut: () => true } })))).toEqual([
      "write in 777",
      "write out 777",
    ])
    expect(show(plan(input({ base: remote, local: remote, remote }, { platform })))).toEqual([])
  })
})

describe("on a disk that folds case", () => {
  const folding = { platform: { ...platform, caseInsensitive: true } }

  test("the second name is held, the one that is here is kept", () => {
    const here: Tree = { readme: file(1) }
    expect(show(plan(input({ base: here, local: here, remote: { ...here, README: file(2) } }, folding)))).toEqual([
      "held README case-collision",
    ])
    expect(show(plan(input({ remote: { readme: file(1), README: file(2) } }, folding)))).toEqual([
      "write README 644",
      "held readme case-collision",
    ])
  })

  test("a change of case deletes before it writes, folders too", () => {
    const base: Tree = { src: folder, "src/a": file(1), "src/b": file(2) }
    const remote: Tree = { Src: folder, "Src/a": file(1) }
    expect(show(plan(input({ base, local: base, remote }, folding)))).toEqual([
      "delete src/b",
      "delete src/a",
      "delete src",
      "write Src",
      "write Src/a 644 from src/a",
    ])
  })

  test("a folder that must stay holds the one that would take its place", () => {
    const base: Tree = { src: folder, "src/a": file(1) }
    const local: Tree = { src: folder, "src/a": file(9) }
    const made = plan(input({ base, local, remote: { Src: folder, "Src/a": file(1) } }, folding))
    expect(show(made)).toEqual(["conflict src/a edit-delete", "held Src case-collision", "held Src/a blocked-folder"])
  })
})

describe("a plan", () => {
  test("teaches the base only what was done", () => {
    const sides = input({
      base: { a: file(1), b: file(2), c: file(3) },
      local: { a: file(4), b: file(2), n: file(5) },
      remote: { a: file(1), b: file(6), c: file(3) },
    })
    const made = plan(sides)
    expect(Object.fromEntries(baseAfter(sides.base, made, new Set(["b"])))).toEqual({
      a: file(4),
      b: file(2),
      n: file(5),
    })
    expect(Object.fromEntries(baseAfter(sides.base, made, new Set()))).toEqual({ a: file(4), b: file(6), n: file(5) })
  })

  test("for a hundred thousand paths is made well within the time of a test", () => {
    const nodes = new Map<string, TreeNode>()
    for (let i = 0; i < 100_000; i++) nodes.set(`d${i % 500}/e${i % 7}/f${i}`, file(i))
    const remote = new Map<string, IndexEntry>([...nodes].map(([path, node]) => [path, entry(path, node)]))
    const made = plan({
      ...input({}),
      base: nodes,
      local: nodes,
      remote,
      platform: { ...platform, caseInsensitive: true },
    })
    expect(made.operations.filter(({ kind }) => kind !== "agree")).toEqual([])
  })
})
