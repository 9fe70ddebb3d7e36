import { describe, expect, it } from "vitest"
import { type DiffView, diffLines } from "../../../../cli/output/diffView.ts"
import type { Style } from "../../../../cli/output/style.ts"
import { widthOf } from "../../../../cli/output/table.ts"

const plain = (text: string) => text
const style: Style = { bold: plain, dim: plain, good: plain, warn: plain, bad: plain, accent: plain }
const both = (local: string, remote: string, on: DiffView) => diffLines(local, remote, on) ?? []
const view = (columns: number) => ({ columns, style, local: "local", remote: "remote, by laptop" })

describe("diffLines", () => {
  it("shows changed lines with what is around them", () => {
    expect(diffLines("a\nb\nc\n", "a\nB\nc\n", view(80))).toEqual([
      "--- local",
      "+++ remote, by laptop",
      "@@ -1,3 +1,3 @@",
      " a",
      "-b",
      "+B",
      " c",
    ])
  })

  it("is empty for equal texts", () => {
    expect(diffLines("a\n", "a\n", view(80))).toEqual([])
  })

  it("gives up on texts that have nothing in common, at once", () => {
    const many = (letter: string) => Array.from({ length: 20_000 }, (_, i) => `${letter}${i}\n`).join("")
    expect(diffLines(many("a"), many("b"), view(80))).toBeNull()
  })

  it("shows what would command the terminal, line endings included", () => {
    expect(diffLines("a\n", "\u001b[2Ja\r\n", view(80))).toContain("+\\e[2Ja\\r")
  })

  it("stands side by side in a wide terminal, wrapped and aligned", () => {
    const lines = both(`same\n${"x".repeat(70)}\n`, "same\n日本\nmore\n", view(121))
    expect(lines.slice(2)).toEqual([
      `same${" ".repeat(55)} │ same`,
      `${"x".repeat(59)} │ 日本`,
      `${"x".repeat(11)}${" ".repeat(48)} │`,
      `${" ".repeat(59)} │ more`,
    ])
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(121)
  })
})
