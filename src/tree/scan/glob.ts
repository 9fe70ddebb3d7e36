/**
 * Git's wildcards, made ready once and matched in a time that grows with the
 * length of the pattern times that of the text, whatever they are: all places
 * of the pattern that the text so far can have led to are kept side by side.
 * Git itself tries them one after another, which some patterns make it do for
 * ever; a `.syncignore` comes from other machines. Pure.
 *
 * @module
 */

/** One step of a pattern: what one character must be, or what any number of them may be. */
type Step =
  | { readonly kind: "one"; readonly accepts: (character: string) => boolean }
  | { readonly kind: "any"; readonly slashes: boolean }
  /** The two stars and the slash that follow may also stand for nothing. */
  | { readonly kind: "skip" }

export type Glob = readonly Step[]

/** What a malformed class makes of a pattern: nothing matches it. */
const NOTHING: Step = { kind: "one", accepts: () => false }
const NOT_SLASH: Step = { kind: "one", accepts: (character) => character !== "/" }
const ANYTHING: Step = { kind: "one", accepts: () => true }

/**
 * @param pathname - `*`, `?` and classes do not match `/`, and `**` between slashes does.
 */
export function compileGlob(pattern: string, pathname: boolean): Glob {
  const steps: Step[] = []
  for (let i = 0; i < pattern.length; ) {
    const c = pattern[i] as string
    if (c === "*") {
      const end = endOfStars(pattern, i)
      steps.push(...starSteps(pattern, i, end, pathname))
      i = end
    } else if (c === "[") {
      const found = readClass(pattern, i)
      if (found === null) return [NOTHING]
      const { members, end } = found
      steps.push({ kind: "one", accepts: (it) => members[it.charCodeAt(0)] === 1 && !(pathname && it === "/") })
      i = end
    } else if (c === "?") {
      steps.push(pathname ? NOT_SLASH : ANYTHING)
      i++
    } else {
      // A backslash at the end stands for no character at all.
      const literal = c === "\\" ? (pattern[++i] ?? "") : c
      steps.push({ kind: "one", accepts: (character) => character === literal })
      i++
    }
  }
  return steps
}

/** Whether the text from `start` on is one that the pattern describes. */
export function matchGlob(glob: Glob, text: string, start: number): boolean {
  /** By place: in which turn it was last reached. */
  const turns = new Uint32Array(glob.length + 1)
  let at = reach(glob, [0], turns, 1)
  for (let j = start; j < text.length && at.length > 0; j++) {
    const character = text[j] as string
    const next: number[] = []
    for (const place of at) {
      const step = glob[place]
      if (step?.kind === "any" && (step.slashes || character !== "/")) next.push(place)
      if (step?.kind === "one" && step.accepts(character)) next.push(place + 1)
    }
    at = reach(glob, next, turns, j - start + 2)
  }
  return at.includes(glob.length)
}

/** The places that wait, and those that are reached from them by no character. */
function reach(glob: Glob, waiting: number[], turns: Uint32Array, turn: number): number[] {
  const all: number[] = []
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    if (turns[place] === turn) continue
    turns[place] = turn
    all.push(place)
    const step = glob[place]
    if (step?.kind === "any" || step?.kind === "skip") waiting.push(place + 1)
    if (step?.kind === "skip") waiting.push(place + 3)
  }
  return all
}

function endOfStars(pattern: string, at: number): number {
  let end = at
  while (pattern[end] === "*") end++
  return end
}

function starSteps(pattern: string, at: number, end: number, pathname: boolean): readonly Step[] {
  if (!pathname) return [{ kind: "any", slashes: true }]
  const opens = at === 0 || pattern[at - 1] === "/"
  const closes = end === pattern.length || pattern[end] === "/" || (pattern[end] === "\\" && pattern[end + 1] === "/")
  const slashes = end - at > 1 && opens && closes
  const any: Step = { kind: "any", slashes }
  return slashes && pattern[end] === "/" ? [{ kind: "skip" }, any] : [any]
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
