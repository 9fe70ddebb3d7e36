/**
 * The way out of a store that went back, forked, vanished or lost objects: a
 * header of kind `repair` on top of whatever is there, which says what it
 * supersedes. Content that the store lost is uploaded again from this disk;
 * nothing on any disk is touched.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import type { ChunkRef, FileEntry, IndexEntry } from "../../storage/format/index/entry.ts"
import { pathsBelowFiles } from "../../storage/format/index/indexTree.ts"
import { verifyPack } from "../../storage/format/pack.ts"
import { divideIndex, sealShards } from "../../storage/indexShards.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import { mainBranch, packsOf } from "../../storage/layout.ts"
import type { Branch, CallOptions, ObjectId, Snapshot } from "../../storage/remote/store.ts"
import { extendsLog } from "../../storage/verify/trustState.ts"
import { SyncError } from "../errors.ts"
import type { Workspace } from "../ports/workspace.ts"
import type { RepairReport } from "../reports.ts"
import type { FileNode } from "../tree/node.ts"
import { confirmApproval } from "../trust/join.ts"
import { unlock } from "../trust/unlock.ts"
import type { Context } from "../vault/context.ts"
import { believe, checkMacs, lookAt, lookOnce, requireNotRevoked, requireTrusted } from "../vault/refresh.ts"
import { isVaultFault } from "../vault/faults.ts"
import type { Head } from "../vault/head.ts"
import type { Look } from "../vault/look.ts"
import { type Ground, publish } from "../vault/publish.ts"
import { cacheShards, chunksOf, readRemains, type VaultIndex } from "../vault/vaultIndex.ts"
import { uploadFiles } from "./upload.ts"
import { referredPacks } from "./version.ts"

/** @throws {SyncError} `CANCELLED`, `CONTENDED`, and as `enter`. */
export async function repair(context: Context, workspace: Workspace, call: CallOptions): Promise<RepairReport> {
  const found = await lookAtWhatIsThere(context, call)
  const there = groundOf(found)
  const shown = soundOf(found)
  const basis = await basisOf(context, shown)
  const isAnother = context.seen === null || isOtherThanSeen(shown, basis)
  requireNotRevoked(context.config, basis.trust)
  await unlock(context, basis)
  checkMacs(context, basis)
  requireTrusted(context.config, basis.trust)
  await confirmApproval(context, basis)
  await confirm(context, wordsFor(found, basis === context.seen?.head))
  const index = await readRemains(context, basis, call)
  const good = await goodPacks(context, [there?.snapshot, basis.snapshot], index, call)
  const result = await rebuild(context, workspace, { basis, there, index, good }, call)
  // Whose version was taken over in place of what was seen here: see `survey.ts`.
  await believe(context, result.head, isAnother ? { base: "superseded" } : {})
  return result.report
}

/** A head that does not verify: garbage that somebody pushed, or a vault of which a part is gone. */
interface Damaged {
  readonly kind: "damaged"
  readonly ground: Ground
  /** The newest version further down that verifies. */
  readonly below: Look | null
}

/** How many commits of garbage are looked beneath. */
const MAX_GARBAGE = 1000

async function lookAtWhatIsThere(context: Context, call: CallOptions): Promise<Look | Damaged> {
  try {
    return (await lookOnce(context, call)).found
  } catch (error) {
    if (context.seen === null || !isVaultFault(error)) throw error
    const { store, config } = context
    const name = mainBranch(config.workspace)
    const main = (await store.branches(name, call)).find((branch) => branch.name === name)
    if (main === undefined) return { kind: "none" }
    const ground = { commit: main.head, snapshot: await snapshotOf(context, main.head, call) }
    return { kind: "damaged", ground, below: await lookBelow(context, main, call) }
  }
}

/** Garbage hides what was there before it: somebody's work, or the revocation of whoever pushed it. */
async function lookBelow(context: Context, main: Branch, call: CallOptions): Promise<Look | null> {
  for (const commit of await commitsBelow(context, main, call)) {
    try {
      return (await lookAt(context, [{ ...main, head: commit }], call)).found
    } catch (error) {
      if (!isVaultFault(error)) throw error
    }
  }
  return null
}

async function commitsBelow({ store }: Context, { head }: Branch, call: CallOptions): Promise<readonly ObjectId[]> {
  try {
    return (await store.history(head, MAX_GARBAGE, call)).slice(1)
  } catch (error) {
    if (isVaultFault(error)) return []
    throw error
  }
}

async function snapshotOf({ store }: Context, commit: ObjectId, call: CallOptions): Promise<Snapshot> {
  try {
    return await store.snapshot(commit, call)
  } catch (error) {
    if (isVaultFault(error)) return new Map()
    throw error
  }
}

function groundOf(found: Look | Damaged): Ground | null {
  if (found.kind === "none") return null
  return found.kind === "damaged" ? found.ground : found.head
}

function soundOf(found: Look | Damaged): Look | null {
  return found.kind === "damaged" ? found.below : found
}

/** Whether the version to go on from leaves out something of what was seen here. */
function isOtherThanSeen(shown: Look | null, basis: Head): boolean {
  if (shown?.kind === "forked") return basis === shown.head
  return shown?.kind === "repair" || (shown?.kind === "follow" && shown.isParted)
}

/** The version to go on from: what this machine saw last, unless the store rightly has more. */
async function basisOf(context: Context, shown: Look | null): Promise<Head> {
  const { seen } = context
  if (shown?.kind === "repair" || (shown?.kind === "forked" && shown.isParted)) return shown.head
  if (seen === null) {
    if (shown?.kind === "follow") return shown.head
    throw new SyncError("VAULT_MISSING", "there is no such vault in the store")
  }
  if (shown?.kind !== "follow" && !(shown?.kind === "forked" && hasLongerLog(seen.head, shown.head))) return seen.head
  return !isRecovered(seen.head, shown.head) || (await followsRecovery(context)) ? shown.head : seen.head
}

/**
 * Whether the store's log goes on from the one seen here. No repair takes back what it says: a machine that missed a
 * revocation would let the revoked one in again.
 */
function hasLongerLog(seen: Head, { trust }: Head): boolean {
  return trust.length > seen.trust.length && extendsLog(seen.trust, trust)
}

/** Whether the recovery key has put other machines in the place of those that were trusted when this one looked last. */
function isRecovered(seen: Head, { trust }: Head): boolean {
  return trust.entries.slice(seen.trust.length).some(({ entry }) => entry.kind === "recover")
}

async function followsRecovery({ host }: Context): Promise<boolean> {
  const lines = [
    "The vault was recovered with its passphrase: every machine but a new one was put out, this one too.",
    "If that was you, follow it, and join again. If not, somebody knows the passphrase: do not follow it. This machine's",
    "version will be put on top then, with the machines that were trusted before; set a new passphrase at once.",
  ]
  const answer = await host.prompts.confirm({ code: "follow-recovery", lines })
  if (answer === null) throw new SyncError("CANCELLED", "nothing was repaired")
  return answer
}

const WORDS = {
  none: "The vault is gone from the store. It will be written anew from what this machine has.",
  damaged: "What the store shows is no vault any more. This machine's version will be put on top of it.",
  buried:
    "What the store shows is no vault any more. The newest version below it that is one will be put on top of it.",
  follow: "Objects that the vault needs will be looked for, and what is lost uploaded again from this machine.",
  repair: "Another machine repaired the vault. Its version will be taken, and what is lost uploaded again.",
  older: "The store shows an older version than this machine has seen. This machine's will be put on top of it.",
  forked: "The store shows another history than this machine has seen. This machine's will be put on top of it.",
  longer:
    "The store shows another history than this machine has seen, and knows more of whom to trust. That one will be taken.",
  parted: "A machine that was revoked had a hand in what this machine saw last. The version without it will be taken.",
  question:
    "Two machines disagree about whom to trust. The machines that this one trusts will be put on top of the others.",
}

function wordsFor(found: Look | Damaged, isOwn: boolean): string {
  if (found.kind === "damaged") return isOwn ? WORDS.damaged : WORDS.buried
  if (found.kind !== "forked") return WORDS[found.kind]
  if (found.question) return WORDS.question
  if (found.isParted) return WORDS.parted
  return isOwn ? WORDS.forked : WORDS.longer
}

async function confirm({ host }: Context, what: string): Promise<void> {
  const lines = [what, "No file on any disk is changed. Other machines ask their user once before they follow."]
  if ((await host.prompts.confirm({ code: "repair", lines })) !== true) {
    throw new SyncError("CANCELLED", "nothing was repaired")
  }
}

/** Packs that the store still has, and that are what they are named: those of its tree, or of the version seen last. */
async function goodPacks(
  { host, store }: Context,
  snapshots: readonly (Snapshot | undefined)[],
  index: VaultIndex,
  call: CallOptions,
): Promise<Map<string, ObjectId>> {
  const wanted = new Set([...chunksOf(index.entries.values())].map(({ pack }) => pack))
  const good = new Map<string, ObjectId>()
  host.progress.step("verify", wanted.size, "files")
  for (const snapshot of snapshots) {
    for (const [pack, id] of packsOf(snapshot ?? new Map())) {
      if (!wanted.has(pack) || good.has(pack)) continue
      try {
        await store.read([id], (_, bytes) => verifyPack(host.crypto, pack, bytes), call)
        good.set(pack, id)
        host.progress.advance(1)
      } catch (error) {
        if (!isVaultFault(error)) throw error
      }
    }
  }
  return good
}

interface Rebuilding {
  readonly basis: Head
  readonly there: Ground | null
  readonly index: VaultIndex
  readonly good: ReadonlyMap<string, ObjectId>
}

async function rebuild(
  context: Context,
  workspace: Workspace,
  { basis, there, index, good }: Rebuilding,
  call: CallOptions,
): Promise<{ readonly head: Head; readonly report: RepairReport }> {
  const { crypto, compressor } = context.host
  const { gearSeed } = index
  const keys = context.keyring.get(basis.trust.epoch.epoch) as EpochKeys
  const broken = [...index.entries.values()].filter((entry) => isBroken(entry, good))
  const files = await stillHere(context, workspace, broken)
  const destination = { keys, gearSeed, uploadHead: null, sharedChunks: () => undefined }
  const { staging, chunksByPath } = await uploadFiles(context, workspace, destination, files, call)
  const { entries, lost } = mend(index, broken, chunksByPath)
  const { header, hash } = basis.verified
  const content = { gearSeed, entries: entries.values(), tombstones: index.tombstones.values() }
  const sealed = await sealShards({ crypto, keys, compressor }, divideIndex(crypto, keys, content, header.index.length))
  const next = {
    kind: "repair" as const,
    keys,
    trust: basis.trust,
    vaultFile: basis.vaultFile,
    index: sealed.map(({ ref }) => ref),
    sealed,
    packs: referredPacks(entries.values(), new Map([...good, ...staging.packs()])),
    tombstoneFloor: header.tombstoneFloor,
    historyFloor: header.historyFloor,
    supersedes: there?.verified?.hash ?? hash,
    minSequence: Math.max(header.sequence, there?.verified?.header.sequence ?? 0) + 1,
    onTopOf: there,
  }
  const result = await publish(context, basis, next, call)
  if (result.kind === "moved") throw new SyncError("CONTENDED", "the vault changed while it was being repaired")
  await cacheShards(context, sealed)
  await staging.clear()
  const { sequence } = result.head.verified.header
  return { head: result.head, report: { sequence, reuploaded: chunksByPath.size, lost } }
}

function isBroken(entry: IndexEntry, good: ReadonlyMap<string, ObjectId>): entry is FileEntry {
  return entry.type === "file" && !entry.chunks.every(({ pack }) => good.has(pack))
}

/** The entries as they can be kept, and the paths of those that cannot. */
function mend(
  index: VaultIndex,
  broken: readonly FileEntry[],
  chunksByPath: ReadonlyMap<string, readonly ChunkRef[]>,
): { readonly entries: ReadonlyMap<string, IndexEntry>; readonly lost: readonly string[] } {
  const entries = new Map(index.entries)
  const lost: string[] = []
  for (const entry of broken) {
    const chunks = chunksByPath.get(entry.path)
    if (chunks !== undefined) entries.set(entry.path, { ...entry, chunks })
    else {
      // Without a tombstone: whoever still has the file brings it back with the next sync.
      entries.delete(entry.path)
      lost.push(entry.path)
    }
  }
  for (const path of pathsBelowFiles(index.entries)) if (entries.delete(path)) lost.push(path)
  return { entries, lost: lost.sort() }
}

/** Those of the files whose very content lies on this disk. */
async function stillHere({ host }: Context, workspace: Workspace, files: readonly FileEntry[]) {
  const here: { path: string; node: FileNode; before: null }[] = []
  for (const { path, mode, size, hash } of files) {
    const hasher = host.crypto.createSha256()
    const read = await workspace.readPieces(path, (piece) => hasher.update(piece))
    if (read.ok && equalBytes(hasher.digest(), hash)) {
      here.push({ path, node: { type: "file", mode, size, hash }, before: null })
    }
  }
  return here
}
