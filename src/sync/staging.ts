/**
 * Sealed packs on their way into the vault. What does not fit into one request
 * goes to this machine's upload branch first, and is noted here with its chunk
 * references, so that an interrupted upload goes on with the *sealed packs*.
 * Only ever a cache: packs of an older epoch, or whose branch is gone, are
 * dropped, and their files are sealed anew under new salts.
 *
 * @module
 */
import { toHex } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import type { ChunkRef } from "../../storage/format/index/entry.ts"
import { packPath, uploadBranch } from "../../storage/layout.ts"
import type { SealedPack } from "../../storage/packGatherer.ts"
import type { Branch, CallOptions, ObjectId, Store } from "../../storage/remote/store.ts"
import type { State } from "../ports/state.ts"
import { decodeNote, encodeNote } from "./stagedNote.ts"

/**
 * Sealed bytes of one stage, unless the host says otherwise: two of a desktop's packs. One stage is on its way to the store
 * while the next is filled, so that the store's work and ours take the same time.
 */
const STAGE_BYTES = 15 * 1024 * 1024
const NOTES = "staged/"

export interface Staging {
  /** A chunk that lies in a pack of an interrupted upload. */
  find(hash: Uint8Array, plainBytes: number): ChunkRef | undefined
  /** Takes a pack. Begins to send those in hand ahead when they are many, once those before have arrived. */
  add(pack: SealedPack): Promise<void>
  /**
   * Runs what adds packs, and waits for what is on its way however that ends: nothing is sent behind anybody's back.
   * What could not be sent is in hand again.
   */
  fill<T>(run: () => Promise<T>): Promise<T>
  /** All packs by id, once filled: bytes that were not sent yet, or the store's id of those that were. */
  packs(): ReadonlyMap<string, Uint8Array | ObjectId>
  /** The upload branch, to be deleted by the commit that takes its packs over. */
  branch(): Branch | null
  /** After that commit. */
  clear(): Promise<void>
  /** Bytes of packs taken in this run. */
  readonly sealedBytes: number
}

export interface StagingOptions {
  readonly crypto: Pick<Crypto, "sha256">
  readonly store: Store
  readonly state: State
  readonly workspace: string
  readonly machine: string
  readonly epoch: number
  /** As the store shows it now. */
  readonly uploadHead: ObjectId | null
  readonly stageBytes?: number | undefined
  readonly call: CallOptions
}

/** Picks up what an interrupted upload left, as far as it is still good. */
export async function openStaging(options: StagingOptions): Promise<Staging> {
  const { crypto, store, state, call, stageBytes = STAGE_BYTES } = options
  const name = uploadBranch(options.workspace, options.machine)
  const sent = new Map<string, ObjectId>()
  const inHand = new Map<string, SealedPack>()
  const chunks = new Map<string, ChunkRef>()
  let head = options.uploadHead
  let notes = 0
  let inHandBytes = 0
  let sealedBytes = 0
  let onTheWay: Promise<void> = Promise.resolve()
  let isFilling = false

  const remember = (refs: readonly ChunkRef[]): void => {
    for (const ref of refs) chunks.set(chunkKey(ref.hash, ref.plainBytes), ref)
  }

  const clear = async (): Promise<void> => {
    await forgetStaged(state)
    sent.clear()
    inHand.clear()
    chunks.clear()
    head = null
    notes = 0
    inHandBytes = 0
  }

  const resume = async (): Promise<void> => {
    const names = await state.list(NOTES)
    if (names.length === 0) return
    const there = head === null ? new Map<string, ObjectId>() : await store.snapshot(head, call)
    for (const noteName of names) {
      const stored = await state.read(noteName)
      const packs = stored === null ? null : decodeNote(crypto, stored)
      const good = packs?.every(
        ({ pack, id, chunks }) => there.get(packPath(pack)) === id && chunks.every((c) => c.epoch === options.epoch),
      )
      if (packs === null || good !== true) {
        await state.remove(noteName)
        continue
      }
      for (const { pack, id, chunks } of packs) {
        sent.set(pack, id)
        remember(chunks)
      }
      notes = Math.max(notes, Number(noteName.slice(NOTES.length)) + 1)
    }
  }

  const keep = (packs: Iterable<SealedPack>): void => {
    for (const pack of packs) {
      inHand.set(pack.id, pack)
      inHandBytes += pack.bytes.length
    }
  }

  const send = async (stage: readonly SealedPack[]): Promise<void> => {
    const snapshot = new Map<string, Uint8Array | ObjectId>()
    for (const [pack, id] of sent) snapshot.set(packPath(pack), id)
    for (const { id, bytes } of stage) snapshot.set(packPath(id), bytes)
    let result = await store.commit({ branch: name, parent: head, snapshot, ancestors: [] }, call)
    if (result.kind === "moved") {
      // Nobody else writes here: another process of this machine, or a copy of it, was killed.
      const [found] = await store.branches(name, call)
      result = await store.commit({ branch: name, parent: found?.head ?? null, snapshot, ancestors: [] }, call)
      if (result.kind === "moved") return keep(stage)
    }
    head = result.head
    const ids = result.snapshot
    const packs = stage.map(({ id, chunks }) => ({ pack: id, id: ids.get(packPath(id)) as ObjectId, chunks }))
    await state.write(`${NOTES}${String(notes++).padStart(6, "0")}`, encodeNote(crypto, packs))
    for (const { pack, id } of packs) sent.set(pack, id)
  }

  const sendAhead = async (): Promise<void> => {
    await onTheWay
    if (!isFilling) return
    const stage = [...inHand.values()]
    inHand.clear()
    inHandBytes = 0
    onTheWay = send(stage).catch((error: unknown) => {
      keep(stage)
      throw error
    })
    // Whoever fills is told.
    onTheWay.catch(() => {})
  }

  const settle = async (): Promise<void> => {
    isFilling = false
    const last = onTheWay
    onTheWay = Promise.resolve()
    await last
  }

  async function fill<T>(run: () => Promise<T>): Promise<T> {
    isFilling = true
    try {
      const filled = await run()
      await settle()
      return filled
    } catch (error) {
      await settle().catch(() => {})
      throw error
    }
  }

  await resume()
  return {
    find: (hash, plainBytes) => (chunks.size === 0 ? undefined : chunks.get(chunkKey(hash, plainBytes))),
    async add(pack) {
      keep([pack])
      sealedBytes += pack.bytes.length
      if (inHandBytes >= stageBytes) await sendAhead()
    },
    fill,
    packs() {
      const packs = new Map<string, Uint8Array | ObjectId>(sent)
      for (const [id, { bytes }] of inHand) packs.set(id, bytes)
      return packs
    },
    branch: () => (head === null ? null : { name, head }),
    clear,
    get sealedBytes() {
      return sealedBytes
    },
  }
}

/** Removes the notes of packs that were sent ahead. */
export async function forgetStaged(state: State): Promise<void> {
  for (const note of await state.list(NOTES)) await state.remove(note)
}

function chunkKey(hash: Uint8Array, plainBytes: number): string {
  return `${toHex(hash)} ${plainBytes}`
}
