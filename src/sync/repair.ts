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
import type { CallOptions, ObjectId, Snapshot } from "../../storage/remote/store.ts"
import { SyncError } from "../errors.ts"
import type { Workspace } from "../ports/workspace.ts"
import type { RepairReport } from "../reports.ts"
import type { FileNode } from "../tree/node.ts"
import { confirmApproval } from "../trust/join.ts"
import { unlock } from "../trust/unlock.ts"
import { believe, checkMacs, type Context, lookOnce, requireNotRevoked, requireTrusted } from "../vault/context.ts"
import { isVaultFault } from "../vault/faults.ts"
import type { Head, Look } from "../vault/head.ts"
import { type Ground, publish } from "../vault/publish.ts"
import { cacheShards, chunksOf, readRemains, type VaultIndex } from "../vault/vaultIndex.ts"
import { uploadFiles } from "./upload.ts"
import { referredPacks } from "./version.ts"

/** @throws {SyncError} `CANCELLED`, `CONTENDED`, and as `enter`. */
export async function repair(context: Context, workspace: Workspace, call: CallOptions): Promise<RepairReport> {
  const found = await lookAtWhatIsThere(context, call)
  const there = groundOf(found)
  const isAnother = context.seen === null || isOtherThanSeen(found)
  const basis = await basisOf(context, found)
  requireNotRevoked(context.config, basis.trust)
  await unlock(context, basis)
  checkMacs(context, basis)
  requireTrusted(context.config, basis.trust)
  await confirmApproval(context, basis)
  await confirm(context, found)
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
}

async function lookAtWhatIsThere(context: Context, call: CallOptions): Promise<Look | Damaged> {
  try {
    return (await lookOnce(context, call)).found
  } catch (error) {
    if (context.seen === null || !isVaultFault(error)) throw error
    const { store, config } = context
    const name = mainBranch(config.workspace)
    const main = (await store.branches(name, call)).find((branch) => branch.name === name)
    if (main === undefined) return { kind: "none" }
    return { kind: "damaged", ground: { commit: main.head, snapshot: await snapshotOf(context, main.head, call) } }
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

/** Whether the store shows, by right, what leaves out something of what was seen here. */
function isOtherThanSeen(found: Look | Damaged): boolean {
  return found.kind === "repair" || ("isParted" in found && found.isParted)
}

/** The version to go on from: what this machine saw last, unless the store rightly has more. */
async function basisOf(context: Context, found: Look | Damaged): Promise<Head> {
  const { seen } = context
  if (found.kind === "repair" || (found.kind === "forked" && found.isParted)) return found.head
  if (found.kind === "follow" && (seen === null || !isRecovered(seen.head, found.head))) return found.head
  if (seen === null) throw new SyncError("VAULT_MISSING", "there is no such vault in the store")
  if (found.kind === "follow" && (await followsRecovery(context))) return found.head
  return seen.head
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

async function confirm({ host }: Context, found: Look | Damaged): Promise<void> {
  const what = {
    none: "The vault is gone from the store. It will be written anew from what this machine has.",
    damaged: "What the store shows is no vault any more. This machine's version will be put on top of it.",
    follow: "Objects that the vault needs will be looked for, and what is lost uploaded again from this machine.",
    repair: "Another machine repaired the vault. Its version will be taken, and what is lost uploaded again.",
    older: "The store shows an older version than this machine has seen. This machine's will be put on top of it.",
    forked: "The store shows another history than this machine has seen. This machine's will be put on top of it.",
    parted:
      "A machine that was revoked had a hand in what this machine saw last. The version without it will be taken.",
    question:
      "Two machines disagree about whom to trust. The machines that this one trusts will be put on top of the others.",
  }[found.kind === "forked" ? forkOf(found) : found.kind]
  const lines = [what, "No file on any disk is changed. Other machines ask their user once before they follow."]
  if ((await host.prompts.confirm({ code: "repair", lines })) !== true) {
    throw new SyncError("CANCELLED", "nothing was repaired")
  }
}

function forkOf({ question, isParted }: Extract<Look, { kind: "forked" }>): "question" | "parted" | "forked" {
  if (question) return "question"
  return isParted ? "parted" : "forked"
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
