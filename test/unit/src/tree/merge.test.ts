import { describe, expect, test } from "vitest"
import { fromUtf8, utf8 } from "../../../../crypto/bytes.ts"
import { isText, MAX_CHANGED_LINES, MAX_MERGE_BYTES, mergeText } from "../../../../src/tree/plan/merge.ts"

function merge(base: string, mine: string, theirs: string): string | null {
  const merged = mergeText(utf8(base), utf8(mine), utf8(theirs))
  return merged === null ? null : fromUtf8(merged)
}

describe("a merge", () => {
  test.each([
    ["lines far apart", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"],
    ["added at both ends", "m\n", "a\nm\n", "m\nz\n", "a\nm\nz\n"],
    ["deleted and edited", "a\nb\nc\nd\n", "b\nc\nd\n", "a\nb\nc\nD\n", "b\nc\nD\n"],
    ["the same change on both", "a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\nd\n", "a\nX\nc\nd\n"],
    ["CRLF", "a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC\r\n", "A\r\nb\r\nC\r\n"],
    ["mixed line ends", "a\r\nb\nc\r\nd\n", "a\r\nb\nc\r\nD\n", "A\nb\nc\r\nd\n", "A\nb\nc\r\nD\n"],
    ["no last line end", "a\nb\nc", "A\nb\nc", "a\nb\nC", "A\nb\nC"],
    ["the last line end added", "a\nb\nc", "A\nb\nc", "a\nb\nc\n", "A\nb\nc\n"],
    ["a byte order mark", "\ufeffa\nb\nc\n", "\ufeffA\nb\nc\n", "\ufeffa\nb\nC\n", "\ufeffA\nb\nC\n"],
    [
      "names of the language",
      "constructor\nm\n__proto__\n",
      "constructor\nm\ntoString\n",
      "valueOf\nm\n__proto__\n",
      "valueOf\nm\ntoString\n",
    ],
    ["CR alone is no line end", "a\rb\nm\nc\n", "a\rB\nm\nc\n", "a\rb\nm\nC\n", "a\rB\nm\nC\n"],
  ])("of %s", (_, base, mine, theirs, expected) => {
    expect(merge(base, mine, theirs)).toBe(expected)
    expect(merge(base, theirs, mine)).toBe(expected)
  })

  test.each([
    ["the same line", "a\nb\nc\n", "a\nX\nc\n", "a\nY\nc\n"],
    ["adjoining lines", "a\nb\n", "A\nb\n", "a\nB\n"],
    ["other lines added at one place", "a\nb\n", "a\nx\nb\n", "a\ny\nb\n"],
    ["a line deleted and edited", "a\nb\nc\n", "a\nc\n", "a\nB\nc\n"],
    ["two files without a common past", "", "a\n", "b\n"],
    ["everything deleted and one line edited", "a\nb\nc\n", "", "a\nB\nc\n"],
    ["only line ends", "a\nb\nc\n", "a\r\nb\r\nc\r\n", "a\nb\nC\n"],
  ])("of %s is for a person", (_, base, mine, theirs) => {
    expect(merge(base, mine, theirs)).toBeNull()
    expect(merge(base, theirs, mine)).toBeNull()
  })

  test("is never made of what is not text", () => {
    const text = utf8("a\nm\nb\n")
    for (const bytes of [Uint8Array.of(0x61, 0, 10), Uint8Array.of(0xff, 10), Uint8Array.of(0xed, 0xa0, 0x80)]) {
      expect(isText(bytes)).toBe(false)
      expect(mergeText(bytes, text, utf8("A\nm\nb\n"))).toBeNull()
      expect(mergeText(text, bytes, utf8("A\nm\nb\n"))).toBeNull()
      expect(mergeText(text, utf8("A\nm\nb\n"), bytes)).toBeNull()
      expect(mergeText(text, bytes, text)).toEqual(bytes)
    }
    expect(isText(text)).toBe(true)
  })

  test("is never made of too much", () => {
    const line = "0123456789abcde\n"
    const long = line.repeat(MAX_MERGE_BYTES / line.length)
    expect(merge(long, `${long}x`, `x${long}`)).toBeNull()
    const many = Array.from({ length: MAX_CHANGED_LINES + 1 }, (_, i) => `${i}\n`).join("")
    expect(merge("m\n", `${many}m\n`, "m\nz\n")).toBeNull()
  })

  test("of long texts that repeat themselves is made well within the time of a test", () => {
    const base = Array.from({ length: 50_000 }, (_, i) => (i % 3 === 0 ? "\n" : `line ${i % 100}\n`))
    const mine = base.with(10, "mine\n").join("")
    const theirs = base.with(49_000, "theirs\n").join("")
    expect(merge(base.join(""), mine, theirs)).toBe(base.with(10, "mine\n").with(49_000, "theirs\n").join(""))
  })
})
