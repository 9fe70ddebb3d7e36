/**
 * Every pack that any version refers to, every chunk in it that is referred to,
 * and every file that is put together of several.
 *
 * @module
 */
import { StorageError } from "../../../storage/errors.ts"
import type { ChunkRef } from "../../../storage/format/index/entry.ts"
import { verifyPack } from "../../../storage/format/pack.ts"
import { packPath } from "../../../storage/layout.ts"
import type { CallOptions, ObjectId, Snapshot } from "../../../storage/remote/store.ts"
import type { AuditProblem, AuditProblemKind } from "../../reports.ts"
import type { Context } from "../../vault/context.ts"
import { isVaultFault } from "../../vault/faults.ts"
import type { Head } from "../../vault/head.ts"
import { chunkPlace, fetchChunks, readInOrder } from "../download.ts"
import { pastHeads } from "../versions/history.ts"
import { packKey, reasonOf, type ShardAudit, type WantedPack } from "./shards.ts"

/** Packs of one request: of 8 MiB each, that takes no longer than a host allows for one. */
const PACKS_AT_ONCE = 16

/** A pack that is wrong, or one that is what it is named but for some of its chunks. */
interface Fault {
  readonly kind: AuditProblemKind
  readonly object: string
  readonly reason: string
  /** Whether a file that refers to this chunk of this pack is touched. */
  readonly has: (key: string, ref: ChunkRef) => boolean
  /** Of a whole pack: whether a tree holds it, referred to or not. */
  readonly idleIn?: (tree: Snapshot) => boolean
}

export async function auditPacks(
  context: Context,
  head: Head,
  shards: ShardAudit,
  call: CallOptions,
): Promise<{ readonly problems: readonly AuditProblem[]; readonly bytes: number }> {
  context.host.progress.step("verify", shards.packs.size, "files")
  const faults: Fault[] = []
  let bytes = 0
  for (const batch of batchesOf(shards.packs.values())) bytes += await readPacks(context, batch, faults, call)
  const problems = await describe(context, head, shards, faults, call)
  return { problems: [...problems, ...(await auditLarge(context, shards, problems, call))], bytes }
}

/** A pack that two trees have under two ids is never twice in one of them. */
function* batchesOf(packs: Iterable<WantedPack>): Generator<readonly WantedPack[]> {
  let batch: WantedPack[] = []
  for (const wanted of packs) {
    if (batch.length === PACKS_AT_ONCE || batch.some(({ pack }) => pack === wanted.pack)) {
      yield batch
      batch = []
    }
    batch.push(wanted)
  }
  if (batch.length > 0) yield batch
}

/** One request for many; only if that fails each is asked for alone, to know which it is. @returns Bytes that were read. */
async function readPacks(
  context: Context,
  packs: readonly WantedPack[],
  faults: Fault[],
  call: CallOptions,
): Promise<number> {
  const refs = packs.flatMap((each) => [...each.refs.values()])
  const error = await tryRead(context, packs, refs, call)
  if (error === null) return refs.reduce((sum, { plainBytes }) => sum + plainBytes, 0)
  const [first, ...others] = packs
  if (first === undefined) return 0
  if (others.length === 0) {
    faults.push(...(await faultsIn(context, first, error, call)))
    return 0
  }
  let bytes = 0
  for (const each of packs) bytes += await readPacks(context, [each], faults, call)
  return bytes
}

/** @returns What was wrong, or null. */
async function tryRead(
  context: Context,
  packs: readonly WantedPack[],
  refs: readonly ChunkRef[],
  call: CallOptions,
): Promise<string | null> {
  const snapshot: Snapshot = new Map(
    packs.flatMap(({ pack, id }) => (id === undefined ? [] : [[packPath(pack), id] as const])),
  )
  try {
    for (const { pack, id, refs: all } of packs) {
      if (all.size === 0 && id !== undefined) await readIdle(context, pack, id, call)
    }
    await fetchChunks(context, snapshot, refs, () => {}, call)
    return null
  } catch (error) {
    if (!isVaultFault(error)) throw error
    return reasonOf(error)
  }
}

/** A pack of which no chunk is wanted need only be what it is named. */
async function readIdle({ host, store }: Context, pack: string, id: ObjectId, call: CallOptions): Promise<void> {
  await store.read([id], (_, bytes) => verifyPack(host.crypto, pack, bytes), call)
}

/** The chunks that do not open, if the pack is what it is named; else the pack. */
async function faultsIn(
  context: Context,
  wanted: WantedPack,
  reason: string,
  call: CallOptions,
): Promise<readonly Fault[]> {
  const { pack, id, refs } = wanted
  const object = packPath(pack)
  const broken = new Map<string, string>()
  for (const [place, ref] of refs) {
    const error = await tryRead(context, [wanted], [ref], call)
    if (error === null) continue
    // What says the same of the first chunk is wrong with the pack.
    if (broken.size === 0 && error === reason && isOfPack(error)) break
    broken.set(place, error)
  }
  if (broken.size === 0) {
    const has = (key: string): boolean => key === packKey(pack, id)
    return [{ kind: "pack", object, reason, has, idleIn: (tree) => id !== undefined && tree.get(object) === id }]
  }
  return [...broken].map(([place, error]) => ({
    kind: "chunk",
    object: `${object} at ${place.slice(place.indexOf(" ") + 1)}`,
    reason: error,
    has: (key, ref) => key === packKey(pack, id) && chunkPlace(ref) === place,
  }))
}

function isOfPack(reason: string): boolean {
  return (
    !reason.startsWith("chunk") &&
    !["sealed length", "no key of this epoch", "inflated length", "compressed bytes"].includes(reason)
  )
}

/** Goes through the versions once more, for the files that are touched; only if something is wrong. */
async function describe(
  context: Context,
  head: Head,
  shards: ShardAudit,
  faults: readonly Fault[],
  call: CallOptions,
): Promise<readonly AuditProblem[]> {
  if (faults.length === 0) return []
  const touches = faults.map(() => new Map<number, Set<string>>())
  for await (const version of pastHeads(context, head, call)) {
    const { sequence } = version.verified.header
    for (const [i, { idleIn }] of faults.entries()) {
      if (idleIn?.(version.snapshot)) (touches[i] as Map<number, Set<string>>).set(sequence, new Set())
    }
    for (const { path, chunks } of await shards.filesOf(version)) {
      for (const ref of chunks) {
        const key = packKey(ref.pack, version.snapshot.get(packPath(ref.pack)))
        for (const [i, fault] of faults.entries()) {
          if (!fault.has(key, ref)) continue
          const bySequence = touches[i] as Map<number, Set<string>>
          bySequence.set(sequence, (bySequence.get(sequence) ?? new Set()).add(path))
        }
      }
    }
  }
  return faults.map(({ kind, object, reason }, i) => {
    const bySequence = touches[i] as ReadonlyMap<number, ReadonlySet<string>>
    const all = new Set([...bySequence.values()].flatMap((files) => [...files]))
    return {
      kind,
      object,
      reason,
      touches: [...bySequence].map(([sequence, files]) => ({ sequence, files: [...files].sort() })),
      files: [...all].sort(),
    }
  })
}

/** A file of one chunk is its chunk; of the others the whole is hashed, in order. */
async function auditLarge(
  context: Context,
  shards: ShardAudit,
  problems: readonly AuditProblem[],
  call: CallOptions,
): Promise<readonly AuditProblem[]> {
  const damaged = new Set(problems.flatMap(({ files }) => files))
  const found: AuditProblem[] = []
  for (const { file, snapshot } of shards.large.values()) {
    if (damaged.has(file.path)) continue
    try {
      await readInOrder(context, snapshot, file, () => {}, call)
    } catch (error) {
      if (!isVaultFault(error)) throw error
      const reason = error instanceof StorageError ? error.reason : error.message
      const touches = [{ sequence: file.version, files: [file.path] }]
      found.push({ kind: "file", object: "index", reason, touches, files: [file.path] })
    }
  }
  return found
}
