/**
 * Colours, only where a terminal shows them; `NO_COLOR` and `FORCE_COLOR` are
 * Node's business. Meaning never hangs on colour alone.
 *
 * @module
 */
import { styleText } from "node:util"

export interface Style {
  bold(text: string): string
  dim(text: string): string
  good(text: string): string
  warn(text: string): string
  bad(text: string): string
  accent(text: string): string
}

type Format = Parameters<typeof styleText>[0]

/** The style for what goes to `stream`. */
export function createStyle(stream: NodeJS.WriteStream): Style {
  const paint = (format: Format) => (text: string) => styleText(format, text, { stream })
  return {
    bold: paint("bold"),
    dim: paint("dim"),
    good: paint("green"),
    warn: paint("yellow"),
    bad: paint("red"),
    accent: paint("cyan"),
  }
}
