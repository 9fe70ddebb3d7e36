/**
 * Git's pattern matching, character for character: `wildmatch.c` and the
 * parsing of one line of a .gitignore file from `dir.c`, for case-sensitive
 * names. Like Git it matches the bytes of UTF-8, so that `?` is one byte. Why
 * not a library: docs/decisions (ignore rules). Pure.
 *
 * @module
 */
import { utf8 } from "../../../crypto/bytes.ts"

/** One line of an ignore file. */
export interface Rule {
  readonly negative: boolean
  readonly folderOnly: boolean
  /** Compared with the last segment only; else with the whole path from the folder of the file on. */
  readonly nameOnly: boolean
  /** What the text must start with, before the first wildcard, and the rest of the pattern. */
  readonly literal: string
  readonly glob: string
  /** What a name must end with if the pattern is a `*` and then nothing special, as most are; else `null`. */
  readonly ending: string | null
}

/** No ignore pattern that means anything is longer; bounds the recursion. */
const MAX_PATTERN_LENGTH = 4096

const MATCH = 0
const NO_MATCH = 1
/** No longer text can help. */
const ABORT_ALL = -1
/** No text can help up to the next `/`; only an enclosing `**` may go on. */
const ABORT_TO_STARSTAR = -2
type Outcome = typeof MATCH | typeof NO_MATCH | typeof ABORT_ALL | typeof ABORT_TO_STARSTAR

/** The rules of an ignore file, in the order of its lines. Never throws: what Git would not match, matches nothing. */
export function parseRules(text: string): readonly Rule[] {
  const lines = text.replace(/^\ufeff/, "").split("\n")
  return lines.flatMap((line) => {
    if (line === "" || line.startsWith("#")) return []
    const rule = parseRule(line.replace(/\r$/, ""))
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
  if (glob === "") return text.length === start + literal.length
  // A name is matched whole, without the shortcut; Git differs in whether `a**` begins a segment.
  return nameOnly
    ? wildmatch(literal + glob, text.slice(start), false)
    : wildmatch(glob, text.slice(start + literal.length), true)
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
  // Several ** can be matched in exponentially many ways; then it is remembered what was tried.
  const tried = pattern.split("**").length > 3 ? new Map<number, Outcome>() : null
  return match(pattern, 0, text, 0, pathname, tried) === MATCH
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
  return { negative, folderOnly, nameOnly, literal: pattern.slice(0, end), glob: pattern.slice(end), ending }
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

type Tried = Map<number, Outcome> | null

function match(p: string, pStart: number, t: string, tStart: number, pathname: boolean, tried: Tried): Outcome {
  if (tried === null) return walk(p, pStart, t, tStart, pathname, tried)
  const key = pStart * (t.length + 1) + tStart
  const known = tried.get(key)
  if (known !== undefined) return known
  const outcome = walk(p, pStart, t, tStart, pathname, tried)
  tried.set(key, outcome)
  return outcome
}

function walk(p: string, pStart: number, t: string, tStart: number, pathname: boolean, tried: Tried): Outcome {
  let j = tStart
  for (let i = pStart; i < p.length; i++, j++) {
    let c = p[i] as string
    if (j >= t.length && c !== "*") return ABORT_ALL
    if (c === "*") {
      const star = matchStar(p, pStart, i, t, j, pathname, tried)
      if (typeof star === "number") return star
      ;[i, j] = star
    } else if (c === "[") {
      const end = matchClass(p, i, t[j] as string, pathname)
      if (end < 0) return end === ABORT_ALL ? ABORT_ALL : NO_MATCH
      i = end
    } else if (c === "?") {
      if (pathname && t[j] === "/") return NO_MATCH
    } else {
      if (c === "\\") c = p[++i] ?? ""
      if (t[j] !== c) return NO_MATCH
    }
  }
  return j < t.length ? NO_MATCH : MATCH
}

/** At a `*`. An outcome, or where in pattern and text the last character was used up and matching goes on after. */
function matchStar(
  p: string,
  pStart: number,
  at: number,
  t: string,
  tStart: number,
  pathname: boolean,
  tried: Tried,
): Outcome | readonly [number, number] {
  let i = at + 1
  let j = tStart
  let slashes = !pathname
  if (p[i] === "*") {
    while (p[i] === "*") i++
    const opens = at === pStart || p[at - 1] === "/"
    const closes = i === p.length || p[i] === "/" || (p[i] === "\\" && p[i + 1] === "/")
    if (pathname && opens && closes) {
      // `a/**/b` is also `a/b`.
      if (p[i] === "/" && match(p, i + 1, t, j, pathname, tried) === MATCH) return MATCH
      slashes = true
    }
  }
  if (i === p.length) return slashes || !t.includes("/", j) ? MATCH : ABORT_TO_STARSTAR
  if (!slashes && p[i] === "/") {
    const slash = t.indexOf("/", j)
    return slash < 0 ? ABORT_ALL : [i, slash]
  }
  const next = p[i] as string
  const literal = !"*?[\\".includes(next)
  for (; j < t.length; j++) {
    if (literal) {
      while (j < t.length && t[j] !== next && (slashes || t[j] !== "/")) j++
      if (t[j] !== next) return slashes ? ABORT_ALL : ABORT_TO_STARSTAR
    }
    const outcome = match(p, i, t, j, pathname, tried)
    if (outcome !== NO_MATCH) {
      if (!slashes || outcome !== ABORT_TO_STARSTAR) return outcome
    } else if (!slashes && t[j] === "/") return ABORT_TO_STARSTAR
  }
  return ABORT_ALL
}

/** Where the class that opens at `at` ends, if it matches `c`; -2 if it does not, {@link ABORT_ALL} if it is malformed. */
function matchClass(p: string, at: number, c: string, pathname: boolean): number {
  let i = at + 1
  const negated = p[i] === "!" || p[i] === "^"
  if (negated) i++
  let matched = false
  let before = ""
  do {
    let here = p[i] ?? ""
    if (here === "") return ABORT_ALL
    if (here === "\\") {
      here = p[++i] ?? ""
      if (here === "") return ABORT_ALL
      matched ||= c === here
    } else if (here === "-" && before !== "" && i + 1 < p.length && p[i + 1] !== "]") {
      here = p[++i] as string
      if (here === "\\") here = p[++i] ?? ""
      if (here === "") return ABORT_ALL
      matched ||= c >= before && c <= here
      here = ""
    } else if (here === "[" && p[i + 1] === ":") {
      const close = p.indexOf("]", i + 2)
      if (close < 0) return ABORT_ALL
      if (close > i + 2 && p[close - 1] === ":") {
        const set = NAMED[p.slice(i + 2, close - 1)]
        if (set === undefined) return ABORT_ALL
        matched ||= set.test(c)
        i = close
        here = ""
      } else matched ||= c === "["
    } else matched ||= c === here
    before = here
    i++
  } while (p[i] !== "]")
  return matched === negated || (pathname && c === "/") ? -2 : i
}

const NAMED: Readonly<Record<string, RegExp>> = {
  alnum: /[a-z0-9]/i,
  alpha: /[a-z]/i,
  blank: /[ \t]/,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what the class means.
  cntrl: /[\u0000-\u001f\u007f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\v\f\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9a-f]/i,
}
