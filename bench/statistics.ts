/**
 * What a few runs say: the middle and the ends, and how one series compares
 * with another that was taken in turns with it.
 *
 * @module
 */

/** One series of measurements. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  /** As they were taken. */
  readonly values: readonly number[]
}

/** How one series compares with another, both taken in turns. */
export interface Ratio {
  /** Of the medians. */
  readonly value: number
  /** The least and the greatest of the pairs' ratios: how far to trust it. */
  readonly min: number
  readonly max: number
}

/** @throws {RangeError} Without a value there is nothing to say. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  if (low === undefined || high === undefined) throw new RangeError("no values")
  return (low + high) / 2
}

export function summarize(values: readonly number[]): Summary {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), values }
}

/** Median against median: a slow moment of the machine that hits one run of a pair must not decide. */
export function ratio(ours: Summary, theirs: Summary): Ratio {
  const pairs = ours.values.flatMap((value, i) => {
    const other = theirs.values[i]
    return other === undefined ? [] : [value / other]
  })
  return { value: ours.median / theirs.median, min: Math.min(...pairs), max: Math.max(...pairs) }
}

/** The series less another, pair by pair: what is left of a run when a part of it, measured alone, is taken out. */
export function less(whole: Summary, part: Summary): Summary {
  return summarize(whole.values.map((value, i) => value - (part.values[i] ?? part.median)))
}

/** What a length gives away of which of many known things has it. */
export interface Recognition {
  /** Share of the things that no other shares its length with. */
  readonly certain: number
  /** How often the best guess by length is right, all being as likely. */
  readonly guess: number
  /** Of one length with the thing itself, in the median. */
  readonly crowd: number
}

/** @throws {RangeError} Without a length there is nothing to recognise. */
export function recognition(lengths: readonly number[]): Recognition {
  const crowds = new Map<number, number>()
  for (const length of lengths) crowds.set(length, (crowds.get(length) ?? 0) + 1)
  const sizes = lengths.map((length) => crowds.get(length) as number)
  return {
    crowd: median(sizes),
    certain: sizes.filter((size) => size === 1).length / lengths.length,
    guess: crowds.size / lengths.length,
  }
}
