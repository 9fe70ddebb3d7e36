/**
 * Vectors of index shards: payloads, good ones and one for each rule a reader
 * must keep, and the sealed form. Negative payloads are put together by hand,
 * since the encoder refuses to make them.
 *
 * @module
 */
import { concatBytes, fromHex, toBase64, toHex, utf8 } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { LABEL_SHARD } from "../../crypto/labels.ts"
import { createPortableCrypto } from "../../crypto/portableCrypto.ts"
import { Secret } from "../../crypto/secret.ts"
import { createByteWriter } from "../../storage/format/wire.ts"
import { createEpochKeys, type EpochKeys } from "../../storage/keys.ts"
import { SHARD_MAGIC } from "../../storage/shardSeal.ts"

const WORKSPACE = "abcdefghijklmnopqrstuvwxyz"
const KEY_HEX = "0b".repeat(32)
const SALT_HEX = "5a".repeat(32)
const SHARD_BYTES = 16 * 1024
const PLACE = { number: 1, count: 4 }
const MACHINE_A = utf8("a".repeat(52))
const MACHINE_B = utf8(`${"b".repeat(51)}q`)
const PACK_1 = fromHex("11".repeat(32))
const PACK_2 = fromHex("22".repeat(32))
const SALT = fromHex("5a".repeat(32))
const HASH = fromHex("c4".repeat(32))
const EMPTY_HASH = fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

type Bytes = Uint8Array

/** A varint in its shortest form. */
function v(value: number): Bytes {
  const out = createByteWriter()
  out.varint(value)
  return out.finish()
}

const u8 = (value: number): Bytes => Uint8Array.of(value)
const sized = (text: string | Bytes): Bytes => {
  const bytes = typeof text === "string" ? utf8(text) : text
  return concatBytes(v(bytes.length), bytes)
}
const list = (items: readonly Bytes[]): Bytes => concatBytes(v(items.length), ...items)

interface Parts {
  flags: Bytes
  packs: readonly Bytes[]
  writers: readonly Bytes[]
  entries: readonly Bytes[]
  tombstones: readonly Bytes[]
  rest: Bytes
}

function payload(change: Partial<Parts> = {}): Bytes {
  const parts = { ...WHOLE, ...change }
  const tables = concatBytes(list(parts.packs), list(parts.writers))
  return concatBytes(parts.flags, tables, list(parts.entries), list(parts.tombstones), parts.rest)
}

const FILE = 1
const LINK = 2
const FOLDER = 3

function entry(
  path: string | Bytes,
  type: number,
  rest: Bytes = u8(0).subarray(1),
  mode: Bytes = v(0o644),
  writer = 0,
): Bytes {
  return concatBytes(sized(path), u8(type), mode, v(1_700_000_000_000), v(7), v(writer), rest)
}

/** One run of chunks. */
function run(epoch: number, salt: Bytes, first: Bytes, chunks: readonly Bytes[]): Bytes {
  return concatBytes(v(epoch), salt, first, list(chunks))
}

function file(size: Bytes, hash: Bytes, runs: readonly Bytes[]): Bytes {
  return concatBytes(size, hash, list(runs))
}

/** The only chunk of a file: pack, offset, codec and, if compressed, the sealed length. */
const only = (pack: number, offset: number, codec: number, sealed?: number): Bytes =>
  concatBytes(v(pack), v(offset), u8(codec), sealed === undefined ? new Uint8Array(0) : v(sealed))
/** One of several. */
const one = (pack: number, offset: number, plainBytes: number, hash = HASH): Bytes =>
  concatBytes(v(pack), v(offset), v(plainBytes), hash, u8(0))

const EMPTY = entry("empty", FILE, file(v(0), EMPTY_HASH, []))
const SMALL = entry("src/small.ts", FILE, file(v(500), HASH, [run(1, SALT, v(0), [only(0, 8, 2, 300)])]))
const TWO_CHUNKS = [one(0, 308, 300_000), one(1, 8, 200_000)]
const LARGE = entry("z/large.bin", FILE, file(v(500_000), HASH, [run(1, SALT, v(4), TWO_CHUNKS)]), v(0o600), 1)
const FOLDER_ENTRY = entry("a", FOLDER, undefined, v(0o755))
const LINK_ENTRY = entry("link", LINK, sized("../elsewhere"), v(0o777))
const TOMBSTONE = concatBytes(sized("gone.txt"), HASH, v(9), v(1))
const WHOLE: Parts = {
  flags: u8(0),
  packs: [PACK_1, PACK_2],
  writers: [MACHINE_A, MACHINE_B],
  entries: [FOLDER_ENTRY, EMPTY, LINK_ENTRY, SMALL, LARGE],
  tombstones: [TOMBSTONE],
  rest: new Uint8Array(0),
}

/** A payload whose only file is this one: what is wrong lies in the file. */
const withFile = (content: Bytes, packs = [PACK_1]): Bytes =>
  payload({ packs, writers: [MACHINE_A], entries: [entry("f", FILE, content)], tombstones: [] })
const withEntry = (bytes: Bytes): Bytes =>
  payload({ packs: [], writers: [MACHINE_A], entries: [bytes], tombstones: [] })
const withPath = (path: string | Bytes): Bytes => withEntry(entry(path, FOLDER))
const chunked = (...runs: readonly Bytes[]): Bytes => file(v(500_000), HASH, runs)

const GOOD: readonly (readonly [string, Bytes])[] = [
  ["nothing", payload({ packs: [], writers: [], entries: [], tombstones: [] })],
  ["of every kind one", payload()],
  ["with a gear seed", payload({ flags: concatBytes(u8(1), fromHex("77".repeat(32))) })],
  [
    "two runs of one file",
    withFile(chunked(run(1, SALT, v(4), [one(0, 8, 300_000)]), run(2, SALT, v(5), [one(0, 308, 200_000)]))),
  ],
  [
    "paths in the order of UTF-8, not of UTF-16",
    payload({
      packs: [],
      writers: [MACHINE_A],
      entries: [entry("\uff5e", FOLDER), entry("\u{10000}", FOLDER)],
      tombstones: [],
    }),
  ],
]

const BAD: readonly (readonly [string, string, Bytes])[] = [
  ["empty payload", "FORMAT_INVALID", new Uint8Array(0)],
  ["a byte missing", "FORMAT_INVALID", payload().subarray(0, -1)],
  ["a byte left over", "FORMAT_INVALID", payload({ rest: u8(0) })],
  ["an unknown flag", "FORMAT_NEWER", payload({ flags: u8(2) })],
  ["gear seed cut short", "FORMAT_INVALID", payload({ flags: u8(1) }).subarray(0, 20)],
  ["more packs than bytes", "FORMAT_INVALID", concatBytes(u8(0), v(2 ** 40))],
  ["packs not ascending", "FORMAT_INVALID", payload({ packs: [PACK_2, PACK_1] })],
  ["a pack twice", "FORMAT_INVALID", payload({ packs: [PACK_1, PACK_1] })],
  ["a pack that nothing refers to", "FORMAT_INVALID", payload({ packs: [PACK_1, PACK_2, fromHex("33".repeat(32))] })],
  ["a pack beyond the table", "FORMAT_INVALID", payload({ packs: [PACK_1] })],
  ["writers not ascending", "FORMAT_INVALID", payload({ writers: [MACHINE_B, MACHINE_A] })],
  [
    "a writer that nothing refers to",
    "FORMAT_INVALID",
    payload({ writers: [MACHINE_A, MACHINE_B, utf8("c".repeat(51).concat("a"))] }),
  ],
  ["a writer that is no machine id", "FORMAT_INVALID", payload({ writers: [utf8("A".repeat(52)), MACHINE_B] })],
  [
    "a writer id whose unused bits are not zero",
    "FORMAT_INVALID",
    payload({ writers: [utf8("a".repeat(51).concat("b")), MACHINE_B] }),
  ],
  ["a writer beyond the table", "FORMAT_INVALID", payload({ writers: [MACHINE_A] })],
  ["more entries than bytes", "FORMAT_INVALID", concatBytes(u8(0), v(0), v(0), v(2 ** 47))],
  ["entries not ascending", "FORMAT_INVALID", payload({ entries: [EMPTY, FOLDER_ENTRY, LINK_ENTRY, SMALL, LARGE] })],
  ["a path twice", "FORMAT_INVALID", payload({ entries: [FOLDER_ENTRY, FOLDER_ENTRY, SMALL, LARGE] })],
  [
    "paths in the order of UTF-16",
    "FORMAT_INVALID",
    payload({
      packs: [],
      writers: [MACHINE_A],
      entries: [entry("\u{10000}", FOLDER), entry("\uff5e", FOLDER)],
      tombstones: [],
    }),
  ],
  ["tombstones not ascending", "FORMAT_INVALID", payload({ tombstones: [TOMBSTONE, TOMBSTONE] })],
  [
    "tombstone of a path that is there",
    "FORMAT_INVALID",
    payload({ tombstones: [concatBytes(sized("link"), HASH, v(9), v(1))] }),
  ],
  [
    "integer not in its shortest form",
    "FORMAT_INVALID",
    withEntry(entry("f", FOLDER, undefined, Uint8Array.of(0x80, 0x00))),
  ],
  ["integer of 2^48", "FORMAT_INVALID", withEntry(entry("f", FOLDER, undefined, fromHex("80808080808040")))],
  ["integer without end", "FORMAT_INVALID", withEntry(entry("f", FOLDER, undefined, fromHex("ff".repeat(20))))],
  ["entry type 0", "FORMAT_INVALID", withEntry(entry("f", 0))],
  ["entry type 4", "FORMAT_NEWER", withEntry(entry("f", 4))],
  ["mode 0o1000", "FORMAT_INVALID", withEntry(entry("f", FOLDER, undefined, v(0o1000)))],
  ["empty path", "FORMAT_INVALID", withPath("")],
  ["absolute path", "FORMAT_INVALID", withPath("/etc/passwd")],
  ["path that climbs out", "FORMAT_INVALID", withPath("a/../../b")],
  ["path with a dot segment", "FORMAT_INVALID", withPath("./a")],
  ["path with an empty segment", "FORMAT_INVALID", withPath("a//b")],
  ["path that ends in a slash", "FORMAT_INVALID", withPath("a/")],
  ["path with a NUL", "FORMAT_INVALID", withPath("a\0b")],
  ["path that is not UTF-8", "FORMAT_INVALID", withPath(fromHex("61ff"))],
  ["path with an overlong slash", "FORMAT_INVALID", withPath(fromHex("61c0af"))],
  ["path with a surrogate", "FORMAT_INVALID", withPath(fromHex("eda080"))],
  ["path of 4,097 bytes", "FORMAT_LIMIT_EXCEEDED", withPath("a".repeat(4097))],
  ["empty link target", "FORMAT_INVALID", withEntry(entry("f", LINK, sized("")))],
  ["link target with a NUL", "FORMAT_INVALID", withEntry(entry("f", LINK, sized("a\0")))],
  ["link target of 4,097 bytes", "FORMAT_LIMIT_EXCEEDED", withEntry(entry("f", LINK, sized("a".repeat(4097))))],
  ["file of no chunks with a size", "FORMAT_INVALID", withEntry(entry("f", FILE, file(v(1), EMPTY_HASH, [])))],
  ["empty file with another hash", "FORMAT_INVALID", withEntry(entry("f", FILE, file(v(0), HASH, [])))],
  [
    "empty file with a chunk",
    "FORMAT_INVALID",
    withFile(file(v(0), EMPTY_HASH, [run(1, SALT, v(0), [only(0, 8, 0)])])),
  ],
  ["more runs than bytes", "FORMAT_INVALID", withFile(concatBytes(v(500), HASH, v(2 ** 40)))],
  ["a run of no chunks", "FORMAT_INVALID", withFile(file(v(500), HASH, [run(1, SALT, v(0), [])]))],
  [
    "a run split in two",
    "FORMAT_INVALID",
    withFile(chunked(run(1, SALT, v(4), [one(0, 8, 300_000)]), run(1, SALT, v(5), [one(0, 308, 200_000)]))),
  ],
  [
    "size is not the sum of the chunks",
    "FORMAT_INVALID",
    withFile(file(v(499_999), HASH, [run(1, SALT, v(4), TWO_CHUNKS)]), [PACK_1, PACK_2]),
  ],
  ["epoch 0", "FORMAT_INVALID", withFile(file(v(500), HASH, [run(0, SALT, v(0), [only(0, 8, 0)])]))],
  ["epoch 2^32", "FORMAT_INVALID", withFile(file(v(500), HASH, [run(2 ** 32, SALT, v(0), [only(0, 8, 0)])]))],
  [
    "chunk number 2^32",
    "FORMAT_LIMIT_EXCEEDED",
    withFile(file(v(500), HASH, [run(1, SALT, v(2 ** 32), [only(0, 8, 0)])])),
  ],
  ["an unknown codec", "FORMAT_NEWER", withFile(file(v(500), HASH, [run(1, SALT, v(0), [only(0, 8, 3, 300)])]))],
  [
    "compressed, but not shorter",
    "FORMAT_INVALID",
    withFile(file(v(500), HASH, [run(1, SALT, v(0), [only(0, 8, 1, 516)])])),
  ],
  [
    "sealed length of a bare tag",
    "FORMAT_INVALID",
    withFile(file(v(500), HASH, [run(1, SALT, v(0), [only(0, 8, 1, 16)])])),
  ],
  ["chunk inside the magic", "FORMAT_INVALID", withFile(file(v(500), HASH, [run(1, SALT, v(0), [only(0, 7, 0)])]))],
  [
    "chunk beyond the longest pack",
    "FORMAT_LIMIT_EXCEEDED",
    withFile(file(v(500), HASH, [run(1, SALT, v(0), [only(0, 16_777_216, 0)])])),
  ],
  [
    "chunk longer than 4 MiB",
    "FORMAT_LIMIT_EXCEEDED",
    withFile(file(v(4_194_305), HASH, [run(1, SALT, v(0), [only(0, 8, 0)])])),
  ],
  ["an empty chunk", "FORMAT_INVALID", withFile(chunked(run(1, SALT, v(0), [one(0, 8, 0), one(0, 8, 500_000)])))],
]

export async function indexShardVectors(): Promise<unknown> {
  const crypto = await createPortableCrypto()
  const keys = createEpochKeys(crypto, WORKSPACE, 1, new Secret(fromHex(KEY_HEX)))
  return {
    format: "docs/spec/index.md",
    payloads: [
      ...GOOD.map(([name, bytes]) => ({ name, payloadHex: toHex(bytes) })),
      ...BAD.map(([wrong, code, bytes]) => ({ name: wrong, wrong, payloadHex: toHex(bytes), expect: { code } })),
    ],
    workspaceKeyHex: KEY_HEX,
    workspace: WORKSPACE,
    epoch: 1,
    place: PLACE,
    sealed: await sealedCases(crypto, keys),
    trees: TREES.map(([name, code, ...shards]) => ({
      name,
      payloadsHex: shards.map((entries) => toHex(entriesAlone(entries))),
      ...(code !== null && { expect: { code } }),
    })),
  }
}

const entriesAlone = (entries: readonly Bytes[]): Bytes =>
  payload({ packs: [], writers: entries.length > 0 ? [MACHINE_A] : [], entries, tombstones: [] })
const nothing = (path: string): Bytes => entry(path, FILE, file(v(0), EMPTY_HASH, []))
const folder = (path: string): Bytes => entry(path, FOLDER)
const link = (path: string): Bytes => entry(path, LINK, sized("elsewhere"))

/** Whole indexes, shard by shard. */
const TREES: readonly (readonly [string, string | null, ...(readonly Bytes[])[]])[] = [
  ["folders that are listed, and one that is not", null, [folder("a"), nothing("b/c/d")], [nothing("a/b")]],
  ["a name that begins like a file's", null, [nothing("a"), nothing("a.b"), nothing("ab/c")], []],
  ["an entry below a file", "FORMAT_INVALID", [nothing("a"), nothing("a/b")]],
  ["an entry below a file of another shard", "FORMAT_INVALID", [nothing("a")], [nothing("a/b")]],
  ["an entry far below a file", "FORMAT_INVALID", [nothing("a")], [nothing("a/b/c/d")]],
  ["an entry below a link", "FORMAT_INVALID", [nothing("a/b")], [link("a")]],
  ["a folder below a link", "FORMAT_INVALID", [link("a")], [folder("a/b")]],
  ["a folder between a file and what is below it", "FORMAT_INVALID", [nothing("a")], [folder("a/b"), nothing("a/b/c")]],
]

/** Each is a shard as it lies in the store; what opens, opens at place 1 of 4. */
async function sealedCases(crypto: Crypto, keys: EpochKeys): Promise<readonly unknown[]> {
  const text = payload()
  const whole = await seal(crypto, keys, inside(text))
  const flipped = (at: number): Bytes => whole.map((byte, i) => (i === at ? byte ^ 1 : byte))
  const shard = (bytes: Bytes): { readonly shardBase64: string } => ({ shardBase64: toBase64(bytes) })
  const bad = (wrong: string, code: string, bytes: Bytes) => ({ name: wrong, wrong, ...shard(bytes), expect: { code } })
  return [
    { name: "opens", ...shard(whole), payloadHex: toHex(text) },
    bad("another magic", "FORMAT_INVALID", flipped(0)),
    bad("another version", "FORMAT_NEWER", flipped(7)),
    bad("another epoch", "FORMAT_INVALID", flipped(11)),
    bad("another salt", "SEAL_BROKEN", flipped(12)),
    bad("last byte of the tag changed", "SEAL_BROKEN", flipped(SHARD_BYTES - 1)),
    bad("shorter than 16 KiB", "FORMAT_INVALID", whole.subarray(0, SHARD_BYTES - 1)),
    bad("sealed for another place", "SEAL_BROKEN", await seal(crypto, keys, inside(text), { number: 2, count: 4 })),
    bad("sealed for another count", "SEAL_BROKEN", await seal(crypto, keys, inside(text), { number: 1, count: 2 })),
    bad("an unknown codec", "FORMAT_NEWER", await seal(crypto, keys, inside(text, { codec: 3 }))),
    bad(
      "stored bytes beyond the end",
      "FORMAT_INVALID",
      await seal(crypto, keys, inside(text, { stored: SHARD_BYTES })),
    ),
    bad(
      "stored length is not the payload's",
      "FORMAT_INVALID",
      await seal(crypto, keys, inside(text, { length: text.length + 1 })),
    ),
    bad(
      "payload of more than 32 MiB",
      "FORMAT_LIMIT_EXCEEDED",
      await seal(crypto, keys, inside(text, { codec: 2, length: 2 ** 25 + 1 })),
    ),
    bad("compressed, but not shorter", "FORMAT_INVALID", await seal(crypto, keys, inside(text, { codec: 1 }))),
    bad("padding not zero", "FORMAT_INVALID", await seal(crypto, keys, inside(text, { last: 1 }))),
    bad(
      "padded further than it must be",
      "FORMAT_INVALID",
      await seal(crypto, keys, inside(text, { bytes: SHARD_BYTES + 1024 })),
    ),
    bad("gear seed in another shard than 0", "FORMAT_INVALID", await seal(crypto, keys, inside(GOOD[2]?.[1] as Bytes))),
  ]
}

interface Inside {
  readonly length?: number
  readonly codec?: number
  readonly stored?: number
  readonly last?: number
  /** Length of the whole shard. */
  readonly bytes?: number
}

function inside(text: Bytes, change: Inside = {}): Bytes {
  const out = new Uint8Array((change.bytes ?? SHARD_BYTES) - 60)
  const view = new DataView(out.buffer)
  view.setUint32(0, change.length ?? text.length)
  view.setUint8(4, change.codec ?? 0)
  view.setUint32(5, change.stored ?? text.length)
  out.set(text, 9)
  out[out.length - 1] = change.last ?? 0
  return out
}

async function seal(crypto: Crypto, keys: EpochKeys, plain: Bytes, place = PLACE): Promise<Bytes> {
  const u32 = (value: number): Bytes => fromHex(value.toString(16).padStart(8, "0"))
  const bound = concatBytes(SHARD_MAGIC, utf8(WORKSPACE), u32(1), u32(place.number), u32(place.count))
  const key = keys.objectKey(fromHex(SALT_HEX), LABEL_SHARD)
  return concatBytes(SHARD_MAGIC, u32(1), fromHex(SALT_HEX), await crypto.seal(key, new Uint8Array(12), bound, plain))
}
