/**
 * Checks what went into each bundle: nothing of Node and no Git library on the
 * web, nothing left to be found at run time but what is meant to be, and sizes
 * within their budgets. Reads what `build.ts` left; exit status 1 if anything is wrong.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import { join } from "node:path"
import type { Metafile } from "esbuild"
import { ENTRIES, type Entry, metaFile } from "./entries.ts"
import { faultsOf, filesOf } from "./bundles.ts"

const dist = join(import.meta.dirname, "..", "dist")
let faults = 0

for (const entry of ENTRIES) checkEntry(entry)
process.exitCode = faults === 0 ? 0 : 1

function checkEntry(entry: Entry): void {
  const meta = join(dist, metaFile(entry))
  if (!existsSync(join(dist, entry.output)) || !existsSync(meta)) return fault(entry, "is not built")
  const metafile = JSON.parse(readFileSync(meta, "utf8")) as Metafile
  for (const message of faultsOf(entry, metafile, isBuiltin)) fault(entry, message)
  const files = filesOf(entry, metafile)
  const kib = (bytes: number): string => (bytes / 1024).toFixed(0)
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const atStart = files.filter(({ onDemand }) => !onDemand).reduce((sum, { bytes }) => sum + bytes, 0)
  console.log(`${entry.name}: ${kib(total)} KiB of ${entry.budgetKiB} KiB, ${kib(atStart)} KiB of it at start`)
}

function fault(entry: Entry, message: string): void {
  console.error(`${entry.output}: ${message}`)
  faults++
}
