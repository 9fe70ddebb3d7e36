/**
 * The clean three-way merge of text: both sides' changes, if they do not touch.
 * By lines, byte for byte: line ends, a missing last one and a byte order mark
 * are kept as they are. Where there is any doubt there is no merge. Pure.
 *
 * The differences are those of Myers' algorithm, which the `diff` package bounds
 * by the number of changed lines; `node-diff3` would do the whole, but compares
 * in a time that grows with the cube of the length when lines repeat.
 *
 * @module
 */
import { diffArrays } from "diff"
import { equalBytes, fromUtf8, utf8 } from "../../../crypto/bytes.ts"

/** Larger texts, and texts that differ in more lines, are not merged by themselves. */
export const MAX_MERGE_BYTES = 4 * 1024 * 1024
export const MAX_CHANGED_LINES = 2000

/**
 * The merge of `mine` and `theirs`, which both came from `base`; `null` if they change the same or adjoining lines
 * differently, or if any of them is not text (UTF-8 without NUL) or too large. Bytes that need no merge, because at most
 * one side changed, need not be text. May return one of its arguments.
 */
export function mergeText(base: Uint8Array, mine: Uint8Array, theirs: Uint8Array): Uint8Array | null {
  if (equalBytes(mine, theirs) || equalBytes(base, theirs)) return mine
  if (equalBytes(base, mine)) return theirs
  const lines = toLines(base)
  const ours = changesOf(lines, toLines(mine))
  const others = changesOf(lines, toLines(theirs))
  if (lines === null || ours === null || others === null) return null
  const changes = combine(ours, others)
  if (changes === null) return null
  const merged = carryOut(changes, lines)
  // A line without an end can only be the last one.
  return merged.slice(0, -1).every((line) => line.endsWith("\n")) ? utf8(merged.join("")) : null
}

/** Whether bytes are text that can be merged and shown: UTF-8 without NUL, not too large. */
export function isText(bytes: Uint8Array): boolean {
  return toLines(bytes) !== null
}

/** The lines `start` to `end` (exclusive) of the base are replaced by `lines`. */
interface Change {
  readonly start: number
  readonly end: number
  readonly lines: readonly string[]
}

/** Lines with their ends; null if this is not text, or too much of it. */
function toLines(bytes: Uint8Array): readonly string[] | null {
  if (bytes.length > MAX_MERGE_BYTES || bytes.includes(0)) return null
  try {
    return fromUtf8(bytes).match(/[^\n]*\n|[^\n]+/g) ?? []
  } catch {
    return null
  }
}

function changesOf(base: readonly string[] | null, side: readonly string[] | null): readonly Change[] | null {
  if (base === null || side === null) return null
  const parts = diffArrays([...base], [...side], { maxEditLength: MAX_CHANGED_LINES })
  if (parts === undefined) return null
  const changes: Change[] = []
  let at = 0
  let start = 0
  let lines: readonly string[] = []
  const close = (): void => {
    if (start < at || lines.length > 0) changes.push({ start, end: at, lines })
    lines = []
  }
  for (const { added, removed, value } of parts) {
    if (added) lines = [...lines, ...value]
    else if (removed) at += value.length
    else {
      close()
      at += value.length
      start = at
    }
  }
  close()
  return changes
}

/** All changes in order; null if changes of the two sides touch and are not the same, as in Git. */
function combine(ours: readonly Change[], others: readonly Change[]): readonly Change[] | null {
  const changes: Change[] = []
  let i = 0
  let j = 0
  while (i < ours.length || j < others.length) {
    const a = ours[i]
    const b = others[j]
    if (a !== undefined && b !== undefined && a.start <= b.end && b.start <= a.end) {
      if (a.start !== b.start || a.end !== b.end || !sameLines(a.lines, b.lines)) return null
      changes.push(a)
      i++
      j++
    } else if (b === undefined || (a !== undefined && a.start < b.start)) {
      changes.push(a as Change)
      i++
    } else {
      changes.push(b)
      j++
    }
  }
  return changes
}

function carryOut(changes: readonly Change[], base: readonly string[]): readonly string[] {
  const merged: string[] = []
  let at = 0
  for (const { start, end, lines } of changes) {
    for (; at < start; at++) merged.push(base[at] as string)
    for (const line of lines) merged.push(line)
    at = end
  }
  for (; at < base.length; at++) merged.push(base[at] as string)
  return merged
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i])
}
