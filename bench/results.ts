/**
 * What is kept of a run: the figures, with the versions and the kind of machine
 * they belong to. No path and no name of the machine.
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { arch, cpus, platform, release, totalmem } from "node:os"
import { join } from "node:path"
import type { Result } from "./cases/case.ts"

/** `full`: every case, every peer, at least five pairs, of the source as it is built. */
export type Mode = "full" | "partial" | "quick"

export interface Results {
  readonly mode: Mode
  readonly date: string
  readonly pairs: number
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly memoryGib: number
    readonly system: string
  }
  /** By program; null for one that was missing. */
  readonly versions: Readonly<Record<string, string | null>>
  readonly results: readonly Result[]
  /** Cases that broke off, by name. */
  readonly failed: readonly string[]
}

const ROOT = join(import.meta.dirname, "..")
const FOLDER = join("bench", "results")

export function describeMachine(): Results["machine"] {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()} ${release()}`,
  }
}

/** The commit that is measured, and whether the source differs from it. */
export function sessynVersion(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()
  try {
    const changed = git("status", "--porcelain", "--", "crypto", "storage", "src", "cli", "package.json") !== ""
    return `${git("rev-parse", "--short=12", "HEAD")}${changed ? " with changes" : ""}`
  } catch {
    return "unknown"
  }
}

/** Writes them: a full run into the file that is committed, any other beside it. The path, from the root. */
export function keepResults(results: Results): string {
  const path = join(FOLDER, results.mode === "full" ? "latest.json" : `${results.mode}.json`)
  writeFileSync(join(ROOT, path), `${renderJson(results)}\n`)
  // The layout check reads all JSON of the repository.
  const biome = join("node_modules", "@biomejs", "biome", "bin", "biome")
  execFileSync(process.execPath, [biome, "format", "--write", path], { cwd: ROOT, stdio: "ignore" })
  return path
}

/** Five digits are more than any of these figures is good for. */
export function renderJson(results: Results): string {
  const short = (_key: string, value: unknown): unknown =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value
  return JSON.stringify(results, short, 2)
}
