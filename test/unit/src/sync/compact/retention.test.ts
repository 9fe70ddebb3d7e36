import { describe, expect, it } from "vitest"
import type { Tombstone } from "../../../../../storage/format/index/entry.ts"
import { countWanted, keepTombstones, type VersionFacts } from "../../../../../src/sync/compact/retention.ts"

const DAY_MS = 24 * 60 * 60 * 1000
const NOW = 1000 * DAY_MS

/** Versions, newest first, by how many days ago they were made. */
function versions(...daysAgo: readonly number[]): readonly VersionFacts[] {
  return daysAgo.map((days, i) => ({
    commit: `${i}`,
    sequence: daysAgo.length - i,
    timeMs: NOW - days * DAY_MS,
  }))
}

function tombstones(...sequences: readonly number[]): ReadonlyMap<string, Tombstone> {
  const all = sequences.map((sequence, i) => ({ path: `${i}`, hash: new Uint8Array(32), sequence, writer: "w" }))
  return new Map(all.map((tombstone) => [tombstone.path, tombstone]))
}

describe("which versions stay", () => {
  it.each([
    ["those of the time, and the one in force when it began", versions(1, 10, 29, 31, 50), 4],
    ["the present one, if all is old", versions(40, 50, 60), 1],
    ["more than there are, if all is young", versions(1, 2, 3), 4],
    ["all that are newer than an old one by a clock that is slow", versions(1, 900, 2, 40, 50), 4],
    ["all, where a clock was fast", versions(1, -5, 40, 50), 3],
  ])("%s", (_, all, expected) => {
    expect(countWanted(all, { ms: 30 * DAY_MS }, NOW)).toBe(expected)
  })

  it("as many as were asked for", () => {
    expect(countWanted(versions(1, 2, 3), { versions: 2 }, NOW)).toBe(2)
    expect(countWanted(versions(1, 2, 3), { versions: 20 }, NOW)).toBe(20)
  })
})

describe("which tombstones stay", () => {
  const all = versions(1, 50, 89, 91, 120, 200)

  it("those of 90 days, whatever is kept of the versions", () => {
    // Version 3, of 91 days ago, was in force 90 days ago.
    const { floor, dropped } = keepTombstones(tombstones(1, 2, 3, 4, 6), all, 1, 0, NOW)
    expect(dropped).toEqual(["0", "1"])
    expect(floor).toBe(3)
  })

  it("those of the versions that are kept, too", () => {
    expect(keepTombstones(tombstones(1, 2, 3), all, 5, 0, NOW)).toEqual({ floor: 2, dropped: ["0"] })
    expect(keepTombstones(tombstones(1, 2, 3), all, 6, 0, NOW).dropped).toEqual([])
  })

  it("all, if they are not known to be old; then the floor stays, too", () => {
    expect(keepTombstones(tombstones(1, 2), versions(1, 2, 3), 1, 0, NOW)).toEqual({ floor: 0, dropped: [] })
    expect(keepTombstones(tombstones(5), all, 1, 2, NOW)).toEqual({ floor: 2, dropped: [] })
  })

  it("of very many, those that are not older than what is kept", () => {
    const many = Array.from({ length: 10_001 }, (_, i) => (i < 5 ? 4 : 5))
    const { floor, dropped } = keepTombstones(tombstones(...many), all, 2, 0, NOW)
    expect([floor, dropped.length]).toEqual([5, 5])
  })
})
