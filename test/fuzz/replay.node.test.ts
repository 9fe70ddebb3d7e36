import { describe, expect, it } from "vitest"
import { readCorpus } from "./corpus.ts"
import { allowedBytes, allowedMs, judge, measured } from "./oracle.ts"
import type { Target } from "./target.ts"
import { TARGETS } from "./targets/all.ts"

/** Between these lengths something linear takes sixteen times as long, something by the square 256 times. */
const SMALL_BYTES = 8 * 1024
const TIMES = 16
const SLACK = 4
/** Below this a measurement says nothing. */
const LEAST_MS = 25
const RUNS = 5

interface Cost {
  readonly ms: number
  readonly bytes: number
}

/** The best of some runs, because a pause is not the decoder's; no more of them than it takes to be good. */
async function cost(target: Target, input: Uint8Array, isGood: (cost: Cost) => boolean): Promise<Cost> {
  let best: Cost = { ms: Infinity, bytes: Infinity }
  for (let run = 0; run < RUNS && !isGood(best); run++) {
    const { fault, ms, bytes } = await measured(target, input)
    expect(fault).toBeNull()
    best = { ms: Math.min(best.ms, ms), bytes: Math.min(best.bytes, bytes) }
  }
  return best
}

describe.each(TARGETS)("$name", (target) => {
  const kept = readCorpus(target.name)

  it("bears its seeds and every input that is kept", async () => {
    for (const input of [...(await target.seeds()), ...kept.map((each) => each.input), new Uint8Array(0)]) {
      const fault = await judge(target, input)
      expect(fault, `${fault?.signature}: ${Buffer.from(input.subarray(0, 200)).toString("base64")}`).toBeNull()
    }
  })

  it.each(Object.entries(target.growth ?? {}))("time and memory grow with the input: %s", async (_, grow) => {
    const [small, large] = [grow(SMALL_BYTES), grow(SMALL_BYTES * TIMES)]
    const before = await cost(target, small, ({ ms }) => ms < LEAST_MS)
    const times = Math.max(1, large.length / small.length)
    const mostMs = Math.min(
      allowedMs(target, large.length),
      Math.max(Math.max(before.ms, LEAST_MS) * times * SLACK, target.mostMs ?? 0),
    )
    const mostBytes = allowedBytes(target, large.length)
    const after = await cost(target, large, ({ ms, bytes }) => ms < mostMs && bytes < mostBytes)
    expect(after.ms).toBeLessThan(mostMs)
    expect(after.bytes).toBeLessThan(mostBytes)
  })
})

it("names are distinct, as their files are", () => {
  expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length)
})
