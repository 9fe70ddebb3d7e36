import { describe, expect, it } from "vitest"
import { utf8 } from "../../../../crypto/bytes.ts"
import { createReadAhead } from "../../../../src/sync/readAhead.ts"
import type { Compressed, Compressor } from "../../../../storage/compress.ts"
import { storingCompressor } from "../../../../storage/compress.ts"

const HASH = new Uint8Array(32).fill(1)
const OTHER_HASH = new Uint8Array(32).fill(2)

/** Keeps the first byte of everything, when told to work. */
function slowCompressor() {
  const jobs: (() => void)[] = []
  let isClosed = false
  const compressor: Compressor = {
    ...storingCompressor,
    compressAhead: () => ({
      add(bytes) {
        let done: Compressed | undefined
        const work = (): Compressed => {
          done = { codec: "zstd", bytes: bytes.subarray(0, 1) }
          return done
        }
        jobs.push(work)
        return {
          get heldBytes() {
            return (done?.bytes ?? bytes).length
          },
          result: () => done ?? work(),
        }
      },
      close() {
        isClosed = true
      },
    }),
  }
  const work = () => {
    for (const job of jobs.splice(0)) job()
  }
  return { compressor, work, isClosed: () => isClosed }
}

describe("reading ahead", () => {
  it("gives a content away once, compressed", async () => {
    const readAhead = createReadAhead(slowCompressor().compressor)
    readAhead.keep("a.txt", utf8("abc"), HASH)
    const taken = readAhead.take("a.txt", HASH)
    expect(taken).toMatchObject({ size: 3, hash: HASH })
    expect(await taken?.stored()).toEqual({ codec: "zstd", bytes: utf8("a") })
    expect(readAhead.take("a.txt", HASH)).toBeUndefined()
  })

  it("compresses when asked where there is no other core", async () => {
    const readAhead = createReadAhead(storingCompressor)
    readAhead.keep("a.txt", utf8("abc"), HASH)
    expect(await readAhead.take("a.txt", HASH)?.stored()).toEqual({ codec: "none", bytes: utf8("abc") })
  })

  it("never compresses a secret", async () => {
    const readAhead = createReadAhead(slowCompressor().compressor)
    readAhead.keep("sub/.env", utf8("abc"), HASH)
    expect(await readAhead.take("sub/.env", HASH)?.stored()).toEqual({ codec: "none", bytes: utf8("abc") })
  })

  it("does not give the content of an earlier look for a file that was edited since", () => {
    const readAhead = createReadAhead(storingCompressor)
    readAhead.keep("a.txt", utf8("abc"), HASH)
    expect(readAhead.take("a.txt", OTHER_HASH)).toBeUndefined()
    readAhead.keep("a.txt", utf8("def"), OTHER_HASH)
    expect(readAhead.take("a.txt", OTHER_HASH)?.hash).toEqual(OTHER_HASH)
  })

  it("keeps no more than it may, and more again when it is compressed", () => {
    const { compressor, work } = slowCompressor()
    const readAhead = createReadAhead(compressor, 2_500_000)
    const keep = (path: string) => readAhead.keep(path, new Uint8Array(1_000_000), HASH)
    for (const path of ["a", "b", "c"]) keep(path)
    work()
    for (const path of ["d", "e", "f", "g", "h"]) keep(path)
    const kept = [..."abcdefgh"].filter((path) => readAhead.take(path, HASH) !== undefined)
    expect(kept.length).toBe(4)
    expect(kept.slice(0, 2)).toEqual(["a", "b"])
  })

  it("leaves large files to be read in pieces", () => {
    const readAhead = createReadAhead(storingCompressor)
    readAhead.keep("large", new Uint8Array(1024 * 1024 + 1), HASH)
    expect(readAhead.take("large", HASH)).toBeUndefined()
  })

  it("ends the other core's work when it is closed", () => {
    const { compressor, isClosed } = slowCompressor()
    createReadAhead(compressor).close()
    expect(isClosed()).toBe(true)
  })
})
