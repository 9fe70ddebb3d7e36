import fc from "fast-check"
import { beforeAll, describe, expect, test } from "vitest"
import { fromHex, toHex } from "../../../crypto/bytes.ts"
import type { Crypto } from "../../../crypto/crypto.ts"
import { Secret } from "../../../crypto/secret.ts"
import type { ChunkRef, Codec } from "../../../storage/format/index/entry.ts"
import { verifyPack } from "../../../storage/format/pack.ts"
import { createEpochKeys, createKeyring, type Keyring } from "../../../storage/keys.ts"
import { openChunk } from "../../../storage/packReader.ts"
import { collectingWriter, testVault } from "../../support/vault.ts"
import vectors from "../../vectors/pack-v1.json" with { type: "json" }

type Vector = (typeof vectors.cases)[number]

let crypto: Crypto
let keyring: Keyring
let pack: Uint8Array
let refs: readonly ChunkRef[]

/** A pack of three small chunks, as the writer makes it. */
beforeAll(async () => {
  const vault = await testVault()
  ;({ crypto, keyring } = vault)
  const { writer, packs, refs: written } = collectingWriter(vault)
  for (const length of [1, 40, 300]) await writer.addFile({ content: new Uint8Array(length).fill(length) })
  await writer.finish()
  ;[pack] = packs.values() as Iterable<Uint8Array> as [Uint8Array]
  refs = written
})

/** What a client does with a chunk from a store. */
async function read(bytes: Uint8Array, ref: ChunkRef, ring = keyring): Promise<Uint8Array> {
  verifyPack(crypto, ref.pack, bytes)
  return openChunk(crypto, ring, bytes, ref)
}

async function codeOf(reading: Promise<unknown>): Promise<unknown> {
  return reading.then(
    () => "nothing was wrong",
    (error: { code?: string }) => error.code ?? error,
  )
}

test("reads what the writer wrote", async () => {
  for (const ref of refs) expect(await read(pack, ref)).toEqual(new Uint8Array(ref.plainBytes).fill(ref.plainBytes))
})

test("refuses the pack with any one bit of any byte changed", () => {
  const id = refs[0]!.pack
  for (let at = 0; at < pack.length; at++) {
    const changed = pack.slice()
    changed[at]! ^= 1 << (at % 8)
    expect(() => verifyPack(crypto, id, changed)).toThrow(expect.objectContaining({ code: "HASH_MISMATCH" }))
  }
})

test("refuses a chunk with any one byte of it changed, even if the pack's name says otherwise", async () => {
  for (const ref of refs) {
    for (let at = ref.offset; at < ref.offset + ref.sealedBytes; at++) {
      const changed = pack.slice()
      changed[at]! ^= 0x80
      expect(await codeOf(openChunk(crypto, keyring, changed, ref))).toBe("SEAL_BROKEN")
    }
  }
})

test("refuses the pack cut short anywhere, and with a byte more", async () => {
  const ref = refs[2]!
  for (let length = 0; length < pack.length; length += length < 500 ? 1 : 97) {
    const cut = pack.subarray(0, length)
    expect(() => verifyPack(crypto, ref.pack, cut)).toThrow(expect.objectContaining({ code: "HASH_MISMATCH" }))
    if (length < ref.offset + ref.sealedBytes) {
      const expected = length === 7 ? "FORMAT_NEWER" : "FORMAT_INVALID"
      expect(await codeOf(openChunk(crypto, keyring, cut, ref))).toBe(expected)
    }
  }
})

test("refuses a reference with hostile numbers, whatever they are, with a coded error", async () => {
  const hostile = fc.oneof(
    fc.nat(400),
    fc.integer(),
    fc.double(),
    fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 48, 2 ** 53, -1, 0),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("offset", "sealedBytes", "plainBytes", "number", "epoch"),
      hostile,
      fc.nat(2),
      async (field, value, which) => {
        const ref = refs[which]!
        fc.pre(value !== ref[field as "offset"])
        const code = await codeOf(openChunk(crypto, keyring, pack, { ...ref, [field]: value }))
        expect(["SEAL_BROKEN", "FORMAT_INVALID", "FORMAT_LIMIT_EXCEEDED"]).toContain(code)
      },
    ),
    { numRuns: 300 },
  )
})

test("refuses a chunk under another chunk's reference", async () => {
  const [, b, c] = refs as [ChunkRef, ChunkRef, ChunkRef]
  expect(await codeOf(openChunk(crypto, keyring, pack, { ...b, salt: c.salt }))).toBe("SEAL_BROKEN")
  expect(await codeOf(openChunk(crypto, keyring, pack, { ...b, hash: c.hash }))).toBe("HASH_MISMATCH")
})

describe("vectors", () => {
  function packOf({ pack: { hex, length, padByte } }: Vector): Uint8Array {
    const bytes = new Uint8Array(length).fill(padByte)
    bytes.set(fromHex(hex).subarray(0, length))
    return bytes
  }

  function refOf({ idHex, ref }: Vector): ChunkRef {
    const { saltHex, hashHex, codec, ...numbers } = ref
    return { pack: idHex, codec: codec as Codec, salt: fromHex(saltHex), hash: fromHex(hashHex), ...numbers }
  }

  test.each(vectors.cases.map((vector) => [vector.name, vector] as const))("%s", async (_, vector) => {
    const ring = createKeyring()
    const key = new Secret(fromHex(vectors.workspaceKeyHex))
    ring.add(createEpochKeys(crypto, vector.workspace, vectors.epoch, key))
    const reading = (async () => read(packOf(vector), refOf(vector), ring))()
    if (vector.expect.code === undefined) expect(toHex(await reading)).toBe(vector.expect.plainHex)
    else expect(await codeOf(reading)).toBe(vector.expect.code)
  })
})
