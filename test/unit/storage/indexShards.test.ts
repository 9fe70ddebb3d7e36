import fc from "fast-check"
import { beforeAll, describe, expect, test } from "vitest"
import { fromBase64, fromHex, toHex } from "../../../crypto/bytes.ts"
import { Secret } from "../../../crypto/secret.ts"
import { createWebCompressor } from "../../../src/platform/web/webCompressor.ts"
import { storingCompressor } from "../../../storage/compress.ts"
import type { IndexEntry, Tombstone } from "../../../storage/format/index/entry.ts"
import { encodeShard } from "../../../storage/format/index/indexShard.ts"
import {
  changeShards,
  divideIndex,
  estimatePayloadBytes,
  joinShards,
  nextShardCount,
  openVerifiedShard,
  sealShards,
  shardCountFor,
  shardOfPath,
} from "../../../storage/indexShards.ts"
import { createEpochKeys } from "../../../storage/keys.ts"
import { isPaddedLength } from "../../../storage/padding.ts"
import { openShard, sealShard } from "../../../storage/shardSeal.ts"
import { GEAR_SEED, MACHINE_A, testFile, testVault } from "../../support/vault.ts"
import vectors from "../../vectors/index-shard-v1.json" with { type: "json" }

type Vault = Awaited<ReturnType<typeof testVault>>
let vault: Vault
beforeAll(async () => {
  vault = await testVault()
})

const FILES = Array.from({ length: 200 }, (_, i) => testFile(`src/file-${i}.ts`, i + 1))
const tombstone = (path: string, sequence: number): Tombstone => ({
  path,
  hash: new Uint8Array(32).fill(3),
  sequence,
  writer: MACHINE_A,
})
const paths = (items: readonly { readonly path: string }[]): string[] => items.map(({ path }) => path).sort()

async function codeOf(reading: Promise<unknown>): Promise<unknown> {
  return reading.then(
    () => "nothing was wrong",
    (error: { code?: string }) => error.code ?? error,
  )
}

describe("dividing", () => {
  test("puts each path into one shard, with the seed in shard 0, and joins to the same again", () => {
    for (const count of [1, 2, 16, 1024]) {
      const content = { gearSeed: GEAR_SEED, entries: FILES, tombstones: [tombstone("gone", 4)] }
      const shards = divideIndex(vault.crypto, vault.keys, content, count)
      expect(shards.length).toBe(count)
      expect(shards.filter((shard) => shard.gearSeed !== undefined)).toEqual([shards[0]])
      const joined = joinShards(shards)
      expect(paths(joined.entries)).toEqual(paths(FILES))
      expect(joined.tombstones).toEqual(content.tombstones)
      expect(joined.gearSeed).toEqual(GEAR_SEED)
    }
  })

  test("spreads paths evenly, and twice as many shards split each in two", () => {
    const counts = new Array<number>(16).fill(0)
    for (let i = 0; i < 3200; i++) {
      const shard = shardOfPath(vault.crypto, vault.keys, `file-${i}`, 16)
      expect(shardOfPath(vault.crypto, vault.keys, `file-${i}`, 32) >> 1).toBe(shard)
      counts[shard]!++
    }
    for (const count of counts) expect(Math.abs(count - 200)).toBeLessThan(75)
  })

  test("follows the path key: another epoch divides otherwise", async () => {
    const other = await testVault(1, 2)
    const divide = ({ crypto, keys }: Vault) => FILES.map(({ path }) => shardOfPath(crypto, keys, path, 64))
    expect(divide(other)).not.toEqual(divide(vault))
  })

  test.each([0, 3, 2048, 1.5])("refuses %f shards", (count) => {
    const content = { gearSeed: GEAR_SEED, entries: [], tombstones: [] }
    expect(() => divideIndex(vault.crypto, vault.keys, content, count)).toThrow(
      expect.objectContaining({ code: "FORMAT_INVALID" }),
    )
  })
})

describe("the number of shards", () => {
  test("is a power of two within its bounds that aims at 24 KiB", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.nat(1_000_000), (bytes, files) => {
        const count = shardCountFor(bytes, files)
        expect(Math.log2(count) % 1).toBe(0)
        expect(count).toBeGreaterThanOrEqual(1)
        expect(count).toBeLessThanOrEqual(files < 200_000 ? 512 : 1024)
        if (count > 1 && count < 512) {
          expect(bytes / count).toBeGreaterThan(16 * 1024)
          expect(bytes / count).toBeLessThan(36 * 1024)
        }
      }),
    )
  })

  test("stays unless it is off by four times", () => {
    const TARGET = 24 * 1024
    expect(nextShardCount(16, 16 * TARGET, 1000)).toBe(16)
    expect(nextShardCount(16, 32 * TARGET, 1000)).toBe(16)
    expect(nextShardCount(16, 64 * TARGET, 1000)).toBe(64)
    expect(nextShardCount(16, 8 * TARGET, 1000)).toBe(16)
    expect(nextShardCount(16, 4 * TARGET, 1000)).toBe(4)
    expect(nextShardCount(512, 0, 0)).toBe(1)
  })

  test("rests on an estimate that is right to 10 %", () => {
    const content = { entries: FILES.toSorted((a, b) => (a.path < b.path ? -1 : 1)), tombstones: [tombstone("z", 1)] }
    const exact = encodeShard(content).length
    expect(Math.abs(estimatePayloadBytes(content) / exact - 1)).toBeLessThan(0.1)
  })
})

describe("changing", () => {
  const dividedBy = (count: number, tombstones: Tombstone[] = []) =>
    divideIndex(vault.crypto, vault.keys, { gearSeed: GEAR_SEED, entries: FILES, tombstones }, count)

  test("touches only the shards of the paths that change, and makes what dividing anew would", () => {
    const edit = fc.record({ which: fc.nat(FILES.length + 20), how: fc.constantFrom("put", "bury", "forget") })
    fc.assert(
      fc.property(fc.uniqueArray(edit, { selector: ({ which }) => which, maxLength: 12 }), (edits) => {
        const before = dividedBy(16, [tombstone("src/file-205.ts", 2)])
        const pathOf = (which: number): string => `src/file-${which}.ts`
        const entries = edits
          .filter(({ how }) => how === "put")
          .map(({ which }) => testFile(pathOf(which), 900 + which))
        const tombstones = edits.filter(({ how }) => how === "bury").map(({ which }) => tombstone(pathOf(which), 7))
        const forget = edits.filter(({ how }) => how === "forget").map(({ which }) => pathOf(which))
        const { shards, touched } = changeShards(vault.crypto, vault.keys, before, { entries, tombstones, forget })

        const changed = new Set(edits.map(({ which }) => pathOf(which)))
        const kept = <T extends { readonly path: string }>(items: readonly T[]): T[] =>
          items.filter(({ path }) => !changed.has(path))
        const all = joinShards(before)
        const expected = {
          gearSeed: GEAR_SEED,
          entries: [...kept<IndexEntry>(all.entries), ...entries],
          tombstones: [...kept(all.tombstones), ...tombstones],
        }
        expect(shards).toEqual(divideIndex(vault.crypto, vault.keys, expected, 16))
        for (const [number, shard] of shards.entries()) {
          if (!touched.includes(number)) expect(shard).toBe(before[number])
        }
        const wanted = [...changed].map((path) => shardOfPath(vault.crypto, vault.keys, path, 16))
        expect(new Set(touched)).toEqual(new Set(wanted))
      }),
      { numRuns: 40 },
    )
  })

  test("drops tombstones below the floor from the shards it touches", () => {
    const before = dividedBy(1, [tombstone("x", 4), tombstone("y", 5)])
    const { shards } = changeShards(vault.crypto, vault.keys, before, { entries: [testFile("new")], tombstones: [] }, 5)
    expect(paths(shards[0]!.tombstones)).toEqual(["y"])
  })
})

describe("sealing", () => {
  test("what is sealed opens, whatever the compressor, at a padded length", async () => {
    for (const compressor of [storingCompressor, createWebCompressor()]) {
      const { crypto, keys } = vault
      const shards = divideIndex(crypto, keys, { gearSeed: GEAR_SEED, entries: FILES, tombstones: [] }, 4)
      const sealed = await sealShards({ crypto, keys, compressor }, shards)
      const refs = sealed.map((shard) => shard.ref)
      for (const { number, bytes } of sealed) {
        expect(isPaddedLength(bytes.length)).toBe(true)
        expect(await openVerifiedShard(crypto, keys, refs, number, bytes)).toEqual(shards[number])
      }
    }
  })

  test("the same shard twice is sealed under two salts", async () => {
    const { crypto, keys } = vault
    const content = { gearSeed: GEAR_SEED, entries: [], tombstones: [] }
    const seal = () => sealShard(crypto, keys, storingCompressor, { number: 0, count: 1 }, content)
    expect(toHex((await seal()).subarray(12, 44))).not.toBe(toHex((await seal()).subarray(12, 44)))
  })

  test("every byte counts: any one changed is refused, and any length but its own", async () => {
    const { crypto, keys } = vault
    const place = { number: 0, count: 1 }
    const content = { gearSeed: GEAR_SEED, entries: FILES.slice(0, 1), tombstones: [] }
    const shard = await sealShard(crypto, keys, storingCompressor, place, content)
    const refs = [{ sha256: crypto.sha256(shard), size: shard.length }]
    for (let at = 0; at < shard.length; at += at < 100 || at > shard.length - 40 ? 1 : 13) {
      const changed = shard.slice()
      changed[at]! ^= 0x01
      const expected = at === 7 ? "FORMAT_NEWER" : at < 12 ? "FORMAT_INVALID" : "SEAL_BROKEN"
      expect(await codeOf(openShard(crypto, keys, place, changed))).toBe(expected)
      expect(await codeOf(openVerifiedShard(crypto, keys, refs, 0, changed))).toBe("HASH_MISMATCH")
    }
    for (const length of [0, 7, 8, 44, 60, 1000, shard.length - 1]) {
      expect(await codeOf(openShard(crypto, keys, place, shard.subarray(0, length)))).toBe("FORMAT_INVALID")
    }
    const longer = new Uint8Array(shard.length + 1024)
    longer.set(shard)
    expect(await codeOf(openShard(crypto, keys, place, longer))).toBe("SEAL_BROKEN")
  })

  test("a shard does not open at another place, under another epoch or in another workspace", async () => {
    const { crypto, keys } = vault
    const shard = await sealShard(
      crypto,
      keys,
      storingCompressor,
      { number: 1, count: 4 },
      { entries: [], tombstones: [] },
    )
    for (const place of [
      { number: 2, count: 4 },
      { number: 1, count: 2 },
    ]) {
      expect(await codeOf(openShard(crypto, keys, place, shard))).toBe("SEAL_BROKEN")
    }
    const sameKey = (): Secret => new Secret(keys.key.expose().slice())
    const elsewhere = createEpochKeys(crypto, "b".repeat(26), 1, sameKey())
    expect(await codeOf(openShard(crypto, elsewhere, { number: 1, count: 4 }, shard))).toBe("SEAL_BROKEN")
    const later = createEpochKeys(crypto, keys.workspace, 2, sameKey())
    expect(await codeOf(openShard(crypto, later, { number: 1, count: 4 }, shard))).toBe("FORMAT_INVALID")
  })

  test("a path in a shard it does not fall to is refused", async () => {
    const { crypto, keys } = vault
    const astray = testFile("astray")
    const number = shardOfPath(crypto, keys, astray.path, 4) ^ 2
    const seed = number === 0 ? { gearSeed: GEAR_SEED } : {}
    const items = [
      { ...seed, entries: [astray], tombstones: [] },
      { ...seed, entries: [], tombstones: [tombstone("astray", 1)] },
    ]
    for (const content of items) {
      const bytes = await sealShard(crypto, keys, storingCompressor, { number, count: 4 }, content)
      const refs = Array.from({ length: 4 }, () => ({ sha256: crypto.sha256(bytes), size: bytes.length }))
      expect(await codeOf(openVerifiedShard(crypto, keys, refs, number, bytes))).toBe("FORMAT_INVALID")
    }
  })

  test("the gear seed must be in shard 0 and in no other", async () => {
    const { crypto, keys } = vault
    const seal = (number: number, content: Parameters<typeof sealShard>[4]) =>
      codeOf(sealShard(crypto, keys, storingCompressor, { number, count: 2 }, content))
    expect(await seal(0, { entries: [], tombstones: [] })).toBe("FORMAT_INVALID")
    expect(await seal(1, { gearSeed: GEAR_SEED, entries: [], tombstones: [] })).toBe("FORMAT_INVALID")
  })
})

test.each(vectors.sealed.map((vector) => [vector.name, vector] as const))("vector: %s", async (_, vector) => {
  const key = new Secret(fromHex(vectors.workspaceKeyHex))
  const keys = createEpochKeys(vault.crypto, vectors.workspace, vectors.epoch, key)
  const opening = openShard(vault.crypto, keys, vectors.place, fromBase64(vector.shardBase64))
  if (vector.expect === undefined) expect(toHex(encodeShard(await opening))).toBe(vector.payloadHex)
  else expect(await codeOf(opening)).toBe(vector.expect.code)
})
