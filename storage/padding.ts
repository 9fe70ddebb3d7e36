/**
 * How long packs and index shards are made, so that a length tells little:
 * at least 16 KiB, then Padmé (Nikitin et al., "Reducing Metadata Leakage from
 * Encrypted Files and Communication with PURBs", 2019, section 4), which leaves
 * O(log log n) bits of the length visible and adds at most 12 %. Pure arithmetic.
 * Normative text: `docs/spec/pack.md`, "Padding".
 *
 * @module
 */

/** Smallest length in bytes of a padded object. */
export const MIN_PADDED_BYTES = 16 * 1024

/**
 * The Padmé length of `length`: the smallest number not below it whose floating-point
 * mantissa has no more bits than its exponent.
 *
 * @param length - Bytes, an integer from 0 to 2^48.
 */
export function padme(length: number): number {
  if (length < 2) return length
  const exponent = floorLog2(length)
  const step = 2 ** (exponent - (floorLog2(exponent || 1) + 1))
  return step < 1 ? length : Math.ceil(length / step) * step
}

/** The length to which an object of `length` bytes is padded. */
export function paddedLength(length: number): number {
  return padme(Math.max(length, MIN_PADDED_BYTES))
}

/** Whether `length` is one that {@link paddedLength} yields. */
export function isPaddedLength(length: number): boolean {
  return length >= MIN_PADDED_BYTES && padme(length) === length
}

/** Exact for every integer below 2^53; `Math.log2` is not, next to powers of two. */
function floorLog2(value: number): number {
  const high = Math.floor(value / 2 ** 31)
  return high > 0 ? 62 - Math.clz32(high) : 31 - Math.clz32(value)
}
