import fc from "fast-check"
import { expect, test } from "vitest"
import { createPortableCrypto } from "../../../../crypto/portableCrypto.ts"
import { decodeNote, encodeNote, type StagedPack } from "../../../../src/sync/stagedNote.ts"
import type { ChunkRef } from "../../../../storage/format/index/entry.ts"

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const packs: fc.Arbitrary<readonly StagedPack[]> = fc.array(
  fc
    .tuple(
      fc.stringMatching(/^[0-9a-f]{64}$/),
      fc.stringMatching(/^[0-9a-f]{40}$/),
      fc.array(
        fc.record({
          offset: fc.integer({ min: 8, max: 8_000_000 }),
          plainBytes: fc.integer({ min: 2, max: 4_000_000 }),
          codec: fc.constantFrom("none" as const, "zstd" as const),
          epoch: fc.integer({ min: 1, max: 4096 }),
          salt: bytes32,
          number: fc.nat(100_000),
          hash: bytes32,
        }),
        { maxLength: 4 },
      ),
    )
    .map(([pack, id, chunks]) => ({
      pack,
      id,
      chunks: chunks.map((chunk): ChunkRef => {
        const stored = chunk.codec === "none" ? chunk.plainBytes : chunk.plainBytes - 1
        return { ...chunk, pack, sealedBytes: stored + 16 }
      }),
    })),
  { maxLength: 3 },
)

test("a note says again what it was told", async () => {
  const crypto = await createPortableCrypto()
  fc.assert(
    fc.property(packs, (staged) => {
      expect(decodeNote(crypto, encodeNote(crypto, staged))).toEqual(staged)
    }),
  )
})

test("a note with any byte changed, or cut short, or with more behind it, counts as lost", async () => {
  const crypto = await createPortableCrypto()
  const [staged = []] = fc.sample(packs, { numRuns: 1, seed: 5 })
  const note = encodeNote(crypto, staged)
  for (let at = 0; at < note.length; at++) {
    const changed = note.slice()
    changed[at] = (changed[at] as number) ^ 1
    expect(decodeNote(crypto, changed)).toBeNull()
    expect(decodeNote(crypto, note.subarray(0, at))).toBeNull()
  }
  expect(decodeNote(crypto, Uint8Array.of(...note, 0))).toBeNull()
})
