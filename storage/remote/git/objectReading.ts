/**
 * Reads blobs by id, many of them, each handed over once. Large blobs lie in
 * the store as deltas on the constant base blob; a server passes such a delta
 * on as it is only if the base is asked for as well, so it always is.
 *
 * @module
 */
import { StoreError } from "../../errors.ts"
import type { CallOptions, ObjectId } from "../store.ts"
import { BASE_BLOB, BASE_ID } from "./delta.ts"
import type { GitObject } from "./objects.ts"
import type { PackOutcome } from "./packReader.ts"
import type { FetchRequest, UploadPack } from "./uploadPack.ts"

export type OnObject = (id: ObjectId, bytes: Uint8Array) => void | Promise<void>

export interface ObjectReader {
  /**
   * @param within - Commits that hold the objects, for a server that only gives heads.
   * @throws {StoreError} `STORE_OBJECT_MISSING`, `STORE_MALFORMED` and what the transport throws.
   */
  read(ids: readonly ObjectId[], within: readonly ObjectId[], onObject: OnObject, options: CallOptions): Promise<void>
}

/** Objects asked for in one request, and requests at a time (`docs/decisions/002-own-git-objects.md`). */
const BATCH = 256
const IN_FLIGHT = 2
/** What is kept for deltas that a server made of small blobs. */
const HELD_BYTES = 16 * 1024 * 1024

export function createObjectReader(uploadPack: UploadPack): ObjectReader {
  /** A store that another kind of client filled has no base blob. */
  let hasBase: boolean | undefined

  type Receive = (object: GitObject) => void | Promise<void>
  const fetch = async (request: FetchRequest, receive: Receive, options: CallOptions): Promise<PackOutcome> => {
    if (hasBase === false) return uploadPack.fetch(request, receive, options)
    try {
      const outcome = await uploadPack.fetch({ ...request, wants: [...request.wants, BASE_ID] }, receive, options)
      hasBase = true
      return outcome
    } catch (error) {
      if (hasBase === true || !isMissing(error)) throw error
      const outcome = await uploadPack.fetch(request, receive, options)
      hasBase = false
      return outcome
    }
  }

  return {
    async read(ids, within, onObject, options) {
      const asked = new Set(ids)
      const pending = new Set(ids)
      const deliver = inTurn(onObject)
      if (pending.delete(BASE_ID)) await deliver(BASE_ID, BASE_BLOB.slice())
      let unresolved = 0
      let isStrange = false

      const receive = async (object: GitObject): Promise<void> => {
        if (object.type !== "blob" || object.id === BASE_ID) return
        if (pending.delete(object.id)) await deliver(object.id, object.bytes)
        else if (!asked.has(object.id)) isStrange = true
      }
      const ask = async (
        batch: readonly ObjectId[],
        more: Partial<FetchRequest>,
        signal?: AbortSignal,
      ): Promise<void> => {
        const wants = batch.filter((id) => pending.has(id))
        if (wants.length === 0) return
        const request = { wants, within, heldBytes: HELD_BYTES, ...more }
        unresolved += (await fetch(request, receive, { ...options, signal: signal ?? options.signal })).unresolved
      }

      const batches = inBatches([...pending])
      // A server that gives only whole heads gives all at the first request: none beside it.
      if (hasBase === undefined) await ask(batches.shift() ?? [], {})
      await together(batches, options.signal, (batch, signal) => ask(batch, {}, signal))
      if (uploadPack.givesAnyObject() === false) await ask([...pending], { within: [], heldBytes: Infinity })
      else if (unresolved > 0) for (const id of [...pending]) await ask([id], {})
      if (pending.size === 0) return
      if (isStrange && uploadPack.givesAnyObject() !== false) {
        throw new StoreError("STORE_MALFORMED", "the store sent another object than the one asked for")
      }
      throw new StoreError("STORE_OBJECT_MISSING", "the store lacks an object")
    },
  }
}

/** Calls one at a time, whoever calls. */
function inTurn(onObject: OnObject): (id: ObjectId, bytes: Uint8Array) => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  return (id, bytes) => {
    const mine = last.then(() => onObject(id, bytes))
    last = mine.catch(() => {})
    return mine
  }
}

function inBatches(ids: readonly ObjectId[]): ObjectId[][] {
  const batches: ObjectId[][] = []
  for (let at = 0; at < ids.length; at += BATCH) batches.push(ids.slice(at, at + BATCH))
  return batches
}

/** Works off the list, some at a time. The first fault stops the others, and is thrown when they have stopped. */
async function together<T>(
  list: readonly T[],
  signal: AbortSignal | undefined,
  run: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const rest = [...list]
  const stop = new AbortController()
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  const faults: unknown[] = []
  const worker = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined && faults.length === 0; item = rest.shift()) {
      await run(item, either).catch((error: unknown) => {
        faults.push(error)
        stop.abort()
      })
    }
  }
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, rest.length) }, worker))
  if (faults.length > 0) throw faults[0]
}

function isMissing(error: unknown): boolean {
  return error instanceof StoreError && error.code === "STORE_OBJECT_MISSING"
}
