/**
 * The vault's own documents: JSON and its envelopes, shards, packs, chunks, names.
 *
 * @module
 */
import { concatBytes, equalBytes, fromBase64, fromHex, toHex, utf8 } from "../../../crypto/bytes.ts"
import type { Crypto } from "../../../crypto/crypto.ts"
import { LABEL_MACHINE_NAME, LABEL_SHARD } from "../../../crypto/labels.ts"
import { printable } from "../../../src/printable.ts"
import { createNodeCrypto } from "../../../src/platform/node/nodeCrypto.ts"
import { decodeDocument, encodeDocument, type Json } from "../../../storage/format/canonicalJson.ts"
import type { JsonCodec } from "../../../storage/format/codec.ts"
import { decodeEnvelope, decodePayload, encodeEnvelope, type EnvelopeKind } from "../../../storage/format/envelope.ts"
import { headerCodec } from "../../../storage/format/header.ts"
import { decodeShard, encodeShard } from "../../../storage/format/index/indexShard.ts"
import { decodePath } from "../../../storage/format/index/indexPath.ts"
import { joinRequestCodec } from "../../../storage/format/joinRequest.ts"
import { recordCodec } from "../../../storage/format/machine.ts"
import { openName } from "../../../storage/format/machineName.ts"
import { verifyPack } from "../../../storage/format/pack.ts"
import { trustEntryCodec } from "../../../storage/format/trustEntry.ts"
import { decodeVaultFile, encodeVaultFile } from "../../../storage/format/vaultFile.ts"
import { createEpochKeys } from "../../../storage/keys.ts"
import { paddedLength } from "../../../storage/padding.ts"
import { openShard, SHARD_MAGIC } from "../../../storage/shardSeal.ts"
import { Secret } from "../../../crypto/secret.ts"
import envelopes from "../../vectors/envelope-v1.json" with { type: "json" }
import headers from "../../vectors/header-v1.json" with { type: "json" }
import shards from "../../vectors/index-shard-v1.json" with { type: "json" }
import joins from "../../vectors/join-v1.json" with { type: "json" }
import packs from "../../vectors/pack-v1.json" with { type: "json" }
import trust from "../../vectors/trust-log-v1.json" with { type: "json" }
import vaultFiles from "../../vectors/vault-file-v1.json" with { type: "json" }
import { varint } from "../mutate.ts"
import { FORMAT_CODES, must, type Target } from "../target.ts"

const crypto: Crypto = createNodeCrypto()
const WORKSPACE_KEY = new Secret(fromHex(shards.workspaceKeyHex))
const keys = createEpochKeys(crypto, shards.workspace, shards.epoch, WORKSPACE_KEY)

const payloadOf = (kind: EnvelopeKind, text: string): Uint8Array => decodeEnvelope(kind, utf8(text)).payload
const JSON_WORDS = [
  '"',
  "\\u0000",
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "null",
  "true",
  "1e3",
  "-0",
  "1.0",
  "0".repeat(40),
]

/** Many of one thing in a list, or deep in one another: what a JSON reader fears. */
const JSON_GROWTH = {
  "open brackets": (n: number) => utf8("[".repeat(n)),
  "many numbers": (n: number) => utf8(`[${"1,".repeat(n >> 1)}1]`),
  "one long string": (n: number) => utf8(JSON.stringify("a".repeat(n))),
  "escapes without an end": (n: number) => utf8(`"${"\\u0061".repeat(n / 6)}`),
  "many keys": (n: number) => utf8(`{${Array.from({ length: n >> 4 }, (_, i) => `"k${10_000_000 + i}":1`).join(",")}}`),
}

const anyJson: JsonCodec<Json> = { decode: (json) => json, encode: (json) => json }

function document<T>(name: string, codec: JsonCodec<T>, seeds: () => readonly Uint8Array[]): Target {
  return {
    name,
    seeds,
    form: "json",
    words: JSON_WORDS,
    codes: FORMAT_CODES,
    maxBytes: 64 * 1024,
    growth: JSON_GROWTH,
    run(input) {
      const value = decodeDocument(codec, input, 1024 * 1024)
      must(equalBytes(encodeDocument(codec, value, 1024 * 1024), input), "another encoding")
    },
  }
}

function envelope(kind: EnvelopeKind, seeds: () => readonly string[]): Target {
  return {
    name: `envelope-${kind}`,
    seeds: () => seeds().map(utf8),
    form: "json",
    words: [...JSON_WORDS, "ed25519", "ml-dsa-87", `application/vnd.sessyn.${kind}+json`],
    codes: FORMAT_CODES,
    growth: JSON_GROWTH,
    run(input) {
      const decoded = decodeEnvelope(kind, input)
      must(equalBytes(encodeEnvelope(decoded), input), "another encoding")
      decodePayload(anyJson, decoded)
    },
  }
}

const DOCUMENTS: readonly Target[] = [
  document("canonical-json", anyJson, () =>
    ['{"a":[1,{"b":null}],"c":"\\n"}', "[]", '"\\\\"', "0"].map((t) => utf8(t)),
  ),
  document("header-payload", headerCodec, () => Object.values(headers.headers).map((t) => payloadOf("header", t))),
  document("trust-entry", trustEntryCodec, () => trust.log.map((t) => payloadOf("trust", t))),
  document("join-request", joinRequestCodec, () => [payloadOf("join", joins.request)]),
  document("machine-record", recordCodec, () => {
    const request = decodePayload(joinRequestCodec, decodeEnvelope("join", utf8(joins.request)))
    return [encodeDocument(recordCodec, request.record, 8192)]
  }),
  envelope("header", () => [...Object.values(headers.headers), ...headers.refused.map(({ header }) => header)]),
  envelope("relay", () => [envelopes.envelope, ...envelopes.refused.map((each) => each.envelope)]),
  envelope("join", () => [joins.request, ...joins.refused.map(({ request }) => request)]),
  {
    name: "vault-file",
    seeds: () => [vaultFiles.vault, ...vaultFiles.refused.map(({ vault }) => vault)].map(utf8),
    form: "json",
    words: [...JSON_WORDS, "passphrase"],
    codes: FORMAT_CODES,
    growth: JSON_GROWTH,
    run: (input) => must(equalBytes(encodeVaultFile(decodeVaultFile(input)), input), "another encoding"),
  },
]

const sealed = shards.sealed.map(({ shardBase64 }) => fromBase64(shardBase64))
const payloads = shards.payloads.map(({ payloadHex }) => fromHex(payloadHex))
/** Magic, epoch and salt before what is sealed. */
const SHARD_HEAD_BYTES = SHARD_MAGIC.length + 4 + 32

/** A shard with these bytes inside, under a good seal and with the padding that they call for. */
async function sealedAround(inside: Uint8Array): Promise<Uint8Array> {
  const salt = new Uint8Array(32).fill(1)
  const total = paddedLength(SHARD_HEAD_BYTES + inside.length + 16)
  const padded = concatBytes(inside, new Uint8Array(total - SHARD_HEAD_BYTES - inside.length - 16))
  const head = concatBytes(SHARD_MAGIC, u32(shards.epoch))
  const { number, count } = shards.place
  const bound = concatBytes(SHARD_MAGIC, utf8(shards.workspace), u32(shards.epoch), u32(number), u32(count))
  const key = keys.objectKey(salt, LABEL_SHARD)
  return concatBytes(head, salt, await crypto.seal(key, new Uint8Array(12), bound, padded))
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** Plain length, codec and stored bytes, as they stand in a shard. */
const insideOf = (payload: Uint8Array): Uint8Array =>
  concatBytes(u32(payload.length), Uint8Array.of(0), u32(payload.length), payload)

const INDEX: readonly Target[] = [
  {
    name: "shard",
    seeds: () => payloads,
    codes: FORMAT_CODES,
    run: (input) => must(equalBytes(encodeShard(decodeShard(input)), input), "another encoding"),
    growth: {
      "a count that lies": (n) => concatBytes(Uint8Array.of(0), varint(2 ** 47), new Uint8Array(n)),
      folders: (n) => foldersShard(n >> 4),
      "one long path": (n) => concatBytes(fromHex("00000101"), varint(n), new Uint8Array(n).fill(0x61)),
    },
  },
  {
    name: "shard-inside",
    seeds: () => payloads.map(insideOf),
    codes: [...FORMAT_CODES],
    // What a shard states as its length is made room for: 32 MiB at most.
    memory: { base: 36 * 1024 * 1024, factor: 1200 },
    run: async (input) => openShard(crypto, keys, shards.place, await sealedAround(input)),
  },
  {
    name: "shard-sealed",
    seeds: () => sealed,
    codes: [...FORMAT_CODES, "SEAL_BROKEN"],
    maxBytes: 32 * 1024,
    memory: { base: 36 * 1024 * 1024, factor: 128 },
    run: (input) => openShard(crypto, keys, shards.place, input),
  },
  {
    name: "index-path",
    seeds: () => ["a/b", "é/日本", "../x", "/", "a//b", "a/\0"].map((t) => utf8(t)),
    form: "text",
    codes: FORMAT_CODES,
    run: (input) => must(equalBytes(utf8(decodePath(input)), input), "another path"),
    growth: {
      slashes: (n) => utf8("/".repeat(n)),
      segments: (n) => utf8("a/".repeat(n >> 1)),
      dots: (n) => utf8(".".repeat(n)),
    },
  },
]

/** A shard of so many folders, which is good. */
function foldersShard(count: number): Uint8Array {
  const writer = "a".repeat(52)
  const entries = Array.from({ length: count }, (_, i) => ({
    type: "folder" as const,
    path: `f${String(i).padStart(7, "0")}`,
    mode: 0,
    mtimeMs: 0,
    version: 1,
    writer,
  }))
  return encodeShard({ entries, tombstones: [] })
}

const NAME_SALT = new Uint8Array(32)
const MACHINE = "a".repeat(52)

const PACKS: readonly Target[] = [
  {
    name: "pack-form",
    seeds: () => packs.cases.slice(0, 6).map(({ pack }) => packBytes(pack)),
    codes: FORMAT_CODES,
    maxBytes: 32 * 1024,
    run: (input) => verifyPack(crypto, toHex(crypto.sha256(input)), input),
  },
  {
    name: "machine-name",
    seeds: () => ["\u0003abc", "\u0006\u001b[2Jx", "\u0002é"].map((t) => utf8(t.padEnd(64 - 1, "\0"))),
    form: "text",
    codes: [...FORMAT_CODES, "SEAL_BROKEN"],
    async run(input) {
      const padded = new Uint8Array(64)
      padded.set(input.subarray(0, 64))
      const name = await openName(crypto, keys.key, MACHINE, await sealedName(padded))
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a terminal.
      must(!/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/.test(printable(name)), "a name that commands the terminal")
    },
  },
]

async function sealedName(padded: Uint8Array) {
  const info = concatBytes(utf8(LABEL_MACHINE_NAME), new Uint8Array(1), u32(keys.epoch))
  const key = crypto.hkdf(keys.key, NAME_SALT, info, 32)
  const bytes = await crypto.seal(key, new Uint8Array(12), utf8(MACHINE), padded)
  return { epoch: keys.epoch, salt: NAME_SALT, sealed: bytes }
}

function packBytes({ hex, length, padByte }: { hex: string; length: number; padByte: number }): Uint8Array {
  const bytes = new Uint8Array(length).fill(padByte)
  bytes.set(fromHex(hex).subarray(0, length))
  return bytes
}

export const FORMAT_TARGETS: readonly Target[] = [...DOCUMENTS, ...INDEX, ...PACKS]
