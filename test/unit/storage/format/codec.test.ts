import { describe, expect, it } from "vitest"
import { fromUtf8, utf8 } from "../../../../crypto/bytes.ts"
import { decodeDocument, encodeDocument, MAX_JSON_DEPTH } from "../../../../storage/format/canonicalJson.ts"
import {
  array,
  bytes,
  formatVersion,
  type JsonCodec,
  nullable,
  object,
  oneOf,
  refined,
  text,
  uint,
  union,
} from "../../../../storage/format/codec.ts"

type Shape =
  | { readonly kind: "circle"; readonly radius: number }
  | { readonly kind: "square"; readonly side: number | null }

const shapeCodec: JsonCodec<Shape> = union<Shape, "kind">("kind", {
  circle: object({ kind: oneOf("circle"), radius: uint(1, 9) }),
  square: object({ kind: oneOf("square"), side: nullable(uint(0)) }),
})

const documentCodec = object({
  format: formatVersion,
  id: text(/^[a-z]{2}$/),
  key: bytes(1, 4),
  shapes: array(shapeCodec, 2),
})

const GOOD = '{"format":1,"id":"ab","key":"AQID","shapes":[{"kind":"circle","radius":3},{"kind":"square","side":null}]}'

const decode = (json: string) => decodeDocument(documentCodec, utf8(json), 1024)

function refused(json: string, code: string, reason: string) {
  expect(() => decode(json)).toThrow(expect.objectContaining({ code, reason }))
}

it("reads what it writes and writes what it reads", () => {
  const value = decode(GOOD)
  expect(value).toEqual({
    format: 1,
    id: "ab",
    key: Uint8Array.of(1, 2, 3),
    shapes: [
      { kind: "circle", radius: 3 },
      { kind: "square", side: null },
    ],
  })
  expect(fromUtf8(encodeDocument(documentCodec, value, 1024))).toBe(GOOD)
})

describe("one form only", () => {
  const others: readonly (readonly [string, string])[] = [
    ["white space", GOOD.replace(":1", ": 1")],
    ["a new line at the end", `${GOOD}\n`],
    ["another order of keys", GOOD.replace('"format":1,"id":"ab"', '"id":"ab","format":1')],
    ["a key twice", GOOD.replace('"id":"ab"', '"id":"ab","id":"ab"')],
    ["a number with a point", GOOD.replace(":3}", ":3.0}")],
    ["a number with an exponent", GOOD.replace(":3}", ":3e0}")],
    ["an escape that is not needed", GOOD.replace('"ab"', '"\\u0061b"')],
  ]
  for (const [what, json] of others) it(`refuses ${what}`, () => refused(json, "FORMAT_INVALID", "not canonical"))

  it("refuses a byte-order mark, and what is not JSON or not UTF-8", () => {
    refused(`\ufeff${GOOD}`, "FORMAT_INVALID", "not JSON in UTF-8")
    refused(GOOD.slice(0, -1), "FORMAT_INVALID", "not JSON in UTF-8")
    refused("", "FORMAT_INVALID", "not JSON in UTF-8")
    const broken = utf8(GOOD)
    broken[GOOD.indexOf("ab")] = 0xff
    expect(() => decodeDocument(documentCodec, broken, 1024)).toThrow("not JSON in UTF-8")
  })
})

describe("values", () => {
  const wrong: readonly (readonly [string, string, string, string])[] = [
    ["FORMAT_INVALID", "field missing", '"id":"ab",', ""],
    ["FORMAT_INVALID", "malformed text", '"ab"', '"abc"'],
    ["FORMAT_INVALID", "malformed text", '"ab"', "12"],
    ["FORMAT_INVALID", "integer out of range", ":3}", ":10}"],
    ["FORMAT_INVALID", "not an integer", ":3}", ":3.5}"],
    ["FORMAT_INVALID", "not an integer", ":3}", ":-0}"],
    ["FORMAT_INVALID", "not an integer", ":3}", ':"3"}'],
    ["FORMAT_INVALID", "integer out of range", '"side":null', '"side":281474976710656'],
    ["FORMAT_INVALID", "not an integer", '"side":null', '"side":9007199254740993'],
    ["FORMAT_INVALID", "not canonical base64", '"AQID"', '"AQI"'],
    ["FORMAT_INVALID", "not canonical base64", '"AQID"', '"AQJ="'],
    ["FORMAT_INVALID", "not canonical base64", '"AQID"', '"AQ-_"'],
    ["FORMAT_INVALID", "wrong number of bytes", '"AQID"', '""'],
    ["FORMAT_INVALID", "wrong number of bytes", '"AQID"', '"AQIDBAU="'],
    ["FORMAT_INVALID", "not base64 of that length", '"AQID"', '"AQIDBAUGBwgJ"'],
    ["FORMAT_INVALID", "not base64 of that length", '"AQID"', "null"],
    ["FORMAT_INVALID", "not an array", "[{", '{"0":[{'],
    ["FORMAT_INVALID", "not an object", '{"kind":"circle","radius":3}', "[]"],
    ["FORMAT_INVALID", "tag missing", '"kind":"circle",', ""],
    ["FORMAT_INVALID", "integer out of range", '"format":1', '"format":0'],
    ["FORMAT_LIMIT_EXCEEDED", "too many items", '"shapes":[', '"shapes":[{"kind":"circle","radius":3},'],
    ["FORMAT_NEWER", "unknown field", '"id":"ab"', '"hue":1,"id":"ab"'],
    ["FORMAT_NEWER", "unknown field", '"id":"ab"', '"__proto__":1,"id":"ab"'],
    ["FORMAT_NEWER", "unknown tag", '"circle"', '"sphere"'],
    ["FORMAT_NEWER", "unknown tag", '"circle"', '"toString"'],
    ["FORMAT_NEWER", "newer format", '"format":1', '"format":2'],
  ]
  for (const [code, reason, from, to] of wrong) {
    it(`refuses ${to || "nothing"} for ${from}: ${reason}`, () => {
      const changed = GOOD.replace(from, to)
      refused(from === "[{" ? `${changed.slice(0, -1)}}}` : changed, code, reason)
    })
  }

  it("says newer before anything else of a newer format", () =>
    refused('{"format":7,"what":"ever"}', "FORMAT_NEWER", "newer format"))

  it("tells an unknown name from a wrong type", () => {
    const codec = oneOf("a", "b")
    expect(() => codec.decode("c")).toThrow(expect.objectContaining({ code: "FORMAT_NEWER" }))
    expect(() => codec.decode(1)).toThrow(expect.objectContaining({ code: "FORMAT_INVALID" }))
  })

  it("checks a rule both ways", () => {
    const even = refined(uint(0), (n) => {
      if (n % 2 !== 0) throw new Error("odd")
    })
    expect(() => even.decode(3)).toThrow("odd")
    expect(() => even.encode(3)).toThrow("odd")
  })
})

describe("limits", () => {
  it("are checked before parsing", () => {
    const limit = { code: "FORMAT_LIMIT_EXCEEDED" }
    expect(() => decodeDocument(documentCodec, new Uint8Array(1025), 1024)).toThrow(expect.objectContaining(limit))
    const deep = "[".repeat(MAX_JSON_DEPTH + 1)
    expect(() => decode(deep)).toThrow(expect.objectContaining({ ...limit, reason: "nested too deep" }))
    refused("[".repeat(MAX_JSON_DEPTH), "FORMAT_INVALID", "not JSON in UTF-8")
  })

  it("count brackets outside strings only", () => {
    const codec = object({ a: text(/^["\\[]{1,40}$/) })
    const value = { a: `"\\${"[".repeat(30)}` }
    expect(decodeDocument(codec, encodeDocument(codec, value, 256), 256)).toEqual(value)
  })

  it("hold for what is written, too", () => {
    const value = { ...decode(GOOD), key: new Uint8Array(5) }
    expect(() => encodeDocument(documentCodec, value, 1024)).toThrow("wrong number of bytes")
    expect(() => encodeDocument(documentCodec, decode(GOOD), 20)).toThrow("document too large")
  })
})
