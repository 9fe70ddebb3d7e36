/**
 * Small parts for tests of packs and shards: keys that repeat themselves, a
 * writer that keeps its packs, content by seed.
 *
 * @module
 */
import type { Crypto } from "../../crypto/crypto.ts"
import { createPortableCrypto } from "../../crypto/portableCrypto.ts"
import { Secret } from "../../crypto/secret.ts"
import { createGear } from "../../storage/chunker.ts"
import { type Compressor, storingCompressor } from "../../storage/compress.ts"
import type { ChunkRef, FileEntry } from "../../storage/format/index/entry.ts"
import { createEpochKeys, createKeyring, type EpochKeys, type Keyring } from "../../storage/keys.ts"
import { openChunk } from "../../storage/packReader.ts"
import { createPackWriter, type PackWriter, type PackWriterOptions } from "../../storage/packWriter.ts"
import { seededRandom } from "./seededRandom.ts"

export const WORKSPACE = "abcdefghijklmnopqrstuvwxyz"
export const MACHINE_A = `${"a".repeat(51)}a`
export const MACHINE_B = `${"b".repeat(51)}q`
export const GEAR_SEED = new Uint8Array(32).fill(7)

/** Portable crypto whose random bytes come from a seed, and the keys of one epoch. */
export async function testVault(seed = 1, epoch = 1): Promise<{ crypto: Crypto; keys: EpochKeys; keyring: Keyring }> {
  const crypto = await createPortableCrypto({ randomBytes: seededRandom(seed) })
  const keys = createEpochKeys(crypto, WORKSPACE, epoch, new Secret(seededRandom(1000 + epoch)(32)))
  const keyring = createKeyring()
  keyring.add(keys)
  return { crypto, keys, keyring }
}

/** A pack writer whose packs go to a map. */
export function collectingWriter(
  { crypto, keys }: { readonly crypto: Crypto; readonly keys: EpochKeys },
  options: Partial<PackWriterOptions> = {},
): { readonly writer: PackWriter; readonly packs: Map<string, Uint8Array>; readonly refs: ChunkRef[] } {
  const packs = new Map<string, Uint8Array>()
  const refs: ChunkRef[] = []
  const writer = createPackWriter({
    crypto,
    keys,
    gear: createGear(crypto, GEAR_SEED),
    compressor: storingCompressor,
    targetBytes: 64 * 1024,
    onPack: async ({ id, bytes, chunks }) => {
      packs.set(id, bytes)
      refs.push(...chunks)
    },
    ...options,
  })
  return { writer, packs, refs }
}

/** The file that chunks spell. */
export async function readBack(
  { crypto, keyring }: { readonly crypto: Crypto; readonly keyring: Keyring },
  packs: ReadonlyMap<string, Uint8Array>,
  chunks: readonly ChunkRef[],
  compressor: Compressor = storingCompressor,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (const ref of chunks) {
    parts.push(await openChunk(crypto, keyring, packs.get(ref.pack)!, ref, compressor.decompress))
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Bytes by seed, fast enough for megabytes. */
export function seededBytes(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = (seed * 0x9e3779b1) | 1
  for (let i = 0; i < length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state >>> 24
  }
  return bytes
}

/** A file entry of one small chunk, everything in it by seed. */
export function testFile(path: string, seed = 1): FileEntry {
  const hash = seededBytes(seed, 32)
  return {
    type: "file",
    path,
    mode: 0o644,
    mtimeMs: 1_700_000_000_000 + seed,
    version: 1 + (seed % 9),
    writer: seed % 2 === 0 ? MACHINE_A : MACHINE_B,
    size: 100 + seed,
    hash,
    chunks: [
      {
        pack: (seed % 3).toString(16).repeat(64),
        offset: 8 + 300 * seed,
        sealedBytes: 116 + seed,
        plainBytes: 100 + seed,
        codec: "none",
        epoch: 1,
        salt: seededBytes(seed + 1, 32),
        number: 0,
        hash,
      },
    ],
  }
}
