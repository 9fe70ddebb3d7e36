import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { hasMarkers, withMarkers } from "../../../../cli/prompts/markers.ts"
import { utf8 } from "../../../../crypto/bytes.ts"

const text = (...lines: string[]) => `${lines.join("\n")}\n`

describe("withMarkers", () => {
  it("marks only what differs, also without a common ancestor", () => {
    expect(withMarkers(text("a", "here", "z"), null, text("a", "there", "z"), "laptop")).toBe(
      text("a", "<<<<<<< local", "here", "=======", "there", ">>>>>>> remote, by laptop", "z"),
    )
  })

  it("takes texts of more lines than a call takes arguments", () => {
    const many = "x\n".repeat(300_000)
    expect(withMarkers(`${many}here\n`, many, `there\n${many}`, "l")).toBe(`there\n${many}here\n`)
    expect(withMarkers(many, null, "", "l").length).toBeGreaterThan(many.length)
  })

  it("takes over what only one side changed", () => {
    const base = text("1", "2", "3", "4", "5", "6", "7")
    const merged = withMarkers(text("ONE", "2", "3", "x", "5", "6", "7"), base, text("1", "2", "3", "y", "5", "6"), "l")
    expect(merged).toBe(text("ONE", "2", "3", "<<<<<<< local", "x", "=======", "y", ">>>>>>> remote, by l", "5", "6"))
  })

  it("marks a deletion against a change", () => {
    expect(withMarkers(text("a", "c"), text("a", "b", "c"), text("a", "B", "c"), "l")).toBe(
      text("a", "<<<<<<< local", "=======", "B", ">>>>>>> remote, by l", "c"),
    )
  })

  it("marks all of two texts that have nothing in common, at once", () => {
    const many = (letter: string) => Array.from({ length: 20_000 }, (_, i) => `${letter}${i}`)
    const merged = withMarkers(text(...many("a")), null, text(...many("b")), "l").split("\n")
    expect([merged.indexOf("<<<<<<< local"), merged.indexOf("=======")]).toEqual([0, 20_002])
  })

  const lines = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 }).map((all) => all.join("\n"))

  it("gives a side that the other did not change, and what both made alike", () => {
    fc.assert(
      fc.property(lines, lines, (base, side) => {
        expect(withMarkers(side, base, base, "l")).toBe(side)
        expect(withMarkers(base, base, side, "l")).toBe(side)
        expect(withMarkers(side, base, side, "l")).toBe(side)
        expect(withMarkers(side, null, side, "l")).toBe(side)
      }),
    )
  })

  it("holds all of both sides without a base: taking one side of each mark gives that side", () => {
    fc.assert(
      fc.property(lines, lines, (local, remote) => {
        const merged = withMarkers(local, null, remote, "l")
        expect(pick(merged, "local")).toBe(local)
        expect(pick(merged, "remote")).toBe(remote)
      }),
    )
  })
})

/** What is left when one side of every mark is taken. */
function pick(merged: string, side: "local" | "remote"): string {
  const out: string[] = []
  let within: "local" | "remote" | null = null
  for (const line of merged.split("\n")) {
    if (line.startsWith("<<<<<<< ")) within = "local"
    else if (line === "=======") within = "remote"
    else if (line.startsWith(">>>>>>> ")) within = null
    else if (within === null || within === side) out.push(line)
  }
  return out.join("\n")
}

it("sees markers only at the start of a line", () => {
  expect(hasMarkers(utf8("a\n<<<<<<< local\n"))).toBe(true)
  expect(hasMarkers(utf8("a\n>>>>>>>"))).toBe(true)
  expect(hasMarkers(utf8("a <<<<<<< b\n<<<<<<<<\n========\n"))).toBe(false)
  expect(hasMarkers(Uint8Array.of(0xff))).toBe(false)
})
