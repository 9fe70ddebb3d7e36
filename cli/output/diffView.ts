/**
 * Two versions of a text, compared for the eye: unified, or side by side where
 * the terminal is wide enough. Content is shown as it is, less what would
 * command the terminal.
 *
 * @module
 */
import { structuredPatch } from "diff"
import { printableLine } from "../../src/printable.ts"
import type { Style } from "./style.ts"
import { cut, padEnd } from "./table.ts"

/** From this many columns on, the versions stand side by side. */
export const SIDE_BY_SIDE_COLUMNS = 120
const CONTEXT_LINES = 3
/** More differences nobody reads, and finding them takes time by the square. */
const MAX_CHANGED_LINES = 2000
const TAB = "    "

export interface DiffView {
  readonly columns: number
  readonly style: Style
  readonly local: string
  readonly remote: string
}

/** Lines of the comparison of two texts; none if they are equal, null if they have next to nothing in common. */
export function diffLines(local: string, remote: string, view: DiffView): string[] | null {
  const options = { context: CONTEXT_LINES, maxEditLength: MAX_CHANGED_LINES }
  const patch = structuredPatch("", "", local, remote, "", "", options)
  if (patch === undefined) return null
  const { hunks } = patch
  const wide = view.columns >= SIDE_BY_SIDE_COLUMNS
  const lines = wide ? [sideHeader(view)] : [view.style.bad(`--- ${view.local}`), view.style.good(`+++ ${view.remote}`)]
  for (const hunk of hunks) {
    const at = `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`
    lines.push(view.style.accent(at))
    for (const line of wide ? sideBySide(hunk.lines, view) : hunk.lines) {
      lines.push(wide ? line : unified(line, view.style))
    }
  }
  return hunks.length === 0 ? [] : lines
}

function unified(line: string, style: Style): string {
  const text = show(line)
  if (line.startsWith("-")) return style.bad(`-${text}`)
  if (line.startsWith("+")) return style.good(`+${text}`)
  return line.startsWith("\\") ? style.dim(line) : ` ${text}`
}

/** The line without its mark; a carriage return at its end is visible, so that line endings can be told apart. */
function show(line: string): string {
  return printableLine(line.slice(1)).replaceAll("\t", TAB)
}

function sideHeader({ columns, style, local, remote }: DiffView): string {
  return `${style.bad(padEnd(cut(local, half(columns)).text, half(columns)))} │ ${style.good(cut(remote, half(columns)).text)}`
}

function half(columns: number): number {
  return Math.floor((columns - 3) / 2)
}

/** Runs of removed and added lines stand beside each other, the shorter one filled up. */
function sideBySide(lines: readonly string[], view: DiffView): string[] {
  const rows: string[] = []
  let removed: string[] = []
  let added: string[] = []
  const flush = (): void => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++) {
      rows.push(...row(removed[i] ?? null, added[i] ?? null, view.style.bad, view.style.good, view.columns))
    }
    removed = []
    added = []
  }
  for (const line of lines) {
    if (line.startsWith("-")) removed.push(show(line))
    else if (line.startsWith("+")) added.push(show(line))
    else if (!line.startsWith("\\")) {
      flush()
      rows.push(
        ...row(
          show(line),
          show(line),
          (text) => text,
          (text) => text,
          view.columns,
        ),
      )
    }
  }
  flush()
  return rows
}

type Paint = (text: string) => string

/** One line of each side, wrapped to its half. */
function row(
  left: string | null,
  right: string | null,
  paintLeft: Paint,
  paintRight: Paint,
  columns: number,
): string[] {
  const width = half(columns)
  const lefts = left === null ? [] : wrap(left, width)
  const rights = right === null ? [] : wrap(right, width)
  return Array.from({ length: Math.max(lefts.length, rights.length) }, (_, i) => {
    const start = lefts[i] === undefined ? " ".repeat(width) : paintLeft(padEnd(lefts[i], width))
    const end = rights[i] === undefined ? "" : paintRight(rights[i])
    return `${start} │ ${end}`.trimEnd()
  })
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (let left = text; ; ) {
    const { text: line, rest } = cut(left, width)
    lines.push(line)
    if (rest === "") return lines
    left = rest
  }
}
