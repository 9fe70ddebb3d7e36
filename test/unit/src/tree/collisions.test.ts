import { describe, expect, test } from "vitest"
import { collisionKey, findCollisions } from "../../../../src/tree/plan/collisions.ts"

const mac = { caseInsensitive: true, normalizes: true }
const nobody = (): boolean => false

function held(paths: readonly string[], folding = mac, isHere: (path: string) => boolean = nobody): unknown {
  return Object.fromEntries(
    [...findCollisions(paths, folding, isHere)].map(([path, { reason, kept }]) => [path, [kept, reason]]),
  )
}

describe("names that one disk takes for one", () => {
  test.each([
    ["README", "readme"],
    ["É", "é"],
    ["cafe\u0301", "caf\u00e9"],
    ["CAFE\u0301", "caf\u00e9"],
    ["ΣΑΣ", "σας"],
    ["straße", "STRASSE"],
    ["\u212a", "k"],
    ["ǅ", "ǆ"],
    ["ﬁ", "FI"],
  ])("%j and %j", (a, b) => {
    expect(collisionKey(a)).toBe(collisionKey(b))
    expect(findCollisions([a, b], mac, nobody).size).toBe(1)
  })

  test.each([
    ["a", "b"],
    ["a/b", "a_b"],
    ["é", "e"],
    ["a", "а"],
  ])("but not %j and %j", (a, b) => {
    expect(findCollisions([a, b], mac, nobody).size).toBe(0)
  })

  test("are only those that this disk folds", () => {
    expect(held(["a", "A", "é", "e\u0301"], { caseInsensitive: true, normalizes: false })).toEqual({
      a: ["A", "case-collision"],
    })
    expect(held(["a", "A", "é", "e\u0301"], { caseInsensitive: false, normalizes: true })).toEqual({
      é: ["e\u0301", "unicode-collision"],
    })
    expect(held(["a", "A", "é", "e\u0301"], { caseInsensitive: false, normalizes: false })).toEqual({})
  })
})

describe("of names that collide", () => {
  test("the one that is here is kept", () => {
    expect(held(["README", "ReadMe", "readme"], mac, (path) => path === "readme")).toEqual({
      README: ["readme", "case-collision"],
      ReadMe: ["readme", "case-collision"],
    })
  })

  test("else the one whose bytes sort first, whatever their order", () => {
    const expected = { ReadMe: ["README", "case-collision"], readme: ["README", "case-collision"] }
    expect(held(["readme", "ReadMe", "README"])).toEqual(expected)
    expect(held(["README", "readme", "ReadMe"])).toEqual(expected)
    // U+FF21 sorts before U+1D400 by bytes, after it by UTF-16 units; both fold to themselves here.
    expect(held(["x\u{10428}", "x\u{10400}"])).toEqual({ "x\u{10428}": ["x\u{10400}", "case-collision"] })
  })

  test("folders count, listed or not", () => {
    expect(held(["a/x", "A/y"])).toEqual({ a: ["A", "case-collision"] })
    expect(held(["a", "A", "a/x"])).toEqual({ a: ["A", "case-collision"] })
    expect(Object.keys(held(["a/B/x", "a/b/x"]) as object)).toEqual(expect.arrayContaining(["a/b"]))
  })

  test("a hundred thousand take no longer than they must", () => {
    const paths = Array.from({ length: 100_000 }, (_, i) => `folder${i % 500}/File${i}`)
    expect(findCollisions([...paths, "FOLDER1/file1"], mac, nobody).size).toBe(2)
  })
})
