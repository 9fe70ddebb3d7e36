/**
 * Writes Git packs (gitformat-pack(5), version 2) as a stream. Blobs are kept
 * as stored zlib blocks, since ciphertext cannot shrink; all but the smallest as deltas
 * on the constant base blob (see `delta.ts`).
 *
 *     pack  = "PACK" || u32 version 2 || u32 count || entries || SHA-1 of all before
 *     entry = type and length || [ base id[20] ] || zlib stream
 *
 * @module
 */
import { concatBytes, fromHex, utf8 } from "../../../crypto/bytes.ts"
import { BASE_BLOB, BASE_ID, insertOnlyDelta, insertOnlyLength } from "./delta.ts"
import type { GitObject, GitType } from "./objects.ts"
import type { GitPrimitives } from "./primitives.ts"
import { storedZlib } from "./storedZlib.ts"

/** Blobs from this length on, which every sealed object has, are written as deltas on the base blob. */
export const DELTA_THRESHOLD_BYTES = 16 * 1024

const TYPE_NUMBERS: Readonly<Record<GitType, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 }
const REF_DELTA = 7
const BASE: GitObject = { type: "blob", id: BASE_ID, bytes: BASE_BLOB }

/**
 * The bytes of a pack with these objects, each made when its turn comes: blobs in pieces of some 64 KiB.
 *
 * @param withBase - Whether to add the base blob; it also comes with any delta.
 */
export function* writePack(
  git: GitPrimitives,
  objects: readonly GitObject[],
  withBase: boolean,
): Generator<Uint8Array, void> {
  const all = withBase || objects.some(isWrittenAsDelta) ? [BASE, ...objects] : objects
  const hash = git.createSha1()
  const header = concatBytes(utf8("PACK"), uint32(2), uint32(all.length))
  hash.update(header)
  yield header
  for (const object of all) {
    for (const piece of entryPieces(git, object)) {
      hash.update(piece)
      yield piece
    }
  }
  yield hash.digest()
}

function isWrittenAsDelta(object: GitObject): boolean {
  return object.type === "blob" && object.bytes.length >= DELTA_THRESHOLD_BYTES
}

function* entryPieces(git: GitPrimitives, object: GitObject): Generator<Uint8Array, void> {
  const { type, bytes } = object
  if (isWrittenAsDelta(object)) {
    const length = insertOnlyLength(bytes.length)
    yield concatBytes(entryHead(REF_DELTA, length), fromHex(BASE_ID))
    yield* storedZlib(git, insertOnlyDelta(bytes), length)
  } else {
    yield entryHead(TYPE_NUMBERS[type], bytes.length)
    if (type === "blob") yield* storedZlib(git, [bytes], bytes.length)
    else yield git.deflate(bytes)
  }
}

/** Type in three bits, length in four and then seven a byte, least significant first. */
function entryHead(type: number, length: number): Uint8Array {
  const bytes = [(type << 4) | (length & 0x0f)]
  for (let rest = Math.floor(length / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) | 0x80
    bytes.push(rest & 0x7f)
  }
  return Uint8Array.from(bytes)
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}
