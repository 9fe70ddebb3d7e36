import { describe, expect, it } from "vitest"
import { storingCompressor } from "../../../storage/compress.ts"
import { createPackCopier } from "../../../storage/packCopier.ts"
import type { SealedPack } from "../../../storage/packGatherer.ts"
import { collectingWriter, readBack, seededBytes, testVault } from "../../support/vault.ts"

async function vaultOf(files: number) {
  const vault = await testVault()
  const { writer, packs, refs } = collectingWriter(vault)
  const contents = Array.from({ length: files }, (_, i) => seededBytes(i + 1, 10_000))
  for (const content of contents) await writer.addFile({ content })
  await writer.finish()
  return { ...vault, packs, refs, contents }
}

describe("copying sealed chunks", () => {
  it("keeps what is wanted, byte for byte, in other packs", async () => {
    const { crypto, keyring, packs, refs, contents } = await vaultOf(12)
    const copies = new Map<string, Uint8Array>()
    const copier = createPackCopier({
      crypto,
      keyring,
      decompress: storingCompressor.decompress,
      targetBytes: 64 * 1024,
      onPack: async ({ id, bytes }: SealedPack) => void copies.set(id, bytes),
    })
    const wanted = refs.filter((_, i) => i % 5 === 0)
    for (const [id, bytes] of packs)
      await copier.copy(
        id,
        bytes,
        wanted.filter(({ pack }) => pack === id),
      )
    const moved = await copier.finish()
    expect(moved.map(([from]) => from)).toEqual(wanted)
    expect(copies.size).toBeLessThan(packs.size)
    for (const [i, [from, to]] of moved.entries()) {
      expect({ ...to, pack: "", offset: 0 }).toEqual({ ...from, pack: "", offset: 0 })
      expect(await readBack({ crypto, keyring }, copies, [to])).toEqual(contents[i * 5])
    }
  })

  it("refuses a pack that is not the one named, and a chunk that does not open", async () => {
    const { crypto, keyring, packs, refs } = await vaultOf(2)
    const [id, bytes] = [...packs][0] as [string, Uint8Array]
    const copier = createPackCopier({
      crypto,
      keyring,
      decompress: storingCompressor.decompress,
      targetBytes: 64 * 1024,
      onPack: async () => expect.unreachable(),
    })
    const damaged = bytes.slice()
    damaged[100] = (damaged[100] as number) ^ 1
    await expect(copier.copy(id, damaged, refs)).rejects.toMatchObject({ code: "HASH_MISMATCH" })
    const wrong = refs.map((ref) => ({ ...ref, number: ref.number + 1 }))
    await expect(copier.copy(id, bytes, wrong)).rejects.toMatchObject({ code: "SEAL_BROKEN" })
  })
})
