/**
 * Text from elsewhere, made safe to show to a person. A file or machine name can
 * hold escape sequences, line breaks, or characters that reorder or hide what
 * stands beside them; here they become visible.
 *
 * @module
 */
import { DECEPTIVE_CHARACTER } from "../storage/format/machineName.ts"

const HOSTILE = new RegExp(DECEPTIVE_CHARACTER, "u")
const HOSTILE_ALL = new RegExp(HOSTILE, "gu")

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\u001b": "\\e" }

/** A name as it may be printed: itself if harmless, else in double quotes with escapes. */
export function printable(name: string): string {
  if (!HOSTILE.test(name)) return name
  const escaped = name.replaceAll(/[\\"]/g, "\\$&").replaceAll(HOSTILE_ALL, escapeOne)
  return `"${escaped}"`
}

/** A line of a file's content as it may be printed: tabs stay, no quotes. */
export function printableLine(line: string): string {
  return line.replaceAll(HOSTILE_ALL, (character) => (character === "\t" ? character : escapeOne(character)))
}

function escapeOne(character: string): string {
  return SHORT[character] ?? `\\u{${(character.codePointAt(0) as number).toString(16)}}`
}
