/**
 * Threads of this program: where their code lies, and with how little they start.
 *
 * @module
 */
import { existsSync } from "node:fs"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"

/**
 * The program of a thread, as it was built with this; `null` if it was not.
 *
 * @param source - Its source, from here. Built, it lies beside the bundle, above the bundle's chunks.
 */
export function findThread(source: string): URL | null {
  const built = basename(source).replace(/\.ts$/, ".js")
  const places = [`./${built}`, `../${built}`, source].map((place) => new URL(place, import.meta.url))
  return places.find((url) => existsSync(fileURLToPath(url))) ?? null
}

/** Starts one with nothing of this process's environment, which may hold a passphrase. */
export function startThread(program: URL, workerData?: unknown): Worker {
  return new Worker(program, { env: {}, execArgv: [], workerData })
}
