/**
 * Goes through the targets, each for its share of the time, and keeps what they
 * show.
 *
 * @module
 */
import { createDice } from "../support/real/dice.ts"
import { addToCorpus, readCorpus, writeCorpus } from "./corpus.ts"
import type { BlockCoverage } from "./coverage.ts"
import { type Found, fuzz } from "./engine.ts"
import { type Job, noteInput, type Report } from "./job.ts"
import { minimise } from "./minimise.ts"
import { judge } from "./oracle.ts"
import type { Target } from "./target.ts"
import { TARGETS } from "./targets/all.ts"

/** Longer inputs are not kept only because they reach far. */
const MAX_KEPT_BYTES = 8 * 1024

export async function fuzzAll(job: Job, coverage: BlockCoverage, tell: (report: Report) => void): Promise<void> {
  const chosen = TARGETS.filter(({ name }) => job.target === null || name === job.target)
  if (chosen.length === 0) throw new Error(`no target "${job.target}"; there are: ${TARGETS.map(nameOf).join(", ")}`)
  const first = job.after == null ? 0 : chosen.findIndex(({ name }) => name === job.after) + 1
  for (const [i, target] of chosen.entries()) {
    if (i < first) continue
    tell({ kind: "begin", target: target.name, line: "", faults: 0 })
    tell(await fuzzOne(target, { ...job, seconds: job.seconds / chosen.length, seed: job.seed + i }, coverage))
  }
}

const nameOf = ({ name }: Target): string => name

async function fuzzOne(target: Target, job: Job, coverage: BlockCoverage): Promise<Report> {
  const kept = readCorpus(target.name)
  const { runs, reached, found } = await fuzz(target, {
    dice: createDice(job.seed),
    coverage,
    milliseconds: job.seconds * 1000,
    corpus: kept.map(({ input }) => input),
    onInput: (input) => noteInput(job.memory, input),
  })
  const lines = [`${target.name}: ${runs} inputs, ${reached.length} reached further, ${found.length} faults`]
  for (const each of found) lines.push(await keepFault(target, each, job))
  if (job.keep) {
    const far = reached.filter(({ length }) => length <= MAX_KEPT_BYTES).map((input) => ({ input, shows: "" }))
    writeCorpus(target.name, [...readCorpus(target.name), ...far])
  }
  return { kind: "end", target: target.name, line: lines.join("\n"), faults: found.length }
}

async function keepFault(target: Target, { fault, input }: Found, { memory }: Job): Promise<string> {
  const smallest = await minimise(input, async (candidate) => {
    noteInput(memory, candidate)
    return (await judge(target, candidate))?.signature === fault.signature
  })
  addToCorpus(target.name, { input: smallest, shows: fault.signature })
  return `  ${fault.kind}: ${fault.signature} (${input.length} bytes, made ${smallest.length})`
}
