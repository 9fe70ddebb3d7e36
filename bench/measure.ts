/**
 * Measuring in turns: in each round every variant runs once, so that a slow
 * minute of the machine meets all of them. The first round only warms up (what a
 * program reads for the first time comes from the disk), the last one, untimed,
 * looks at memory.
 *
 * @module
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { type Command, runCommand } from "./commands.ts"
import { watchMemory } from "./memory.ts"
import { type Summary, summarize } from "./statistics.ts"

/** What went over the wire, as the server counted it; bodies, without HTTP's headers. */
export interface Traffic {
  readonly requests: number
  readonly sentBytes: number
  readonly receivedBytes: number
}

/** One run, prepared up to the moment from which its time is taken. */
export interface Work {
  /** Run one after the other; their time is the time of the run. */
  readonly commands: readonly Command[]
  /** The totals so far. */
  readonly traffic?: () => Traffic
  /** Asked when it is done. */
  readonly storedBytes?: () => number
  /** What else is to be known of each run, by name. Asked when it is done. */
  readonly facts?: () => Promise<Readonly<Record<string, number>>> | Readonly<Record<string, number>>
}

export interface Variant {
  readonly name: string
  /** @param round - 0 is the warm-up. */
  prepare(round: number): Promise<Work> | Work
}

/** What is known of a variant in the end. */
export interface Measured {
  readonly name: string
  readonly seconds: Summary
  readonly requests: Summary | null
  readonly sentBytes: Summary | null
  readonly receivedBytes: Summary | null
  readonly storedBytes: number | null
  readonly peakBytes: number | null
  readonly facts: Readonly<Record<string, Summary>>
}

/** One run, and what it cost. */
export interface Run {
  readonly seconds: number
  readonly traffic: Traffic | null
  readonly storedBytes: number | null
  readonly peakBytes: number | null
  readonly facts: Readonly<Record<string, number>>
}

export interface Turns {
  readonly pairs: number
  /** Whether a last, untimed round looks at memory. */
  readonly memory?: boolean
  readonly say?: (what: string) => void
}

/** Runs all variants in turns. */
export async function takeTurns(variants: readonly Variant[], turns: Turns): Promise<readonly Measured[]> {
  const runs = variants.map((): Run[] => [])
  const peaks = variants.map((): number | null => null)
  const last = turns.pairs + (turns.memory === false ? 0 : 1)
  for (let round = 0; round <= last; round++) {
    for (const [i, variant] of variants.entries()) {
      const run = await runOnce(await variant.prepare(round), round > turns.pairs)
      const kind = round === 0 ? "warm-up" : round > turns.pairs ? "memory" : `${round} of ${turns.pairs}`
      turns.say?.(`${variant.name}, ${kind}: ${run.seconds.toFixed(3)} s`)
      if (round > turns.pairs) peaks[i] = run.peakBytes
      else if (round > 0) runs[i]?.push(run)
    }
  }
  return variants.map(({ name }, i) => summarizeRuns(name, runs[i] ?? [], peaks[i] ?? null))
}

/** One run, timed; with memory watched it is slower by the watching. */
export async function runOnce(work: Work, watched = false): Promise<Run> {
  // What the preparation wrote must not be written out on the clock of the run.
  await promisify(execFile)("sync")
  const before = work.traffic?.()
  const watch = watched ? watchMemory() : null
  const started = performance.now()
  try {
    for (const command of work.commands) await runCommand(command, watch?.follow)
  } finally {
    watch?.stop()
  }
  const seconds = (performance.now() - started) / 1000
  const after = work.traffic?.()
  return {
    seconds,
    traffic: before === undefined || after === undefined ? null : difference(before, after),
    storedBytes: work.storedBytes?.() ?? null,
    peakBytes: watch?.stop() ?? null,
    facts: (await work.facts?.()) ?? {},
  }
}

export function summarizeRuns(name: string, runs: readonly Run[], peakBytes: number | null): Measured {
  const traffic = runs.flatMap((run) => (run.traffic === null ? [] : [run.traffic]))
  const of = (pick: (traffic: Traffic) => number): Summary | null =>
    traffic.length === 0 ? null : summarize(traffic.map(pick))
  const names = Object.keys(runs[0]?.facts ?? {})
  return {
    name,
    seconds: summarize(runs.map(({ seconds }) => seconds)),
    requests: of(({ requests }) => requests),
    sentBytes: of(({ sentBytes }) => sentBytes),
    receivedBytes: of(({ receivedBytes }) => receivedBytes),
    storedBytes: runs.at(-1)?.storedBytes ?? null,
    peakBytes,
    facts: Object.fromEntries(names.map((fact) => [fact, summarize(runs.map(({ facts }) => facts[fact] ?? 0))])),
  }
}

function difference(before: Traffic, after: Traffic): Traffic {
  return {
    requests: after.requests - before.requests,
    sentBytes: after.sentBytes - before.sentBytes,
    receivedBytes: after.receivedBytes - before.receivedBytes,
  }
}
