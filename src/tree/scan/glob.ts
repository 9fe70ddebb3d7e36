/**
 * Git's wildcards, made ready once and matched in a time that grows with the
 * length of the pattern times that of the text, whatever they are: all places
 * of the pattern that the text so far can have led to are kept side by side.
 * Git itself tries them one after another, which some patterns make it do for
 * ever; a `.syncignore` comes from other machines. Pure.
 *
 * @module
 */

/**
 * One step of a pattern: one character (`one`), or any number of them (`any`). Before the `any` and the slash of a `**` that
 * may also stand for nothing comes a `skip`.
 */
interface Step {
  readonly kind: "one" | "any" | "skip"
  /** By the character's code, which of them: 1. */
  readonly members: Uint8Array
}

export type Glob = readonly Step[]

const ALL = new Uint8Array(256).fill(1)
const NO_SLASH = ALL.map((_, code) => (code === "/".charCodeAt(0) ? 0 : 1))
/** What a malformed class makes of a pattern: nothing matches it. */
const NOTHING: Step = { kind: "one", members: new Uint8Array(256) }
const [ANY, ANY_BUT_SLASH] = [ALL, NO_SLASH].map((members): Step => ({ kind: "any", members })) as [Step, Step]
const [ONE, ONE_BUT_SLASH] = [ALL, NO_SLASH].map((members): Step => ({ kind: "one", members })) as [Step, Step]
const SKIP: Step = { kind: "skip", members: ALL }
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

/** Room that every match uses again: by place, in which turn it was last reached; and the places of this turn and the next. */
let reached = new Float64Array(64)
let here = new Uint16Array(64)
let there = new Uint16Array(64)
let turn = 0

/** Whether the text from `start` on is one that the pattern describes. */
export function matchGlob(glob: Glob, text: string, start: number): boolean {
  if (glob.length >= reached.length) makeRoom(glob.length + 1)
  turn++
  let count = reach(glob, 0, here, 0)
  for (let j = start; j < text.length; j++) {
    if (count === 0) return false
    const code = text.charCodeAt(j)
    turn++
    let after = 0
    for (let k = 0; k < count; k++) {
      const place = here[k] as number
      const step = glob[place]
      if (step === undefined || step.kind === "skip" || step.members[code] !== 1) continue
      after = reach(glob, step.kind === "any" ? place : place + 1, there, after)
    }
    const done = here
    here = there
    there = done
    count = after
  }
  return reached[glob.length] === turn
}

/** Adds a place to the list, and those that are reached from it by no character; returns how long the list is then. */
function reach(glob: Glob, place: number, list: Uint16Array, length: number): number {
  let count = length
  for (let at = place; reached[at] !== turn; ) {
    reached[at] = turn
    list[count++] = at
    const kind = glob[at]?.kind
    if (kind === "any") at++
    else if (kind === "skip") {
      // The stars and the slash; and, for nothing, what comes after them.
      for (const next of [at + 1, at + 2]) {
        if (reached[next] === turn) continue
        reached[next] = turn
        list[count++] = next
      }
      at += 3
    }
  }
  return count
}

function makeRoom(places: number): void {
  reached = new Float64Array(places + 1)
  here = new Uint16Array(places + 1)
  there = new Uint16Array(places + 1)
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
