import { expect, it } from "vitest"
import { nextIndex } from "../../../../src/sync/version.ts"
import type { Context } from "../../../../src/vault/context.ts"
import type { Head } from "../../../../src/vault/head.ts"
import { indexOf } from "../../../../src/vault/vaultIndex.ts"
import { storingCompressor } from "../../../../storage/compress.ts"
import { divideIndex, sealShards } from "../../../../storage/indexShards.ts"
import { GEAR_SEED, testFile, testVault } from "../../../support/vault.ts"

it("makes no index that every reader would refuse", async () => {
  const { crypto, keys } = await testVault()
  const shards = divideIndex(crypto, keys, { gearSeed: GEAR_SEED, entries: [testFile("a")], tombstones: [] }, 1)
  const [sealed] = await sealShards({ crypto, keys, compressor: storingCompressor }, shards)
  const context = { host: { crypto, compressor: storingCompressor } } as unknown as Context
  const head = { verified: { header: { index: [sealed?.ref], tombstoneFloor: 0 } } } as unknown as Head
  const adding = (path: string) =>
    nextIndex(context, keys, head, indexOf(shards), { entries: [testFile(path)], tombstones: [] })
  expect([...(await adding("b/c")).index.entries.keys()].sort()).toEqual(["a", "b/c"])
  await expect(adding("a/b")).rejects.toMatchObject({ code: "FORMAT_INVALID", reason: "path below a file or link" })
})
