import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { printable, printableLine } from "../../../src/printable.ts"

describe("printable", () => {
  it.each([
    ".env",
    "src/日本語.ts",
    "naïve café",
    "e\u0301",
    "👨‍👩‍👧.png",
    "❤️",
    "👍🏽",
    "می‌خواهم",
    "a b",
    'say "hi"',
    "back\\slash",
  ])("leaves %j as it is", (name) => {
    expect(printable(name)).toBe(name)
  })

  it.each([
    ["a\nb", '"a\\nb"'],
    ["\u001b[2J", '"\\e[2J"'],
    ["a\u202egpj.exe", '"a\\u{202e}gpj.exe"'],
    ["a\u200bb", '"a\\u{200b}b"'],
    ["\u200dx", '"\\u{200d}x"'],
    ["a\u2028b", '"a\\u{2028}b"'],
    ["\u009b31m", '"\\u{9b}31m"'],
    ["\ud800", '"\\u{d800}"'],
    ["\u3164", '"\\u{3164}"'],
    ["\u{e0041}", '"\\u{e0041}"'],
    ['q"\t', '"q\\"\\t"'],
  ])("shows %j as %s", (name, shown) => {
    expect(printable(name)).toBe(shown)
  })

  it("lets no control, surrogate or direction character through", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        expect(printable(name)).not.toMatch(/[\p{Cc}\p{Cs}\p{Bidi_Control}]/u)
      }),
    )
  })
})

it("keeps tabs in a line of text, and nothing else that commands a terminal", () => {
  expect(printableLine('a\tb "c" \u001b[31m\r')).toBe('a\tb "c" \\e[31m\\r')
})
