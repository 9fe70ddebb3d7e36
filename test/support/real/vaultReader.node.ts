/**
 * Reads a vault's whole past with the keys of a machine that may, straight from
 * the host's disk: which contents lie where, whether they can be brought back,
 * and every key there is. Changes nothing, not even what the machine remembers.
 *
 * @module
 */
import { concatBytes, fromHex, toHex, utf8 } from "../../../crypto/bytes.ts"
import { LABEL_FILE, LABEL_SHARD } from "../../../crypto/labels.ts"
import { Secret } from "../../../crypto/secret.ts"
import { chunkPlace, fetchChunks } from "../../../src/sync/download.ts"
import { versions } from "../../../src/sync/versions/history.ts"
import { derivePassphraseKeys } from "../../../src/trust/passphrase.ts"
import { unlock } from "../../../src/trust/unlock.ts"
import { createContext, refresh } from "../../../src/vault/refresh.ts"
import type { Head } from "../../../src/vault/head.ts"
import { createMemory } from "../../../src/vault/memory.ts"
import { chunksOf, type VaultIndex } from "../../../src/vault/vaultIndex.ts"
import type { ChunkRef, FileEntry, IndexEntry } from "../../../storage/format/index/entry.ts"
import { packPath } from "../../../storage/layout.ts"
import { openLocalGitStore } from "../../../storage/remote/node/localGitStore.ts"
import type { Store } from "../../../storage/remote/store.ts"
import { SHARD_MAGIC } from "../../../storage/shardSeal.ts"
import { createMachine } from "../machine.node.ts"
import type { Item, Tree } from "./treeReader.node.ts"

export interface VaultReader {
  /** Looks at the versions that came since the last time. */
  update(): Promise<void>
  /** What is, or once was, in the vault: hashes in hex of files that are not empty, and `link to …`. */
  readonly contents: ReadonlySet<string>
  readonly versionCount: number
  /** Of the newest version. */
  readonly packCount: number
  /** What the newest version says the folder holds. */
  tree(): Tree
  /** Reads files back out of the versions they were last in, whole; those that come out as another are returned. */
  findDamaged(hashes: Iterable<string>): Promise<readonly string[]>
  /** Every secret key of this machine, of the vault, and of what was looked at in it; by what it is. */
  keys(): Promise<ReadonlyMap<string, Uint8Array>>
  close(): Promise<void>
}

export interface VaultReaderOptions {
  readonly workspace: string
  /** Of a machine that may read the vault: `<folder>/<name>`, with its home beside it. */
  readonly name: string
  readonly folder: string
  readonly passphrase: string
  /** The host's bare repository. */
  readonly repository: string
}

export async function openVaultReader(options: VaultReaderOptions): Promise<VaultReader> {
  const machine = createMachine(options)
  machine.person.passphrase = options.passphrase
  const openState = (id: string) => {
    const state = machine.host.openState(id)
    return { ...state, write: async () => {}, remove: async () => {} }
  }
  const host = { ...machine.host, openState }
  const config = await createMemory(host.openState(options.workspace)).config()
  if (config === null) throw new Error("this machine is not set up")
  const store = await openLocalGitStore({ path: options.repository, create: false })
  const context = await createContext(host, config, store)
  const contents = new Set<string>()
  const places = new Map<string, { readonly head: Head; readonly entry: FileEntry }>()
  const salts = new Map<string, number>()
  let known: string | null = null
  let { head } = await refresh(context, {})
  let newest: VaultIndex | null = null
  let versionCount = 0
  await unlock(context, head)

  function learn(past: Head, index: VaultIndex): void {
    versionCount++
    for (const entry of index.entries.values()) {
      // It is in the version that brought it, too.
      if (entry.version !== past.verified.header.sequence) continue
      if (entry.type === "link") contents.add(`link to ${entry.target}`)
      if (entry.type !== "file" || entry.size === 0) continue
      const hash = toHex(entry.hash)
      contents.add(hash)
      if (!places.has(hash)) places.set(hash, { head: past, entry })
      for (const { salt, epoch } of entry.chunks) salts.set(toHex(salt), epoch)
    }
  }

  return {
    async update() {
      head = (await refresh(context, {})).head
      let isNewest = true
      for await (const { head: past, index } of versions(context, head, {})) {
        if (isNewest) newest = index
        isNewest = false
        if (past.commit === known) break
        learn(past, index)
      }
      known = head.commit
    },
    contents,
    get versionCount() {
      return versionCount
    },
    get packCount() {
      return new Set([...chunksOf(newest?.entries.values() ?? [])].map(({ pack }) => pack)).size
    },
    tree: () => new Map([...(newest?.entries ?? [])].map(([path, entry]) => [path, toItem(entry)])),
    async findDamaged(hashes) {
      const wanted = [...hashes].map((hash) => [hash, places.get(hash)] as const)
      const packs = new Map<string, string>()
      const refs: ChunkRef[] = []
      for (const [, place] of wanted) {
        for (const ref of place?.entry.chunks ?? []) {
          refs.push(ref)
          packs.set(packPath(ref.pack), place?.head.snapshot.get(packPath(ref.pack)) ?? "")
        }
      }
      const plain = new Map<string, Uint8Array>()
      await fetchChunks(context, packs, refs, (ref, bytes) => void plain.set(chunkPlace(ref), bytes), {})
      return wanted.flatMap(([hash, place]) => {
        const pieces = place?.entry.chunks.map((ref) => plain.get(chunkPlace(ref)) ?? new Uint8Array(0)) ?? []
        return toHex(host.crypto.sha256(concatBytes(...pieces))) === hash ? [] : [hash]
      })
    },
    async keys() {
      const keys = new Map<string, Uint8Array>()
      const add = (what: string, secret: Secret): void => void keys.set(what, secret.expose().slice())
      for (const epoch of context.keyring.epochs) {
        const held = context.keyring.get(epoch)
        if (held === undefined) continue
        add(`workspace key ${epoch}`, held.key)
        add(`MAC key ${epoch}`, held.mac)
        add(`path key ${epoch}`, held.path)
        add(`machine-keys key ${epoch}`, held.machineKeys)
        add(`previous-epochs key ${epoch}`, held.previousEpochs)
        for (const [salt, of] of salts) {
          if (of !== epoch) continue
          add(`file key ${salt}`, held.objectKey(fromHex(salt), LABEL_FILE))
        }
        for (const salt of await shardSalts(store, head)) {
          add(`shard key ${toHex(salt)}`, held.objectKey(salt, LABEL_SHARD))
        }
      }
      if (newest !== null) keys.set("seed of the chunker", newest.gearSeed.slice())
      for (const [i, seed] of (context.identity?.signingSeeds ?? []).entries()) add(`signing seed ${i}`, seed)
      if (context.identity !== null) add("sealing seed", context.identity.sealingSeed)
      const passphrase = new Secret(utf8(options.passphrase))
      const derived = await derivePassphraseKeys(host.crypto, passphrase, head.trust.passphrase)
      add("passphrase recipient", derived.recipient)
      add("recovery ed25519", derived.recovery.ed25519)
      add("recovery ml-dsa-87", derived.recovery.mlDsa87)
      return keys
    },
    close: () => store.close(),
  }
}

function toItem(entry: IndexEntry): Item {
  const { type, mode } = entry
  if (type === "file") return { type, mode, size: entry.size, hash: toHex(entry.hash) }
  return type === "link" ? { type, target: entry.target } : { type, mode }
}

/** The salt of each index shard: after its magic and epoch. */
async function shardSalts(store: Store, head: Head): Promise<readonly Uint8Array[]> {
  const ids = [...head.snapshot].filter(([path]) => path.startsWith("index/")).map(([, id]) => id)
  const salts: Uint8Array[] = []
  await store.read(ids, (_, bytes) => void salts.push(bytes.slice(SHARD_MAGIC.length + 4, SHARD_MAGIC.length + 36)), {})
  return salts
}
