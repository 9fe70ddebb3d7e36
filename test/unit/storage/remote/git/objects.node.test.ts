import { describe, expect, it } from "vitest"
import { concatBytes, fromHex, utf8 } from "../../../../../crypto/bytes.ts"
import {
  encodeCommit,
  encodeTree,
  objectId,
  parseCommit,
  parseTree,
  type TreeEntry,
} from "../../../../../storage/remote/git/objects.ts"
import { buildTrees, flattenTrees } from "../../../../../storage/remote/git/snapshots.ts"
import { nodeGitPrimitives as git } from "../../../../../storage/remote/node/gitPrimitives.ts"

const ID = "0123456789abcdef0123456789abcdef01234567"
const malformed = expect.objectContaining({ code: "STORE_MALFORMED" })

describe("trees", () => {
  it("are written in Git's order, where a folder's name ends in a slash", () => {
    const entry = (name: string, kind: TreeEntry["kind"]): TreeEntry => ({ name, kind, id: ID })
    const tree = encodeTree([entry("a.b", "blob"), entry("a", "tree"), entry("a-b", "blob"), entry("B", "blob")])
    expect(parseTree(tree).map((each) => each.name)).toEqual(["B", "a-b", "a.b", "a"])
  })

  it.each([
    ["an empty name", concatBytes(utf8("100644 \0"), fromHex(ID))],
    ["a dot", concatBytes(utf8("100644 .\0"), fromHex(ID))],
    ["a way up", concatBytes(utf8("40000 ..\0"), fromHex(ID))],
    ["a slash", concatBytes(utf8("100644 a/b\0"), fromHex(ID))],
    ["bad UTF-8", concatBytes(utf8("100644 "), Uint8Array.of(0xff, 0), fromHex(ID))],
    ["an id cut short", concatBytes(utf8("100644 a\0"), fromHex(ID).subarray(1))],
    ["no end of a name", utf8("100644 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")],
    ["a name twice", concatBytes(utf8("100644 a\0"), fromHex(ID), utf8("40000 a\0"), fromHex(ID))],
    ["no mode", concatBytes(utf8("a\0"), fromHex(ID))],
  ])("are refused with %s", (_, bytes) => {
    expect(() => parseTree(bytes)).toThrow(malformed)
  })
})

describe("commits", () => {
  it("say nothing but their tree, their parent and the time", () => {
    const text = new TextDecoder().decode(encodeCommit(ID, ID, 1_700_000_000_999))
    const who = "Sessyn <sessyn@localhost> 1700000000 +0000"
    expect(text).toBe(`tree ${ID}\nparent ${ID}\nauthor ${who}\ncommitter ${who}\n\nsessyn\n`)
    expect(parseCommit(utf8(text))).toEqual({ tree: ID, parents: [ID], timeMs: expect.any(Number) })
  })

  it.each(["", "tree abc\n", `tree ${ID}`, `Tree ${ID}\n`, `parent ${ID}\n`])("are refused (%#)", (text) => {
    expect(() => parseCommit(utf8(text))).toThrow(malformed)
  })
})

describe("snapshots", () => {
  it("become trees and snapshots again", () => {
    const snapshot = new Map([
      ["a", ID],
      ["packs/aa/1", ID],
      ["packs/ab/2", ID],
      ["trust/000001.json", ID],
    ])
    const { root, trees } = buildTrees(git, snapshot)
    const byId = new Map(trees.map((tree) => [tree.id, parseTree(tree.bytes)]))
    expect(trees.every((tree) => objectId(git, "tree", tree.bytes) === tree.id)).toBe(true)
    expect(flattenTrees(root, (id) => byId.get(id))).toEqual(snapshot)
  })

  it("are refused if they hold a path that no vault has", () => {
    for (const path of [
      "",
      "/",
      "a/",
      "/a",
      "a//b",
      ".",
      "..",
      "a/../b",
      ".git",
      "x/.GIT/y",
      "ä",
      "a b",
      "a\0",
      "a\n",
      ".base",
    ]) {
      expect(() => buildTrees(git, new Map([[path, ID]])), JSON.stringify(path)).toThrow(RangeError)
    }
    expect(() =>
      buildTrees(
        git,
        new Map([
          ["a", ID],
          ["a/b", ID],
        ]),
      ),
    ).toThrow(RangeError)
    expect(() =>
      buildTrees(
        git,
        new Map([
          ["a/b", ID],
          ["a", ID],
        ]),
      ),
    ).toThrow(RangeError)
    expect(() => buildTrees(git, new Map([[`${"a/".repeat(16)}b`, ID]]))).toThrow(RangeError)
  })

  it("are refused if a tree holds itself, or is not there", () => {
    const entries: TreeEntry[] = [{ name: "a", kind: "tree", id: ID }]
    expect(() => flattenTrees(ID, () => entries)).toThrow(malformed)
    const folder = (name: string) => ({ name, kind: "tree" as const, id: ID })
    expect(() => flattenTrees(ID, () => [folder("a"), folder("b")])).toThrow(malformed)
    const level = (id: string) => [folder("a"), folder("b")].map((each) => ({ ...each, id }))
    const folded = (id: string) =>
      id === "15" ? [] : [...level(String(Number(id) + 1)), ...level(String(Number(id) + 1))]
    expect(() => flattenTrees("0", folded)).toThrow(malformed)
    const names = Array.from({ length: 3000 }, (_, i) => `${i}`.padEnd(3000, "x"))
    const long = (id: string) =>
      names.map((name) => ({ name, kind: id === ID ? ("tree" as const) : ("blob" as const), id: "b" }))
    expect(() => flattenTrees(ID, long)).toThrow(malformed)
    expect(() => flattenTrees(ID, () => undefined)).toThrow(expect.objectContaining({ code: "STORE_OBJECT_MISSING" }))
  })

  it("keep a base file that is not ours", () => {
    const entries: TreeEntry[] = [{ name: ".base", kind: "blob", id: ID }]
    expect([...flattenTrees(ID, () => entries)]).toEqual([[".base", ID]])
  })
})
