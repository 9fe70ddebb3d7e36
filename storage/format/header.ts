/**
 * The header, `manifest.json`: the only statement of what a version of the vault
 * is. It names, by hash, everything else in the tree. Pure codec; whether to
 * believe a header is decided in `storage/verify/header.ts`. Normative text:
 * `docs/spec/header.md`.
 *
 *     index.shards = count × ( sha256[32] || u32 size )      count a power of two
 *
 * @module
 */
import { toHex } from "../../crypto/bytes.ts"
import { HASH_BYTES } from "../../crypto/crypto.ts"
import {
  array,
  bytes,
  formatVersion,
  invalid,
  type JsonCodec,
  mapped,
  nullable,
  object,
  oneOf,
  refined,
  uint,
} from "./codec.ts"
import { epochCodec, hashCodec, machineIdCodec, requireAscending, workspaceIdCodec } from "./machine.ts"
import { MAX_TRUST_ENTRIES } from "./trustEntry.ts"

/** Machines that a header may have counters of: all that ever wrote and were not deleted. */
export const MAX_HEADER_MACHINES = 1024
export const MAX_INDEX_SHARDS = 1024
export const MAX_INBOX_ITEMS = 1024

/**
 * `sync`: files changed. `trust`: the trust log grew, no new content. `compact`: history dropped. `repair`: written over a
 * store that went back, forked or lost objects.
 */
export type HeaderKind = "sync" | "trust" | "compact" | "repair"

/** What a machine had written when a header was made. */
export interface MachineCounter {
  readonly id: string
  /** Headers it has written; the writer's counts this one. */
  readonly counter: number
  /** Hash of its last header before this one; `null` only for the writer of its own first. */
  readonly head: Uint8Array | null
}

/** One shard of the index, as the header vouches for it. */
export interface ShardRef {
  readonly sha256: Uint8Array
  /** Bytes of the sealed, padded shard. */
  readonly size: number
}

/** A file sent to one machine: `inbox/<machine>/<id>`. */
export interface InboxItem {
  readonly machine: string
  /** 16 random bytes. */
  readonly id: Uint8Array
  readonly sha256: Uint8Array
  readonly size: number
}

export interface Header {
  readonly format: 1
  readonly workspace: string
  readonly kind: HeaderKind
  /** From 1; greater than that of every header this one follows or supersedes. */
  readonly sequence: number
  /** Hash of the header this one follows; `null` only in the first. */
  readonly previous: Uint8Array | null
  /** Machine that signed. */
  readonly writer: string
  /** Ascending by id. Every machine from its first header on, until it is deleted. */
  readonly machines: readonly MachineCounter[]
  /** The current epoch of the log; its MAC key MACs the header. */
  readonly epoch: number
  /** Entries of the trust log in the same tree, and hash of the last. */
  readonly trust: { readonly length: number; readonly head: Uint8Array }
  /** SHA-256 of the bytes of `vault.json`. */
  readonly vault: Uint8Array
  /** In order of their number; a power of two of them. */
  readonly index: readonly ShardRef[]
  /** Ascending by machine, then id. */
  readonly inbox: readonly InboxItem[]
  /** Tombstones of versions below this sequence are gone: who was last in sync before it joins as new. */
  readonly tombstoneFloor: number
  /** No version of a file below this sequence is promised to be restorable. */
  readonly historyFloor: number
  /** In a `repair` the hash of the header it supersedes, else `null`. */
  readonly supersedes: Uint8Array | null
  /** Milliseconds since 1970, by the writer's clock. For display only. */
  readonly time: number
}

const SHARD_REF_BYTES = HASH_BYTES + 4

const indexCodec: JsonCodec<readonly ShardRef[]> = mapped(
  object({
    count: uint(1, MAX_INDEX_SHARDS),
    shards: bytes(SHARD_REF_BYTES, SHARD_REF_BYTES * MAX_INDEX_SHARDS),
  }),
  ({ count, shards }) => {
    if ((count & (count - 1)) !== 0) throw invalid("number of shards not a power of two")
    if (shards.length !== count * SHARD_REF_BYTES) throw invalid("number of shards and their list differ")
    return unpackShards(shards)
  },
  (refs) => ({ count: refs.length, shards: packShards(refs) }),
)

const machinesCodec: JsonCodec<readonly MachineCounter[]> = refined(
  array(object({ id: machineIdCodec, counter: uint(1), head: nullable(hashCodec) }), MAX_HEADER_MACHINES),
  (machines) =>
    requireAscending(
      machines.map(({ id }) => id),
      "machines not ascending",
    ),
)

const inboxCodec: JsonCodec<readonly InboxItem[]> = refined(
  array(
    object({ machine: machineIdCodec, id: bytes(16), sha256: hashCodec, size: uint(1, 0xffff_ffff) }),
    MAX_INBOX_ITEMS,
  ),
  (items) => requireAscending(items.map(inboxKey), "inbox not ascending"),
)

export const headerCodec: JsonCodec<Header> = refined(
  object({
    format: formatVersion,
    workspace: workspaceIdCodec,
    kind: oneOf("sync", "trust", "compact", "repair"),
    sequence: uint(1),
    previous: nullable(hashCodec),
    writer: machineIdCodec,
    machines: machinesCodec,
    epoch: epochCodec,
    trust: object({ length: uint(1, MAX_TRUST_ENTRIES), head: hashCodec }),
    vault: hashCodec,
    index: indexCodec,
    inbox: inboxCodec,
    tombstoneFloor: uint(0),
    historyFloor: uint(0),
    supersedes: nullable(hashCodec),
    time: uint(0),
  }),
  checkShape,
)

/** What orders inbox items, and tells them apart. */
export function inboxKey({ machine, id }: Pick<InboxItem, "machine" | "id">): string {
  return `${machine}/${toHex(id)}`
}

/** What holds whatever the log says. */
function checkShape(header: Header): void {
  const { kind, sequence, previous, writer, machines, supersedes } = header
  if ((sequence === 1) !== (previous === null)) throw invalid("all but the first header name the one before")
  if (sequence === 1 && kind !== "trust") throw invalid("first header not of kind trust")
  if ((kind === "repair") !== (supersedes !== null)) throw invalid("a repair, and it alone, supersedes")
  if (header.tombstoneFloor > sequence || header.historyFloor > sequence) throw invalid("floor above the sequence")
  if (!machines.some(({ id }) => id === writer)) throw invalid("writer has no counter")
  for (const { id, counter, head } of machines) {
    const isFirstOfWriter = id === writer && counter === 1
    if (isFirstOfWriter !== (head === null)) throw invalid("counter and last header disagree")
    if (counter > sequence) throw invalid("counter above the sequence")
  }
}

function packShards(refs: readonly ShardRef[]): Uint8Array {
  const packed = new Uint8Array(refs.length * SHARD_REF_BYTES)
  const view = new DataView(packed.buffer)
  for (const [i, { sha256, size }] of refs.entries()) {
    if (sha256.length !== HASH_BYTES || !Number.isInteger(size) || size < 1 || size > 0xffff_ffff) {
      throw invalid("malformed shard reference")
    }
    packed.set(sha256, i * SHARD_REF_BYTES)
    view.setUint32(i * SHARD_REF_BYTES + HASH_BYTES, size)
  }
  return packed
}

function unpackShards(packed: Uint8Array): readonly ShardRef[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const refs: ShardRef[] = []
  for (let at = 0; at < packed.length; at += SHARD_REF_BYTES) {
    const size = view.getUint32(at + HASH_BYTES)
    if (size === 0) throw invalid("malformed shard reference")
    refs.push({ sha256: packed.slice(at, at + HASH_BYTES), size })
  }
  return refs
}
