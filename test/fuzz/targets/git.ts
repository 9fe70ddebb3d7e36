/**
 * What a Git server sends: packets, refs, packs, deltas, trees and reports.
 *
 * @module
 */
import { deflateSync } from "node:zlib"
import { concatBytes, fromHex, utf8 } from "../../../crypto/bytes.ts"
import { type ByteReader, createByteReader } from "../../../storage/remote/git/byteReader.ts"
import { readAdvertisement } from "../../../storage/remote/git/advertisement.ts"
import { applyDelta, BASE_BLOB, BASE_ID, insertOnlyDelta } from "../../../storage/remote/git/delta.ts"
import {
  encodeCommit,
  encodeTree,
  type GitObject,
  objectId,
  parseCommit,
  parseTree,
  type TreeEntry,
} from "../../../storage/remote/git/objects.ts"
import { readPack } from "../../../storage/remote/git/packReader.ts"
import { writePack } from "../../../storage/remote/git/packWriter.ts"
import { packetLine, readPacket, readSideBand } from "../../../storage/remote/git/pktLine.ts"
import { updateRef } from "../../../storage/remote/git/receivePack.ts"
import { flattenTrees } from "../../../storage/remote/git/snapshots.ts"
import type { GitTransport } from "../../../storage/remote/git/transport.ts"
import { createUploadPack } from "../../../storage/remote/git/uploadPack.ts"
import { nodeGitPrimitives as git } from "../../../storage/remote/node/gitPrimitives.ts"
import { varint } from "../mutate.ts"
import { must, STORE_CODES, type Target } from "../target.ts"

const ID = "a".repeat(40)
const OTHER_ID = "b".repeat(40)
const WORDS = [
  "0000",
  "0001",
  "0002",
  "0004",
  "0005",
  "fff0",
  "ffff",
  "ERR ",
  "packfile",
  "NAK",
  "unpack ok",
  "ng ",
  "PACK",
]

async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const lines = (...texts: readonly string[]): Uint8Array => concatBytes(...texts.map((text) => packetLine(text)))
const flush = utf8("0000")

function sideBand(band: number, bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length || at === 0; at += 60_000) {
    const piece = bytes.subarray(at, at + 60_000)
    parts.push(utf8((piece.length + 5).toString(16).padStart(4, "0")), Uint8Array.of(band), piece)
  }
  return concatBytes(...parts)
}

function object(type: GitObject["type"], bytes: Uint8Array): GitObject {
  return { type, id: objectId(git, type, bytes), bytes }
}

const BLOB = object("blob", utf8("some content of a blob, some content of a blob"))
const LEAF = object("tree", encodeTree([{ name: "000", kind: "blob", id: BLOB.id }]))
const ROOT_ENTRIES: readonly TreeEntry[] = [
  { name: "index", kind: "tree", id: LEAF.id },
  { name: ".base", kind: "blob", id: BASE_ID },
  { name: "manifest.json", kind: "blob", id: BLOB.id },
]
const ROOT = object("tree", encodeTree(ROOT_ENTRIES))
const COMMIT = object("commit", encodeCommit(ROOT.id, ID, 1_790_000_000_000))
function inserting(bytes: Uint8Array): Uint8Array {
  return concatBytes(...Array.from(insertOnlyDelta(bytes), (piece) => piece.slice()))
}

const PACK = concatBytes(...writePack(git, [COMMIT, ROOT, LEAF, BLOB], true))
const BIG_PACK = concatBytes(...writePack(git, [object("blob", new Uint8Array(17_000).fill(7))], true))

/** A pack of these entries, each its head and what follows it. */
function packOf(entries: readonly Uint8Array[]): Uint8Array {
  const head = new Uint8Array(12)
  head.set(utf8("PACK"))
  new DataView(head.buffer).setUint32(4, 2)
  new DataView(head.buffer).setUint32(8, entries.length)
  return concatBytes(head, ...entries, new Uint8Array(20))
}

function entryHead(type: number, length: number): Uint8Array {
  const first = (type << 4) | (length & 0x0f)
  return length < 16 ? Uint8Array.of(first) : concatBytes(Uint8Array.of(first | 0x80), varint(Math.floor(length / 16)))
}

const wholeEntry = (type: number, body: Uint8Array): Uint8Array =>
  concatBytes(entryHead(type, body.length), deflateSync(body))
const refDelta = (base: Uint8Array, delta: Uint8Array): Uint8Array =>
  concatBytes(entryHead(7, delta.length), base, deflateSync(delta))

const times = (count: number, make: (i: number) => Uint8Array): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => make(i))

/** A delta that copies its whole base over and over. */
function copyingDelta(baseLength: number, copies: number): Uint8Array {
  const copy = concatBytes(
    Uint8Array.of(0x80 | 0x10 | 0x20 | 0x40),
    Uint8Array.of(baseLength & 0xff, (baseLength >> 8) & 0xff, baseLength >> 16),
  )
  return concatBytes(varint(baseLength), varint(baseLength * copies), ...times(copies, () => copy))
}

async function readWhole(input: Uint8Array, heldBytes: number): Promise<GitObject[]> {
  const objects: GitObject[] = []
  await readPack(createByteReader(inPieces(input)), git, { heldBytes }, (each) => void objects.push(each))
  return objects
}

/** What inflating may make of a byte, and the rooms that readers begin with. */
const INFLATING = { base: 8 * 1024 * 1024, factor: 2400 }

const PACK_GROWTH: Target["growth"] = {
  "deltas that wait for one base": (n) => packOf(times(n / 29, () => refDelta(fromHex(OTHER_ID), new Uint8Array(0)))),
  "deltas that waited for one base": (n) => {
    const base = utf8("base")
    const delta = concatBytes(varint(4), varint(1), Uint8Array.of(1, 0x61))
    const id = fromHex(objectId(git, "blob", base))
    return packOf([...times(n / 34, () => refDelta(id, delta)), wholeEntry(3, base)])
  },
  "empty blobs": (n) => packOf(times(n / 9, () => wholeEntry(3, new Uint8Array(0)))),
  "many small trees": (n) => packOf(times(n / 45, () => wholeEntry(2, LEAF.bytes))),
  "lengths that lie": () => packOf([concatBytes(entryHead(3, 127 * 1024 * 1024), deflateSync(utf8("short")))]),
  "a stored block and a length that lies": () =>
    packOf([concatBytes(entryHead(3, 127 * 1024 * 1024), deflateSync(utf8("short"), { level: 0 }))]),
}

/** Deltas that make much of little: what a pack may make in all is bounded, and not by its length alone. */
const COPYING: Target["growth"] = {
  "deltas that only copy": (n) => {
    const base = new Uint8Array(64 * 1024 - 1)
    const id = fromHex(objectId(git, "blob", base))
    const delta = copyingDelta(base.length, 250)
    return packOf([wholeEntry(3, base), ...times(n / 64, () => refDelta(id, delta))])
  },
}

const readingPacks: Omit<Target, "name" | "memory"> = {
  seeds: () => [PACK, BIG_PACK, packOf([wholeEntry(3, BASE_BLOB), refDelta(fromHex(BASE_ID), inserting(utf8("x")))])],
  codes: STORE_CODES,
  words: [fromHex(BASE_ID), deflateSync(utf8("x")), deflateSync(new Uint8Array(0))],
  microsecondsPerByte: 2000,
  async run(input) {
    await readPack(createByteReader(inPieces(input)), git, { heldBytes: 16 * 1024 * 1024 }, ({ id, type, bytes }) =>
      must(objectId(git, type, bytes) === id, "another id"),
    )
  },
}

const PACKS: readonly Target[] = [
  { ...readingPacks, name: "git-pack", memory: INFLATING, growth: PACK_GROWTH },
  { ...readingPacks, name: "git-pack-copies", memory: { base: 320 * 1024 * 1024, factor: 2400 }, growth: COPYING },
  {
    name: "git-delta",
    seeds: () => [inserting(utf8("abc".repeat(100))), copyingDelta(BASE_BLOB.length, 3)],
    codes: STORE_CODES,
    run: (input) => applyDelta(BASE_BLOB, input),
    growth: {
      "a result that is not there": () => concatBytes(varint(BASE_BLOB.length), varint(127 * 1024 * 1024)),
      inserts: (n) => inserting(new Uint8Array(n)),
    },
  },
  {
    name: "git-snapshot",
    seeds: () => [PACK, packOf([wholeEntry(2, ROOT.bytes), wholeEntry(2, LEAF.bytes)])],
    codes: STORE_CODES,
    words: ["40000 ", "100644 ", "160000 ", ".base", deflateSync(new Uint8Array(0))],
    memory: INFLATING,
    microsecondsPerByte: 2000,
    growth: { "folders that hold one folder many times": folded },
    async run(input) {
      const trees = new Map<string, readonly TreeEntry[]>()
      for (const { type, id, bytes } of await readWhole(input, Infinity))
        if (type === "tree") trees.set(id, parseTree(bytes))
      const [root] = trees.keys()
      if (root !== undefined) flattenTrees(root, (id) => trees.get(id))
    },
  },
]

/** Fifteen levels, each of which holds the next one as often as there is room. */
function folded(bytes: number): Uint8Array {
  const wide = Math.max(2, Math.floor(bytes / 15 / 40))
  let below = object("tree", new Uint8Array(0))
  const trees = [below]
  for (let level = 0; level < 14; level++) {
    const id = below.id
    below = object("tree", encodeTree(Array.from({ length: wide }, (_, i) => ({ name: `n${i}`, kind: "tree", id }))))
    trees.unshift(below)
  }
  return packOf(trees.map((tree) => wholeEntry(2, tree.bytes)))
}

const OBJECTS: readonly Target[] = [
  {
    name: "git-tree",
    seeds: () => [ROOT.bytes, LEAF.bytes],
    codes: STORE_CODES,
    words: ["40000 ", "100644 ", "160000 ", "..", ".git", "/", "\0"],
    run: (input) => parseTree(input),
    growth: {
      spaces: (n) => new Uint8Array(n).fill(0x20),
      entries: (n) => encodeTree(Array.from({ length: n / 30 }, (_, i) => ({ name: `e${i}`, kind: "blob", id: ID }))),
    },
  },
  {
    name: "git-commit",
    seeds: () => [COMMIT.bytes, encodeCommit(ID, null, 0)],
    form: "text",
    codes: STORE_CODES,
    words: ["tree ", "parent ", "author ", "> 1 ", ID],
    run: (input) => parseCommit(input),
    growth: {
      parents: (n) => utf8(`tree ${ID}\n${`parent ${ID}\n`.repeat(n / 48)}`),
      "one long author": (n) => utf8(`tree ${ID}\nauthor ${"> 1".repeat(n / 3)}`),
    },
  },
]

async function readAllPackets(reader: ByteReader): Promise<void> {
  for (;;) {
    const { kind } = await readPacket(reader)
    if (kind === "eof") return
  }
}

const PACKETS: readonly Target[] = [
  {
    name: "pkt-line",
    seeds: () => [concatBytes(lines("hello\n", "x"), flush, utf8("0001"), lines("ERR not our ref"))],
    form: "text",
    codes: STORE_CODES,
    words: WORDS,
    run: (input) => readAllPackets(createByteReader(inPieces(input, 7))),
    growth: {
      "empty packets": (n) => utf8("0004".repeat(n / 4)),
      "words of a fault": (n) => lines(`ERR ${"is at ".repeat(Math.min(n, 65_000) / 6)}`),
    },
  },
  {
    name: "side-band",
    seeds: () => [concatBytes(sideBand(1, utf8("data")), sideBand(2, utf8("said")), flush), sideBand(3, utf8("fatal"))],
    form: "text",
    codes: STORE_CODES,
    words: [...WORDS, Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)],
    async run(input) {
      for await (const piece of readSideBand(createByteReader(inPieces(input)), () => {}))
        must(piece.length >= 0, "piece")
    },
    growth: {
      "empty pieces": (n) => utf8("0005\u0001".repeat(n / 5)),
      remarks: (n) => utf8("0006\u0002x".repeat(n / 6)),
    },
  },
  {
    name: "advertisement",
    seeds: () => [
      concatBytes(lines("version 2\n", "ls-refs\n", "fetch=shallow filter\n", "object-format=sha1\n"), flush),
      concatBytes(lines("# service=git-upload-pack\n"), flush, lines(`${ID} refs/heads/a\0shallow filter\n`), flush),
    ],
    form: "text",
    codes: STORE_CODES,
    words: [
      ...WORDS,
      "version 2",
      "version 1",
      "ls-refs",
      "fetch=",
      "object-format=sha256",
      "shallow ",
      `${ID} refs/heads/`,
    ],
    run: (input) => readAdvertisement(inPieces(input)),
    growth: {
      refs: (n) => concatBytes(...times(n / 60, () => lines(`${ID} refs/heads/sessyn/x\n`)), flush),
      "long lines": (n) => concatBytes(...times(n / 65_000, () => lines(" ".repeat(65_000))), flush),
    },
  },
]

/** A server that answers every request with the same bytes. */
const answering = (bytes: Uint8Array): GitTransport => ({
  url: "https://example.org/vault.git",
  advertise: async () => inPieces(bytes),
  exchange: async () => inPieces(bytes),
  close: async () => {},
})

const fetched = concatBytes(lines("packfile\n"), sideBand(1, PACK), flush)
const shallow = concatBytes(lines("shallow-info\n", `shallow ${ID}\n`), utf8("0001"), fetched)

const ANSWERS: readonly Target[] = [
  {
    name: "upload-pack-fetch",
    seeds: () => [fetched, shallow, lines("ERR upload-pack: not our ref")],
    codes: STORE_CODES,
    words: WORDS,
    memory: INFLATING,
    microsecondsPerByte: 2000,
    run: (input) =>
      createUploadPack(answering(input), git).fetch({ wants: [ID], depth: 1, heldBytes: Infinity }, () => {}, {}),
  },
  {
    name: "upload-pack-refs",
    seeds: () => [concatBytes(lines(`${ID} refs/heads/sessyn/x/main\n`, `${OTHER_ID} refs/heads/other\n`), flush)],
    form: "text",
    codes: STORE_CODES,
    words: [...WORDS, `${ID} refs/heads/sessyn/`, "^{}"],
    run: (input) => createUploadPack(answering(input), git).listBranches("sessyn/", {}),
    growth: { refs: (n) => concatBytes(...times(n / 60, () => lines(`${ID} refs/heads/sessyn/x\n`)), flush) },
  },
  {
    name: "receive-pack",
    seeds: () => [report("unpack ok\n", "ok refs/heads/b\n"), report("unpack ok\n", "ng refs/heads/b fetch first\n")],
    form: "text",
    codes: STORE_CODES,
    words: [...WORDS, "ok refs/heads/b", "ng refs/heads/b ", "missing necessary objects", "hook declined", "is at "],
    run: (input) => updateRef(answering(input), { branch: "b", from: ID, to: OTHER_ID }, () => [PACK], {}),
    growth: {
      "a long refusal": (n) => report("unpack ok\n", `ng refs/heads/b ${"is at ".repeat(Math.min(n, 60_000) / 6)}\n`),
    },
  },
]

function report(...texts: readonly string[]): Uint8Array {
  return concatBytes(sideBand(1, concatBytes(lines(...texts), flush)), flush)
}

export const GIT_TARGETS: readonly Target[] = [...PACKS, ...OBJECTS, ...PACKETS, ...ANSWERS]
