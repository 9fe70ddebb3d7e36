/**
 * A small vault laid bare, to be damaged object by object: what it consists of,
 * the keys that open it, and a client that reads all of it or says why not. The
 * client's own code, less network, disk and Argon2id, so that every byte can
 * have its turn.
 *
 * @module
 */
import { createHash } from "node:crypto"
import { toHex } from "../../../crypto/bytes.ts"
import { StoreError } from "../../../storage/errors.ts"
import { encodeEnvelope } from "../../../storage/format/envelope.ts"
import type { ShardRef } from "../../../storage/format/header.ts"
import type { ShardContent } from "../../../storage/format/index/indexShard.ts"
import { mainBranch, packPath } from "../../../storage/layout.ts"
import type { Store } from "../../../storage/remote/store.ts"
import { verifyTrustLog } from "../../../storage/verify/trustLog.ts"
import type { TrustState } from "../../../storage/verify/trustState.ts"
import { createNodeCrypto } from "../../../src/platform/node/nodeCrypto.ts"
import { createMemoryState } from "../../../src/platform/memory/memoryState.ts"
import { readInOrder } from "../../../src/sync/download.ts"
import { unlock } from "../../../src/trust/unlock.ts"
import type { Context } from "../../../src/vault/context.ts"
import { checkMacs } from "../../../src/vault/refresh.ts"
import type { Head } from "../../../src/vault/head.ts"
import { look } from "../../../src/vault/look.ts"
import { readIndex, readPastIndex, type ShardMemo, type VaultIndex } from "../../../src/vault/vaultIndex.ts"
import type { HostileHost } from "./host.ts"
import { insider } from "./insider.ts"
import { admit, arrive, besiege } from "./machines.ts"

export type Objects = ReadonlyMap<string, Uint8Array>

export interface Specimen {
  readonly host: HostileHost
  /** Of the newest version, by path. */
  readonly objects: Objects
  /** Of the version before. */
  readonly older: Objects
  /** Unlocked; its store and state are not to be used. */
  readonly context: Context
  readonly head: Head
}

/** What a client made of a vault, to the last byte; or the code of why it made nothing of it. */
export type Reading =
  | { readonly kind: "read"; readonly digest: string }
  | { readonly kind: "refused"; readonly code: string }

/** Two members, one that was retired (so two epochs), four shards, three packs. */
export async function createSpecimen(seed: string): Promise<Specimen> {
  const { host, machines } = await besiege(["A", "B"], {
    ".env": `SECRET=${seed}`,
    text: `text of ${seed}\n`.repeat(50),
  })
  const [a, b] = machines
  const c = await arrive(host, "C")
  await admit(a, c)
  await a.session((open) => open.revoke("C", { keepPassphrase: true }))
  // Long targets, so that a few entries fill several shards.
  for (let i = 0; i < 40; i++) await a.workspace.makeLink(`link-${i}`, `${seed}${i}/`.repeat(700).slice(0, 3000))
  await a.write("binary", String.fromCharCode(...Array.from({ length: 300 }, (_, i) => 32 + ((i * 7) % 90))))
  await a.sync()
  await b.sync()
  const older = await host.objects()
  await b.write("text", `another text of ${seed}`)
  await b.sync()
  await a.sync()
  const { context, head } = await insider(a)
  return { host, objects: await host.objects(), older, head, context: withNodeCrypto(context) }
}

function withNodeCrypto(context: Context): Context {
  return { ...context, host: { ...context.host, crypto: createNodeCrypto() } }
}

/** A store that holds one version and nothing else. What the objects' addresses are is up to it: they always fit. */
export function shelf(objects: Objects): Store {
  const none = () => Promise.reject(new StoreError("STORE_FORBIDDEN", "read only"))
  return {
    url: "memory:",
    branches: async () => [],
    snapshot: async () => new Map([...objects.keys()].map((path) => [path, path])),
    async read(ids, onObject) {
      for (const id of ids) {
        const bytes = objects.get(id)
        if (bytes === undefined) throw new StoreError("STORE_OBJECT_MISSING", "the store lacks an object")
        await onObject(id, bytes.slice())
      }
    },
    history: async () => [],
    sizeBytes: async () => null,
    commit: none,
    deleteBranch: none,
    reclaim: async () => false,
    close: async () => {},
  }
}

/** Reads the whole vault as one who knows its first entries of the log, and no version of it. */
export async function readAs(specimen: Specimen, objects: Objects, knownEntries: number): Promise<Reading> {
  return outcomeOf(async () => {
    const context = contextOn(specimen, objects)
    const head = await believe(specimen, context, knownEntries)
    const digest = createHash("sha256").update(head.verified.hash).update(head.trust.head)
    await readContents(context, head, digest)
    return digest.digest("hex")
  })
}

/** The same without index and packs: what stands above them, which must be believed first. */
export async function believeAs(specimen: Specimen, objects: Objects, knownEntries: number): Promise<Reading> {
  return outcomeOf(async () => {
    const head = await believe(specimen, contextOn(specimen, objects), knownEntries)
    return toHex(head.verified.hash) + toHex(head.trust.head)
  })
}

/** One shard of the index below a head that is believed already; the others are known. */
export async function readShardOf(
  specimen: Specimen,
  objects: Objects,
  known: VaultIndex,
  number: number,
): Promise<Reading> {
  return outcomeOf(async () => {
    const refs = specimen.head.verified.header.index
    const memo: ShardMemo = new Map(refs.map(({ sha256 }, i) => [toHex(sha256), known.shards[i] as ShardContent]))
    memo.delete(toHex((refs[number] as ShardRef).sha256))
    const { shards } = await readPastIndex(contextOn(specimen, objects), headOn(specimen, objects), memo, {})
    return createHash("sha256").update(inText(shards[number])).digest("hex")
  })
}

/** The files of an index that is believed already, as far as they lie in that pack. */
export async function readFilesIn(
  specimen: Specimen,
  objects: Objects,
  index: VaultIndex,
  path: string,
): Promise<Reading> {
  return outcomeOf(async () => {
    const digest = createHash("sha256")
    const [context, head] = [contextOn(specimen, objects), headOn(specimen, objects)]
    for (const entry of index.entries.values()) {
      if (entry.type !== "file" || !entry.chunks.some(({ pack }) => packPath(pack) === path)) continue
      await readInOrder(context, head.snapshot, entry, (bytes) => void digest.update(bytes), {})
    }
    return digest.digest("hex")
  })
}

/** The index of the newest version, to read its packs by. */
export function indexOf(specimen: Specimen): Promise<VaultIndex> {
  return readIndex(contextOn(specimen, specimen.objects), headOn(specimen, specimen.objects), {})
}

function headOn({ head }: Specimen, objects: Objects): Head {
  return { ...head, snapshot: new Map([...objects.keys()].map((path) => [path, path])) }
}

/** What comes of it: its digest, or the code by which it is refused. What has no code is a crash, and thrown. */
export async function outcomeOf(read: () => Promise<string>): Promise<Reading> {
  try {
    return { kind: "read", digest: await read() }
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") throw error
    return { kind: "refused", code: error.code }
  }
}

function contextOn({ context }: Specimen, objects: Objects): Context {
  return { ...context, store: shelf(objects), state: createMemoryState(), seen: null }
}

async function believe(specimen: Specimen, context: Context, knownEntries: number): Promise<Head> {
  const { config, host, store, keyring } = context
  const memory = { seen: null, trust: await prefixOf(specimen, knownEntries), self: null }
  const looking = { crypto: host.crypto, store, workspace: config.workspace, memory, call: {} }
  const found = await look(looking, [{ name: mainBranch(config.workspace), head: "newest" }], null)
  if (found.kind !== "follow") throw Object.assign(new Error(found.kind), { code: found.kind })
  await unlock({ ...context, keyring, state: specimen.context.state }, found.head)
  checkMacs(context, found.head)
  return found.head
}

const prefixes = new Map<string, Promise<TrustState | null>>()

function prefixOf({ context, head }: Specimen, length: number): Promise<TrustState | null> {
  if (length === 0) return Promise.resolve(null)
  const key = `${context.config.workspace} ${length}`
  const known = prefixes.get(key) ?? verifyPrefix(context, head, length)
  prefixes.set(key, known)
  return known
}

function verifyPrefix({ host }: Context, { trust }: Head, length: number): Promise<TrustState> {
  const entries = trust.entries.slice(0, length).map(({ envelope }) => encodeEnvelope(envelope))
  return verifyTrustLog(host.crypto, entries)
}

async function readContents(context: Context, head: Head, digest: ReturnType<typeof createHash>): Promise<void> {
  const { entries, tombstones } = await readIndex(context, head, {})
  for (const entry of [...entries.values(), ...tombstones.values()]) {
    digest.update(inText(entry))
    if (!("type" in entry) || entry.type !== "file") continue
    await readInOrder(context, head.snapshot, entry, (bytes) => void digest.update(bytes), {})
  }
}

function inText(entry: unknown): string {
  return JSON.stringify(entry, (_, value) => (value instanceof Uint8Array ? toHex(value) : value))
}
