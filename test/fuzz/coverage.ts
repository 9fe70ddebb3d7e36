/**
 * Which blocks of the project's code have run, by V8's own counters. Must be
 * started before the code under test is loaded: V8 keeps no blocks for what it
 * compiled earlier.
 *
 * @module
 */
import { Session } from "node:inspector"
import type { Profiler } from "node:inspector"

export interface BlockCoverage {
  /** Whether anything ran since the last call that had never run before. */
  grew(): boolean
  /** Leaves out what ran since the last call. */
  skip(): void
  /** Forgets what the last call of `grew` found, so that it can be found again. */
  undo(): void
  /** Blocks of functions, roughly, that have run so far. */
  readonly size: number
}

/** Ascending, disjoint. */
type Intervals = readonly (readonly [number, number])[]

/** @param isOwn - Of the URL of a script. */
export function startCoverage(isOwn: (url: string) => boolean): BlockCoverage {
  const session = new Session()
  session.connect()
  session.post("Profiler.enable")
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })
  /** By function: what of it has never run. */
  const unreached = new Map<string, Intervals>()
  let undone: (readonly [string, Intervals | undefined])[] = []
  let size = 0

  const take = (): readonly Profiler.ScriptCoverage[] => {
    let scripts: readonly Profiler.ScriptCoverage[] = []
    session.post("Profiler.takePreciseCoverage", (error, { result }) => {
      if (error !== null) throw new Error("no coverage", { cause: error })
      scripts = result
    })
    return scripts
  }

  /** Whether this run of a function reached something of it for the first time. */
  const note = (key: string, ranges: readonly Profiler.CoverageRange[]): boolean => {
    const [whole] = ranges
    if (whole === undefined || whole.count === 0) return false
    const missed = ranges
      .filter(({ count }) => count === 0)
      .map((range) => [range.startOffset, range.endOffset] as const)
    const before = unreached.get(key) ?? [[whole.startOffset, whole.endOffset] as const]
    const after = unreached.has(key) ? intersect(before, missed) : missed
    if (lengthOf(after) === lengthOf(before)) return false
    undone.push([key, unreached.get(key)])
    unreached.set(key, after)
    size++
    return true
  }

  return {
    grew() {
      let found = false
      undone = []
      for (const { url, functions } of take()) {
        if (!isOwn(url)) continue
        for (const { ranges } of functions) {
          const key = `${url}:${ranges[0]?.startOffset}:${ranges[0]?.endOffset}`
          if (note(key, ranges)) found = true
        }
      }
      return found
    },
    skip: () => void take(),
    undo() {
      for (const [key, before] of undone.reverse()) {
        if (before === undefined) unreached.delete(key)
        else unreached.set(key, before)
      }
      size -= undone.length
      undone = []
    },
    get size() {
      return size
    },
  }
}

function intersect(a: Intervals, b: Intervals): Intervals {
  const both: (readonly [number, number])[] = []
  for (const [aStart, aEnd] of a) {
    for (const [bStart, bEnd] of b) {
      const start = Math.max(aStart, bStart)
      const end = Math.min(aEnd, bEnd)
      if (start < end) both.push([start, end])
    }
  }
  return both
}

function lengthOf(intervals: Intervals): number {
  return intervals.reduce((sum, [start, end]) => sum + end - start, 0)
}
