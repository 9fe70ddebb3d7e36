/**
 * What is compressed, sealed or signed: every platform must read it alike, and
 * nothing may inflate beyond what was said of it.
 *
 * @module
 */
import { deflateRawSync, zstdCompressSync } from "node:zlib"
import { concatBytes, equalBytes, fromHex, utf8 } from "../../../crypto/bytes.ts"
import type { SignatureAlgorithm } from "../../../crypto/crypto.ts"
import { CodedError } from "../../../crypto/errors.ts"
import { createPortableCrypto } from "../../../crypto/portableCrypto.ts"
import { Secret } from "../../../crypto/secret.ts"
import { createNodeCompressor } from "../../../src/platform/node/nodeCompressor.ts"
import { createNodeCrypto } from "../../../src/platform/node/nodeCrypto.ts"
import { type Decompress, decompress } from "../../../storage/compress.ts"
import { decodeEnvelope, encodeEnvelope, preAuthEncoding } from "../../../storage/format/envelope.ts"
import type { Codec } from "../../../storage/format/index/entry.ts"
import { MAX_CHUNK_BYTES } from "../../../storage/format/pack.ts"
import { verifyHeaderAlone } from "../../../storage/verify/header.ts"
import { verifyJoinRequest } from "../../../storage/verify/joinRequest.ts"
import { verifyTrustLog } from "../../../storage/verify/trustLog.ts"
import headers from "../../vectors/header-v1.json" with { type: "json" }
import joins from "../../vectors/join-v1.json" with { type: "json" }
import trust from "../../vectors/trust-log-v1.json" with { type: "json" }
import { FORMAT_CODES, must, type Target } from "../target.ts"

const node = createNodeCrypto()
const portable = await createPortableCrypto()

/** Three bytes say how long it is to be, the rest is compressed. */
function stated(plainBytes: number, stored: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(plainBytes >>> 16, (plainBytes >>> 8) & 0xff, plainBytes & 0xff), stored)
}

/** What comes out, or the code of what is thrown. */
async function outcome(
  how: Decompress,
  codec: Codec,
  stored: Uint8Array,
  length: number,
): Promise<Uint8Array | string> {
  try {
    return await how(codec, stored, length)
  } catch (error) {
    if (error instanceof CodedError) return error.code
    throw error
  }
}

const TEXT = utf8("a text that repeats itself, a text that repeats itself, a text that repeats itself. ".repeat(20))

function codecTarget(codec: "zstd" | "deflate-raw", compress: (bytes: Uint8Array) => Uint8Array): Target {
  return {
    name: `codec-${codec}`,
    seeds: () => [TEXT, utf8("abc"), new Uint8Array(5000)].map((plain) => stated(plain.length, compress(plain))),
    codes: FORMAT_CODES,
    words: [fromHex("28b52ffd"), fromHex("28b52ffd0458"), new Uint8Array(1)],
    // As much as a chunk may have, twice.
    memory: { base: 3 * MAX_CHUNK_BYTES, factor: 2400 },
    microsecondsPerByte: 500,
    async run(input) {
      const length = Math.min(MAX_CHUNK_BYTES, (input[0] ?? 0) * 65_536 + (input[1] ?? 0) * 256 + (input[2] ?? 0))
      const stored = input.slice(3)
      const native = await outcome(createNodeCompressor().decompress, codec, stored, length)
      const other = await outcome(decompress, codec, stored, length)
      if (typeof native === "string" || typeof other === "string") must(native === other, "platforms read differently")
      else must(equalBytes(native, other), "platforms read other bytes")
    },
    growth: {
      "a bomb": (n) => stated(1000, compress(new Uint8Array(n * 1000))),
      "a length that lies": (n) => stated(MAX_CHUNK_BYTES, compress(new Uint8Array(n))),
    },
  }
}

const ALGORITHMS = ["ed25519", "ecdsa-p256", "ml-dsa-87"] as const
const KEY_BYTES: Readonly<Record<SignatureAlgorithm, number>> = { ed25519: 32, "ecdsa-p256": 65, "ml-dsa-87": 2592 }
const SIGNATURE_BYTES: Readonly<Record<SignatureAlgorithm, number>> = {
  ed25519: 64,
  "ecdsa-p256": 64,
  "ml-dsa-87": 4627,
}
const SEED = new Secret(new Uint8Array(32).fill(5))
const MESSAGE = utf8("a message")

function signatureTarget(algorithm: SignatureAlgorithm): Target {
  return {
    name: `signature-${algorithm}`,
    seeds: async () => [
      concatBytes(await node.signingPublicKey(algorithm, SEED), await node.sign(algorithm, SEED, MESSAGE), MESSAGE),
    ],
    codes: [],
    async run(input) {
      const key = input.subarray(0, KEY_BYTES[algorithm])
      const signature = input.subarray(KEY_BYTES[algorithm], KEY_BYTES[algorithm] + SIGNATURE_BYTES[algorithm])
      const message = input.subarray(KEY_BYTES[algorithm] + SIGNATURE_BYTES[algorithm])
      const native = await node.verify(algorithm, key, message, signature)
      must(native === (await portable.verify(algorithm, key, message, signature)), "platforms judge differently")
    },
  }
}

const RECIPIENT = new Secret(new Uint8Array(32).fill(6))
const INFO = utf8("info")

const SEALED: readonly Target[] = [
  {
    name: "sealed-to-key",
    seeds: async () => [await node.sealTo(await node.sealingPublicKey(RECIPIENT), INFO, utf8("a secret"))],
    codes: ["CRYPTO_OPEN_FAILED"],
    run: (input) => node.openFrom(RECIPIENT, INFO, input),
  },
  {
    name: "sealing-key",
    seeds: async () => [await node.sealingPublicKey(RECIPIENT)],
    codes: ["CRYPTO_INVALID_INPUT"],
    run: (input) => node.sealTo(input, INFO, utf8("a secret")),
  },
  {
    name: "aead",
    seeds: async () => [await node.seal(RECIPIENT, new Uint8Array(12), INFO, utf8("a secret"))],
    codes: ["CRYPTO_OPEN_FAILED"],
    run: (input) => node.open(RECIPIENT, new Uint8Array(12), INFO, input),
  },
]

const log = await verifyTrustLog(node, headers.log.map(utf8))
const joinLog = await verifyTrustLog(node, joins.log.map(utf8))
const SIGNED_CODES = [...FORMAT_CODES, "TRUST_LOG_INVALID", "HEADER_INVALID"]

/** The log's last entry as it is read, and its payload alone, under signatures that were good for another. */
const SIGNED: readonly Target[] = [
  {
    name: "trust-log",
    seeds: () => [...trust.log.map(utf8), ...trust.log.map((entry) => decodeEnvelope("trust", utf8(entry)).payload)],
    form: "json",
    codes: SIGNED_CODES,
    // Verifying ML-DSA-87 takes room of its own.
    memory: { base: 64 * 1024 * 1024, factor: 128 },
    maxBytes: 64 * 1024,
    async run(input) {
      const [genesis = ""] = trust.log
      const first = await verifyTrustLog(node, [utf8(genesis)])
      await verifyTrustLog(node, [withPayload(input, trust.log[1] as string)], first)
    },
  },
  {
    name: "header-signed",
    seeds: () => Object.values(headers.headers).map(utf8),
    form: "json",
    codes: SIGNED_CODES,
    run: (input) => verifyHeaderAlone(node, input, log.workspace, log),
  },
  {
    name: "join-signed",
    seeds: () => [joins.request, ...joins.refused.map(({ request }) => request)].map(utf8),
    form: "json",
    codes: SIGNED_CODES,
    run: (input) => verifyJoinRequest(node, input, joinLog),
  },
]

/** An envelope is taken as it is; anything else becomes the payload of one. */
function withPayload(input: Uint8Array, other: string): Uint8Array {
  if (input.length === 0 || utf8('{"mac"').every((byte, i) => input[i] === byte)) return input
  const envelope = decodeEnvelope("trust", utf8(other))
  if (input.length > 49_152) return input
  return encodeEnvelope({ ...envelope, payload: input, signed: preAuthEncoding("trust", input) })
}

export const SEALED_TARGETS: readonly Target[] = [
  codecTarget("zstd", (bytes) => zstdCompressSync(bytes, { pledgedSrcSize: bytes.length })),
  codecTarget("deflate-raw", (bytes) => deflateRawSync(bytes)),
  ...ALGORITHMS.map(signatureTarget),
  ...SEALED,
  ...SIGNED,
]
