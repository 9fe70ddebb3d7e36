import { describe, expect, it } from "vitest"
import { utf8 } from "../../../../crypto/bytes.ts"
import { createReadAhead } from "../../../../src/sync/readAhead.ts"
import { type Compressor, storingCompressor } from "../../../../storage/compress.ts"
import type { SealedChunk } from "../../../../storage/packGatherer.ts"

const HASH = new Uint8Array(32).fill(1)
const OTHER_HASH = new Uint8Array(32).fill(2)
const EPOCH = 3

/** Keeps the first byte of everything. */
const firstByte: Compressor = {
  ...storingCompressor,
  compress: (bytes) => ({ codec: "zstd", bytes: bytes.subarray(0, 1) }),
}

function sealed(epoch: number): SealedChunk {
  return { bytes: utf8("sealed"), codec: "zstd", epoch, salt: new Uint8Array(32), number: 0 }
}

describe("reading ahead", () => {
  it("gives a content away once, compressed", async () => {
    const readAhead = createReadAhead(firstByte)
    readAhead.keep("a.txt", utf8("abc"), HASH)
    expect(await readAhead.take("a.txt", HASH, EPOCH)?.()).toEqual({ codec: "zstd", bytes: utf8("a") })
    expect(readAhead.take("a.txt", HASH, EPOCH)).toBeUndefined()
  })

  it("never compresses a secret", async () => {
    const readAhead = createReadAhead(firstByte)
    readAhead.keep("sub/.env", utf8("abc"), HASH)
    expect(await readAhead.take("sub/.env", HASH, EPOCH)?.()).toEqual({ codec: "none", bytes: utf8("abc") })
  })

  it("does not give the content of an earlier look for a file that was edited since", async () => {
    const readAhead = createReadAhead(storingCompressor)
    readAhead.keep("a.txt", utf8("abc"), HASH)
    expect(readAhead.take("a.txt", OTHER_HASH, EPOCH)).toBeUndefined()
    readAhead.keep("a.txt", utf8("def"), OTHER_HASH)
    expect(await readAhead.take("a.txt", OTHER_HASH, EPOCH)?.()).toMatchObject({ bytes: utf8("def") })
  })

  it("gives away what was made ready as it is, but not what is sealed under another epoch", async () => {
    const readAhead = createReadAhead(storingCompressor)
    readAhead.keepReady("a.txt", { codec: "zstd", bytes: utf8("x") }, HASH)
    expect(await readAhead.take("a.txt", HASH, EPOCH)?.()).toEqual({ codec: "zstd", bytes: utf8("x") })
    readAhead.keepReady("a.txt", sealed(EPOCH), HASH)
    expect(await readAhead.take("a.txt", HASH, EPOCH)?.()).toEqual(sealed(EPOCH))
    readAhead.keepReady("a.txt", sealed(EPOCH - 1), HASH)
    expect(readAhead.take("a.txt", HASH, EPOCH)).toBeUndefined()
  })

  it("gives the chunks of a large file away once, and not for an earlier look at it", () => {
    const readAhead = createReadAhead(storingCompressor)
    const cuts = [{ offset: 0, plainBytes: 2_000_000, hash: HASH }]
    readAhead.keepCuts("a.bin", cuts, HASH)
    expect(readAhead.takeCuts("a.bin", OTHER_HASH)).toBeUndefined()
    expect(readAhead.takeCuts("a.bin", HASH)).toBe(cuts)
    expect(readAhead.takeCuts("a.bin", HASH)).toBeUndefined()
    readAhead.keepCuts("a.bin", cuts, HASH)
    readAhead.clear()
    expect(readAhead.takeCuts("a.bin", HASH)).toBeUndefined()
  })

  it("gives what was kept of one file for a copy of it, but nothing of a secret, nor to one", () => {
    const readAhead = createReadAhead(storingCompressor)
    readAhead.keepReady("a.txt", sealed(EPOCH), HASH)
    readAhead.keepReady(".env", sealed(EPOCH), OTHER_HASH)
    expect(readAhead.take("copy.txt", HASH, EPOCH)).toBeDefined()
    expect(readAhead.take("secret.pem", HASH, EPOCH)).toBeUndefined()
    expect(readAhead.take("copy-of-env.txt", OTHER_HASH, EPOCH)).toBeUndefined()
    expect(readAhead.take("a.txt", HASH, EPOCH)).toBeDefined()
  })

  it("keeps no more than it may, and nothing of before when files are looked at anew", () => {
    const readAhead = createReadAhead(storingCompressor, 2_500_000)
    const keep = (path: string) => readAhead.keep(path, new Uint8Array(1_000_000), HASH)
    for (const path of ["a", "b", "c"]) keep(path)
    readAhead.keep("late", utf8("abc"), OTHER_HASH)
    readAhead.clear()
    expect(["a", "b", "late"].map((path) => readAhead.take(path, HASH, EPOCH))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    for (const path of ["d.pem", "e.pem", "f.pem"]) keep(path)
    const kept = ["d.pem", "e.pem", "f.pem"].filter((path) => readAhead.take(path, HASH, EPOCH) !== undefined)
    expect(kept).toEqual(["d.pem", "e.pem"])
  })

  it("leaves large files to be read in pieces", () => {
    const readAhead = createReadAhead(storingCompressor)
    readAhead.keep("large", new Uint8Array(1024 * 1024 + 1), HASH)
    expect(readAhead.take("large", HASH, EPOCH)).toBeUndefined()
  })
})
