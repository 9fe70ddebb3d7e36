/**
 * Reads a version of the vault as far as that takes no key: its header, the trust
 * log that this names, the key boxes. Whether to follow it is decided in `look.ts`.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { StorageError } from "../../storage/errors.ts"
import { decodeEnvelope, decodePayload, encodeEnvelope } from "../../storage/format/envelope.ts"
import { type Header, headerCodec } from "../../storage/format/header.ts"
import { HEADER_PATH, trustPath, VAULT_FILE_PATH } from "../../storage/layout.ts"
import type { CallOptions, ObjectId, Snapshot, Store } from "../../storage/remote/store.ts"
import { type HeaderMemory, type VerifiedHeader, verifyHeaderAlone } from "../../storage/verify/header.ts"
import { isNewer, isVouchedFor, UNVOUCHED } from "../../storage/verify/newer.ts"
import { verifyTrustLog } from "../../storage/verify/trustLog.ts"
import type { TrustState } from "../../storage/verify/trustState.ts"
import { isVaultFault } from "./faults.ts"

/** A head of which everything that needs no key is verified. */
export interface Head {
  readonly commit: ObjectId
  readonly snapshot: Snapshot
  readonly trust: TrustState
  readonly verified: VerifiedHeader
  /** `vault.json` as the header vouches for it. */
  readonly vaultFile: Uint8Array
}

export interface Looking {
  readonly crypto: Crypto
  readonly store: Store
  readonly workspace: string
  readonly memory: HeaderMemory
  readonly call: CallOptions
}

export interface RawHead {
  readonly commit: ObjectId
  readonly snapshot: Snapshot
  readonly raw: Uint8Array
  readonly trust: TrustState
  readonly vaultFile: Uint8Array
}

/** @throws {StorageError} or {StoreError} if something is missing or is none of the vault's. Verifies the log, not the header. */
export async function readHead(looking: Looking, commit: ObjectId): Promise<RawHead> {
  const { store, workspace, call } = looking
  const snapshot = await store.snapshot(commit, call)
  const remembered = looking.memory.trust
  const logged = [...snapshot.keys()].filter((path) => /^trust\/\d{6}\.json$/.test(path)).length
  // In one request with the rest, as far as they are there: which there must be, the header says.
  const fresh = numbers((remembered?.length ?? 0) + 1, logged)
    .map(trustPath)
    .filter((path) => snapshot.has(path))
  const objects = await readPaths(store, snapshot, [HEADER_PATH, VAULT_FILE_PATH, ...fresh], call)
  const raw = objects.get(HEADER_PATH) as Uint8Array
  const named = await logNamedBy(looking, raw, fresh, objects)
  const trust = await readTrust(looking, snapshot, objects, named)
  if (trust.workspace !== workspace) throw new StorageError("TRUST_LOG_INVALID", "another workspace")
  return { commit, snapshot, raw, trust, vaultFile: objects.get(VAULT_FILE_PATH) as Uint8Array }
}

/**
 * What a header says of the log.
 *
 * @throws {StorageError} `FORMAT_NEWER` only if somebody vouches for it whom the log trusts that lies with it, else `HEADER_INVALID`.
 * Who knows no log cannot tell.
 */
async function logNamedBy(
  { crypto, memory }: Looking,
  raw: Uint8Array,
  fresh: readonly string[],
  objects: ReadonlyMap<string, Uint8Array>,
): Promise<Header["trust"]> {
  try {
    return decodePayload(headerCodec, decodeEnvelope("header", raw)).trust
  } catch (error) {
    if (!isNewer(error) || memory.trust === null) throw error
    let trust = memory.trust
    for (const path of fresh) {
      const longer = await extend(crypto, trust, [objects.get(path)]).catch(unlessNewer)
      if (longer === null) break
      trust = longer
    }
    if (await isVouchedFor(crypto, "header", raw, trust)) throw error
    throw new StorageError("HEADER_INVALID", UNVOUCHED, { cause: error })
  }
}

function unlessNewer(error: unknown): null {
  if (error instanceof StorageError && !isNewer(error)) return null
  throw error
}

/** The log that a header names: what is remembered of it, and what `read` adds; all of it anew only if that does not fit. */
async function readTrust(
  { crypto, store, memory, call }: Looking,
  snapshot: Snapshot,
  read: ReadonlyMap<string, Uint8Array>,
  { length, head }: Header["trust"],
): Promise<TrustState> {
  const remembered = memory.trust
  if (remembered !== null) {
    const state =
      length < remembered.length
        ? await verifyTrustLog(
            crypto,
            remembered.entries.slice(0, length).map(({ envelope }) => encodeEnvelope(envelope)),
          )
        : await extend(
            crypto,
            remembered,
            numbers(remembered.length + 1, length).map((n) => read.get(trustPath(n))),
          )
    if (state !== null && equalBytes(state.head, head)) return state
  }
  const paths = numbers(1, length).map(trustPath)
  const all = await readPaths(store, snapshot, paths, call)
  return verifyTrustLog(
    crypto,
    paths.map((path) => all.get(path) as Uint8Array),
  )
}

/** null if the entries do not go on from the remembered ones: then the log parted. */
async function extend(
  crypto: Crypto,
  from: TrustState,
  tail: readonly (Uint8Array | undefined)[],
): Promise<TrustState | null> {
  if (tail.some((entry) => entry === undefined)) return null
  try {
    return await verifyTrustLog(crypto, tail as readonly Uint8Array[], from)
  } catch (error) {
    if (error instanceof StorageError && error.reason === "chain broken") return null
    throw error
  }
}

/** A head of the past as {@link readPastHead}; null if there is no sound one in that commit. */
export async function soundHead(
  looking: Omit<Looking, "memory">,
  commit: ObjectId,
  newest: TrustState,
): Promise<Head | null> {
  try {
    return await readPastHead(looking, commit, newest)
  } catch (error) {
    if (isVaultFault(error)) return null
    throw error
  }
}

/** Verifies a head of the past, by its own tree alone: for history, not for belief. */
export async function readPastHead(
  { crypto, store, workspace, call }: Omit<Looking, "memory">,
  commit: ObjectId,
  newest: TrustState,
): Promise<Head> {
  const memory: HeaderMemory = { seen: null, trust: newest, self: null }
  const { raw, trust, ...read } = await readHead({ crypto, store, workspace, memory, call }, commit)
  return { ...read, trust, verified: await verifyHeaderAlone(crypto, raw, workspace, trust) }
}

/**
 * Reads objects of a snapshot by path.
 *
 * @throws {StorageError} `OBJECT_MISSING` if the snapshot has no such path.
 */
export async function readPaths(
  store: Store,
  snapshot: Snapshot,
  paths: readonly string[],
  call: CallOptions,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const pathsById = new Map<ObjectId, string[]>()
  for (const path of paths) {
    const id = snapshot.get(path)
    if (id === undefined) throw new StorageError("OBJECT_MISSING", `no ${path.split("/")[0] ?? "object"} in the tree`)
    pathsById.set(id, [...(pathsById.get(id) ?? []), path])
  }
  const objects = new Map<string, Uint8Array>()
  if (pathsById.size === 0) return objects
  await store.read(
    [...pathsById.keys()],
    (id, bytes) => {
      for (const path of pathsById.get(id) ?? []) objects.set(path, bytes)
    },
    call,
  )
  return objects
}

function numbers(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
}
