/**
 * Counts tests from the reports that vitest leaves, for the closing line of a
 * run that has several parts.
 *
 *     node scripts/tally.ts SINCE        all reports written since (milliseconds since the epoch)
 *
 * Exit status 1 if any test failed or none ran.
 *
 * @module
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join, relative } from "node:path"

/** Of one failure's message. */
const SHOWN_LINES = 30

const FOLDER = join("node_modules", ".cache", "sessyn", "tests")

interface Assertion {
  readonly status: string
  readonly fullName: string
  readonly failureMessages?: readonly string[]
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly message?: string
    readonly assertionResults: readonly Assertion[]
  }[]
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly success: boolean
}

/** Where the tests of these projects leave their report, relative to the root. */
export function reportFile(projects: readonly string[]): string {
  return join(FOLDER, `${projects.join("-")}.json`)
}

/** The closing line. A report that was not written since `startedMs` is a run that broke off: one failure. */
export function tally(files: readonly string[], startedMs: number): string {
  let [passed, failed, skipped] = [0, 0, 0]
  for (const file of files) {
    const report = readReport(file, startedMs)
    passed += report?.numPassedTests ?? 0
    // A file that does not load, or a run that finds no test, fails without a failed test.
    failed += report?.numFailedTests || (report?.success ? 0 : 1)
    skipped += report?.numPendingTests ?? 0
  }
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`
}

/** What failed, with the first lines of why: the last words of a long log are what a reader sees. */
export function failures(files: readonly string[], startedMs: number): readonly string[] {
  return files.flatMap((file) => {
    const report = readReport(file, startedMs)
    if (report === null) return [`${file}: broke off`]
    return report.testResults.flatMap(({ name, message, assertionResults }) => {
      const failed = assertionResults.filter(({ status }) => status === "failed")
      // A file that does not load has no test that failed.
      if (assertionResults.length === 0) return [`${relative(".", name)}\n${indent(message ?? "")}`]
      return failed.map(
        ({ fullName, failureMessages }) =>
          `${relative(".", name)}: ${fullName}\n${indent((failureMessages ?? []).join("\n"))}`,
      )
    })
  })
}

function indent(message: string): string {
  const lines = message.split("\n").slice(0, SHOWN_LINES)
  return lines.map((line) => `    ${line}`).join("\n")
}

function readReport(file: string, startedMs: number): Report | null {
  try {
    return statSync(file).mtimeMs < startedMs ? null : (JSON.parse(readFileSync(file, "utf8")) as Report)
  } catch {
    return null
  }
}

if (import.meta.main) {
  const since = Number(process.argv[2] ?? 0)
  const files = readdirSync(FOLDER)
    .map((file) => join(FOLDER, file))
    .filter((file) => statSync(file).mtimeMs >= since)
  const line = tally(files, since)
  for (const failure of failures(files, since)) console.log(`failed: ${failure}`)
  console.log(line)
  process.exitCode = / 0 failed/.test(line) && !line.startsWith("0 ") ? 0 : 1
}
