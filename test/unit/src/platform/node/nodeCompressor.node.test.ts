import zlib from "node:zlib"
import { describe, expect, test } from "vitest"
import { utf8 } from "../../../../../crypto/bytes.ts"
import { createNodeCompressor } from "../../../../../src/platform/node/nodeCompressor.ts"
import { decompress } from "../../../../../storage/compress.ts"
import { seededBytes } from "../../../../support/vault.ts"

const SOURCE = utf8("export function add(a: number, b: number): number {\n  return a + b\n}\n".repeat(500))
const refused = expect.objectContaining({ code: "FORMAT_INVALID" })

describe.each(["zstd", "deflate-raw"] as const)("%s by node:zlib", (codec) => {
  const compressor = createNodeCompressor(codec)

  test.each([64, 1000, 20_000, SOURCE.length])("%i bytes come back, natively and portably", async (length) => {
    const plain = SOURCE.subarray(0, length)
    const { codec: used, bytes } = await compressor.compress(plain)
    expect(bytes.length).toBeLessThanOrEqual(length)
    expect(await compressor.decompress(used, bytes, length)).toEqual(plain)
    expect(await decompress(used, bytes, length)).toEqual(plain)
    if (length > 64) expect(used).toBe(codec)
  })

  test("comes back portably at sizes that take several blocks and every form of the frame's header", async () => {
    for (const length of [255, 256, 65_791, 65_792, 300_000, 3_000_000]) {
      const plain = new Uint8Array(length)
      for (let at = 0; at < length; at += 40) plain.set(seededBytes(at + 1, Math.min(20, length - at)), at)
      const { codec: used, bytes } = await compressor.compress(plain)
      expect(used).toBe(codec)
      expect(Buffer.compare(await decompress(used, bytes, length), plain)).toBe(0)
      expect(Buffer.compare(await compressor.decompress(used, bytes, length), plain)).toBe(0)
    }
  })

  test("leaves random bytes alone", async () => {
    for (const length of [10, 5000, 100_000]) {
      const plain = seededBytes(length, length)
      expect(await compressor.compress(plain)).toEqual({ codec: "none", bytes: plain })
    }
  })

  test("refuses any other length than the stated one, and what is not compressed at all", async () => {
    const { bytes } = await compressor.compress(SOURCE)
    for (const length of [0, SOURCE.length - 1, SOURCE.length + 1]) {
      expect(() => compressor.decompress(codec, bytes, length)).toThrow(refused)
    }
    expect(() => compressor.decompress(codec, SOURCE, SOURCE.length)).toThrow(refused)
    expect(() => compressor.decompress(codec, bytes.subarray(0, -9), SOURCE.length)).toThrow(refused)
  })
})

test("a bomb is stopped at the stated length", () => {
  const bomb = zlib.deflateRawSync(Buffer.alloc(100 * 1024 * 1024))
  const before = process.memoryUsage().arrayBuffers
  expect(() => createNodeCompressor().decompress("deflate-raw", bomb, 1000)).toThrow(refused)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024)
})
