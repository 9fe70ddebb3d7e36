import { describe, expect, it } from "vitest"
import { parseKeep } from "../../../cli/commands/compact.ts"

const HOUR_MS = 60 * 60 * 1000

describe("what to keep", () => {
  it.each([
    ["12h", { ms: 12 * HOUR_MS }],
    ["30d", { ms: 30 * 24 * HOUR_MS }],
    ["8w", { ms: 8 * 7 * 24 * HOUR_MS }],
    ["1y", { ms: 365 * 24 * HOUR_MS }],
    ["1", { versions: 1 }],
    ["250", { versions: 250 }],
  ])("%s", (text, kept) => {
    expect(parseKeep(text)).toEqual(kept)
  })

  it.each(["", "0", "0d", "-1", "1.5d", "30 d", "30days", "d", "5m", "12345678"])("is not %j", (text) => {
    expect(() => parseKeep(text)).toThrow("It takes a time")
  })
})
