import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { fromUtf8, utf8 } from "../../crypto/bytes.ts"
import { mergeText } from "../../src/tree/plan/merge.ts"

const line = fc
  .tuple(fc.constantFrom("a", "b", "c", "", "é", "}"), fc.constantFrom("\n", "\n", "\n", "\r\n"))
  .map((parts) => parts.join(""))
const text = fc
  .tuple(fc.array(line, { maxLength: 12, size: "max" }), fc.constantFrom("", "", "end"))
  .map(([lines, end]) => lines.join("") + end)

/** A text made from another by a few edits, each with a line that is nowhere else. */
interface Edit {
  readonly at: number
  readonly remove: number
  readonly add: boolean
}
const edits = fc.array(fc.record({ at: fc.nat(20), remove: fc.nat(2), add: fc.boolean() }), { maxLength: 3 })

function edit(
  base: string,
  changes: readonly Edit[],
  mark: string,
): { readonly text: string; readonly added: readonly string[] } {
  const lines = linesOf(base)
  const added: string[] = []
  changes.forEach(({ at, remove, add }, i) => {
    const mine = add ? [`${mark}${i}\n`] : []
    added.push(...mine)
    // Never after a last line without an end: that would be an edit of this line.
    const places = lines.length + (lines.at(-1)?.endsWith("\n") === false ? 0 : 1)
    lines.splice(at % places, remove, ...mine)
  })
  return { text: lines.join(""), added: added.filter((each) => lines.includes(each)) }
}

function linesOf(of: string): string[] {
  return [...(of.match(/[^\n]*\n|[^\n]+/g) ?? [])]
}

function merge(base: string, mine: string, theirs: string): string | null {
  const merged = mergeText(utf8(base), utf8(mine), utf8(theirs))
  return merged === null ? null : fromUtf8(merged)
}

describe("a merge of text", () => {
  test("in which one side did nothing is the other side", () => {
    fc.assert(
      fc.property(text, text, (base, other) => {
        expect(merge(base, base, other)).toBe(other)
        expect(merge(base, other, base)).toBe(other)
        expect(merge(base, other, other)).toBe(other)
      }),
    )
  })

  test("is the same from either side", () => {
    fc.assert(
      fc.property(text, text, text, (base, mine, theirs) => {
        expect(merge(base, mine, theirs)).toBe(merge(base, theirs, mine))
      }),
      { numRuns: 500 },
    )
  })

  test("keeps each line that one side added, and each that both left alone", () => {
    let clean = 0
    fc.assert(
      fc.property(text, edits, edits, (base, first, second) => {
        const mine = edit(base, first, "mine")
        const theirs = edit(base, second, "theirs")
        const merged = merge(base, mine.text, theirs.text)
        if (merged === null) return
        clean++
        const times = (lines: readonly string[], line: string): number => lines.filter((each) => each === line).length
        for (const each of [...mine.added, ...theirs.added]) expect(times(linesOf(merged), each)).toBe(1)
        for (const each of new Set(linesOf(base))) {
          const [before, here, there] = [base, mine.text, theirs.text].map((of) => times(linesOf(of), each))
          if (before === here && before === there) expect(times(linesOf(merged), each)).toBe(before)
        }
      }),
      { numRuns: 2000 },
    )
    expect(clean).toBeGreaterThan(200)
  })
})
