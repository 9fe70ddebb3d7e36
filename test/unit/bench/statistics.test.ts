import { describe, expect, test } from "vitest"
import { less, median, ratio, recognition, summarize } from "../../../bench/statistics.ts"

describe("median", () => {
  test("is the one in the middle, in whatever order they came", () => {
    expect(median([3, 100, 1])).toBe(3)
  })

  test("lies between the two in the middle", () => {
    expect(median([4, 1, 3, 100])).toBe(3.5)
  })

  test("does not sort what it was given", () => {
    const values = [2, 10, 1]
    median(values)
    expect(values).toEqual([2, 10, 1])
  })

  test("has nothing to say of nothing", () => {
    expect(() => median([])).toThrow(RangeError)
  })
})

test("a summary has the middle and both ends", () => {
  expect(summarize([5, 1, 9])).toEqual({ median: 5, min: 1, max: 9, values: [5, 1, 9] })
})

describe("ratio", () => {
  test("compares medians, and shows how far the pairs lie apart", () => {
    expect(ratio(summarize([1, 2, 9]), summarize([4, 4, 3]))).toEqual({ value: 0.5, min: 0.25, max: 3 })
  })

  test("leaves out runs that have no partner", () => {
    expect(ratio(summarize([1, 2, 3]), summarize([2]))).toEqual({ value: 1, min: 0.5, max: 0.5 })
  })
})

describe("less", () => {
  test("takes the part out pair by pair", () => {
    expect(less(summarize([5, 7, 6]), summarize([1, 2, 2])).values).toEqual([4, 5, 4])
  })

  test("takes the part's median where a pair lacks it", () => {
    expect(less(summarize([5, 7]), summarize([1])).values).toEqual([4, 6])
  })
})

describe("recognition", () => {
  test("is certain where lengths differ, and a guess among those that share one", () => {
    expect(recognition([1, 2, 3, 4])).toEqual({ certain: 1, guess: 1, crowd: 1 })
    expect(recognition([7, 7, 7, 9])).toEqual({ certain: 0.25, guess: 0.5, crowd: 3 })
    expect(recognition([5, 5, 5, 5])).toEqual({ certain: 0, guess: 0.25, crowd: 4 })
  })
})
