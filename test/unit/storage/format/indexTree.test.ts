import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { fromHex } from "../../../../crypto/bytes.ts"
import { decodeShard } from "../../../../storage/format/index/indexShard.ts"
import { pathsBelowFiles, requireTree } from "../../../../storage/format/index/indexTree.ts"
import vectors from "../../../vectors/index-shard-v1.json" with { type: "json" }

const entriesOf = (types: Readonly<Record<string, "file" | "link" | "folder">>) =>
  new Map(Object.entries(types).map(([path, type]) => [path, { path, type }]))

describe("the entries of an index", () => {
  test("may lie in folders, whether these are listed or not", () => {
    const entries = entriesOf({ a: "folder", "a/b": "file", "c/d/e": "link", "c.": "file", cc: "file" })
    expect(pathsBelowFiles(entries)).toEqual([])
    requireTree(entries)
  })

  test("must not lie below a file or a link, however far", () => {
    const entries = entriesOf({ "a/b/c": "file", a: "file", "a/b": "folder", l: "link", "l/x": "folder", z: "file" })
    expect(pathsBelowFiles(entries)).toEqual(["a/b/c", "a/b", "l/x"])
    expect(() => requireTree(entries)).toThrow(expect.objectContaining({ reason: "path below a file or link" }))
  })

  test("are judged as by looking at every folder above each", () => {
    const path = fc
      .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 5 })
      .map((names) => names.join("/"))
    const type = fc.constantFrom("file", "link", "folder", "folder", "folder")
    fc.assert(
      fc.property(fc.dictionary(path, type), (types) => {
        const isBelow = (each: string): boolean =>
          Object.keys(types).some((other) => each.startsWith(`${other}/`) && types[other] !== "folder")
        const entries = entriesOf(types as Parameters<typeof entriesOf>[0])
        expect(pathsBelowFiles(entries)).toEqual([...entries.keys()].filter(isBelow))
      }),
    )
  })
})

test.each(vectors.trees.map((vector) => [vector.name, vector] as const))(
  "vector: %s",
  (_, { payloadsHex, expect: wrong }) => {
    const entries = payloadsHex.flatMap((hex) => decodeShard(fromHex(hex)).entries)
    const check = (): void => requireTree(new Map(entries.map((entry) => [entry.path, entry])))
    if (wrong === undefined) check()
    else expect(check).toThrow(expect.objectContaining(wrong))
  },
)
