/**
 * The Progress port on a terminal: one line on standard error that is drawn
 * over and leaves nothing behind. Elsewhere nothing is drawn.
 *
 * @module
 */
import type { Progress, ProgressStep } from "../../src/ports/progress.ts"
import { formatBytes } from "./units.ts"

const STEPS = {
  unlock: "Opening the vault",
  scan: "Looking at your files",
  "read-store": "Asking the store",
  history: "Going through the versions",
  verify: "Checking",
  download: "Downloading",
  upload: "Uploading",
  apply: "Writing files",
  commit: "Committing",
} satisfies Record<ProgressStep, string>

/** Nothing is drawn before some work has taken this long, and then at most every {@link DRAW_MS}. */
const QUIET_MS = 300
const DRAW_MS = 100

export interface TerminalProgress extends Progress {
  /** Wipes the line, so that something else can be printed; it comes back with the next change. */
  clear(): void
  /** Wipes the line: this work is done. What comes next is quiet at first again. */
  stop(): void
}

interface Current {
  readonly step: ProgressStep
  readonly total: number | undefined
  readonly unit: "bytes" | "files" | undefined
  readonly startedMs: number
  done: number
}

export const silentProgress: TerminalProgress = { step() {}, advance() {}, clear() {}, stop() {} }

/** @param now - Milliseconds, any origin. */
export function createProgress(
  stream: NodeJS.WriteStream,
  now: () => number = () => performance.now(),
): TerminalProgress {
  if (!stream.isTTY) return silentProgress
  let current: Current | null = null
  let shown = false
  let nextDrawMs = 0
  let timer: NodeJS.Timeout | null = null

  function draw(): void {
    timer = null
    if (current === null) return
    stream.write(`\r${clip(describe(current, now()), stream.columns)}\u001b[K`)
    shown = true
    nextDrawMs = now() + DRAW_MS
  }

  /** Draws when it is due; a timer sees to the last change before a pause. */
  function schedule(): void {
    timer ??= setTimeout(draw, Math.max(0, nextDrawMs - now())).unref()
  }

  function clear(): void {
    if (timer !== null) clearTimeout(timer)
    timer = null
    if (shown) stream.write("\r\u001b[K")
    shown = false
  }

  return {
    step(step, total, unit) {
      if (current === null) nextDrawMs = now() + QUIET_MS
      current = { step, total, unit, startedMs: now(), done: 0 }
      schedule()
    },
    advance(amount) {
      if (current === null) return
      current.done += amount
      schedule()
    },
    clear,
    stop() {
      current = null
      clear()
    },
  }
}

/** The text of the line, e.g. `Uploading  12 MiB of 40 MiB  31 %  4.2 MiB/s`. */
export function describe(current: Omit<Current, "startedMs"> & { startedMs: number }, nowMs: number): string {
  const parts = [STEPS[current.step]]
  const { done, total, unit } = current
  if (unit === "bytes")
    parts.push(total === undefined ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`)
  if (unit === "files") parts.push(total === undefined ? `${done} files` : `${done} of ${total} files`)
  if (unit !== undefined && total) parts.push(`${Math.min(100, Math.floor((100 * done) / total))} %`)
  const seconds = (nowMs - current.startedMs) / 1000
  if (unit === "bytes" && seconds >= 1 && done > 0) parts.push(`${formatBytes(Math.round(done / seconds))}/s`)
  return parts.join("  ")
}

/** The words are all narrow, so characters are columns here. */
function clip(line: string, columns: number): string {
  return columns > 1 && line.length >= columns ? line.slice(0, columns - 1) : line
}
