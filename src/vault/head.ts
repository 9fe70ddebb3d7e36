/**
 * Reads the head of a vault and decides whether to believe it. What needs no
 * key is checked here; MACs, and everything below the header, once the vault is
 * unlocked (`src/trust/unlock.ts`, `vaultIndex.ts`).
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { StorageError } from "../../storage/errors.ts"
import { decodeEnvelope, decodePayload, encodeEnvelope } from "../../storage/format/envelope.ts"
import { type Header, headerCodec } from "../../storage/format/header.ts"
import { HEADER_PATH, mainBranch, trustPath, VAULT_FILE_PATH } from "../../storage/layout.ts"
import type { Branch, CallOptions, ObjectId, Snapshot, Store } from "../../storage/remote/store.ts"
import { compareLogs } from "../../storage/verify/forks.ts"
import {
  type HeaderMemory,
  type HeaderVerdict,
  type VerifiedHeader,
  verifyHeader,
  verifyHeaderAlone,
} from "../../storage/verify/header.ts"
import { verifyTrustLog } from "../../storage/verify/trustLog.ts"
import { extendsLog, type TrustState } from "../../storage/verify/trustState.ts"
import { SyncError } from "../errors.ts"
import { isVaultFault } from "./faults.ts"

/** How long an older head than the one seen may be the host's slowness, in milliseconds. */
export const STALE_MS = 5 * 60 * 1000

/** A head of which everything that needs no key is verified. */
export interface Head {
  readonly commit: ObjectId
  readonly snapshot: Snapshot
  readonly trust: TrustState
  readonly verified: VerifiedHeader
  /** `vault.json` as the header vouches for it. */
  readonly vaultFile: Uint8Array
}

/** What a look at the store found. */
export type Look =
  /** No such vault in the store. */
  | { readonly kind: "none" }
  /**
   * To be followed. `restoredCounter`: this machine's own counter, found ahead of its memory. `isParted`: from another log
   * than the one seen, which loses by the rule.
   */
  | {
      readonly kind: "follow"
      readonly head: Head
      readonly restoredCounter: number | null
      readonly isParted: boolean
    }
  /** The store shows less than was seen. */
  | { readonly kind: "older"; readonly head: Head }
  /**
   * The store shows something else than was seen. `question`: two logs stand against each other, a person must choose.
   * `isParted` as above.
   */
  | {
      readonly kind: "forked"
      readonly head: Head
      readonly question: boolean
      readonly isParted: boolean
      readonly doubt: string
    }
  /** A repair that contradicts what was seen: ask once, then follow. */
  | { readonly kind: "repair"; readonly head: Head }

export interface Looking {
  readonly crypto: Crypto
  readonly store: Store
  readonly workspace: string
  readonly memory: HeaderMemory
  readonly call: CallOptions
}

/**
 * Looks at the vault's head.
 *
 * @param branches - As just read from the store.
 * @param known - The head seen last, taken as it is when the store still shows it.
 * @throws {StorageError} if what is there does not verify.
 */
export async function look(looking: Looking, branches: readonly Branch[], known: Head | null): Promise<Look> {
  const main = branches.find(({ name }) => name === mainBranch(looking.workspace))
  if (main === undefined) return { kind: "none" }
  if (known !== null && known.commit === main.head)
    return { kind: "follow", head: known, restoredCounter: null, isParted: false }
  const { raw, trust, ...read } = await readHead(looking, main.head)
  const { crypto, workspace, memory } = looking
  const decided = decideFork(memory, trust)
  const verdict = await verifyHeader(crypto, raw, workspace, trust, decided.memory)
  const head: Head = { ...read, trust, verified: verdict.verified }
  if (!equalBytes(crypto.sha256(head.vaultFile), verdict.verified.header.vault)) {
    throw new StorageError("HASH_MISMATCH", "key boxes")
  }
  const found = toLook(verdict, head, decided)
  if (found.kind !== "forked" || found.question || found.isParted) return found
  return (await leadsToRepair(looking, head)) ? { kind: "repair", head } : found
}

/** How many versions may lie on top of a repair that this machine has not seen. */
const MAX_ABOVE_REPAIR = 1000

/**
 * Whether a head that contradicts what was seen goes on from a repair that does: then somebody wrote on top of it before
 * this machine looked, and it is asked as if it had come first. Else machines that saw different halves would go on
 * repairing each other's repairs.
 */
async function leadsToRepair(looking: Looking, head: Head): Promise<boolean> {
  const { crypto, workspace, memory } = looking
  if (memory.seen === null || memory.trust === null || !extendsLog(memory.trust, head.trust)) return false
  const { sequence } = memory.seen.header
  let above = head.verified.header
  for (const commit of await commitsBelow(looking, head)) {
    if (above.sequence <= sequence) return false
    const past = await soundHead(looking, commit, head.trust)
    if (past === null || above.previous === null || !equalBytes(past.verified.hash, above.previous)) continue
    const { header, envelope } = past.verified
    above = header
    if (header.kind !== "repair") continue
    const verdict = await verifyHeader(crypto, encodeEnvelope(envelope), workspace, past.trust, memory)
    if (verdict.kind === "repair") return true
  }
  return false
}

async function commitsBelow({ store, call }: Looking, { commit }: Head): Promise<readonly ObjectId[]> {
  try {
    return (await store.history(commit, MAX_ABOVE_REPAIR, call)).slice(1)
  } catch (error) {
    if (isVaultFault(error)) return []
    throw error
  }
}

function toLook(verdict: HeaderVerdict, head: Head, { question, memory }: DecidedFork): Look {
  const isParted = memory.overruled !== undefined
  switch (verdict.kind) {
    case "first":
    case "same":
    case "newer":
      return { kind: "follow", head, restoredCounter: null, isParted }
    case "restored":
      return { kind: "follow", head, restoredCounter: verdict.counter, isParted }
    case "older":
      return { kind: "older", head }
    case "repair":
      return { kind: "repair", head }
    case "forked":
      return { kind: "forked", head, question, isParted, doubt: verdict.doubt }
  }
}

interface DecidedFork {
  readonly memory: HeaderMemory
  readonly question: boolean
}

/** Where the log parted from the one remembered, but that one loses by the rule, the memory is set right. */
function decideFork(memory: HeaderMemory, shown: TrustState): DecidedFork {
  if (memory.trust === null) return { memory, question: false }
  const comparison = compareLogs(memory.trust, shown)
  if (comparison.kind === "question") return { memory, question: true }
  if (comparison.kind !== "wins" || comparison.winner === "a") return { memory, question: false }
  return { memory: { ...memory, trust: shown, overruled: comparison.overruled }, question: false }
}

interface RawHead {
  readonly commit: ObjectId
  readonly snapshot: Snapshot
  readonly raw: Uint8Array
  readonly trust: TrustState
  readonly vaultFile: Uint8Array
}

async function readHead(looking: Looking, commit: ObjectId): Promise<RawHead> {
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
  const { trust: named } = decodePayload(headerCodec, decodeEnvelope("header", raw))
  const trust = await readTrust(looking, snapshot, objects, named)
  if (trust.workspace !== workspace) throw new StorageError("TRUST_LOG_INVALID", "another workspace")
  return { commit, snapshot, raw, trust, vaultFile: objects.get(VAULT_FILE_PATH) as Uint8Array }
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

/** What to say when a look found less or other than was seen. */
export function alarm(found: Extract<Look, { kind: "older" | "forked" }>, behindForMs: number): SyncError {
  if (found.kind === "older") {
    return behindForMs < STALE_MS
      ? new SyncError("STORE_BEHIND", "the store shows an older version than this machine has seen")
      : new SyncError("VAULT_WENT_BACK", "the store went back to an older version")
  }
  return found.question
    ? new SyncError("TRUST_FORKED", "two machines disagree about whom to trust")
    : new SyncError("VAULT_FORKED", "the store shows another history than this machine has seen", {
        reason: found.doubt,
      })
}

function numbers(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
}
