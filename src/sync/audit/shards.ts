/**
 * The index of each version: every shard as the store has it now, not as it was
 * cached. Versions share most of them, and each is read once.
 *
 * @module
 */
import { toHex } from "../../../crypto/bytes.ts"
import { StorageError, type StoreError } from "../../../storage/errors.ts"
import type { ChunkRef, FileEntry, IndexEntry } from "../../../storage/format/index/entry.ts"
import type { ShardContent } from "../../../storage/format/index/indexShard.ts"
import { pathsBelowFiles } from "../../../storage/format/index/indexTree.ts"
import { openVerifiedShard, shardOfPath } from "../../../storage/indexShards.ts"
import { packPath, packsOf, shardPath } from "../../../storage/layout.ts"
import type { CallOptions, ObjectId, Snapshot } from "../../../storage/remote/store.ts"
import type { AuditProblem } from "../../reports.ts"
import type { Context } from "../../vault/context.ts"
import { isVaultFault } from "../../vault/faults.ts"
import { type Head, readPaths } from "../../vault/head.ts"
import { readBase } from "../base.ts"
import { chunkPlace } from "../download.ts"

/** A pack as one tree or another has it; without an id where a tree lacks it. */
export interface WantedPack {
  readonly pack: string
  readonly id: ObjectId | undefined
  /** By their place. */
  readonly refs: Map<string, ChunkRef>
}

export interface ShardAudit {
  /** One version after the other, newest first. */
  look(version: Head): Promise<void>
  /** The files of a version, as far as its shards can be read; anew from the store, but for those just read. */
  filesOf(version: Head): Promise<readonly FileEntry[]>
  problems(): readonly AuditProblem[]
  /** By pack and object id. */
  readonly packs: ReadonlyMap<string, WantedPack>
  /** Files of more than one chunk, by hash and first chunk. */
  readonly large: ReadonlyMap<string, { readonly file: FileEntry; readonly snapshot: Snapshot }>
  readonly checked: number
  readonly newestFiles: number
}

/** A shard that was read: its entries, the files of them, and under which id each of their packs was noted last. */
interface Known {
  readonly entries: readonly IndexEntry[]
  readonly files: readonly FileEntry[]
  readonly noted: Map<string, ObjectId | undefined>
}

type Found = Known | { readonly reason: string }

export function reasonOf(error: StorageError | StoreError): string {
  return error instanceof StorageError ? error.reason : error.message
}

export function packKey(pack: string, id: ObjectId | undefined): string {
  return `${pack} ${id ?? ""}`
}

export function createShardAudit(context: Context, newest: Head, call: CallOptions): ShardAudit {
  const { host, store, keyring } = context
  const packs = new Map<string, WantedPack>()
  const large = new Map<string, { file: FileEntry; snapshot: Snapshot }>()
  const broken = new Map<string, { readonly object: string; readonly reason: string; readonly sequences: number[] }>()
  /** Of the newest version: others are used one path at a time. */
  let belowFiles: readonly string[] = []
  let touchedNow: ReadonlyMap<number, readonly string[]> = new Map()
  let memo = new Map<string, Found>()
  let checked = 0
  let newestFiles = 0

  const open = async ({ verified, snapshot }: Head, number: number): Promise<ShardContent> => {
    const { index, epoch } = verified.header
    const keys = keyring.get(epoch)
    if (keys === undefined) throw new StorageError("SEAL_BROKEN", "no key of this epoch")
    const path = shardPath(number)
    const bytes = (await readPaths(store, snapshot, [path], call)).get(path) as Uint8Array
    return openVerifiedShard(host.crypto, keys, index, number, bytes, host.compressor.decompress)
  }

  const read = async (version: Head, number: number): Promise<Found> => {
    try {
      const { entries } = await open(version, number)
      return { entries, files: entries.filter((entry) => entry.type === "file"), noted: new Map() }
    } catch (error) {
      if (!isVaultFault(error)) throw error
      return { reason: reasonOf(error) }
    }
  }

  /** All shards of a version; those that the version looked at before has, too, are not read again. */
  const shardsOf = async (version: Head): Promise<ReadonlyMap<string, Found>> => {
    const found = new Map<string, Found>()
    for (const [number, { sha256 }] of version.verified.header.index.entries()) {
      // The same shard under the same hash, unless another tree has other bytes in its place.
      const key = `${number} ${toHex(sha256)} ${version.snapshot.get(shardPath(number)) ?? ""}`
      const known = memo.get(key)
      if (known === undefined) checked++
      found.set(key, known ?? (await read(version, number)))
    }
    memo = found
    return found
  }

  const note = (snapshot: Snapshot, { files, noted }: Known): void => {
    const changed = new Set<string>()
    for (const { chunks } of files) {
      for (const { pack } of chunks) {
        const id = snapshot.get(packPath(pack))
        if (noted.has(pack) && noted.get(pack) === id) continue
        changed.add(pack)
      }
    }
    if (changed.size === 0) return
    for (const file of files) {
      for (const ref of file.chunks) if (changed.has(ref.pack)) noteChunk(ref, snapshot.get(packPath(ref.pack)))
      const [first] = file.chunks
      if (file.chunks.length < 2 || first === undefined) continue
      const key = `${toHex(file.hash)} ${chunkPlace(first)}`
      if (!large.has(key)) large.set(key, { file, snapshot })
    }
    for (const pack of changed) noted.set(pack, snapshot.get(packPath(pack)))
  }

  const noteChunk = (ref: ChunkRef, id: ObjectId | undefined): void => {
    const key = packKey(ref.pack, id)
    const wanted = packs.get(key) ?? { pack: ref.pack, id, refs: new Map<string, ChunkRef>() }
    packs.set(key, wanted)
    wanted.refs.set(chunkPlace(ref), ref)
  }

  /** A pack that no version refers to any more lies in the tree for a while. Below the newest version it harms nobody. */
  const noteIdle = ({ snapshot }: Head): void => {
    for (const [pack, id] of packsOf(snapshot)) {
      const key = packKey(pack, id)
      if (!packs.has(key)) packs.set(key, { pack, id, refs: new Map() })
    }
  }

  return {
    packs,
    large,
    get checked() {
      return checked
    },
    get newestFiles() {
      return newestFiles
    },
    async look(version) {
      const { sequence } = version.verified.header
      const isNewest = version.commit === newest.commit
      const entries = new Map<string, IndexEntry>()
      for (const [key, found] of await shardsOf(version)) {
        if ("files" in found) {
          note(version.snapshot, found)
          if (!isNewest) continue
          newestFiles += found.files.length
          for (const entry of found.entries) entries.set(entry.path, entry)
        } else {
          const object = shardPath(Number(key.slice(0, key.indexOf(" "))))
          const problem = broken.get(key) ?? { object, reason: found.reason, sequences: [] }
          broken.set(key, problem)
          problem.sequences.push(sequence)
        }
      }
      if (!isNewest) return
      noteIdle(version)
      belowFiles = [...pathsBelowFiles(entries)].sort()
      if (broken.size > 0) touchedNow = await pathsByShard(context, newest)
    },
    async filesOf(version) {
      const found = await shardsOf(version)
      return [...found.values()].flatMap((each) => ("files" in each ? each.files : []))
    },
    problems: () => [
      ...belowProblem(newest, belowFiles),
      ...[...broken.entries()].map(([key, { object, reason, sequences }]) => {
        const lost = touchedNow.get(Number(key.slice(0, key.indexOf(" ")))) ?? []
        const isNow = (sequence: number) => sequence === newest.verified.header.sequence
        const touches = sequences.map((sequence) => ({ sequence, files: isNow(sequence) ? lost : [] }))
        return { kind: "shard" as const, object, reason, touches, files: touches.flatMap(({ files }) => files).sort() }
      }),
    ],
  }
}

function belowProblem({ verified }: Head, files: readonly string[]): readonly AuditProblem[] {
  if (files.length === 0) return []
  const touches = [{ sequence: verified.header.sequence, files }]
  return [{ kind: "shard", object: "index", reason: "path below a file or link", touches, files }]
}

/** What a shard held that cannot be read any more: the paths that this machine last agreed on with the vault say it. */
async function pathsByShard(context: Context, { verified }: Head): Promise<ReadonlyMap<number, readonly string[]>> {
  const { epoch, index } = verified.header
  const keys = context.keyring.get(epoch)
  const { cache } = await readBase(context)
  const paths = new Map<number, string[]>()
  if (keys === undefined || cache === null) return paths
  for (const [path, { base }] of cache) {
    if (base === null || base.node.type === "folder") continue
    const shard = shardOfPath(context.host.crypto, keys, path, index.length)
    const held = paths.get(shard)
    if (held === undefined) paths.set(shard, [path])
    else held.push(path)
  }
  return paths
}
