/**
 * Vectors of packs: one pack with three good chunks, and every way to break it or
 * the reference to it. Compressed bytes are fixed below, since compressors change.
 *
 * @module
 */
import { concatBytes, fromHex, toHex, utf8 } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { LABEL_FILE } from "../../crypto/labels.ts"
import { createPortableCrypto } from "../../crypto/portableCrypto.ts"
import { Secret } from "../../crypto/secret.ts"
import type { Codec } from "../../storage/format/index/entry.ts"
import { chunkAssociatedData, chunkNonce, PACK_MAGIC } from "../../storage/format/pack.ts"
import { createEpochKeys } from "../../storage/keys.ts"

const WORKSPACE = "abcdefghijklmnopqrstuvwxyz"
const KEY_HEX = "0b".repeat(32)
const SALT_HEX = "5a".repeat(32)
const PACK_BYTES = 16 * 1024
const PADDING_BYTE = 0x70

/** 40 times "sessyn ". */
const TEXT = utf8("sessyn ".repeat(40))
const DEFLATED = fromHex("2b4e2d2eaecc53281ea5502900")
const ZSTD = fromHex("28b52ffd6018007500003873657373796e2001000e528b11")
/** The same text in a frame that does not state its size. */
const ZSTD_NO_SIZE = fromHex("28b52ffd00587400003873657373796e200100aaa9180145000008730100300a0801")
/** 65,536 zeros. */
const DEFLATE_BOMB = fromHex(`edc101010000008090feafee080a${"00".repeat(62)}6a`)
/** 1,048,576 zeros. */
const ZSTD_BOMB = fromHex(
  "28b52ffda0000010005400001000000100fbff39c00202001000020010000200100002001000020010000200100003001000",
)
const SECRET = utf8("TOKEN=correct horse battery staple\n")

interface Ref {
  offset: number
  sealedBytes: number
  plainBytes: number
  codec: Codec
  epoch: number
  saltHex: string
  number: number
  hashHex: string
}

interface Case {
  readonly name: string
  readonly wrong?: string
  /** The meaningful bytes; the rest up to `length` is `padByte`. */
  readonly pack: { readonly hex: string; readonly length: number; readonly padByte: number }
  readonly idHex: string
  readonly workspace: string
  readonly ref: Ref
  readonly expect: { readonly plainHex: string } | { readonly code: string }
}

export async function packVectors(): Promise<unknown> {
  const crypto = await createPortableCrypto()
  const made = await makePack(crypto)
  const pack = { hex: toHex(made.bytes), length: PACK_BYTES, padByte: PADDING_BYTE }
  const id = (bytes: Uint8Array): string => toHex(crypto.sha256(padded(bytes, PACK_BYTES)))
  const { plain, deflated, zstd, hollow, sizeless, bombs } = made.refs
  const good = (name: string, ref: Ref, plaintext: Uint8Array): Case => ({
    name,
    pack,
    idHex: id(made.bytes),
    workspace: WORKSPACE,
    ref,
    expect: { plainHex: toHex(plaintext) },
  })
  const bad = (
    wrong: string,
    code: string,
    change: Partial<Ref>,
    rest: Partial<Case> = {},
    base: Ref = plain,
  ): Case => ({
    name: wrong,
    wrong,
    pack,
    idHex: id(made.bytes),
    workspace: WORKSPACE,
    ref: { ...base, ...change },
    expect: { code },
    ...rest,
  })
  /** The pack with one byte changed; `rename` gives it its right name again. */
  const flipped = (at: number, value: number, rename: boolean): Partial<Case> => {
    const bytes = made.bytes.slice()
    bytes[at] = value
    return { pack: { ...pack, hex: toHex(bytes) }, idHex: id(rename ? bytes : made.bytes) }
  }
  const resized = (length: number): Partial<Case> => ({
    pack: { ...pack, length },
    idHex: toHex(crypto.sha256(padded(made.bytes, length))),
  })
  const inChunk = plain.offset + 3

  const cases: Case[] = [
    good("stored as it is", plain, SECRET),
    good("deflate-raw", deflated, TEXT),
    good("zstd", zstd, TEXT),
    bad(
      "a byte of the pack changed",
      "HASH_MISMATCH",
      {},
      flipped(inChunk, (made.bytes[inChunk] as number) ^ 1, false),
    ),
    bad(
      "a byte of the chunk changed, the pack named anew",
      "SEAL_BROKEN",
      {},
      flipped(inChunk, (made.bytes[inChunk] as number) ^ 1, true),
    ),
    bad("another magic", "FORMAT_INVALID", {}, flipped(0, 0x54, true)),
    bad("version 2", "FORMAT_NEWER", {}, flipped(7, 2, true)),
    bad("pack shorter than 16 KiB", "FORMAT_INVALID", {}, resized(PACK_BYTES - 1024)),
    bad("pack length not a Padmé length", "FORMAT_INVALID", {}, resized(PACK_BYTES + 1)),
    bad("pack longer than 16 MiB", "FORMAT_LIMIT_EXCEEDED", {}, resized(16 * 1024 * 1024 + 1)),
    bad("chunk begins inside the magic", "FORMAT_INVALID", { offset: 7 }),
    bad("chunk begins one byte late", "SEAL_BROKEN", { offset: plain.offset + 1 }),
    bad("chunk ends beyond the pack", "FORMAT_INVALID", { offset: PACK_BYTES - plain.sealedBytes + 1 }),
    bad("chunk ends beyond the longest pack", "FORMAT_LIMIT_EXCEEDED", { offset: 16 * 1024 * 1024 }),
    bad("offset is no safe integer", "FORMAT_INVALID", { offset: 2 ** 53 }),
    bad("empty plaintext", "FORMAT_INVALID", { plainBytes: 0, sealedBytes: 16 }),
    bad("plaintext longer than 4 MiB", "FORMAT_LIMIT_EXCEEDED", { plainBytes: 4194305, sealedBytes: 4194321 }),
    bad("sealed length is not plaintext and tag", "FORMAT_INVALID", { plainBytes: plain.plainBytes - 1 }),
    bad("sealed length shorter than a tag", "FORMAT_INVALID", { sealedBytes: 16 }, {}, deflated),
    bad("compressed, but not shorter", "FORMAT_INVALID", { plainBytes: deflated.sealedBytes - 16 }, {}, deflated),
    bad("another number", "SEAL_BROKEN", { number: plain.number + 1 }),
    bad("number of 2^32", "FORMAT_LIMIT_EXCEEDED", { number: 2 ** 32 }),
    bad("another salt", "SEAL_BROKEN", { saltHex: "5b".repeat(32) }),
    bad("an epoch whose key is not held", "SEAL_BROKEN", { epoch: 2 }),
    bad("another workspace", "SEAL_BROKEN", {}, { workspace: "bbcdefghijklmnopqrstuvwxyz" }),
    bad("another codec", "SEAL_BROKEN", { codec: "zstd" }, {}, deflated),
    bad("another plaintext hash", "HASH_MISMATCH", { hashHex: "00".repeat(32) }),
    bad("deflate-raw longer than stated", "FORMAT_INVALID", { plainBytes: TEXT.length - 1 }, {}, deflated),
    bad("deflate-raw shorter than stated", "FORMAT_INVALID", { plainBytes: TEXT.length + 1 }, {}, deflated),
    bad("deflate-raw of 64 KiB stated as 280 bytes", "FORMAT_INVALID", {}, {}, bombs.deflate),
    bad("not deflate-raw at all", "FORMAT_INVALID", {}, {}, hollow),
    bad("zstd longer than stated", "FORMAT_INVALID", { plainBytes: TEXT.length - 1 }, {}, zstd),
    bad("zstd shorter than stated", "FORMAT_INVALID", { plainBytes: TEXT.length + 1 }, {}, zstd),
    bad("zstd of 1 MiB stated as 280 bytes", "FORMAT_INVALID", {}, {}, bombs.zstd),
    bad("zstd without its content size", "FORMAT_INVALID", {}, {}, sizeless),
  ]
  return { format: "docs/spec/pack.md", workspaceKeyHex: KEY_HEX, epoch: 1, cases }
}

interface MadePack {
  readonly bytes: Uint8Array
  readonly refs: Record<"plain" | "deflated" | "zstd" | "hollow" | "sizeless", Ref> & {
    readonly bombs: Record<"deflate" | "zstd", Ref>
  }
}

async function makePack(crypto: Crypto): Promise<MadePack> {
  const keys = createEpochKeys(crypto, WORKSPACE, 1, new Secret(fromHex(KEY_HEX)))
  const key = keys.objectKey(fromHex(SALT_HEX), LABEL_FILE)
  let bytes: Uint8Array = PACK_MAGIC
  let number = 0
  const add = async (codec: Codec, stored: Uint8Array, plain: Uint8Array): Promise<Ref> => {
    const sealed = await crypto.seal(key, chunkNonce(number), chunkAssociatedData(WORKSPACE, 1, codec, number), stored)
    const ref = {
      offset: bytes.length,
      sealedBytes: sealed.length,
      plainBytes: plain.length,
      codec,
      epoch: 1,
      saltHex: SALT_HEX,
      number: number++,
      hashHex: toHex(crypto.sha256(plain)),
    }
    bytes = concatBytes(bytes, sealed)
    return ref
  }
  const refs = {
    plain: await add("none", SECRET, SECRET),
    deflated: await add("deflate-raw", DEFLATED, TEXT),
    zstd: await add("zstd", ZSTD, TEXT),
    hollow: await add("deflate-raw", utf8("no deflate"), TEXT),
    sizeless: await add("zstd", ZSTD_NO_SIZE, TEXT),
    bombs: { deflate: await add("deflate-raw", DEFLATE_BOMB, TEXT), zstd: await add("zstd", ZSTD_BOMB, TEXT) },
  }
  return { bytes, refs }
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(length).fill(PADDING_BYTE)
  whole.set(bytes.subarray(0, length))
  return whole
}
