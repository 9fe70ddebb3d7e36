/**
 * Chance that repeats itself, by seed.
 *
 * @module
 */
import { seededRandom } from "../seededRandom.ts"

export interface Dice {
  /** From 0 to below `end`. */
  below(end: number): number
  pick<T>(from: readonly T[]): T
  /** True in so many of a hundred throws. */
  percent(chance: number): boolean
  bytes(length: number): Uint8Array
  /** Lower-case letters. */
  word(length?: number): string
  /** A line of text, without its end. */
  line(): string
}

export function createDice(seed: number): Dice {
  const bytes = seededRandom(seed)
  const below = (end: number): number => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes(4)
    return (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) % end
  }
  const word = (length = 3 + below(8)): string =>
    Array.from({ length }, () => String.fromCharCode(97 + below(26))).join("")
  return {
    below,
    pick: (from) => from[below(from.length)]!,
    percent: (chance) => below(100) < chance,
    bytes,
    word,
    line: () => Array.from({ length: 2 + below(8) }, () => word()).join(" "),
  }
}
