/**
 * Measurements against targets. What was not measured, because a peer is
 * missing, is neither met nor failed.
 *
 * @module
 */
import type { Measured } from "../measure.ts"
import { less, ratio, type Summary } from "../statistics.ts"
import type { Check } from "./case.ts"

export const SESSYN = "sessyn"
export const RESTIC_OPEN = "restic cat config"
export const KIB = 1024
export const MIB = 1024 * KIB
/** What the targets for memory are stated in. */
export const MB = 1_000_000

export function find(measured: readonly Measured[], name: string): Measured | undefined {
  return measured.find((one) => one.name === name)
}

/** Our time as a part of another's; for restic, also without the opening of its repository. */
export function timeAgainst(measured: readonly Measured[], other: string, target: number): Check {
  const what = `time / ${other}`
  const [ours, theirs] = [find(measured, SESSYN), find(measured, other)]
  if (ours === undefined || theirs === undefined) return { what, unit: "ratio", target, value: null, met: null }
  const check = ratioCheck(what, ours.seconds, theirs.seconds, target)
  const open = other.startsWith("restic") ? find(measured, RESTIC_OPEN) : undefined
  if (open === undefined) return check
  const rest = less(theirs.seconds, open.seconds)
  // Where opening is all that takes time, the rest is noise, on either side of nothing.
  return rest.min > 0 ? { ...check, net: ratio(ours.seconds, rest).value } : check
}

export function ratioCheck(what: string, ours: Summary, theirs: Summary, target: number): Check {
  const range = ratio(ours, theirs)
  return { what, unit: "ratio", target, value: range.value, range, met: range.value <= target }
}

/** At most so much; of several runs the worst counts. */
export function atMost(
  what: string,
  unit: Check["unit"],
  value: Summary | number | null | undefined,
  target: number,
): Check {
  const worst = typeof value === "object" ? (value?.max ?? null) : (value ?? null)
  return { what, unit, target, value: worst, met: worst === null ? null : worst <= target }
}

export function memoryAtMost(measured: readonly Measured[], target: number): Check {
  return atMost("peak memory", "bytes", find(measured, SESSYN)?.peakBytes, target)
}
