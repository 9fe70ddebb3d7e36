import { describe, expect, it } from "vitest"
import { readCorpus } from "./corpus.ts"
import { allowedBytes, judge, measured } from "./oracle.ts"
import type { Target } from "./target.ts"
import { TARGETS } from "./targets/all.ts"

/** Between these lengths something linear takes sixteen times as long, something by the square 256 times. */
const SMALL_BYTES = 8 * 1024
const TIMES = 16
const SLACK = 4
/** Below this a measurement says nothing. */
const LEAST_MS = 2
const RUNS = 3

/** The best of some runs, because a pause is not the decoder's; and what it allocated in the first. */
async function cost(target: Target, input: Uint8Array): Promise<{ ms: number; bytes: number }> {
  let ms = Infinity
  let bytes = Infinity
  for (let run = 0; run < RUNS; run++) {
    const next = await measured(target, input)
    expect(next.fault).toBeNull()
    ms = Math.min(ms, next.ms)
    bytes = Math.min(bytes, next.bytes)
    if (ms < LEAST_MS) break
  }
  return { ms, bytes }
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
    const before = await cost(target, small)
    const after = await cost(target, large)
    const times = Math.max(1, large.length / small.length)
    expect(after.ms).toBeLessThan(Math.max(before.ms, LEAST_MS) * times * SLACK)
    expect(after.bytes).toBeLessThan(allowedBytes(target, large.length))
  })
})

it("names are distinct, as their files are", () => {
  expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length)
})
