/**
 * Makes the next version of the vault: header, signature, MAC, one commit by
 * compare-and-swap. Order of writing: packs (already at the store, or in this
 * commit), index, header, and the branch last.
 *
 * @module
 */
import { StorageError } from "../../storage/errors.ts"
import { encodeEnvelope, signEnvelope } from "../../storage/format/envelope.ts"
import {
  type Header,
  type HeaderKind,
  headerCodec,
  type MachineCounter,
  type ShardRef,
} from "../../storage/format/header.ts"
import type { SealedShard } from "../../storage/indexShards.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import {
  CONSTANT_OBJECTS,
  HEADER_PATH,
  mainBranch,
  packPath,
  shardPath,
  trustPath,
  VAULT_FILE_PATH,
} from "../../storage/layout.ts"
import type { Branch, CallOptions, ObjectId } from "../../storage/remote/store.ts"
import { countersAfter, verifyHeaderAlone } from "../../storage/verify/header.ts"
import type { TrustState } from "../../storage/verify/trustState.ts"
import type { Context } from "./context.ts"
import type { Head } from "./head.ts"
import { type Identity, signersOf } from "./identity.ts"

/** A commit to build on; of one that cannot be read, no more than its id. */
export type Ground = Pick<Head, "commit" | "snapshot"> & Partial<Head>

/** What the next version consists of. Whatever is not said here stays as it is in the parent. */
export interface NextVersion {
  readonly kind: HeaderKind
  /** Of the epoch in force in this version. */
  readonly keys: EpochKeys
  /** Signs instead of the context's identity, when this version gives the machine new keys. */
  readonly identity?: Identity
  /** The whole log, with what this version adds to it. */
  readonly trust: TrustState
  readonly vaultFile: Uint8Array
  /** All shards, in order; `sealed` are those made for this version. */
  readonly index: readonly ShardRef[]
  readonly sealed: readonly SealedShard[]
  /** All packs of the tree by id. */
  readonly packs: ReadonlyMap<string, Uint8Array | ObjectId>
  readonly tombstoneFloor: number
  readonly historyFloor: number
  /** In a repair: hash of the header it supersedes, and the head in the store that it is put on top of. */
  readonly supersedes?: Uint8Array
  readonly onTopOf?: Ground | null
  /** At least this; for a repair, which must pass what it supersedes. */
  readonly minSequence?: number
  readonly deleteBranches?: readonly Branch[]
  /** In a compaction: the commits of before that stay, oldest first. */
  readonly ancestors?: readonly ObjectId[]
}

export type Published = { readonly kind: "published"; readonly head: Head } | { readonly kind: "moved" }

/** The sequence that the version after `parent` will have. */
export function nextSequence(parent: Head | null): number {
  return (parent?.verified.header.sequence ?? 0) + 1
}

/**
 * Publishes a version on top of `parent` (null: the first).
 *
 * @throws {StorageError} `HEADER_INVALID` if nobody would believe it, this machine being put out, say. Nothing was sent.
 * @throws {StoreError} When it throws, the version may or may not be there: look again.
 */
export async function publish(
  context: Context,
  parent: Head | null,
  next: NextVersion,
  call: CallOptions,
): Promise<Published> {
  const { host, store } = context
  const identity = next.identity ?? context.identity
  if (identity === null) throw new TypeError("not unlocked")
  const header = makeHeader(context, parent, next)
  const own = header.machines.find(({ id }) => id === header.writer) as MachineCounter
  await context.memory.setCounter(Math.max(await context.memory.counter(), own.counter))
  const envelope = await signEnvelope(host.crypto, "header", headerCodec, header, signersOf(identity), next.keys.mac)

  const encoded = encodeEnvelope(envelope)
  // Checked as every reader will, before anybody sees it: a header that is refused would shut everybody out.
  const verified = await verifyHeaderAlone(host.crypto, encoded, next.trust.workspace, next.trust)

  host.progress.step("commit")
  const branch = mainBranch(next.trust.workspace)
  const { deleteBranches = [], ancestors } = next
  const below = next.onTopOf === undefined ? parent : next.onTopOf
  const snapshot = treeOf(below, next, encoded)
  const wanted = { branch, parent: below?.commit ?? null, snapshot, deleteBranches }
  const result = await store.commit(ancestors === undefined ? wanted : { ...wanted, ancestors }, call)
  if (result.kind === "moved") return result
  const head = {
    commit: result.head,
    snapshot: result.snapshot,
    trust: next.trust,
    vaultFile: next.vaultFile,
    verified,
  }
  return { kind: "published", head }
}

function makeHeader({ host, config }: Context, parent: Head | null, next: NextVersion): Header {
  const { trust, kind } = next
  return {
    format: 1,
    workspace: trust.workspace,
    kind,
    sequence: Math.max(nextSequence(parent), next.minSequence ?? 1),
    previous: parent?.verified.hash ?? null,
    writer: config.machine,
    machines: nextCounters(parent, trust, config.machine),
    epoch: trust.epoch.epoch,
    trust: { length: trust.length, head: trust.head },
    vault: host.crypto.sha256(next.vaultFile),
    index: next.index,
    inbox: parent?.verified.header.inbox ?? [],
    tombstoneFloor: next.tombstoneFloor,
    historyFloor: next.historyFloor,
    supersedes: next.supersedes ?? null,
    time: host.clock.now(),
  }
}

function nextCounters(parent: Head | null, trust: TrustState, writer: string): readonly MachineCounter[] {
  const before = parent === null ? new Map() : countersAfter(parent.verified)
  const counters: MachineCounter[] = []
  for (const [id, { counter, head }] of before) {
    const status = trust.machines.get(id)?.status
    if (id !== writer && status !== undefined && status !== "deleted") counters.push({ id, counter, head })
  }
  const own = before.get(writer)
  counters.push({ id: writer, counter: (own?.counter ?? 0) + 1, head: own?.head ?? null })
  return counters.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The whole tree of a version; ids where the parent has the object already. */
function treeOf(
  parent: Ground | null,
  next: NextVersion,
  header: Uint8Array,
): ReadonlyMap<string, Uint8Array | ObjectId> {
  const before = parent?.snapshot ?? new Map<string, ObjectId>()
  const tree = new Map<string, Uint8Array | ObjectId>(CONSTANT_OBJECTS)
  // Members do not read again what they know of the log; so a repair puts it there anew.
  const isKnown = next.kind !== "repair" && parent !== null
  const known = isKnown ? parent.trust : undefined
  for (const { sequence, envelope, hash } of next.trust.entries) {
    const path = trustPath(sequence)
    const isKept = known?.entries[sequence - 1]?.hash === hash
    tree.set(path, (isKept ? before.get(path) : undefined) ?? encodeEnvelope(envelope))
  }
  const sameBoxes = isKnown && parent.vaultFile === next.vaultFile
  tree.set(VAULT_FILE_PATH, (sameBoxes ? before.get(VAULT_FILE_PATH) : undefined) ?? next.vaultFile)
  const fresh = new Map(next.sealed.map((shard) => [shard.number, shard.bytes]))
  for (const number of next.index.keys()) {
    const path = shardPath(number)
    const shard = fresh.get(number) ?? before.get(path)
    if (shard === undefined) throw new StorageError("OBJECT_MISSING", "no index in the tree")
    tree.set(path, shard)
  }
  for (const [pack, content] of next.packs) tree.set(packPath(pack), content)
  tree.set(HEADER_PATH, header)
  return tree
}
