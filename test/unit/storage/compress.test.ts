import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { concatBytes, equalBytes, fromHex, utf8 } from "../../../crypto/bytes.ts"
import { createWebCompressor } from "../../../src/platform/web/webCompressor.ts"
import { checkZstdFrame, decompress, looksCompressible } from "../../../storage/compress.ts"
import { seededBytes } from "../../support/vault.ts"

const TEXT = utf8("sessyn ".repeat(40))
/** {@link TEXT} by libzstd. */
const ZSTD = fromHex("28b52ffd6018007500003873657373796e2001000e528b11")

/** The most that one block may hold. */
const ZSTD_BLOCK_BYTES = 128 * 1024
/** A block of sequences whose bits end long before its sequences do. */
const EXHAUSTED = fromHex("28b52ffd6088124d0000283030fd0083d30380")

/** A zstd frame of zeros, in blocks that repeat one byte. */
function zeros(length: number): Uint8Array {
  const header = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x50, 0, 0, 0, 0)
  new DataView(header.buffer).setUint32(6, length, true)
  const blocks: Uint8Array[] = []
  for (let left = length; left > 0; left -= ZSTD_BLOCK_BYTES) {
    const head = (Math.min(left, ZSTD_BLOCK_BYTES) << 3) | 2 | (left <= ZSTD_BLOCK_BYTES ? 1 : 0)
    blocks.push(Uint8Array.of(head & 0xff, (head >> 8) & 0xff, head >> 16, 0))
  }
  return concatBytes(header, ...blocks)
}

const refused = expect.objectContaining({ code: "FORMAT_INVALID" })

describe("inflating", () => {
  test("yields what was compressed", async () => {
    expect(await decompress("zstd", ZSTD, TEXT.length)).toEqual(TEXT)
    const { codec, bytes } = await createWebCompressor().compress(TEXT)
    expect(codec).toBe("deflate-raw")
    expect(await decompress(codec, bytes, TEXT.length)).toEqual(TEXT)
    expect(await decompress("none", TEXT, TEXT.length)).toBe(TEXT)
  })

  test("refuses another length than the one stated", async () => {
    const { bytes } = await createWebCompressor().compress(TEXT)
    for (const length of [0, 1, TEXT.length - 1, TEXT.length + 1, 1_000_000]) {
      await expect(decompress("deflate-raw", bytes, length)).rejects.toEqual(refused)
      await expect(decompress("zstd", ZSTD, length)).rejects.toEqual(refused)
      await expect(decompress("none", TEXT, length)).rejects.toEqual(refused)
    }
  })

  test("of a bomb stops at the stated length", async () => {
    const { bytes } = await createWebCompressor().compress(new Uint8Array(64 * 1024 * 1024))
    expect(bytes.length).toBeLessThan(80_000)
    await expect(decompress("deflate-raw", bytes, 1000)).rejects.toEqual(refused)
  })

  test("refuses damage within a zstd frame, and reads the next one", async () => {
    await expect(decompress("zstd", EXHAUSTED, 5000)).rejects.toEqual(refused)
    // Reserved block types, of a length that is right and of none.
    await expect(decompress("zstd", fromHex("28b52ffd2001070000"), 1)).rejects.toEqual(refused)
    await expect(decompress("zstd", fromHex("28b52ffd2000070000"), 0)).rejects.toEqual(refused)
    // A checksum that is another's.
    await expect(decompress("zstd", fromHex("28b52ffd2400010000ffffffff"), 0)).rejects.toEqual(refused)
    expect(await decompress("zstd", fromHex("28b52ffd2000010000"), 0)).toEqual(new Uint8Array(0))
    expect(await decompress("zstd", ZSTD, TEXT.length)).toEqual(TEXT)
  })

  test("of zstd takes any length, again and again and at the same time", async () => {
    for (const length of [40 * 1024 * 1024, 8 * 1024 * 1024, 1, 8 * 1024 * 1024]) {
      const frame = zeros(length)
      const plains = await Promise.all([1, 2, 3].map(() => decompress("zstd", frame, length)))
      for (const plain of plains) {
        expect(plain.length).toBe(length)
        expect(equalBytes(plain, new Uint8Array(length))).toBe(true)
      }
    }
  })

  test("of any bytes at all either works or is refused with a code", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), fc.nat(2000), async (junk, framed, length) => {
        const frame = framed ? Uint8Array.from([...ZSTD.subarray(0, 7), ...junk]) : junk
        for (const codec of ["zstd", "deflate-raw"] as const) {
          const result = await decompress(codec, frame, framed ? TEXT.length : length).catch((error: unknown) => error)
          if (!(result instanceof Uint8Array)) expect(result).toEqual(refused)
        }
      }),
      { numRuns: 300 },
    )
  })
})

test.each([
  ["another magic", "29b52ffd60180075"],
  ["cut short within its size", "28b52ffd6018"],
  ["a dictionary", "28b52ffd6118007500"],
  ["the reserved bit", "28b52ffd6818007500"],
  ["no content size", "28b52ffd0058740000"],
  ["a window of 16 MiB", "28b52ffd407018000000"],
  ["a content size that is not the one stated", "28b52ffd60190075"],
])("a zstd frame with %s is refused", (_, hex) => {
  expect(() => checkZstdFrame(fromHex(hex), TEXT.length)).toThrow(refused)
})

describe("compressing", () => {
  test("leaves alone what would not become shorter", async () => {
    for (const bytes of [seededBytes(1, 100_000), utf8("short"), seededBytes(2, 200)]) {
      expect(await createWebCompressor().compress(bytes)).toEqual({ codec: "none", bytes })
    }
  })

  test("sees from a sample whether a try is worth it", () => {
    expect(looksCompressible(seededBytes(1, 1_000_000))).toBe(false)
    expect(looksCompressible(utf8("const a = 1\n".repeat(10_000)))).toBe(true)
    // A table whose first field is random: one byte in each 256 says nothing about the rest.
    const table = new Uint8Array(1_048_576)
    const random = seededBytes(3, 4096)
    for (let i = 0; i < 4096; i++) table[256 * i] = random[i]!
    expect(looksCompressible(table)).toBe(true)
  })
})
