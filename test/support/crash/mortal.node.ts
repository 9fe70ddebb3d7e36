/**
 * A machine as a process of its own, to be killed: takes a {@link Job} as its
 * only argument, does it, and says what came of it on standard output.
 *
 * @module
 */
import { type Effect, type Kill, watchCalls } from "./fatalCalls.node.ts"
import { type MachinePlan, makeMachine, perform, type Task } from "./tasks.node.ts"

export interface Job {
  readonly plan: MachinePlan
  readonly task: Task
  readonly kill: Kill | null
}

/** What a process says that was not killed. */
export interface LastWords {
  readonly effects: readonly Effect[]
  readonly error: string | null
  /** In bytes. */
  readonly peakMemory: number
}

const job = JSON.parse(process.argv[2] ?? "") as Job
const effects = watchCalls(job.plan.folder, job.kill)
let error: string | null = null
try {
  await perform(makeMachine(job.plan), job.plan, job.task)
} catch (cause) {
  error = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
}
const words: LastWords = { effects, error, peakMemory: process.resourceUsage().maxRSS * 1024 }
process.stdout.write(JSON.stringify(words))
