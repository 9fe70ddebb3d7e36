import { describe, expect, it } from "vitest"
import { count, formatAge, formatBytes, formatTime } from "../../../../cli/output/units.ts"

describe("formatBytes", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [10_189, "10 KiB"],
    [1_048_064, "1.0 MiB"],
    [1.5 * 1024 ** 3, "1.5 GiB"],
    [5000 * 1024 ** 4, "5000 TiB"],
  ])("%d is %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe("formatAge", () => {
  const minute = 60_000
  it.each([
    [0, "just now"],
    [-5 * minute, "just now"],
    [minute, "1 minute ago"],
    [119 * minute, "1 hour ago"],
    [50 * 60 * minute, "2 days ago"],
    [800 * 24 * 60 * minute, "2 years ago"],
  ])("%d ms is %s", (age, text) => {
    expect(formatAge(1e12 - age, 1e12)).toBe(text)
  })
})

it("counts one and many", () => {
  expect([count(0, "file"), count(1, "file"), count(2, "entry", "entries")]).toEqual(["0 files", "1 file", "2 entries"])
})

it("does not fail on a time that no calendar has", () => {
  expect(formatTime(Number.MAX_SAFE_INTEGER)).toBe("unknown")
})
