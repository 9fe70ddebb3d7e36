/**
 * Reads Git packs (gitformat-pack(5), versions 2 and 3) from a stream, object
 * by object, resolving both kinds of delta. Memory is bounded by the longest
 * object plus a budget for what later deltas may name as their base; a delta
 * whose base has left the budget is counted, not guessed.
 *
 * The id of each object is computed from its bytes, so the pack's own trailer
 * says nothing more and is not checked.
 *
 * @module
 */
import { toHex } from "../../../crypto/bytes.ts"
import { StoreError } from "../../errors.ts"
import type { ObjectId } from "../store.ts"
import type { ByteReader } from "./byteReader.ts"
import { endedEarly } from "./byteReader.ts"
import { applyDelta, BASE_BLOB, BASE_ID, MAX_OBJECT_BYTES } from "./delta.ts"
import { type GitObject, type GitType, objectId } from "./objects.ts"
import type { GitPrimitives } from "./primitives.ts"

export interface PackOptions {
  /** Most bytes that are kept as possible bases. */
  readonly heldBytes: number
}

/** How many deltas could not be resolved, their base having been dropped or never come. */
export interface PackOutcome {
  readonly unresolved: number
}

interface Base {
  readonly type: GitType
  readonly bytes: Uint8Array
}

/** A delta that came before its base. */
interface Waiting {
  readonly offset: number
  readonly delta: Uint8Array
}

/** What was read lately: bases by id and by offset, deltas by the base they wait for. */
interface Held {
  readonly objectsByOffset: Map<number, { readonly id: ObjectId; readonly base: Base }>
  readonly offsetsById: Map<ObjectId, number>
  readonly waitingByBase: Map<ObjectId, Waiting[]>
  bytes: number
}

const TYPES: Readonly<Record<number, GitType>> = { 1: "commit", 2: "tree", 3: "blob", 4: "tag" }
const OFS_DELTA = 6
const REF_DELTA = 7
/** Most objects in one pack. */
const MAX_OBJECTS = 5_000_000
/** Blobs longer than this are not kept as bases: the receiver owns them, and a copy is dear. */
const MAX_HELD_BLOB_BYTES = 1024 * 1024

/**
 * Hands over each object of the pack and waits for `onObject`. The bytes belong to the receiver.
 *
 * @throws {StoreError} `STORE_MALFORMED`, `STORE_UNREACHABLE` if the stream ends early.
 */
export async function readPack(
  reader: ByteReader,
  git: GitPrimitives,
  options: PackOptions,
  onObject: (object: GitObject) => void | Promise<void>,
): Promise<PackOutcome> {
  const count = await readHeader(reader)
  const held: Held = { objectsByOffset: new Map(), offsetsById: new Map(), waitingByBase: new Map(), bytes: 0 }
  const made = createAllowance(reader)
  let unresolved = 0
  for (let i = 0; i < count; i++) {
    const offset = reader.offset
    const entry = await readEntry(reader, git, offset)
    const ready = resolveEntry(held, options, offset, entry)
    if (ready === "dropped") unresolved++
    else if (ready !== "waits") await deliver(git, held, options, ready, made, onObject)
  }
  await reader.take(20)
  for (const waiting of held.waitingByBase.values()) unresolved += waiting.length
  return { unresolved }
}

/** Told how long each object is that comes out of a pack. @throws {StoreError} when that is out of all proportion. */
type Allowance = (bytes: number) => void

/** Deltas that copy could make any amount of a few bytes: no more is taken than deflate itself can make. */
const MAX_MADE_PER_BYTE = 1100

function createAllowance(reader: ByteReader): Allowance {
  let made = 0
  return (bytes) => {
    made += bytes
    if (made > MAX_OBJECT_BYTES + MAX_MADE_PER_BYTE * reader.offset) throw malformed()
  }
}

interface Ready extends Base {
  readonly offset: number
}

/** Hands over one object, then those that waited for it, and those that waited for them. */
async function deliver(
  git: GitPrimitives,
  held: Held,
  options: PackOptions,
  first: Ready,
  made: Allowance,
  onObject: (object: GitObject) => void | Promise<void>,
): Promise<void> {
  const waiting: Successor[] = []
  for (let next: Ready | undefined = first; next !== undefined; next = successor(waiting.pop())) {
    made(next.bytes.length)
    const id = objectId(git, next.type, next.bytes)
    hold(held, options, next, id)
    const deltas = held.waitingByBase.get(id)
    if (deltas !== undefined) {
      held.waitingByBase.delete(id)
      // The receiver owns what it gets.
      const base = { type: next.type, bytes: next.bytes.slice() }
      for (const { offset, delta } of deltas) {
        waiting.push({ base, offset, delta })
        held.bytes -= heldBytesOf(delta)
      }
    }
    await onObject({ type: next.type, id, bytes: next.bytes })
  }
}

/** A delta whose base has come. It is applied when its turn comes, or all that waited would be held at once. */
interface Successor extends Waiting {
  readonly base: Base
}

function successor(next: Successor | undefined): Ready | undefined {
  if (next === undefined) return undefined
  const { base, offset, delta } = next
  return { offset, type: base.type, bytes: applyDelta(base.bytes, delta) }
}

/** What holding so many bytes takes, with the lists they are in: an object can be empty. */
function heldBytesOf(bytes: Uint8Array): number {
  return bytes.length + 256
}

/** Keeps a copy of what may be a base, and drops the oldest that are too much. */
function hold(held: Held, options: PackOptions, object: Ready, id: ObjectId): void {
  if (object.bytes.length > options.heldBytes) return
  if (object.type === "blob" && object.bytes.length > MAX_HELD_BLOB_BYTES && options.heldBytes !== Infinity) return
  const base = { type: object.type, bytes: object.bytes.slice() }
  held.objectsByOffset.set(object.offset, { id, base })
  held.offsetsById.set(id, object.offset)
  held.bytes += heldBytesOf(base.bytes)
  for (const [offset, oldest] of held.objectsByOffset) {
    if (held.bytes <= options.heldBytes) break
    if (oldest.id === BASE_ID) continue
    held.objectsByOffset.delete(offset)
    held.offsetsById.delete(oldest.id)
    held.bytes -= heldBytesOf(oldest.base.bytes)
  }
}

type Entry =
  | { readonly kind: "whole"; readonly type: GitType; readonly bytes: Uint8Array }
  | { readonly kind: "offset"; readonly baseOffset: number; readonly bytes: Uint8Array }
  | { readonly kind: "ref"; readonly baseId: ObjectId; readonly bytes: Uint8Array }

function resolveEntry(held: Held, options: PackOptions, offset: number, entry: Entry): Ready | "waits" | "dropped" {
  if (entry.kind === "whole") return { offset, type: entry.type, bytes: entry.bytes }
  const base = entry.kind === "offset" ? held.objectsByOffset.get(entry.baseOffset)?.base : baseById(held, entry.baseId)
  if (base !== undefined) return { offset, type: base.type, bytes: applyDelta(base.bytes, entry.bytes) }
  if (entry.kind === "offset" || held.bytes + heldBytesOf(entry.bytes) > options.heldBytes) return "dropped"
  const waiting = held.waitingByBase.get(entry.baseId)
  if (waiting === undefined) held.waitingByBase.set(entry.baseId, [{ offset, delta: entry.bytes }])
  else waiting.push({ offset, delta: entry.bytes })
  held.bytes += heldBytesOf(entry.bytes)
  return "waits"
}

function baseById(held: Held, id: ObjectId): Base | undefined {
  if (id === BASE_ID) return { type: "blob", bytes: BASE_BLOB }
  const offset = held.offsetsById.get(id)
  return offset === undefined ? undefined : held.objectsByOffset.get(offset)?.base
}

async function readHeader(reader: ByteReader): Promise<number> {
  const header = await reader.take(12)
  const view = new DataView(header.buffer, header.byteOffset, 12)
  const version = view.getUint32(4)
  const count = view.getUint32(8)
  if (view.getUint32(0) !== 0x5041434b || (version !== 2 && version !== 3) || count > MAX_OBJECTS) throw malformed()
  return count
}

async function readEntry(reader: ByteReader, git: GitPrimitives, offset: number): Promise<Entry> {
  const { type, length } = await readEntryHead(reader)
  if (length > MAX_OBJECT_BYTES) throw new StoreError("STORE_MALFORMED", "an object in the store is too long")
  if (type === OFS_DELTA) {
    const baseOffset = offset - (await readOffset(reader))
    if (baseOffset < 0) throw malformed()
    return { kind: "offset", baseOffset, bytes: await inflateEntry(reader, git, length) }
  }
  if (type === REF_DELTA) {
    const baseId = toHex(await reader.take(20))
    return { kind: "ref", baseId, bytes: await inflateEntry(reader, git, length) }
  }
  const whole = TYPES[type]
  if (whole === undefined) throw malformed()
  return { kind: "whole", type: whole, bytes: await inflateEntry(reader, git, length) }
}

async function readEntryHead(reader: ByteReader): Promise<{ readonly type: number; readonly length: number }> {
  const view = await reader.peek(9)
  const first = view[0]
  if (first === undefined) throw endedEarly()
  let length = first & 0x0f
  let used = 1
  for (let byte = first, scale = 16; byte >= 0x80; scale *= 128) {
    if (used >= 8) throw malformed()
    const next = view[used]
    if (next === undefined) throw endedEarly()
    byte = next
    length += (byte & 0x7f) * scale
    used++
  }
  reader.skip(used)
  return { type: (first >> 4) & 7, length }
}

/** How far back the base lies: seven bits a byte, most significant first, each step adding one. */
async function readOffset(reader: ByteReader): Promise<number> {
  const view = await reader.peek(8)
  let value = -1
  for (let used = 0; used < 7; used++) {
    const byte = view[used]
    if (byte === undefined) throw endedEarly()
    value = (value + 1) * 128 + (byte & 0x7f)
    if (byte < 0x80) {
      reader.skip(used + 1)
      return value
    }
  }
  throw malformed()
}

async function inflateEntry(reader: ByteReader, git: GitPrimitives, length: number): Promise<Uint8Array> {
  const view = await reader.peek(maxZlibBytes(length))
  const { bytes, consumedBytes } = inflateStored(view, length) ?? inflateAny(view, git, length)
  reader.skip(consumedBytes)
  return bytes
}

/** Deflate's bound: so many bytes of one. */
const MAX_INFLATED_PER_BYTE = 1032

function inflateAny(view: Uint8Array, git: GitPrimitives, length: number): ReturnType<GitPrimitives["inflate"]> {
  // Room is made for what is stated: only if there can be as much.
  if (length > MAX_INFLATED_PER_BYTE * view.length)
    throw view.length < maxZlibBytes(length) ? endedEarly() : malformed()
  try {
    const inflated = git.inflate(view, length)
    if (inflated.bytes.length === length) return inflated
  } catch (cause) {
    // A stream cut short looks like a damaged one: what tells them apart is whether there was more to come.
    if (view.length < maxZlibBytes(length)) throw endedEarly()
    throw new StoreError("STORE_MALFORMED", "an object in the store's answer does not inflate", { cause })
  }
  throw malformed()
}

/** A stream of stored blocks, as our own blobs come back, copied without zlib; `undefined` if it is another. */
function inflateStored(view: Uint8Array, length: number): ReturnType<GitPrimitives["inflate"]> | undefined {
  if (view.length < length || !isZlibHead(view) || ((view[2] as number) & 6) !== 0) return undefined
  const bytes = new Uint8Array(length)
  let to = 0
  for (let at = 2; at + 5 <= view.length; ) {
    const head = view[at] as number
    const size = (view[at + 1] as number) | ((view[at + 2] as number) << 8)
    const check = (view[at + 3] as number) | ((view[at + 4] as number) << 8)
    at += 5
    if (head > 1 || size !== (check ^ 0xffff) || to + size > length || at + size > view.length) return undefined
    bytes.set(view.subarray(at, at + size), to)
    at += size
    to += size
    if (head === 1) {
      return to === length && at + 4 <= view.length ? { bytes, consumedBytes: at + 4 } : undefined
    }
  }
  return undefined
}

function isZlibHead(view: Uint8Array): boolean {
  const head = ((view[0] as number) << 8) | (view[1] as number)
  return (head & 0x0f20) === 0x0800 && head % 31 === 0
}

/** No deflate implementation makes more of `length` bytes than this (zlib's own bound for any setting). */
function maxZlibBytes(length: number): number {
  return length + (length >>> 3) + (length >>> 6) + 64
}

function malformed(): StoreError {
  return new StoreError("STORE_MALFORMED", "the pack that the store sent is damaged")
}
