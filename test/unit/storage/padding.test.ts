import fc from "fast-check"
import { expect, test } from "vitest"
import { isPaddedLength, MIN_PADDED_BYTES, paddedLength, padme } from "../../../storage/padding.ts"

const length = fc.oneof(fc.nat(100_000), fc.integer({ min: 0, max: 2 ** 48 - 1 }))

/** Padmé as the paper writes it, in exact integers. */
function slowPadme(length: bigint): bigint {
  if (length < 2n) return length
  const exponent = BigInt(length.toString(2).length - 1)
  const kept = BigInt(exponent === 0n ? 1 : exponent.toString(2).length)
  const dropped = exponent - kept
  if (dropped <= 0n) return length
  const mask = (1n << dropped) - 1n
  return (length + mask) & ~mask
}

test("agrees with the paper's definition in exact integers", () => {
  for (let i = 0; i < 5000; i++) expect(padme(i)).toBe(Number(slowPadme(BigInt(i))))
  fc.assert(fc.property(length, (n) => padme(n) === Number(slowPadme(BigInt(n)))))
})

test("adds at most 12 %, and never takes away", () => {
  fc.assert(fc.property(length, (n) => padme(n) >= n && padme(n) <= n * 1.12))
})

test("is never below 16 KiB, is its own padded length, and grows with the length", () => {
  fc.assert(
    fc.property(length, length, (a, b) => {
      expect(paddedLength(a)).toBeGreaterThanOrEqual(MIN_PADDED_BYTES)
      expect(isPaddedLength(paddedLength(a))).toBe(true)
      if (a <= b) expect(paddedLength(a)).toBeLessThanOrEqual(paddedLength(b))
    }),
  )
})

test("leaves few lengths: 32 between 4 and 8 MiB", () => {
  const lengths = new Set<number>()
  for (let n = 4 * 2 ** 20 + 1; n <= 8 * 2 ** 20; n += 1021) lengths.add(paddedLength(n))
  expect(lengths.size).toBe(32)
})

test.each([
  [0, false],
  [MIN_PADDED_BYTES - 1, false],
  [MIN_PADDED_BYTES, true],
  [MIN_PADDED_BYTES + 1, false],
  [MIN_PADDED_BYTES + 1024, true],
  [8 * 2 ** 20, true],
])("knows whether %i is a padded length", (n, expected) => {
  expect(isPaddedLength(n)).toBe(expected)
})
