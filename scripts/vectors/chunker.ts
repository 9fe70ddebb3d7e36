/**
 * Vectors of the chunker: where seeded data is cut. The data of kind `xorshift`
 * is what `docs/spec/chunker.md`, "Vectors" says.
 *
 * @module
 */
import { fromHex } from "../../crypto/bytes.ts"
import { createPortableCrypto } from "../../crypto/portableCrypto.ts"
import { createChunker, createGear } from "../../storage/chunker.ts"
import { seededBytes } from "../../test/support/vault.ts"

const MIB = 1024 * 1024
const CASES = [
  { name: "empty", seed: "07", data: { kind: "xorshift", seed: 1, length: 0 } },
  { name: "one byte", seed: "07", data: { kind: "xorshift", seed: 1, length: 1 } },
  { name: "1 MiB stays whole", seed: "07", data: { kind: "xorshift", seed: 1, length: MIB } },
  {
    name: "1 MiB and a byte may be cut, and is not here",
    seed: "07",
    data: { kind: "xorshift", seed: 1, length: MIB + 1 },
  },
  { name: "random, 16 MiB", seed: "07", data: { kind: "xorshift", seed: 1, length: 16 * MIB } },
  { name: "random, 16 MiB, another gear seed", seed: "a5", data: { kind: "xorshift", seed: 1, length: 16 * MIB } },
  { name: "other random, 9,000,001 bytes", seed: "07", data: { kind: "xorshift", seed: 2, length: 9_000_001 } },
  { name: "zeros are cut at the most allowed", seed: "07", data: { kind: "zeros", seed: 0, length: 10 * MIB } },
]

export async function chunkerVectors(): Promise<unknown> {
  const crypto = await createPortableCrypto()
  const cases = CASES.map(({ name, seed, data }) => {
    const seedHex = seed.repeat(32)
    const gear = createGear(crypto, fromHex(seedHex))
    const bytes = data.kind === "zeros" ? new Uint8Array(data.length) : seededBytes(data.seed, data.length)
    const chunker = createChunker(gear)
    let at = 0
    const cuts = [...chunker.push(bytes), ...chunker.finish()].map((chunk) => {
      at += chunk.length
      return at
    })
    return { name, seedHex, gearFirst: [...gear.subarray(0, 4)].map((value) => value >>> 0), data, cuts }
  })
  return { format: "docs/spec/chunker.md", cases }
}
