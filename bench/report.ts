/**
 * Results as a person reads them: a table a case, then each target and whether
 * it is met.
 *
 * @module
 */
import type { Check, Result } from "./cases/case.ts"
import { RESTIC_OPEN, SESSYN } from "./cases/checks.ts"
import type { Measured } from "./measure.ts"
import type { Results } from "./results.ts"
import { ratio, type Summary } from "./statistics.ts"
import { bytesInWords, count, secondsInWords } from "./units.ts"

const HEADINGS = ["", "median", "min–max", "sessyn is", "memory", "stored", "sent", "received", "requests"]
const NOTHING = "–"

/** One case: what was measured, then the targets. */
export function renderResult({ title, measured, checks, notes }: Result): string {
  const ours = measured.find(({ name }) => name === SESSYN)
  const rows = measured.map((one) => [
    one.name,
    secondsInWords(one.seconds.median),
    `${secondsInWords(one.seconds.min)}–${secondsInWords(one.seconds.max)}`,
    ours === undefined || one === ours || one.name === RESTIC_OPEN
      ? ""
      : `${ratio(ours.seconds, one.seconds).value.toFixed(2)} ×`,
    one.peakBytes === null ? NOTHING : bytesInWords(one.peakBytes),
    one.storedBytes === null ? NOTHING : bytesInWords(one.storedBytes),
    inWords(one.sentBytes, bytesInWords),
    inWords(one.receivedBytes, bytesInWords),
    inWords(one.requests, count),
  ])
  return [
    "",
    title,
    ...table([HEADINGS, ...rows]).map((line) => `  ${line}`),
    ...measured.flatMap(factsInWords).map((line) => `  ${line}`),
    ...checks.map((check) => `  ${checkInWords(check)}`),
    ...notes.map((note) => `  (${note})`),
  ].join("\n")
}

/** The whole run: with what, on what, and how many targets are met. */
export function renderClosing({ mode, pairs, machine, versions, results, failed }: Results): string {
  const checks = results.flatMap((result) => result.checks)
  const met = checks.filter((check) => check.met === true).length
  const open = checks.filter((check) => check.met === null).length
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version ?? "missing"}`)
  const kind = mode === "quick" ? "quick run: small sizes, few pairs, no basis for the targets" : `${mode} run`
  return [
    "",
    `${kind}; ${pairs} ${pairs === 1 ? "pair" : "pairs"} in turns after one warm-up`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.system}`,
    programs.join(", "),
    `${met} of ${checks.length} targets met${open > 0 ? `, ${open} not measured` : ""}`,
    ...failed.map((name) => `FAILED: ${name}`),
  ].join("\n")
}

function checkInWords({ what, unit, value, target, range, net, met }: Check): string {
  const say = (number: number): string => {
    if (unit === "bytes") return bytesInWords(Math.round(number))
    return unit === "count" ? count(number) : number.toFixed(2)
  }
  const sign = met === null ? "?" : met ? "✓" : "✗"
  if (value === null) return `${sign} ${what}: not measured (target ≤ ${say(target)})`
  const pairs = range === undefined ? "" : `, pairs ${range.min.toFixed(2)}–${range.max.toFixed(2)}`
  const without = net === undefined ? "" : `, ${net.toFixed(2)} without restic's opening of its repository`
  return `${sign} ${what}: ${say(value)} (target ≤ ${say(target)}${pairs}${without})`
}

function factsInWords({ name, facts }: Measured): readonly string[] {
  return Object.entries(facts).map(
    ([fact, { median, min, max }]) => `${name}: ${fact} ${count(median)} (${count(min)}–${count(max)})`,
  )
}

function inWords(summary: Summary | null, say: (value: number) => string): string {
  return summary === null ? NOTHING : say(Math.round(summary.median))
}

/** Columns as wide as their widest cell; the first one to the left, figures to the right. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  )
}
