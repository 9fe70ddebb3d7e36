/**
 * Git's wildcards, made ready once and matched in a time that grows with the
 * length of the pattern times that of the text, whatever they are: all places
 * of the pattern that the text so far can have led to are kept side by side,
 * one bit each (Baeza-Yates and Gonnet, "A new approach to text searching",
 * 1992). Git itself tries them one after another, which some patterns make it
 * do for ever; a `.syncignore` comes from other machines. Pure.
 *
 * @module
 */

/**
 * One step of a pattern: one character (`one`), or any number of them (`any`). Before the `any` and the slash of a `**` that
 * may also stand for nothing comes a `skip`. No `any` follows another, and what follows it is a `one`.
 */
interface Step {
  readonly kind: "one" | "any" | "skip"
  /** By the character's code, which of them: 1. */
  readonly members: Uint8Array
}

/** A pattern as sets of its places, a bit each: before every step one, and one behind the last. */
export interface Glob {
  /** How many steps it has. */
  readonly length: number
  /** Words of 32 bits that a set of places takes. */
  readonly words: number
  /** By the character's code, which of the characters it is that the pattern tells apart. */
  readonly kindOf: Uint8Array
  /** For each of these, the places that it leads on from, and then those that it leaves as they are. */
  readonly moves: Int32Array
  readonly skips: Int32Array
  readonly anys: Int32Array
}

const ALL = new Uint8Array(256).fill(1)
const NO_SLASH = ALL.map((_, code) => (code === "/".charCodeAt(0) ? 0 : 1))
/** What a malformed class makes of a pattern: nothing matches it. */
const NOTHING: Step = { kind: "one", members: new Uint8Array(256) }
const [ANY, ANY_BUT_SLASH] = [ALL, NO_SLASH].map((members): Step => ({ kind: "any", members })) as [Step, Step]
const [ONE, ONE_BUT_SLASH] = [ALL, NO_SLASH].map((members): Step => ({ kind: "one", members })) as [Step, Step]
const SKIP: Step = { kind: "skip", members: new Uint8Array(256) }
/** By code: patterns are text in which each character is one byte of UTF-8 (`matchable`). */
const LITERALS: readonly Step[] = Array.from({ length: 256 }, (_, code) => {
  const members = new Uint8Array(256)
  members[code] = 1
  return { kind: "one", members }
})

/**
 * @param pathname - `*`, `?` and classes do not match `/`, and `**` between slashes does.
 */
export function compileGlob(pattern: string, pathname: boolean): Glob {
  return globOf(stepsOf(pattern, pathname))
}

function stepsOf(pattern: string, pathname: boolean): readonly Step[] {
  const steps: Step[] = []
  for (let i = 0; i < pattern.length; ) {
    const c = pattern[i] as string
    if (c === "*") {
      const end = endOfStars(pattern, i)
      const next = starSteps(pattern, i, end, pathname)
      // A second `**/` right behind one means no more than the first.
      const isAgain = next[0] === SKIP && steps.at(-3) === SKIP
      if (!isAgain) steps.push(...next)
      i = isAgain ? end + 1 : end
    } else if (c === "[") {
      const found = readClass(pattern, i)
      if (found === null) return [NOTHING]
      const { members, end } = found
      if (pathname) members["/".charCodeAt(0)] = 0
      steps.push({ kind: "one", members })
      i = end
    } else if (c === "?") {
      steps.push(pathname ? ONE_BUT_SLASH : ONE)
      i++
    } else {
      // A backslash at the end stands for no character at all.
      const literal = c === "\\" ? pattern.charCodeAt(++i) : pattern.charCodeAt(i)
      steps.push(LITERALS[literal] ?? NOTHING)
      i++
    }
  }
  return steps
}

function globOf(steps: readonly Step[]): Glob {
  const words = (steps.length >>> 5) + 1
  const { kindOf, count } = kindsOf(steps)
  const glob: Glob = {
    length: steps.length,
    words,
    kindOf,
    moves: new Int32Array(2 * count * words),
    skips: new Int32Array(words),
    anys: new Int32Array(words),
  }
  for (const [place, { kind, members }] of steps.entries()) {
    const [word, bit] = [place >>> 5, 1 << (place & 31)]
    if (kind === "skip") add(glob.skips, word, bit)
    if (kind === "any") add(glob.anys, word, bit)
    for (let code = 0, seen = -1; code < 256; code++) {
      const which = kindOf[code] as number
      // Codes of one kind have the same members: the first of each tells.
      if (which <= seen) continue
      seen = which
      if (members[code] === 1) add(glob.moves, (2 * which + (kind === "any" ? 1 : 0)) * words + word, bit)
    }
  }
  return glob
}

function add(set: Int32Array, word: number, bit: number): void {
  set[word] = (set[word] as number) | bit
}

/** Room for the new numbers of kinds, by the old number and whether a step takes them. */
const renumbered = new Int16Array(512)

/** Numbers the kinds of characters that no step tells apart, in the order of their first codes. */
function kindsOf(steps: readonly Step[]): { kindOf: Uint8Array; count: number } {
  const kindOf = new Uint8Array(256)
  let count = 1
  for (const { members } of new Set(steps)) {
    renumbered.fill(-1, 0, 2 * count)
    count = 0
    for (let code = 0; code < 256; code++) {
      const key = 2 * (kindOf[code] as number) + (members[code] as number)
      if (renumbered[key] === -1) renumbered[key] = count++
      kindOf[code] = renumbered[key] as number
    }
  }
  return { kindOf, count }
}

/** Room that every match uses again: the places reached so far. */
let reached = new Int32Array(8)

/** Whether the text from `start` on is one that the pattern describes. */
export function matchGlob(glob: Glob, text: string, start: number): boolean {
  const { length, words, kindOf } = glob
  if (words === 1) return matchInOneWord(glob, text, start)
  if (words > reached.length) reached = new Int32Array(words)
  reached.fill(0, 0, words)
  reached[0] = 1
  step(glob, -1)
  for (let j = start; j < text.length; j++) {
    if (!step(glob, kindOf[text.charCodeAt(j)] as number)) return false
  }
  return (((reached[length >>> 5] as number) >>> (length & 31)) & 1) === 1
}

/** The same where all places fit into one word, as they do in what people write. */
function matchInOneWord({ length, kindOf, moves, skips, anys }: Glob, text: string, start: number): boolean {
  const [skipping, passing] = [skips[0] as number, anys[0] as number]
  let places = 1
  for (let j = start; ; j++) {
    const skip = places & skipping
    places |= (skip << 1) | (skip << 2) | (skip << 3)
    places |= (places & passing) << 1
    if (j >= text.length || places === 0) return ((places >>> length) & 1) === 1
    const row = 2 * (kindOf[text.charCodeAt(j)] as number)
    places = ((places & (moves[row] as number)) << 1) | (places & (moves[row + 1] as number))
  }
}

/**
 * Takes the reached places on by a character of this kind, or by none if it is -1, and adds those that are reached from
 * there by nothing: from a `skip` the three next, from an `any` the next.
 *
 * @returns Whether any is left.
 */
function step({ words, moves, skips, anys }: Glob, kind: number): boolean {
  const row = 2 * kind * words
  let [moved, skipped, passed, left] = [0, 0, 0, 0]
  for (let word = 0; word < words; word++) {
    let places = reached[word] as number
    if (kind >= 0) {
      const on = places & (moves[row + word] as number)
      places = (on << 1) | moved | (places & (moves[row + words + word] as number))
      moved = on >>> 31
    }
    const skip = places & (skips[word] as number)
    places |= (skip << 1) | (skip << 2) | (skip << 3) | skipped
    skipped = (skip >>> 31) | (skip >>> 30) | (skip >>> 29)
    const any = places & (anys[word] as number)
    places |= (any << 1) | passed
    passed = any >>> 31
    reached[word] = places
    left |= places
  }
  return left !== 0
}

function endOfStars(pattern: string, at: number): number {
  let end = at
  while (pattern[end] === "*") end++
  return end
}

function starSteps(pattern: string, at: number, end: number, pathname: boolean): readonly Step[] {
  if (!pathname) return [ANY]
  const opens = at === 0 || pattern[at - 1] === "/"
  const closes = end === pattern.length || pattern[end] === "/" || (pattern[end] === "\\" && pattern[end + 1] === "/")
  const slashes = end - at > 1 && opens && closes
  const any = slashes ? ANY : ANY_BUT_SLASH
  return slashes && pattern[end] === "/" ? [SKIP, any] : [any]
}

/** A class: which bytes are in it, and where the pattern goes on after it. */
interface ByteClass {
  readonly members: Uint8Array
  readonly end: number
}

/** The class that opens at `at`; null if it is malformed. */
function readClass(p: string, at: number): ByteClass | null {
  const members = new Uint8Array(256)
  const add = (from: string, to: string): void => void members.fill(1, from.charCodeAt(0), to.charCodeAt(0) + 1)
  let i = at + 1
  const negated = p[i] === "!" || p[i] === "^"
  if (negated) i++
  let before = ""
  do {
    let here = p[i] ?? ""
    if (here === "\\") {
      here = p[++i] ?? ""
      if (here !== "") add(here, here)
    } else if (here === "-" && before !== "" && i + 1 < p.length && p[i + 1] !== "]") {
      const to = p[++i] === "\\" ? (p[++i] ?? "") : (p[i] as string)
      if (to === "") return null
      add(before, to)
      here = ""
    } else if (here === "[" && p[i + 1] === ":") {
      const close = p.indexOf("]", i + 2)
      if (close < 0) return null
      if (close > i + 2 && p[close - 1] === ":") {
        if (!addNamed(members, p.slice(i + 2, close - 1))) return null
        i = close
        here = ""
      } else add("[", "[")
    } else if (here !== "") add(here, here)
    if (here === "" && i >= p.length) return null
    before = here
    i++
  } while (p[i] !== "]")
  return { members: negated ? members.map((member) => 1 - member) : members, end: i + 1 }
}

/** @returns Whether there is such a class. */
function addNamed(members: Uint8Array, name: string): boolean {
  const named = NAMED.get(name)
  if (named === undefined) return false
  for (let code = 0; code < 256; code++) if (named.test(String.fromCharCode(code))) members[code] = 1
  return true
}

const NAMED: ReadonlyMap<string, RegExp> = new Map([
  ["alnum", /[a-z0-9]/i],
  ["alpha", /[a-z]/i],
  ["blank", /[ \t]/],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what the class means.
  ["cntrl", /[\u0000-\u001f\u007f]/],
  ["digit", /[0-9]/],
  ["graph", /[!-~]/],
  ["lower", /[a-z]/],
  ["print", /[ -~]/],
  ["punct", /[!-/:-@[-`{-~]/],
  ["space", /[ \t\n\v\f\r]/],
  ["upper", /[A-Z]/],
  ["xdigit", /[0-9a-f]/i],
])
