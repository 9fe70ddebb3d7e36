/**
 * The Progress port on a VS Code progress notification.
 *
 * @module
 */
import type { Progress, ProgressStep } from "../../src/ports/progress.ts"

const STEPS = {
  unlock: "Opening the vault",
  scan: "Looking at your files",
  "read-store": "Asking the store",
  history: "Going through the versions",
  verify: "Checking signatures",
  download: "Downloading",
  upload: "Uploading",
  apply: "Writing files",
  commit: "Committing",
} satisfies Record<ProgressStep, string>

/** At most this often, so that ten thousand small files do not mean ten thousand messages. */
const REPORT_MS = 100
const UNITS = ["bytes", "KiB", "MiB", "GiB"]

/** @param report - Shows a line; e.g. from `window.withProgress`. */
export function createProgress(report: (line: string) => void, now: () => number = () => performance.now()): Progress {
  let current: { readonly step: ProgressStep; readonly total?: number; readonly unit?: "bytes" | "files" } | null = null
  let done = 0
  let nextMs = 0

  function show(): void {
    if (current === null) return
    nextMs = now() + REPORT_MS
    report(describe(current, done))
  }

  return {
    step(step, total, unit) {
      current = { step, ...(total === undefined ? {} : { total }), ...(unit === undefined ? {} : { unit }) }
      done = 0
      show()
    },
    advance(amount) {
      done += amount
      if (now() >= nextMs) show()
    },
  }
}

function describe(
  { step, total, unit }: { step: ProgressStep; total?: number; unit?: "bytes" | "files" },
  done: number,
): string {
  if (unit === undefined || done === 0) return `${STEPS[step]}…`
  const count = (amount: number): string => (unit === "bytes" ? formatBytes(amount) : `${amount}`)
  const of = total === undefined ? count(done) : `${count(done)} of ${count(total)}`
  return `${STEPS[step]}: ${of}${unit === "files" ? " files" : ""}`
}

function formatBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  const amount = bytes / 1024 ** power
  return `${power === 0 || amount >= 10 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[power]}`
}
