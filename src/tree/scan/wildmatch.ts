/**
 * Git's pattern matching, character for character: `wildmatch.c` and the
 * parsing of one line of a .gitignore file from `dir.c`, for case-sensitive
 * names. Like Git it matches the bytes of UTF-8, so that `?` is one byte. Why
 * not a library: docs/decisions (ignore rules). Pure.
 *
 * @module
 */
import { utf8 } from "../../../crypto/bytes.ts"
import { compileGlob, type Glob, matchGlob } from "./glob.ts"

/** One line of an ignore file. */
export interface Rule {
  readonly negative: boolean
  readonly folderOnly: boolean
  /** Compared with the last segment only; else with the whole path from the folder of the file on. */
  readonly nameOnly: boolean
  /** What the text must start with, before the first wildcard, and the rest of the pattern. */
  readonly literal: string
  readonly glob: Glob
  /** What a name must end with if the pattern is a `*` and then nothing special, as most are; else `null`. */
  readonly ending: string | null
}

/** No ignore pattern that means anything is longer. */
const MAX_PATTERN_LENGTH = 4096

/** The rules of an ignore file, in the order of its lines. Never throws: what Git would not match, matches nothing. */
export function parseRules(text: string): readonly Rule[] {
  const lines = text.replace(/^\ufeff/, "").split("\n")
  const known = new Map<string, Rule | null>()
  return lines.flatMap((line) => {
    if (line === "" || line.startsWith("#")) return []
    const rule = known.get(line) ?? parseRule(line.replace(/\r$/, ""))
    known.set(line, rule)
    return rule === null ? [] : [rule]
  })
}

/**
 * Whether `rule` matches the path relative to the folder of its file, as {@link matchable} text; `nameStart` is where
 * its last segment begins.
 */
export function matches(rule: Rule, text: string, nameStart: number, isFolder: boolean): boolean {
  if (rule.folderOnly && !isFolder) return false
  const { literal, glob, nameOnly, ending } = rule
  if (ending !== null) return text.length - nameStart >= ending.length && text.endsWith(ending)
  const start = nameOnly ? nameStart : 0
  if (!text.startsWith(literal, start)) return false
  const rest = start + literal.length
  return glob.length === 0 ? text.length === rest : matchGlob(glob, text, rest)
}

/** The form in which text is matched: composed, and one character a byte of UTF-8. */
export function matchable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant.
  if (/^[\u0000-\u007f]*$/.test(text)) return text
  let bytes = ""
  for (const byte of utf8(text.normalize("NFC"))) bytes += String.fromCharCode(byte)
  return bytes
}

/**
 * Git's `wildmatch`; `pathname`: `*`, `?` and classes do not match `/`, and `**` between slashes does.
 */
export function wildmatch(pattern: string, text: string, pathname: boolean): boolean {
  return matchGlob(compileGlob(pattern, pathname), text, 0)
}

function parseRule(line: string): Rule | null {
  let pattern = matchable(trimSpaces(line.split("\0", 1)[0] as string))
  if (pattern.length > MAX_PATTERN_LENGTH) return null
  const negative = pattern.startsWith("!")
  if (negative) pattern = pattern.slice(1)
  const folderOnly = pattern.endsWith("/")
  if (folderOnly) pattern = pattern.slice(0, -1)
  if (pattern === "") return null
  const nameOnly = !pattern.includes("/")
  if (pattern.startsWith("/")) pattern = pattern.slice(1)
  const wild = pattern.search(/[*?[\\]/)
  const end = wild < 0 ? pattern.length : wild
  const ending = nameOnly && /^\*[^*?[\\]*$/.test(pattern) ? pattern.slice(1) : null
  // Git takes a `**` after the literal for one that begins the pattern. In a name it means no more than `*` anyway.
  const glob = compileGlob(pattern.slice(end), !nameOnly)
  return { negative, folderOnly, nameOnly, literal: pattern.slice(0, end), glob, ending }
}

/** Drops spaces at the end that are not escaped. A lone backslash at the end keeps all. */
function trimSpaces(line: string): string {
  let end = -1
  for (let i = 0; i < line.length; i++) {
    const c = line[i]
    if (c === " ") {
      if (end < 0) end = i
      continue
    }
    if (c === "\\" && ++i === line.length) return line
    end = -1
  }
  return end < 0 ? line : line.slice(0, end)
}
