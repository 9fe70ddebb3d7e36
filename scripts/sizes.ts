/**
 * How large files, functions and folders are, against the budget of the house:
 * nine in ten files under 350 lines, functions under 40; hard stops above.
 *
 * @module
 */
import { parseSync, Visitor } from "oxc-parser"

const FILE = { large: 350, stop: 500 }
const FUNCTION = { large: 40, stop: 80 }
const FOLDER = { large: 12, stop: 20 }

/** One thing that is large; `allowed` if it is not beyond the stop. */
export interface SizeNote {
  readonly where: { readonly file: string; readonly line: number }
  readonly message: string
  readonly allowed: boolean
}

/** Sizes of a file and its functions. In tests only the file counts: a `describe` is as long as its cases. */
export function measureSource(file: string, source: string): readonly SizeNote[] {
  const notes: SizeNote[] = []
  const note = (line: number, what: string, size: number, limit: typeof FILE): void => {
    if (size <= limit.large) return
    const message = `${what} has ${size} lines; ${limit.large} is large, ${limit.stop} the stop`
    notes.push({ where: { file, line }, message, allowed: size <= limit.stop })
  }
  note(1, "it", source.split("\n").length - 1, FILE)
  if (file.startsWith("test/")) return notes
  for (const { name, line, lines } of measureFunctions(file, source)) note(line, name, lines, FUNCTION)
  return notes
}

/** How many source files each folder holds. */
export function measureFolders(files: readonly string[]): readonly SizeNote[] {
  const counts = new Map<string, number>()
  for (const file of files) {
    const folder = file.split("/").slice(0, -1).join("/")
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }
  return [...counts]
    .filter(([, count]) => count > FOLDER.large)
    .map(([file, count]) => ({
      where: { file, line: 1 },
      message: `holds ${count} source files; ${FOLDER.large} is large, ${FOLDER.stop} the stop`,
      allowed: count <= FOLDER.stop,
    }))
}

interface FunctionSize {
  readonly name: string
  readonly line: number
  /** Its own lines: those of functions inside it are counted for those. */
  readonly lines: number
}

interface OpenFunction {
  readonly name: string
  readonly line: number
  readonly all: number
  inner: number
}

function measureFunctions(file: string, source: string): readonly FunctionSize[] {
  const lineOf = createLineOf(source)
  const open: OpenFunction[] = []
  const sizes: FunctionSize[] = []
  const enter = (node: { start: number; end: number; id?: { name: string } | null }): void => {
    const line = lineOf(node.start)
    open.push({ name: node.id?.name ?? "a function", line, all: lineOf(node.end) - line + 1, inner: 0 })
  }
  const leave = (): void => {
    const { name, line, all, inner } = open.pop() as OpenFunction
    const outer = open.at(-1)
    if (outer !== undefined && all > 1) outer.inner += all
    sizes.push({ name, line, lines: all - inner })
  }
  new Visitor({
    FunctionDeclaration: enter,
    "FunctionDeclaration:exit": leave,
    FunctionExpression: enter,
    "FunctionExpression:exit": leave,
    ArrowFunctionExpression: (node) => enter({ start: node.start, end: node.end }),
    "ArrowFunctionExpression:exit": leave,
  }).visit(parseSync(file, source).program)
  return sizes
}

function createLineOf(source: string): (offset: number) => number {
  const starts = [0]
  for (let at = source.indexOf("\n"); at !== -1; at = source.indexOf("\n", at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] as number) <= offset) low = middle
      else high = middle - 1
    }
    return low + 1
  }
}
