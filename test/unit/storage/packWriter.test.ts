import fc from "fast-check"
import { beforeAll, describe, expect, test } from "vitest"
import { concatBytes, equalBytes, toHex } from "../../../crypto/bytes.ts"
import type { Crypto } from "../../../crypto/crypto.ts"
import { createWebCompressor } from "../../../src/platform/web/webCompressor.ts"
import { storingCompressor } from "../../../storage/compress.ts"
import { createGear } from "../../../storage/chunker.ts"
import { createCutSeeker } from "../../../storage/cuts.ts"
import type { ChunkRef } from "../../../storage/format/index/entry.ts"
import type { FileContent } from "../../../storage/packWriter.ts"
import { checkChunkRef, verifyPack } from "../../../storage/format/pack.ts"
import { collectingWriter, GEAR_SEED, readBack, seededBytes, testVault } from "../../support/vault.ts"

const KIB = 1024
type Vault = Awaited<ReturnType<typeof testVault>>

let vault: Vault
beforeAll(async () => {
  vault = await testVault()
})

async function* piecesOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** A crypto that notes every key and nonce it seals under, and may fail at one of the seals. */
function recordingCrypto(crypto: Crypto, failAt = Number.POSITIVE_INFINITY): { crypto: Crypto; sealed: string[] } {
  const sealed: string[] = []
  return {
    sealed,
    crypto: {
      ...crypto,
      async seal(key, nonce, associatedData, plaintext) {
        sealed.push(`${toHex(key.expose())} ${toHex(nonce)}`)
        if (sealed.length === failAt) throw new Error("the machine is on fire")
        return crypto.seal(key, nonce, associatedData, plaintext)
      },
    },
  }
}

test("any files come back byte for byte, whole or in pieces, with their size and hash", async () => {
  const file = fc.record({
    bytes: fc.uint8Array({ maxLength: 3000 }),
    pieces: fc.option(fc.integer({ min: 1, max: 1000 })),
    secret: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(file, { maxLength: 12 }), async (files) => {
      const { writer, packs, refs } = collectingWriter(vault, { compressor: createWebCompressor(), targetBytes: 5000 })
      const added = await Promise.all(
        files.map(({ bytes, pieces, secret }) =>
          writer.addFile({ content: pieces === null ? bytes : piecesOf(bytes, pieces), secret }),
        ),
      )
      await writer.finish()
      for (const [id, pack] of packs) verifyPack(vault.crypto, id, pack)
      for (const ref of refs) checkChunkRef(ref)
      for (const [i, { bytes, secret }] of files.entries()) {
        const { size, hash, chunks } = added[i]!
        expect(size).toBe(bytes.length)
        expect(hash).toEqual(vault.crypto.sha256(bytes))
        expect(await readBack(vault, packs, chunks())).toEqual(bytes)
        if (secret) for (const ref of chunks()) expect(ref.codec).toBe("none")
      }
    }),
    { numRuns: 40 },
  )
})

test("of a large file that was cut before, only those chunks are read that are not there already", async () => {
  const before = seededBytes(6, 6_000_000)
  const bytes = concatBytes(before.subarray(0, 3_000_000), new Uint8Array(100), before.subarray(3_000_000))
  const { writer, packs, refs } = collectingWriter(vault, { targetBytes: 2 * 1024 * KIB })
  const there = await writer.addFile({ content: before })
  await writer.finish()
  const known = new Map(there.chunks().map((ref) => [toHex(ref.hash), ref]))
  const seeker = createCutSeeker(vault.crypto, createGear(vault.crypto, GEAR_SEED))
  seeker.push(bytes)
  const [cuts, hash, read] = [seeker.finish(), vault.crypto.sha256(bytes), [] as number[]]
  const next = collectingWriter(vault, { targetBytes: 2 * 1024 * KIB })
  const added = await next.writer.addFile({
    content: {
      size: bytes.length,
      hash,
      cuts,
      async read({ offset, plainBytes }) {
        read.push(plainBytes)
        return bytes.slice(offset, offset + plainBytes)
      },
    },
    reuse: (chunk) => known.get(toHex(chunk)),
  })
  await next.writer.finish()
  expect(added).toMatchObject({ size: bytes.length, hash })
  expect(read.length).toBe(next.refs.length)
  expect(read.length).toBeLessThan(cuts.length / 2)
  expect(refs.length).toBe(known.size)
  const all = new Map([...packs, ...next.packs])
  expect(toHex(vault.crypto.sha256(await readBack(vault, all, added.chunks())))).toBe(toHex(hash))
})

test("a large file is cut, and its chunks share one salt and count up", async () => {
  const bytes = seededBytes(1, 5_000_000)
  const { writer, packs } = collectingWriter(vault, { targetBytes: 2 * 1024 * KIB })
  const whole = await writer.addFile({ content: bytes })
  await writer.finish()
  const chunks = whole.chunks()
  expect(chunks.length).toBeGreaterThan(2)
  expect(chunks.map((ref) => ref.number)).toEqual(chunks.map((_, i) => i))
  expect(new Set(chunks.map((ref) => toHex(ref.salt))).size).toBe(1)
  expect(toHex(vault.crypto.sha256(await readBack(vault, packs, chunks)))).toBe(toHex(vault.crypto.sha256(bytes)))
  expect(whole.sealedBytes).toBe(bytes.length + 16 * chunks.length)
})

test("files share packs; full packs are close to the target and waste little", async () => {
  const target = 512 * KIB
  const { writer, packs } = collectingWriter(vault, { targetBytes: target })
  let sealed = 0
  for (let i = 0; i < 300; i++) {
    sealed += (await writer.addFile({ content: seededBytes(i + 1, 1000 + 23 * i) })).sealedBytes
  }
  await writer.finish()
  const lengths = [...packs.values()].map((pack) => pack.length)
  for (const length of lengths.slice(0, -1)) expect(length).toBe(target)
  expect(lengths.reduce((a, b) => a + b)).toBeLessThan(1.02 * sealed + 16 * KIB)
})

test("a chunk longer than the target has a pack for itself", async () => {
  const { writer, packs, refs } = collectingWriter(vault, { targetBytes: 32 * KIB })
  for (const length of [100, 200 * KIB, 101]) await writer.addFile({ content: seededBytes(length, length) })
  await writer.finish()
  expect(packs.size).toBe(3)
  expect(refs.map((ref) => ref.offset)).toEqual([8, 8, 8])
})

test("nothing to add makes no pack", async () => {
  const { writer, packs } = collectingWriter(vault)
  const empty = await writer.addFile({ content: new Uint8Array(0) })
  await writer.finish()
  expect(packs.size).toBe(0)
  expect(empty.chunks()).toEqual([])
})

test("chunks that the vault has are referred to, not sealed again", async () => {
  const bytes = seededBytes(9, 4_000_000)
  const first = collectingWriter(vault)
  const before = await first.writer.addFile({ content: bytes })
  await first.writer.finish()
  const known = new Map(before.chunks().map((ref) => [toHex(ref.hash), ref]))

  const edited = concatBytes(bytes.subarray(0, 3_900_000), Uint8Array.of(1), bytes.subarray(3_900_000))
  const asked: number[] = []
  const second = collectingWriter(vault)
  const after = await second.writer.addFile({
    content: edited,
    reuse(hash, plainBytes) {
      asked.push(plainBytes)
      return known.get(toHex(hash))
    },
  })
  await second.writer.finish()
  expect(asked.reduce((a, b) => a + b)).toBe(edited.length)
  const fresh = after.chunks().filter((ref) => second.packs.has(ref.pack))
  expect(fresh.length).toBe(1)
  // The new part of a file is a run of its own: its own salt, numbers from 0.
  expect(fresh[0]!.number).toBe(0)
  expect([...known.values()].map((ref) => toHex(ref.salt))).not.toContain(toHex(fresh[0]!.salt))
  expect(after.sealedBytes).toBe(fresh[0]!.sealedBytes)
  const back = await readBack(vault, new Map([...first.packs, ...second.packs]), after.chunks())
  expect(equalBytes(back, edited)).toBe(true)
})

describe("among the files of one commit", () => {
  const lengthsOf = async (...files: readonly FileContent[]): Promise<readonly number[]> => {
    const { writer, refs } = collectingWriter(vault)
    for (const file of files) await writer.addFile(file)
    await writer.finish()
    return refs.map((ref) => ref.plainBytes)
  }

  test.each([1, 64 * KIB - 1, 64 * KIB, 1024 * KIB])("a copy of a file of %i bytes costs nothing", async (length) => {
    const content = seededBytes(7, length)
    expect(await lengthsOf({ content }, { content: content.slice() }, { content: content.slice() })).toEqual([length])
  })

  test("a short secret is sealed each time: nobody is told that a guess of it was right", async () => {
    const content = seededBytes(7, 100)
    expect(await lengthsOf({ content, secret: true }, { content }, { content, secret: true })).toEqual([100, 100, 100])
  })

  test("a long secret shares nothing with a file that may lie compressed", async () => {
    const content = new Uint8Array(100 * KIB)
    expect(await lengthsOf({ content }, { content, secret: true }, { content, secret: true })).toEqual([
      content.length,
      content.length,
    ])
  })

  test("a short chunk of a large file is no copy of a short file", async () => {
    const bytes = seededBytes(8, 3_000_000)
    const before = (await lengthsOf({ content: bytes })).slice(0, -1)
    const start = before.reduce((sum, length) => sum + length)
    const large = bytes.subarray(0, start + 1000)
    expect(await lengthsOf({ content: large }, { content: large.slice(start) })).toEqual([...before, 1000, 1000])
  })
})

test("with the same random bytes it makes the same packs, with others quite different ones", async () => {
  const ids: string[][] = []
  for (const seed of [5, 5, 6]) {
    const seeded = await testVault(seed)
    const { writer, packs } = collectingWriter(seeded)
    for (let i = 0; i < 5; i++) await writer.addFile({ content: new Uint8Array(100 * i).fill(i) })
    await writer.finish()
    ids.push([...packs.keys()])
  }
  expect(ids[0]).toEqual(ids[1])
  expect(ids[0]).not.toEqual(ids[2])
})

test("no key and nonce meet twice, over files, retries of a failed file, and failures of every single seal", async () => {
  const bytes = seededBytes(3, 3_000_000)
  for (let failAt = 1; failAt <= 5; failAt++) {
    const { crypto, sealed } = recordingCrypto(vault.crypto, failAt)
    const { writer, packs } = collectingWriter({ crypto, keys: vault.keys })
    let done: { chunks(): readonly ChunkRef[] } | undefined
    for (let attempt = 0; attempt < 3 && done === undefined; attempt++) {
      done = await writer.addFile({ content: bytes }).catch(() => undefined)
    }
    await writer.finish()
    expect(new Set(sealed).size).toBe(sealed.length)
    expect(toHex(vault.crypto.sha256(await readBack(vault, packs, done!.chunks())))).toBe(
      toHex(vault.crypto.sha256(bytes)),
    )
  }
})

test("a run that was broken off midway is never taken up again: the next one has another salt", async () => {
  const bytes = seededBytes(4, 3_000_000)
  const { crypto, sealed } = recordingCrypto(vault.crypto)
  const { writer, refs } = collectingWriter({ crypto, keys: vault.keys })
  async function* changing(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 2_500_000)
    throw new Error("the file changed while it was read")
  }
  await expect(writer.addFile({ content: changing() })).rejects.toThrow("changed while it was read")
  const before = sealed.length
  expect(before).toBeGreaterThan(0)
  const other = seededBytes(5, 3_000_000)
  const second = await writer.addFile({ content: other })
  await writer.finish()
  const secondSalts = new Set(second.chunks().map((ref) => toHex(ref.salt)))
  const firstSalts = new Set(refs.slice(0, before).map((ref) => toHex(ref.salt)))
  expect([...secondSalts].filter((salt) => firstSalts.has(salt))).toEqual([])
  expect(new Set(sealed).size).toBe(sealed.length)
})

test("references are not to be had while their pack is open", async () => {
  const { writer } = collectingWriter(vault)
  const added = await writer.addFile({ content: seededBytes(1, 10) })
  expect(() => added.chunks()).toThrow(TypeError)
  await writer.finish()
  expect(added.chunks().length).toBe(1)
})

test("waits for packs to be taken: one at a time, and at most one more in line", async () => {
  const taken: (() => void)[] = []
  let atOnce = 0
  const { writer } = collectingWriter(vault, {
    targetBytes: 20 * KIB,
    onPack: async () => {
      atOnce++
      expect(atOnce).toBe(1)
      await new Promise<void>((resolve) => taken.push(resolve))
      atOnce--
    },
  })
  let added = 0
  const adding = (async () => {
    for (let i = 0; i < 10; i++) {
      await writer.addFile({ content: seededBytes(i + 1, 15 * KIB) })
      added++
    }
    await writer.finish()
  })()
  // Each file closes the pack before it, so the third one makes two packs that nobody has taken yet.
  await expect.poll(() => taken.length).toBe(1)
  await new Promise((resolve) => setTimeout(resolve))
  expect(added).toBe(2)
  for (let released = 0; released < 10; released++) {
    await expect.poll(() => taken.length).toBe(released + 1)
    taken[released]!()
  }
  await adding
  expect(added).toBe(10)
})

test("when a pack cannot be taken, adding and finishing fail with that error, and no further pack is offered", async () => {
  let offered = 0
  const { writer } = collectingWriter(vault, {
    targetBytes: 20 * KIB,
    compressor: storingCompressor,
    onPack: async () => {
      offered++
      throw new Error("no space")
    },
  })
  const adding = (async () => {
    for (let i = 0; i < 10; i++) await writer.addFile({ content: seededBytes(i + 1, 15 * KIB) })
  })()
  await expect(adding).rejects.toThrow("no space")
  await expect(writer.finish()).rejects.toThrow("no space")
  expect(offered).toBe(1)
})
