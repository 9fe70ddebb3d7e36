import fc from "fast-check"
import { beforeAll, expect, test } from "vitest"
import type { Crypto } from "../../../crypto/crypto.ts"
import { createPortableCrypto } from "../../../crypto/portableCrypto.ts"
import { createChunker, createGear, type Gear, MAX_WHOLE_BYTES } from "../../../storage/chunker.ts"
import { createCutSeeker } from "../../../storage/cuts.ts"
import { seededBytes } from "../../support/vault.ts"

let crypto: Crypto
let gear: Gear
beforeAll(async () => {
  crypto = await createPortableCrypto()
  gear = createGear(crypto, new Uint8Array(32).fill(7))
})

test("the chunks of a large file are those that it is cut into, though its pieces are only lent", () => {
  const data = seededBytes(4, 8 * MAX_WHOLE_BYTES)
  fc.assert(
    fc.property(
      fc.nat(3 * MAX_WHOLE_BYTES),
      fc.integer({ min: MAX_WHOLE_BYTES + 1, max: 5 * MAX_WHOLE_BYTES }),
      fc.integer({ min: 1000, max: 3_000_000 }),
      (from, length, pieceBytes) => {
        const file = data.subarray(from, from + length)
        const chunker = createChunker(gear)
        const chunks = [...chunker.push(file), ...chunker.finish()]
        const seeker = createCutSeeker(crypto, gear)
        const lent = new Uint8Array(pieceBytes)
        for (let at = 0; at < length; at += pieceBytes) {
          const piece = file.subarray(at, at + pieceBytes)
          lent.set(piece)
          seeker.push(lent.subarray(0, piece.length))
        }
        let offset = 0
        const expected = chunks.map((chunk) => {
          const cut = { offset, plainBytes: chunk.length, hash: crypto.sha256(chunk) }
          offset += chunk.length
          return cut
        })
        expect(seeker.finish()).toEqual(expected)
      },
    ),
    { numRuns: 25 },
  )
})
