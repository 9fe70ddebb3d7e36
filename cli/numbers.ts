/**
 * Numbers as options take them.
 *
 * @module
 */
import { InvalidArgumentError } from "commander"

/** Parses a whole number of up to 15 digits, within limits. */
export function wholeNumber({ min, max }: { readonly min: number; readonly max?: number }): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d{1,15}$/.test(text) && number >= min && number <= (max ?? number)) return number
    throw new InvalidArgumentError(`It takes a whole number from ${min}${max === undefined ? "" : ` to ${max}`}.`)
  }
}
