import { describe, expect, it } from "vitest"
import { cut, table, widthOf } from "../../../../cli/output/table.ts"

describe("table", () => {
  it("aligns by what a terminal shows, not by characters", () => {
    const lines = table([
      ["日本", "x"],
      ["e\u0301", "x"],
      ["\u001b[31mred\u001b[39m", "x"],
    ])
    expect(lines.map((line) => widthOf(line))).toEqual([9, 9, 9].map(() => 2 + 4 + 2 + 1))
  })

  it("aligns numbers to the right and leaves no blanks at the end", () => {
    expect(
      table(
        [
          ["a", "1"],
          ["b", "100", "note"],
          ["c", ""],
        ],
        [{}, { align: "right" }],
        "",
      ),
    ).toEqual(["a    1", "b  100  note", "c"])
  })
})

describe("cut", () => {
  it("never cuts a wide character in two, and always gets on", () => {
    expect(cut("日本語", 5)).toEqual({ text: "日本", rest: "語" })
    expect(cut("日本", 1)).toEqual({ text: "日", rest: "本" })
    expect(cut("abc", 5)).toEqual({ text: "abc", rest: "" })
  })
})
