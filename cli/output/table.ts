/**
 * Columns of text, aligned by the width that a terminal gives them (wide and
 * combining characters counted). The last column is never padded or cut.
 *
 * @module
 */
import { stripVTControlCharacters } from "node:util"
import measure from "fast-string-truncated-width"

/** How many columns a terminal gives `text`. */
export function widthOf(text: string): number {
  return measure(stripVTControlCharacters(text)).width
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)))
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - widthOf(text))) + text
}

/** The longest start of `text` that fits in `width` columns, and how wide it is. `text` holds no escape sequence. */
export function cut(text: string, width: number): { readonly text: string; readonly rest: string } {
  const { index } = measure(text, { limit: width, ellipsis: "" })
  // A character wider than the column must not stop the caller's loop.
  const end = index > 0 || text === "" ? index : (text.codePointAt(0) as number) > 0xffff ? 2 : 1
  return { text: text.slice(0, end), rest: text.slice(end) }
}

export interface Column {
  readonly align?: "left" | "right"
}

/** Lines of a table, two spaces between columns, `indent` before each line. */
export function table(rows: readonly (readonly string[])[], columns: readonly Column[] = [], indent = "  "): string[] {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell))
  return rows.map((row) => {
    const cells = row.map((cell, i) => {
      if (columns[i]?.align === "right") return padStart(cell, widths[i] ?? 0)
      return i === row.length - 1 ? cell : padEnd(cell, widths[i] ?? 0)
    })
    return (indent + cells.join("  ")).trimEnd()
  })
}
