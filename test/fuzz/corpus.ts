/**
 * The inputs that are kept in the repository: for each target one file of lines
 * in base64, those that reach something no other does, and under a comment that
 * says of what each input that once showed a fault.
 *
 * @module
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fromBase64, toBase64 } from "../../crypto/bytes.ts"

export interface Kept {
  readonly input: Uint8Array
  /** What it showed; empty if it only reaches far. */
  readonly shows: string
}

const FOLDER = join(import.meta.dirname, "corpus")

export function readCorpus(target: string): readonly Kept[] {
  const path = pathOf(target)
  if (!existsSync(path)) return []
  const kept: Kept[] = []
  let shows = ""
  for (const line of readFileSync(path, "utf8").split("\n")) {
    if (line.startsWith("# ")) shows = line.slice(2)
    else if (line !== "") {
      kept.push({ input: fromBase64(line === "=" ? "" : line), shows })
      shows = ""
    }
  }
  return kept
}

/** Those that showed faults go first; each input once. */
export function writeCorpus(target: string, kept: readonly Kept[]): void {
  const lines = new Map<string, string>()
  for (const { input, shows } of [...kept].sort((a, b) => Number(b.shows !== "") - Number(a.shows !== ""))) {
    const line = toBase64(input) || "="
    if (!lines.has(line)) lines.set(line, shows)
  }
  mkdirSync(FOLDER, { recursive: true })
  const text = [...lines].map(([line, shows]) => (shows === "" ? `${line}\n` : `# ${shows}\n${line}\n`))
  writeFileSync(pathOf(target), text.join(""))
}

export function addToCorpus(target: string, kept: Kept): void {
  writeCorpus(target, [...readCorpus(target), kept])
}

function pathOf(target: string): string {
  return join(FOLDER, `${target}.txt`)
}
