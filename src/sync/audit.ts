/**
 * Audits a whole vault: everything a client checks of a head, and every pack,
 * chunk and file below it. Names the objects that are wrong and the files they
 * touch; changes nothing.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import { StorageError, type StoreError } from "../../storage/errors.ts"
import { encodeEnvelope } from "../../storage/format/envelope.ts"
import type { ChunkRef, FileEntry, IndexEntry } from "../../storage/format/index/entry.ts"
import { openVerifiedShard } from "../../storage/indexShards.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import {
  CONSTANT_OBJECTS,
  HEADER_PATH,
  packPath,
  packsOf,
  shardPath,
  trustPath,
  VAULT_FILE_PATH,
} from "../../storage/layout.ts"
import type { CallOptions } from "../../storage/remote/store.ts"
import type { TrustState } from "../../storage/verify/trustState.ts"
import type { AuditProblem, AuditReport } from "../reports.ts"
import type { Context } from "../vault/context.ts"
import { type Head, readPaths } from "../vault/head.ts"
import { isVaultFault } from "../vault/faults.ts"
import { fetchChunks, readInOrder } from "./download.ts"
import { isLast, pastHeads } from "./history.ts"

/** Packs of one request: of 8 MiB each, that takes no longer than a host allows for one. */
const PACKS_AT_ONCE = 16

/** @param head - Believed: header, log, MACs and key boxes are verified. */
export async function audit(context: Context, head: Head, call: CallOptions): Promise<AuditReport> {
  const problems: AuditProblem[] = []
  await auditTrust(context, head, problems, call)
  const entries = await auditIndex(context, head, problems, call)
  const files = entries.filter((entry) => entry.type === "file")
  const { bytes } = await auditPacks(context, head, files, problems, call)
  await auditLargeFiles(context, head, files, problems, call)
  problems.push(...unnamed(head))
  const versions = await auditHistory(context, head, problems, call)
  return {
    sequence: head.verified.header.sequence,
    trustEntries: head.trust.length,
    versions,
    shards: head.verified.header.index.length,
    packs: packsOf(head.snapshot).size,
    files: files.length,
    bytes,
    problems,
  }
}

function reasonOf(error: StorageError | StoreError): string {
  return error instanceof StorageError ? error.reason : error.message
}

/** Each entry as the store has it now: members read only what is new to them, but who joins reads all. */
async function auditTrust(
  { store }: Context,
  { trust, snapshot }: Head,
  problems: AuditProblem[],
  call: CallOptions,
): Promise<void> {
  /** One request for all; only if that fails each is asked for alone, to know which it is. */
  async function check(entries: TrustState["entries"]): Promise<void> {
    const paths = entries.map(({ sequence }) => trustPath(sequence))
    try {
      const objects = await readPaths(store, snapshot, paths, call)
      for (const [i, { envelope }] of entries.entries()) {
        const object = paths[i] as string
        if (equalBytes(objects.get(object) as Uint8Array, encodeEnvelope(envelope))) continue
        problems.push({ object, reason: "not the entry of the log", files: [] })
      }
    } catch (error) {
      if (!isVaultFault(error)) throw error
      const [object = ""] = paths
      if (entries.length === 1) problems.push({ object, reason: reasonOf(error), files: [] })
      else for (const each of entries) await check([each])
    }
  }
  await check(trust.entries)
}

/** Each shard as the store has it now, not as it was cached. @returns The entries of those that are good. */
async function auditIndex(
  { host, store, keyring }: Context,
  { verified, snapshot }: Head,
  problems: AuditProblem[],
  call: CallOptions,
): Promise<readonly IndexEntry[]> {
  const { index, epoch } = verified.header
  const keys = keyring.get(epoch) as EpochKeys
  const entries: IndexEntry[] = []
  for (const number of index.keys()) {
    const path = shardPath(number)
    try {
      const bytes = (await readPaths(store, snapshot, [path], call)).get(path) as Uint8Array
      const shard = await openVerifiedShard(host.crypto, keys, index, number, bytes, host.compressor.decompress)
      entries.push(...shard.entries)
    } catch (error) {
      if (!isVaultFault(error)) throw error
      problems.push({ object: path, reason: reasonOf(error), files: [] })
    }
  }
  return entries
}

async function auditPacks(
  context: Context,
  head: Head,
  files: readonly FileEntry[],
  problems: AuditProblem[],
  call: CallOptions,
): Promise<{ readonly bytes: number }> {
  const refsByPack = new Map<string, ChunkRef[]>()
  const filesByPack = new Map<string, Set<string>>()
  let bytes = 0
  for (const { path, chunks } of files) {
    for (const ref of chunks) {
      const refs = refsByPack.get(ref.pack)
      if (refs === undefined) refsByPack.set(ref.pack, [ref])
      else refs.push(ref)
      filesByPack.set(ref.pack, (filesByPack.get(ref.pack) ?? new Set()).add(path))
    }
  }
  context.host.progress.step("verify", refsByPack.size, "files")
  /** One request for many; only if that fails each is asked for alone, to know which it is. */
  async function readPacks(packs: readonly string[]): Promise<void> {
    let read = 0
    const refs = packs.flatMap((pack) => refsByPack.get(pack) ?? [])
    const take = (_: ChunkRef, plain: Uint8Array): void => {
      read += plain.length
    }
    try {
      await fetchChunks(context, head.snapshot, refs, take, call)
      bytes += read
    } catch (error) {
      if (!isVaultFault(error)) throw error
      const [pack = "", ...others] = packs
      if (others.length === 0) {
        const touched = [...(filesByPack.get(pack) ?? [])].sort()
        problems.push({ object: packPath(pack), reason: reasonOf(error), files: touched })
      } else for (const each of packs) await readPacks([each])
    }
  }
  const packs = [...refsByPack.keys()]
  for (let i = 0; i < packs.length; i += PACKS_AT_ONCE) await readPacks(packs.slice(i, i + PACKS_AT_ONCE))
  return { bytes }
}

/** A file of one chunk is its chunk; of the others the whole is hashed, in order. */
async function auditLargeFiles(
  context: Context,
  head: Head,
  files: readonly FileEntry[],
  problems: AuditProblem[],
  call: CallOptions,
): Promise<void> {
  const damaged = new Set(problems.flatMap((problem) => problem.files))
  for (const file of files) {
    if (file.chunks.length < 2 || damaged.has(file.path)) continue
    try {
      await readInOrder(context, head.snapshot, file, () => {}, call)
    } catch (error) {
      if (!isVaultFault(error)) throw error
      problems.push({ object: "index", reason: reasonOf(error), files: [file.path] })
    }
  }
}

/** Every version down to the floor is there, signed, and named by the one after it. @returns How many there are. */
async function auditHistory(
  context: Context,
  head: Head,
  problems: AuditProblem[],
  call: CallOptions,
): Promise<number> {
  context.host.progress.step("history")
  let versions = 0
  let oldest = head
  for await (const past of pastHeads(context, head, call)) {
    versions++
    oldest = past
  }
  if (!isLast(oldest, head)) {
    const { sequence } = oldest.verified.header
    problems.push({ object: "history", reason: `nothing is left before version ${sequence}`, files: [] })
  }
  return versions
}

/** Objects of the tree that neither header nor index accounts for. They are never read, and dropped by the next version. */
function unnamed({ snapshot, verified, trust }: Head): readonly AuditProblem[] {
  const named = new Set([HEADER_PATH, VAULT_FILE_PATH, ...CONSTANT_OBJECTS.keys()])
  for (const { sequence } of trust.entries) named.add(trustPath(sequence))
  for (const number of verified.header.index.keys()) named.add(shardPath(number))
  for (const pack of packsOf(snapshot).keys()) named.add(packPath(pack))
  return [...snapshot.keys()]
    .filter((path) => !named.has(path))
    .map((path) => ({ object: path, reason: "named by no header", files: [] }))
}
