import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { fromHex, utf8 } from "../../../crypto/bytes.ts"
import { createWebCompressor } from "../../../src/platform/web/webCompressor.ts"
import { checkZstdFrame, decompress, looksCompressible } from "../../../storage/compress.ts"
import { seededBytes } from "../../support/vault.ts"

const TEXT = utf8("sessyn ".repeat(40))
/** {@link TEXT} by libzstd. */
const ZSTD = fromHex("28b52ffd6018007500003873657373796e2001000e528b11")

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
