/**
 * Fuzzes one target for a while: changes known inputs, keeps each that reaches
 * code no other has reached, and tells of those that show a fault.
 *
 * @module
 */
import type { Dice } from "../support/real/dice.ts"
import type { BlockCoverage } from "./coverage.ts"
import { mutate } from "./mutate.ts"
import { type Fault, judge } from "./oracle.ts"
import type { Target } from "./target.ts"

export interface Found {
  readonly fault: Fault
  readonly input: Uint8Array
}

export interface FuzzOptions {
  readonly dice: Dice
  readonly coverage: BlockCoverage
  readonly milliseconds: number
  readonly corpus: readonly Uint8Array[]
  /** Told before each input is run, so that somebody can tell which one never came back. */
  readonly onInput: (input: Uint8Array) => void
}

export interface FuzzResult {
  readonly runs: number
  /** Inputs that reach something which no seed does. */
  readonly reached: readonly Uint8Array[]
  /** One of each kind. */
  readonly found: readonly Found[]
}

/** V8's counters take a millisecond to read: once for so many inputs, and one by one only if something was new. */
const BATCH = 48

export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const { dice, coverage, milliseconds } = options
  const found = new Map<string, Found>()
  const reached: Uint8Array[] = []
  let runs = 0

  const run = async (input: Uint8Array): Promise<boolean> => {
    options.onInput(input)
    runs++
    const fault = await judge(target, input)
    if (fault === null) return true
    if (!found.has(fault.signature)) found.set(fault.signature, { fault, input })
    return false
  }

  const known = [...(await target.seeds()), ...options.corpus, new Uint8Array(0)]
  for (const input of known) await run(input)
  coverage.grew()
  const until = performance.now() + milliseconds
  while (performance.now() < until) {
    const batch: Uint8Array[] = []
    while (batch.length < BATCH && performance.now() < until) {
      // What was found last leads on most often.
      const input = dice.below(3) === 0 && reached.length > 0 ? dice.pick(reached) : dice.pick(known)
      const next = mutate(dice, target, input, dice.pick(known))
      if (await run(next)) batch.push(next)
    }
    if (!coverage.grew()) continue
    coverage.undo()
    for (const input of await newOnes(target, options, batch)) {
      reached.push(input)
      known.push(input)
    }
  }
  return { runs, reached, found: [...found.values()] }
}

/** Which inputs of a batch reach what is new: each half of it is run again by itself, and each half of that. */
async function newOnes(
  target: Target,
  options: FuzzOptions,
  batch: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const { coverage, onInput } = options
  coverage.skip()
  for (const input of batch) {
    onInput(input)
    await judge(target, input)
  }
  if (!coverage.grew()) return []
  if (batch.length < 2) return batch
  coverage.undo()
  const middle = batch.length >>> 1
  const first = await newOnes(target, options, batch.slice(0, middle))
  return [...first, ...(await newOnes(target, options, batch.slice(middle)))]
}
