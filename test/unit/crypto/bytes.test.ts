import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  concatBytes,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  toBase32,
  toBase64,
  toHex,
  utf8,
} from "../../../crypto/bytes.ts"

const anyBytes = fc.uint8Array({ maxLength: 300 })

describe("hexadecimal", () => {
  it("comes back as it went", () => {
    fc.assert(fc.property(anyBytes, (bytes) => void expect(fromHex(toHex(bytes))).toEqual(bytes)))
  })
  it.each(["0", "0G", "AB", "0x00", " 00", "00 ", "é0"])("refuses %j", (text) => {
    expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: "BYTES_MALFORMED" }))
  })
})

describe("base64", () => {
  it("comes back as it went, beyond what one call of String.fromCharCode takes", () => {
    fc.assert(fc.property(anyBytes, (bytes) => void expect(fromBase64(toBase64(bytes))).toEqual(bytes)))
    const long = new Uint8Array(200_000).map((_, i) => i * 7)
    expect(equalBytes(fromBase64(toBase64(long)), long)).toBe(true)
  })
  it("has one form for each byte string", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9+/=_ -]{0,12}$/), (text) => {
        let bytes: Uint8Array
        try {
          bytes = fromBase64(text)
        } catch (error) {
          expect(error).toMatchObject({ code: "BYTES_MALFORMED" })
          return
        }
        expect(toBase64(bytes)).toBe(text)
      }),
      { numRuns: 1000 },
    )
  })
  it.each(["QQ", "QQ=", "QR==", "Q Q==", "QQ==\n", "QUI", "_-==", "QQ==QQ=="])("refuses %j", (text) => {
    expect(() => fromBase64(text)).toThrow(expect.objectContaining({ code: "BYTES_MALFORMED" }))
  })
})

describe("base32", () => {
  /* RFC 4648 section 10, lower case, without padding */
  it.each([
    ["", ""],
    ["f", "my"],
    ["fo", "mzxq"],
    ["foo", "mzxw6"],
    ["foob", "mzxw6yq"],
    ["fooba", "mzxw6ytb"],
    ["foobar", "mzxw6ytboi"],
  ])("spells %j as %j", (text, spelt) => {
    expect(toBase32(utf8(text))).toBe(spelt)
  })
  it("takes the first bits only, where told", () => {
    expect(toBase32(new Uint8Array(32).fill(0xff), 130)).toBe("7".repeat(26))
  })
})

describe("UTF-8", () => {
  it("comes back as it went, a byte order mark kept", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => fromUtf8(utf8(text)) === text))
    expect(fromUtf8(utf8("\ufeffx"))).toBe("\ufeffx")
  })
  it.each(["80", "c080", "eda080", "f4908080", "c3"])("refuses %s", (hex) => {
    expect(() => fromUtf8(fromHex(hex))).toThrow(TypeError)
  })
})

describe("joining and comparing", () => {
  it("joins in order, into memory of its own", () => {
    fc.assert(
      fc.property(fc.array(anyBytes, { maxLength: 4 }), (parts) => {
        expect([...concatBytes(...parts)]).toEqual(parts.flatMap((part) => [...part]))
      }),
    )
    const part = Uint8Array.of(1)
    const joined = concatBytes(part)
    part[0] = 2
    expect(joined[0]).toBe(1)
  })
  it("tells equal from different", () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (a, b) => {
        expect(equalBytes(a, Uint8Array.from(a))).toBe(true)
        expect(equalBytes(a, b)).toBe(toHex(a) === toHex(b))
      }),
    )
  })
})
