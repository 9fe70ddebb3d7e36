/**
 * The thread in which the targets run. Coverage begins before anything of the
 * project is loaded, which is why the targets are loaded late.
 *
 * @module
 */
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { parentPort, workerData } from "node:worker_threads"
import { startCoverage } from "./coverage.ts"
import type { Job, Report } from "./job.ts"

const root = pathToFileURL(join(import.meta.dirname, "..", "..")).href
const OWN = ["crypto", "storage", "src", "cli"].map((room) => `${root}/${room}/`)
const coverage = startCoverage((url) => OWN.some((room) => url.startsWith(room)))

const job = workerData as Job
const { fuzzAll } = await import("./fuzzAll.ts")
await fuzzAll(job, coverage, (report: Report) => parentPort?.postMessage(report))
