/**
 * Both versions of a text in one, with conflict markers around the lines where
 * they part. Pure. The differences are those of Myers' algorithm (`diff`).
 *
 * @module
 */
import { type ArrayChange, diffArrays } from "diff"
import { fromUtf8 } from "../../crypto/bytes.ts"

/** The search takes time and memory by the square of this. */
const MAX_CHANGED_LINES = 2000
const MARKER = /^(<{7}|>{7})( |$)/m

/** Whether a text still holds conflict markers. */
export function hasMarkers(bytes: Uint8Array): boolean {
  try {
    return MARKER.test(fromUtf8(bytes))
  } catch {
    return false
  }
}

/**
 * What only one side changed since `base` is taken as it is; where both did, both stand there. Without a base nobody
 * knows who changed what: every difference is marked.
 */
export function withMarkers(local: string, base: string | null, remote: string, machine: string): string {
  const [ours, theirs] = [toLines(local), toLines(remote)]
  const common = base === null ? commonLines(ours, theirs) : toLines(base)
  const merged: string[] = []
  let at = 0
  for (const region of regionsOf(changesOf(common, ours), changesOf(common, theirs))) {
    append(merged, common.slice(at, region.start))
    append(merged, resolve(region, common, base === null, machine))
    at = region.end
  }
  append(merged, common.slice(at))
  return merged.join("\n")
}

/** The lines `start` to `end` (exclusive) of the base are replaced by `lines`. */
interface Change {
  readonly start: number
  readonly end: number
  readonly lines: readonly string[]
}

/** Changes that overlap or touch, from both sides. */
interface Region {
  readonly start: number
  end: number
  readonly ours: Change[]
  readonly theirs: Change[]
}

/** One by one: a text may have more lines than a call takes arguments. */
function append(lines: string[], more: readonly string[]): void {
  for (const line of more) lines.push(line)
}

function toLines(text: string): string[] {
  return text.split("\n")
}

function commonLines(ours: string[], theirs: string[]): string[] {
  return differences(ours, theirs).flatMap(({ added, removed, value }) => (added || removed ? [] : value))
}

type Difference = Pick<ArrayChange<string>, "added" | "removed" | "value">

/** Two texts that have next to nothing in common are one difference: finding more would take for ever. */
function differences(from: string[], to: string[]): readonly Difference[] {
  const all = { added: false, removed: false }
  return (
    diffArrays(from, to, { maxEditLength: MAX_CHANGED_LINES }) ?? [
      { ...all, removed: true, value: from },
      { ...all, added: true, value: to },
    ]
  )
}

function changesOf(base: string[], side: string[]): Change[] {
  const changes: Change[] = []
  let at = 0
  let open: { start: number; end: number; lines: string[] } | null = null
  for (const { added, removed, value } of differences(base, side)) {
    if (added || removed) open ??= { start: at, end: at, lines: [] }
    else open = null
    if (!added) at += value.length
    if (open === null) continue
    if (added) append(open.lines, value)
    open.end = at
    if (changes.at(-1) !== open) changes.push(open)
  }
  return changes
}

function regionsOf(ours: readonly Change[], theirs: readonly Change[]): Region[] {
  const all = [
    ...ours.map((change) => ({ change, isOurs: true })),
    ...theirs.map((change) => ({ change, isOurs: false })),
  ].sort((a, b) => a.change.start - b.change.start || a.change.end - b.change.end)
  const regions: Region[] = []
  for (const { change, isOurs } of all) {
    let region = regions.at(-1)
    if (region === undefined || change.start > region.end) {
      region = { start: change.start, end: change.end, ours: [], theirs: [] }
      regions.push(region)
    }
    region.end = Math.max(region.end, change.end)
    ;(isOurs ? region.ours : region.theirs).push(change)
  }
  return regions
}

function resolve(region: Region, base: readonly string[], markAll: boolean, machine: string): string[] {
  const [ours, theirs] = [sideOf(region, region.ours, base), sideOf(region, region.theirs, base)]
  if (isSame(ours, theirs)) return ours
  if (!markAll && region.theirs.length === 0) return ours
  if (!markAll && region.ours.length === 0) return theirs
  return ["<<<<<<< local", ...ours, "=======", ...theirs, `>>>>>>> remote, by ${machine}`]
}

/** What one side makes of the region. */
function sideOf({ start, end }: Region, changes: readonly Change[], base: readonly string[]): string[] {
  const lines: string[] = []
  let at = start
  for (const change of changes) {
    append(lines, base.slice(at, change.start))
    append(lines, change.lines)
    at = change.end
  }
  append(lines, base.slice(at, end))
  return lines
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i])
}
