import fc from "fast-check"
import { beforeAll, expect, test } from "vitest"
import { concatBytes, equalBytes, toHex } from "../../../crypto/bytes.ts"
import type { Crypto } from "../../../crypto/crypto.ts"
import { createPortableCrypto } from "../../../crypto/portableCrypto.ts"
import {
  createChunker,
  createGear,
  type Gear,
  MAX_CUT_BYTES,
  MAX_WHOLE_BYTES,
  MIN_CUT_BYTES,
} from "../../../storage/chunker.ts"
import { seededBytes } from "../../support/vault.ts"
import vectors from "../../vectors/chunker-v1.json" with { type: "json" }

const KIB = 1024
const MIB = 1024 * KIB

let crypto: Crypto
let gear: Gear
beforeAll(async () => {
  crypto = await createPortableCrypto()
  gear = createGear(crypto, new Uint8Array(32).fill(7))
})

/** `docs/spec/chunker.md` word for word, one byte at a time. */
function slowCuts(data: Uint8Array, table: Gear): number[] {
  if (data.length === 0) return []
  if (data.length <= MIB) return [data.length]
  const cuts: number[] = []
  let length = 0
  let hash = 0
  data.forEach((byte, at) => {
    length++
    if (length > 256 * KIB) hash = (((hash << 1) >>> 0) + (table[byte]! >>> 0)) % 2 ** 32
    else hash = 0
    const strict = Math.floor(hash / 2 ** 9) % 2 ** 22 === 0
    const loose = Math.floor(hash / 2 ** 13) % 2 ** 18 === 0
    const cut = length > 256 * KIB && (length <= MIB ? strict : loose)
    if (cut || length === 4 * MIB || at === data.length - 1) {
      cuts.push(at + 1)
      length = 0
    }
  })
  return cuts
}

function chunksOf(pieces: Iterable<Uint8Array>): Uint8Array[] {
  const chunker = createChunker(gear)
  const chunks: Uint8Array[] = []
  for (const piece of pieces) chunks.push(...chunker.push(piece))
  return [...chunks, ...chunker.finish()]
}

function cutsOf(chunks: readonly Uint8Array[]): number[] {
  let at = 0
  return chunks.map((chunk) => {
    at += chunk.length
    return at
  })
}

function* piecesOf(data: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < data.length; i++) {
    const size = sizes[i % sizes.length]!
    yield data.subarray(at, at + size)
    at += size
  }
}

test("cuts where the reference does, however the file comes in pieces", () => {
  const data = seededBytes(1, 9 * MIB)
  fc.assert(
    fc.property(
      fc.nat(3 * MIB),
      fc.nat(4 * MIB),
      fc.array(fc.integer({ min: 1, max: 700_000 }), { minLength: 1, maxLength: 5 }),
      (from, length, sizes) => {
        const part = data.subarray(from, from + length)
        // Pieces of a few bytes are right, too, but take long over megabytes.
        const chunks = chunksOf(piecesOf(part, sizes.every((size) => size < 1000) ? [...sizes, 100_001] : sizes))
        expect(cutsOf(chunks)).toEqual(slowCuts(part, gear))
        expect(toHex(crypto.sha256(...chunks))).toBe(toHex(crypto.sha256(part)))
      },
    ),
    { numRuns: 25 },
  )
})

test("cuts low-entropy data where the reference does", () => {
  const zeros = new Uint8Array(9 * MIB)
  const period = Uint8Array.from({ length: 6 * MIB }, (_, i) => i % 251)
  for (const data of [zeros, period]) expect(cutsOf(chunksOf([data]))).toEqual(slowCuts(data, gear))
})

test.each([1, MIN_CUT_BYTES, MAX_WHOLE_BYTES])("leaves a file of %i bytes whole", (length) => {
  const data = seededBytes(2, length)
  const half = length >> 1
  for (const pieces of [[data], [data.subarray(0, half), data.subarray(half)]]) {
    const chunks = chunksOf(pieces)
    expect(chunks.length).toBe(1)
    expect(equalBytes(chunks[0]!, data)).toBe(true)
  }
})

test("makes no chunk of an empty file, and none of empty pieces", () => {
  expect(chunksOf([])).toEqual([])
  expect(chunksOf([new Uint8Array(0), new Uint8Array(0)])).toEqual([])
})

test("keeps every chunk within its bounds, about 1 MiB on average", () => {
  const chunks = chunksOf([seededBytes(3, 48 * MIB)])
  for (const chunk of chunks.slice(0, -1)) {
    expect(chunk.length).toBeGreaterThan(MIN_CUT_BYTES)
    expect(chunk.length).toBeLessThanOrEqual(MAX_CUT_BYTES)
  }
  expect(chunks.length).toBeGreaterThan(30)
  expect(chunks.length).toBeLessThan(70)
})

test("an insertion changes the chunks around it and no others", () => {
  const data = seededBytes(4, 16 * MIB)
  const edited = concatBytes(data.subarray(0, 5 * MIB), Uint8Array.of(1, 2, 3), data.subarray(5 * MIB))
  const before = new Set(chunksOf([data]).map((chunk) => toHex(crypto.sha256(chunk))))
  const fresh = chunksOf([edited]).filter((chunk) => !before.has(toHex(crypto.sha256(chunk))))
  expect(fresh.length).toBeLessThanOrEqual(3)
})

test("copies nothing that lies in one piece", () => {
  const data = seededBytes(5, 6 * MIB)
  for (const chunk of chunksOf([data])) expect(chunk.buffer).toBe(data.buffer)
})

test("another seed cuts elsewhere", () => {
  const data = seededBytes(6, 8 * MIB)
  const other = createChunker(createGear(crypto, new Uint8Array(32).fill(8)))
  expect(cutsOf([...other.push(data), ...other.finish()])).not.toEqual(cutsOf(chunksOf([data])))
})

test("refuses a seed of another length", () => {
  expect(() => createGear(crypto, new Uint8Array(31))).toThrow(
    expect.objectContaining({ code: "CRYPTO_INVALID_INPUT" }),
  )
})

test.each(vectors.cases)("vector: $name", ({ seedHex, data, cuts, gearFirst }) => {
  const table = createGear(
    crypto,
    Uint8Array.from(seedHex.match(/../g)!, (byte) => Number.parseInt(byte, 16)),
  )
  expect([...table.subarray(0, 4)].map((value) => value >>> 0)).toEqual(gearFirst)
  const chunker = createChunker(table)
  const bytes = data.kind === "zeros" ? new Uint8Array(data.length) : seededBytes(data.seed, data.length)
  expect(cutsOf([...chunker.push(bytes), ...chunker.finish()])).toEqual(cuts)
})
