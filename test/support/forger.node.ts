/**
 * A trusted machine that has turned: it publishes versions of the vault that no
 * Sessyn would write, properly sealed and signed.
 *
 * @module
 */
import { concatBytes, utf8 } from "../../crypto/bytes.ts"
import { enter } from "../../src/sync/sync.ts"
import type { Context } from "../../src/vault/context.ts"
import { createContext } from "../../src/vault/refresh.ts"
import type { Head } from "../../src/vault/head.ts"
import { signersOf } from "../../src/vault/identity.ts"
import { createMemory } from "../../src/vault/memory.ts"
import { publish } from "../../src/vault/publish.ts"
import { readIndex } from "../../src/vault/vaultIndex.ts"
import { createGear } from "../../storage/chunker.ts"
import type { Json } from "../../storage/format/canonicalJson.ts"
import type { JsonCodec } from "../../storage/format/codec.ts"
import type { IndexEntry } from "../../storage/format/index/entry.ts"
import { decodeEnvelope, encodeEnvelope, signEnvelope } from "../../storage/format/envelope.ts"
import { decodeVaultFile, encodeVaultFile, type KeyBox } from "../../storage/format/vaultFile.ts"
import { divideIndex, sealShards } from "../../storage/indexShards.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import { HEADER_PATH, packsOf } from "../../storage/layout.ts"
import { createPackWriter } from "../../storage/packWriter.ts"
import type { Item } from "./files.node.ts"
import type { TestMachine } from "./machine.node.ts"

type Fields = Readonly<Record<string, Json>>

export interface Forgery {
  /** Comes into the index beside what is there; null: only a tombstone. */
  readonly items?: Readonly<Record<string, Item>>
  /** The new entries, before they come into the index. */
  readonly entries?: (entry: IndexEntry) => IndexEntry
  /** Exchanged in the bytes of the index, length for length: what its codec refuses to write. */
  readonly patch?: readonly [from: Uint8Array | string, to: Uint8Array | string]
  /** The header's fields, before they are signed. */
  readonly header?: (fields: Fields) => Fields
  /** The key boxes, whose digest the header states. */
  readonly boxes?: (boxes: readonly KeyBox[]) => readonly KeyBox[]
  /** A pack's bytes, before it is named by their hash. */
  readonly pack?: (bytes: Uint8Array) => Uint8Array
  /** A sealed shard's bytes, before the header names their hash. */
  readonly shard?: (bytes: Uint8Array) => Uint8Array
}

/** Publishes the next version of the vault of this machine's workspace. */
export async function forge(machine: Pick<TestMachine, "host" | "session">, forgery: Forgery): Promise<void> {
  const { host } = machine
  const id = await machine.session(async ({ workspace }) => workspace)
  const config = await createMemory(host.openState(id)).config()
  if (config === null) throw new Error("not set up")
  const store = await host.openStore(config.store, { create: false })
  try {
    const context = await createContext(host, config, store)
    const { head } = await enter(context, {})
    await publishForged(context, head, forgery)
  } finally {
    await store.close()
  }
}

async function publishForged(context: Context, head: Head, forgery: Forgery): Promise<void> {
  const { crypto } = context.host
  const keys = context.keyring.current as EpochKeys
  const index = await readIndex(context, head, {})
  const change = forgery.entries ?? ((entry: IndexEntry) => entry)
  const made = await makeEntries(context, head, index.gearSeed, keys, forgery)
  const content = {
    gearSeed: index.gearSeed,
    entries: [
      ...new Map([...index.entries, ...made.entries.map(change).map((entry) => [entry.path, entry] as const)]).values(),
    ],
    tombstones: [...index.tombstones.values(), ...made.tombstones],
  }
  const compress = async (payload: Uint8Array) => ({ codec: "none" as const, bytes: patched(payload, forgery.patch) })
  const compressor = { ...context.host.compressor, compress }
  const plain = await sealShards({ crypto, keys, compressor }, divideIndex(crypto, keys, content, 1))
  const sealed = plain.map((shard) => {
    const bytes = forgery.shard?.(shard.bytes) ?? shard.bytes
    return { ...shard, bytes, ref: { sha256: crypto.sha256(bytes), size: bytes.length } }
  })
  const { header } = head.verified
  const next = {
    kind: "sync" as const,
    keys,
    trust: head.trust,
    vaultFile: reboxed(head.vaultFile, forgery.boxes),
    index: sealed.map(({ ref }) => ref),
    sealed,
    packs: new Map<string, Uint8Array | string>([...packsOf(head.snapshot), ...made.packs]),
    tombstoneFloor: header.tombstoneFloor,
    historyFloor: header.historyFloor,
  }
  const result = await publish({ ...context, store: resigning(context, keys, forgery.header) }, head, next, {})
  if (result.kind !== "published") throw new Error("the vault moved")
}

function reboxed(vaultFile: Uint8Array, change: Forgery["boxes"]): Uint8Array {
  if (change === undefined) return vaultFile
  const file = decodeVaultFile(vaultFile)
  return encodeVaultFile({ ...file, boxes: change(file.boxes) })
}

async function makeEntries(
  context: Context,
  head: Head,
  gearSeed: Uint8Array,
  keys: EpochKeys,
  { items = {}, pack = (bytes) => bytes }: Forgery,
) {
  const { crypto, compressor } = context.host
  const packs = new Map<string, Uint8Array>()
  const renamed = new Map<string, string>()
  const version = head.verified.header.sequence + 1
  const writer = createPackWriter({
    crypto,
    keys,
    gear: createGear(crypto, gearSeed),
    compressor,
    targetBytes: 1 << 20,
    onPack: async ({ id, bytes }) => {
      const forged = pack(bytes)
      const name = Buffer.from(crypto.sha256(forged)).toString("hex")
      packs.set(name, forged)
      renamed.set(id, name)
    },
  })
  const adding = new Map<string, Awaited<ReturnType<typeof writer.addFile>>>()
  for (const [path, item] of Object.entries(items)) {
    if (typeof item !== "string" || item === "folder/") continue
    adding.set(path, await writer.addFile({ content: utf8(item), secret: true, reuse: () => undefined }))
  }
  await writer.finish()
  const common = { mode: 0o755, mtimeMs: 0, version, writer: context.config.machine }
  const entries: IndexEntry[] = []
  const tombstones = []
  for (const [path, item] of Object.entries(items)) {
    const added = adding.get(path)
    if (added !== undefined) {
      const chunks = added.chunks().map((chunk) => ({ ...chunk, pack: renamed.get(chunk.pack) ?? chunk.pack }))
      entries.push({ ...common, path, type: "file", size: added.size, hash: added.hash, chunks })
    } else if (item === null) {
      tombstones.push({ path, hash: new Uint8Array(32), sequence: version, writer: context.config.machine })
    } else if (typeof item === "object" && "link" in item)
      entries.push({ ...common, path, type: "link", target: item.link })
    else entries.push({ ...common, path, type: "folder" })
  }
  return { entries, tombstones, packs }
}

function patched(payload: Uint8Array, patch: Forgery["patch"]): Uint8Array {
  if (patch === undefined) return payload
  const [from, to] = patch.map((each) => (typeof each === "string" ? utf8(each) : each)) as [Uint8Array, Uint8Array]
  if (from.length !== to.length) throw new Error("a patch must not change the length")
  // With the length before it, as every text has: two characters alone may also stand in a random hash.
  const at = Buffer.from(payload).indexOf(concatBytes(Uint8Array.of(from.length), from)) + 1
  if (at < 1) throw new Error("nothing to patch")
  return concatBytes(payload.subarray(0, at), to, payload.subarray(at + to.length))
}

/** The store, with the header exchanged on its way there for another by the same machine. */
function resigning({ host, store, identity }: Context, keys: EpochKeys, change: Forgery["header"]): Context["store"] {
  if (change === undefined || identity === null) return store
  const asItIs: JsonCodec<Fields> = { encode: (fields) => fields, decode: (json) => json as Fields }
  return {
    ...store,
    async commit(commit, call) {
      const { payload } = decodeEnvelope("header", commit.snapshot.get(HEADER_PATH) as Uint8Array)
      const fields = change(JSON.parse(new TextDecoder().decode(payload)) as Fields)
      const envelope = await signEnvelope(host.crypto, "header", asItIs, fields, signersOf(identity), keys.mac)
      const snapshot = new Map(commit.snapshot).set(HEADER_PATH, encodeEnvelope(envelope))
      return store.commit({ ...commit, snapshot }, call)
    },
  }
}
