/**
 * Fuzzes the decoders, each for its share of the time.
 *
 *     node test/fuzz/main.ts [--seconds N] [--target NAME] [--seed N] [--keep]
 *
 * `--keep` writes what reaches new code into the corpus. Inputs that show a
 * fault are made as small as they get and written there in any case; the exit
 * status is 1 then. The seed is printed: with it, and the same time on the same
 * machine, a run comes close to repeating itself; what it found is kept anyway.
 *
 * The targets run in a thread, so that an input on which one never ends can be
 * told, too.
 *
 * @module
 */
import { parseArgs } from "node:util"
import { Worker } from "node:worker_threads"
import { addToCorpus } from "./corpus.ts"
import { HANG_MS, inputOf, type Job, type Report, SHARED_BYTES } from "./job.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "90" },
    target: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    keep: { type: "boolean", default: false },
  },
})

const job: Job = {
  seconds: Number(values.seconds),
  target: values.target ?? null,
  seed: Number(values.seed),
  keep: values.keep,
  memory: new SharedArrayBuffer(SHARED_BYTES),
}
console.log(`fuzz: ${job.seconds} s, seed ${job.seed}`)
process.exitCode = (await run(job)) ? 0 : 1

/** Whether nothing was found. */
async function run(first: Job): Promise<boolean> {
  let skipUntil: string | null = null
  let isGood = true
  for (;;) {
    const hung = await runThread({ ...first, after: skipUntil }, (report) => {
      if (report.faults > 0) isGood = false
      console.log(report.line)
    })
    if (hung === null) return isGood
    isGood = false
    const input = inputOf(first.memory)
    console.log(`${hung}: never ends, with an input of ${input.length} bytes`)
    addToCorpus(hung, { input, shows: "never ended" })
    skipUntil = hung
  }
}

/** @returns The target that never ended, or null. */
function runThread(data: Job, onReport: (report: Report) => void): Promise<string | null> {
  const beats = new Int32Array(data.memory, 0, 1)
  const worker = new Worker(new URL("./thread.ts", import.meta.url), { workerData: data })
  return new Promise((resolve, reject) => {
    let current = ""
    let last = -1
    let watch: NodeJS.Timeout
    const arm = (): void => {
      clearTimeout(watch)
      watch = setTimeout(look, HANG_MS)
    }
    const look = (): void => {
      const now = Atomics.load(beats, 0)
      if (now === last && current !== "") return void worker.terminate().then(() => resolve(current))
      last = now
      arm()
    }
    arm()
    worker.on("message", (report: Report) => {
      if (report.kind === "begin") current = report.target
      else {
        current = ""
        onReport(report)
      }
      arm()
    })
    worker.on("error", reject)
    worker.on("exit", (code) => {
      clearTimeout(watch)
      if (code === 0) resolve(null)
    })
  })
}
