import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { equalBytes, fromHex, toHex, utf8 } from "../../../../crypto/bytes.ts"
import type { ChunkRef, Codec, IndexEntry, Tombstone } from "../../../../storage/format/index/entry.ts"
import { comparePaths } from "../../../../storage/format/index/indexPath.ts"
import { decodeShard, encodeShard, type ShardContent } from "../../../../storage/format/index/indexShard.ts"
import { MACHINE_A, MACHINE_B, testFile } from "../../../support/vault.ts"
import vectors from "../../../vectors/index-shard-v1.json" with { type: "json" }

const EMPTY_HASH = fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
const invalid = expect.objectContaining({ code: "FORMAT_INVALID" })

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const uint = (max: number) => fc.oneof(fc.nat(Math.min(max, 200)), fc.integer({ min: 0, max }))
const writer = fc.constantFrom(MACHINE_A, MACHINE_B)
const segment = fc
  .oneof(fc.string({ minLength: 1, maxLength: 8, unit: "binary" }), fc.constantFrom("src", "ä", "\u{1f600}", "\uff5e"))
  .filter((text) => !/[\0/]|^\.{1,2}$/.test(text))
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join("/"))

const chunk: fc.Arbitrary<ChunkRef> = fc
  .record({
    pack: fc.constantFrom("1", "2", "e").map((digit) => digit.repeat(64)),
    offset: fc.integer({ min: 8, max: 8 * 2 ** 20 }),
    plainBytes: fc.integer({ min: 2, max: 4 * 2 ** 20 }),
    saved: fc.double({ min: 0, max: 0.99, noNaN: true }),
    codec: fc.constantFrom<Codec>("none", "deflate-raw", "zstd"),
    epoch: fc.integer({ min: 1, max: 3 }),
    salt: fc.constantFrom(1, 2).map((fill) => new Uint8Array(32).fill(fill)),
    number: uint(2 ** 32 - 1),
    hash,
  })
  .map(({ saved, ...ref }) => {
    const stored = Math.min(ref.plainBytes - 1, Math.max(1, Math.floor(ref.plainBytes * (1 - saved))))
    return { ...ref, sealedBytes: (ref.codec === "none" ? ref.plainBytes : stored) + 16 }
  })

/** Chunks, some of which follow one another in one run. */
const chunks = fc.array(fc.tuple(chunk, fc.boolean()), { maxLength: 6 }).map((drawn) => {
  const refs: ChunkRef[] = []
  for (const [ref, follows] of drawn) {
    const before = refs.at(-1)
    const next = before === undefined ? 0 : before.number + 1
    if (before === undefined || !follows || next >= 2 ** 32) refs.push(ref)
    else refs.push({ ...ref, epoch: before.epoch, salt: before.salt, number: next })
  }
  return refs
})

const common = { mode: fc.nat(0o777), mtimeMs: uint(2 ** 48 - 1), version: uint(2 ** 48 - 1), writer }
const entry = fc.oneof(
  fc.record({ ...common, hash, chunks }).map(({ hash, chunks, ...rest }) => ({
    type: "file" as const,
    ...rest,
    size: chunks.reduce((sum, ref) => sum + ref.plainBytes, 0),
    hash: chunks.length === 0 ? EMPTY_HASH : chunks.length === 1 ? chunks[0]!.hash : hash,
    chunks,
  })),
  fc.record({ type: fc.constant("link" as const), ...common, target: path }),
  fc.record({ type: fc.constant("folder" as const), ...common }),
)
const tombstone = fc.record({ hash, sequence: uint(2 ** 48 - 1), writer })

const content: fc.Arbitrary<ShardContent> = fc
  .record({
    seed: fc.option(hash, { nil: undefined }),
    items: fc.uniqueArray(fc.tuple(path, fc.oneof(entry, tombstone)), { selector: ([path]) => path, maxLength: 20 }),
  })
  .map(({ seed, items }): ShardContent => {
    const entries: IndexEntry[] = []
    const tombstones: Tombstone[] = []
    for (const [path, item] of items.toSorted(([a], [b]) => comparePaths(a, b))) {
      if ("type" in item) entries.push({ path, ...item })
      else tombstones.push({ path, ...item })
    }
    return seed === undefined ? { entries, tombstones } : { gearSeed: seed, entries, tombstones }
  })

test("any content comes back as it was, and encodes to the same bytes again", () => {
  fc.assert(
    fc.property(content, (shard) => {
      const payload = encodeShard(shard)
      expect(decodeShard(payload)).toEqual(shard)
      expect(toHex(encodeShard(decodeShard(payload)))).toBe(toHex(payload))
    }),
  )
})

test("whatever decodes is in its one form: encoding it gives the same bytes", () => {
  let accepted = 0
  fc.assert(
    fc.property(content, fc.nat(), fc.nat(255), fc.constantFrom("set", "insert", "delete"), (shard, at, byte, how) => {
      const payload = [...encodeShard(shard)]
      const index = at % payload.length
      if (how === "set") payload[index] = byte
      if (how === "insert") payload.splice(index, 0, byte)
      if (how === "delete") payload.splice(index, 1)
      const changed = Uint8Array.from(payload)
      let decoded: ShardContent
      try {
        decoded = decodeShard(changed)
      } catch (error) {
        expect(["FORMAT_INVALID", "FORMAT_NEWER", "FORMAT_LIMIT_EXCEEDED"]).toContain((error as { code: string }).code)
        return
      }
      accepted++
      expect(toHex(encodeShard(decoded))).toBe(toHex(changed))
    }),
    { numRuns: 3000 },
  )
  expect(accepted).toBeGreaterThan(100)
})

test("cut short anywhere it is refused", () => {
  const payload = encodeShard({
    gearSeed: new Uint8Array(32),
    entries: [testFile("a"), testFile("b/c", 2)],
    tombstones: [{ path: "z", hash: EMPTY_HASH, sequence: 3, writer: MACHINE_A }],
  })
  for (let length = 0; length < payload.length; length++) {
    expect(() => decodeShard(payload.subarray(0, length))).toThrow(invalid)
  }
})

test("hashes are views into the payload, not copies", () => {
  const payload = encodeShard({ entries: [testFile("a")], tombstones: [] })
  const [file] = decodeShard(payload).entries
  if (file?.type !== "file") throw new Error("a file went in")
  expect(file.hash.buffer).toBe(payload.buffer)
  expect(file.chunks[0]!.hash).toEqual(file.hash)
})

test("the only chunk of a file does not store hash and length again", () => {
  const bytesOf = (entries: readonly IndexEntry[]): number => encodeShard({ entries, tombstones: [] }).length
  const file = testFile("a")
  const [ref] = file.chunks as [ChunkRef]
  const second = { ...ref, number: 1, offset: ref.offset + ref.sealedBytes }
  const two = { ...file, size: 2 * file.size, chunks: [ref, second] }
  // Once more a reference of 5 bytes, and for both of them a length of 1 and a hash of 32.
  expect(bytesOf([two]) - bytesOf([file])).toBeLessThanOrEqual(2 * 34 + 6)
})

test("a time that the format cannot hold is moved to the nearest it can", () => {
  const times = [-5, 1.9, Number.NaN, 2 ** 60].map((mtimeMs, i) => ({ ...testFile(`f${i}`), mtimeMs }))
  const { entries } = decodeShard(encodeShard({ entries: times, tombstones: [] }))
  expect(entries.map((entry) => entry.mtimeMs)).toEqual([0, 1, 0, 2 ** 48 - 1])
})

describe("the encoder refuses what a reader would:", () => {
  const file = testFile("a")
  const [ref] = file.chunks as [ChunkRef]
  test.each<[string, readonly IndexEntry[]]>([
    ["paths out of order", [testFile("b"), testFile("a")]],
    ["a path twice", [file, file]],
    ["a lone surrogate", [testFile("a\ud800")]],
    ["a path that climbs out", [testFile("../a")]],
    ["a mode above 0o777", [{ ...file, mode: 0o4755 }]],
    ["a negative mode", [{ ...file, mode: -1 }]],
    ["a writer that is no machine id", [{ ...file, writer: "me" }]],
    ["a pack that is no SHA-256", [{ ...file, chunks: [{ ...ref, pack: "ab" }] }]],
    ["a size that is not the chunks'", [{ ...file, size: 1 }]],
    ["a hash that is not the only chunk's", [{ ...file, hash: EMPTY_HASH }]],
    ["a salt of 31 bytes", [{ ...file, chunks: [{ ...ref, salt: new Uint8Array(31) }] }]],
    ["epoch 0", [{ ...file, chunks: [{ ...ref, epoch: 0 }] }]],
    ["a fractional version", [{ ...file, version: 1.5 }]],
    [
      "an empty link",
      [{ type: "link", path: "a", mode: 0o777, mtimeMs: 0, version: 1, writer: MACHINE_A, target: "" }],
    ],
  ])("%s", (_, entries) => {
    expect(() => encodeShard({ entries, tombstones: [] })).toThrow(invalid)
  })

  test("a tombstone of a path that is there", () => {
    const tombstones = [{ path: "a", hash: EMPTY_HASH, sequence: 1, writer: MACHINE_A }]
    expect(() => encodeShard({ entries: [file], tombstones })).toThrow(invalid)
  })
})

test("paths are ordered by the bytes of their UTF-8 form", () => {
  const order = (a: Uint8Array, b: Uint8Array): number => {
    const at = a.findIndex((byte, i) => byte !== b[i])
    return at === -1 ? a.length - b.length : b[at] === undefined ? 1 : a[at]! - b[at]!
  }
  const text = fc.string({ unit: "binary", maxLength: 6 })
  const mixed = fc
    .array(fc.constantFrom("a", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"))
    .map((all) => all.join(""))
  fc.assert(
    fc.property(fc.oneof(text, mixed), fc.oneof(text, mixed), (a, b) => {
      expect(Math.sign(comparePaths(a, b))).toBe(Math.sign(order(utf8(a), utf8(b))))
    }),
    { numRuns: 1000 },
  )
})

test.each(vectors.payloads.map((vector) => [vector.name, vector] as const))("vector: %s", (_, vector) => {
  const payload = fromHex(vector.payloadHex)
  if (vector.expect === undefined) expect(equalBytes(encodeShard(decodeShard(payload)), payload)).toBe(true)
  else expect(() => decodeShard(payload)).toThrow(expect.objectContaining(vector.expect))
})
