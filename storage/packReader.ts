/**
 * Reading chunks out of packs: place, seal, inflation and hash are checked, in
 * this order, and nothing is returned that fails one. Normative text:
 * `docs/spec/pack.md`, "Reading".
 *
 * @module
 */
import { equalBytes } from "../crypto/bytes.ts"
import type { Crypto } from "../crypto/crypto.ts"
import { LABEL_FILE } from "../crypto/labels.ts"
import { type Decompress, decompress as portableDecompress } from "./compress.ts"
import { StorageError } from "./errors.ts"
import type { ChunkRef } from "./format/index/entry.ts"
import { checkChunkRef, checkPackMagic, chunkAssociatedData, chunkNonce } from "./format/pack.ts"
import type { Keyring } from "./keys.ts"

/**
 * Opens one chunk.
 *
 * @param pack - The whole pack, already checked by `verifyPack`. Not changed, not kept.
 * @param ref - From a verified index.
 * @param decompress - The platform's, where it is faster than the portable one.
 * @returns The plaintext, `ref.plainBytes` long, in a buffer of its own.
 *
 * @throws {StorageError} `FORMAT_INVALID`, `FORMAT_NEWER` or `FORMAT_LIMIT_EXCEEDED` if reference or pack break
 * the format, `SEAL_BROKEN` if the chunk does not open or its epoch's key is not held, `HASH_MISMATCH` if
 * the plaintext is not the one the reference names.
 */
export async function openChunk(
  crypto: Crypto,
  keyring: Keyring,
  pack: Uint8Array,
  ref: ChunkRef,
  decompress: Decompress = portableDecompress,
): Promise<Uint8Array> {
  checkChunkRef(ref)
  checkPackMagic(pack)
  if (ref.offset + ref.sealedBytes > pack.length) throw new StorageError("FORMAT_INVALID", "chunk beyond its pack")

  const stored = await unseal(crypto, keyring, pack.subarray(ref.offset, ref.offset + ref.sealedBytes), ref)
  const plain = await decompress(ref.codec, stored, ref.plainBytes)
  if (!equalBytes(crypto.sha256(plain), ref.hash)) throw new StorageError("HASH_MISMATCH", "chunk hash")
  return plain
}

async function unseal(crypto: Crypto, keyring: Keyring, sealed: Uint8Array, ref: ChunkRef): Promise<Uint8Array> {
  const keys = keyring.get(ref.epoch)
  if (keys === undefined) throw new StorageError("SEAL_BROKEN", "no key of this epoch")
  const key = keys.objectKey(ref.salt, LABEL_FILE)
  const associatedData = chunkAssociatedData(keys.workspace, ref.epoch, ref.codec, ref.number)
  try {
    return await crypto.open(key, chunkNonce(ref.number), associatedData, sealed)
  } catch (cause) {
    throw new StorageError("SEAL_BROKEN", "chunk seal", { cause })
  } finally {
    key.wipe()
  }
}
