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
import type { Codec } from "../../storage/format/entry.ts"
import { chunkAssociatedData, chunkNonce, PACK_MAGIC } from "../../storage/format/pack.ts"
import { createEpochKeys } from "../../storage/keys.ts"

const WORKSPACE = "abcdefghijklmnopqrstuvwxyz"
const KEY_HEX = "0b".repeat(32)
const SALT_HEX = "5a".repeat(32)
const PACK_BYTES = 16 * 1024
const PADDING_BYTE = 0x70

/** 40 times "sessyn ". */
const TEXT = utf8("sessyn ".repeat(40))
const DEFLATED = fromHex("2b4e2d2eaecc53281ea5863005000a")
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
