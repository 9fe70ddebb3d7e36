/**
 * Content on its way from the vault: puts together the chunks of each file, in
 * whatever order they come. A file of one chunk stays in memory, and one of a few
 * as long as there is room; a larger one grows in the state folder under the name
 * of its hash, so that a download that was cut short goes on where it stopped:
 * chunks that are there and right by their hash are not asked for again.
 *
 * @module
 */
import { equalBytes, toHex } from "../../../crypto/bytes.ts"
import type { Crypto, Hasher } from "../../../crypto/crypto.ts"
import { StorageError } from "../../../storage/errors.ts"
import type { FileEntry } from "../../../storage/format/index/entry.ts"
import type { Workspace, WorkspaceRefusal } from "../../ports/workspace.ts"
import { TEMPORARY } from "../stateFolder.ts"

/** A file of which content is needed. Asked for once, however many paths get it. */
export interface Wanted {
  readonly path: string
  readonly entry: FileEntry
  /** Positions in `entry.chunks` of what is not here yet, ascending. */
  readonly missing: readonly number[]
}

/** Takes a plaintext chunk whose hash was checked: its file, its offset there, its bytes, which are not kept. */
export type Deliver = (path: string, offset: number, bytes: Uint8Array) => Promise<void>

/** Fetches all that is missing, in any order, and waits for `deliver`; or throws. */
export type Fetch = (wanted: readonly Wanted[], deliver: Deliver) => Promise<void>

/** Whole content, checked against the hash of the file. */
export type Content =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** A file in the state folder; whoever gets it moves it away. */
  | { readonly kind: "temporary"; readonly path: string }

/** One file being put together. */
export interface Incoming {
  readonly wanted: Wanted
  /** The whole content once this chunk was the last. */
  add(offset: number, bytes: Uint8Array): Promise<Content | null>
  /** If nothing is missing from the start. */
  readonly complete: Content | null
}

type Hashing = Pick<Crypto, "sha256" | "createSha256">

/** Bytes of memory that files of several chunks may take together while they come. Less and less as they do. */
export interface Room {
  bytes: number
}

export async function openIncoming(
  workspace: Workspace,
  crypto: Hashing,
  path: string,
  entry: FileEntry,
  room: Room,
): Promise<Incoming> {
  if (entry.chunks.length <= 1) return openSmall(crypto, path, entry)
  const atHand = await chunksAtHand(workspace, crypto, entry)
  const large = await openLarge(workspace, crypto, path, entry, atHand)
  return atHand.size === 0 ? gather(crypto, entry, large, room) : large
}

/** Puts it together in memory if there is room when its first chunk comes, else as `large` does. */
function gather(crypto: Hashing, entry: FileEntry, large: Incoming, room: Room): Incoming {
  const left = new Set(offsetsOf(entry))
  let gathered: Uint8Array | null | undefined
  return {
    ...large,
    add: async (offset, bytes) => {
      if (gathered === undefined) {
        gathered = entry.size <= room.bytes ? new Uint8Array(entry.size) : null
        room.bytes -= gathered?.length ?? 0
      }
      if (gathered === null) return large.add(offset, bytes)
      if (!left.delete(offset)) return null
      if (offset + bytes.length > entry.size) throw contradiction()
      gathered.set(bytes, offset)
      if (left.size > 0) return null
      room.bytes += entry.size
      if (!equalBytes(crypto.sha256(gathered), entry.hash)) throw contradiction()
      return { kind: "bytes", bytes: gathered }
    },
  }
}

/** Where the content of a large file grows. */
export function partPath(hash: Uint8Array): string {
  return `${TEMPORARY}/${toHex(hash)}.part`
}

function openSmall(crypto: Hashing, path: string, entry: FileEntry): Incoming {
  const [only] = entry.chunks
  // What is delivered has its chunk's hash: of a file that is its chunk, it need not be computed again.
  const isItsChunk = only !== undefined && equalBytes(only.hash, entry.hash)
  const whole = (bytes: Uint8Array): Content => {
    const isRight = bytes.length === entry.size && (isItsChunk || equalBytes(crypto.sha256(bytes), entry.hash))
    if (!isRight) throw contradiction()
    return { kind: "bytes", bytes }
  }
  const isEmpty = entry.chunks.length === 0
  return {
    wanted: { path, entry, missing: isEmpty ? [] : [0] },
    add: async (offset, bytes) => {
      if (offset !== 0) throw contradiction()
      return whole(bytes)
    },
    complete: isEmpty ? whole(new Uint8Array()) : null,
  }
}

/** The chunks are those that the index names, yet do not make up the file that it names. */
function contradiction(): StorageError {
  return new StorageError("HASH_MISMATCH", "the chunks of a file do not have its hash")
}

async function openLarge(
  workspace: Workspace,
  crypto: Hashing,
  path: string,
  entry: FileEntry,
  atHand: ReadonlySet<number>,
): Promise<Incoming> {
  const part = partPath(entry.hash)
  const missing = entry.chunks.map((_, position) => position).filter((position) => !atHand.has(position))
  const offsets = offsetsOf(entry)
  const left = new Set(missing.map((position) => offsets[position]))

  async function finish(): Promise<Content> {
    const hash = await hashFile(workspace, crypto, part)
    if (hash !== null && equalBytes(hash, entry.hash)) return { kind: "temporary", path: part }
    // Kept, it would be found complete and wrong for ever.
    await workspace.removeFile(part)
    throw contradiction()
  }

  return {
    wanted: { path, entry, missing },
    complete: left.size === 0 ? await finish() : null,
    add: async (offset, bytes) => {
      if (!left.has(offset)) return null
      const opened = await workspace.create(part, { resume: true })
      if (!opened.ok) throw new Error(`cannot write to the state folder: ${opened.refusal}`)
      try {
        await opened.value.write(offset, bytes)
      } finally {
        await opened.value.close()
      }
      left.delete(offset)
      return left.size === 0 ? finish() : null
    },
  }
}

function offsetsOf({ chunks }: FileEntry): readonly number[] {
  let offset = 0
  return chunks.map(({ plainBytes }) => {
    const at = offset
    offset += plainBytes
    return at
  })
}

/** Which chunks an earlier, killed download left. */
async function chunksAtHand(workspace: Workspace, crypto: Hashing, entry: FileEntry): Promise<ReadonlySet<number>> {
  const atHand = new Set<number>()
  const part = partPath(entry.hash)
  let position = 0
  let room = entry.chunks[0]?.plainBytes ?? 0
  let hasher: Hasher = crypto.createSha256()
  const read = await workspace.readPieces(part, (piece) => {
    for (let at = 0; at < piece.length && position < entry.chunks.length; ) {
      const length = Math.min(room, piece.length - at)
      hasher.update(piece.subarray(at, at + length))
      at += length
      room -= length
      if (room > 0) continue
      if (equalBytes(hasher.digest(), entry.chunks[position]?.hash ?? new Uint8Array())) atHand.add(position)
      hasher = crypto.createSha256()
      position++
      room = entry.chunks[position]?.plainBytes ?? 0
    }
  })
  if (!read.ok && read.refusal === "missing") return atHand
  if (read.ok && read.value.size <= entry.size && (await canGoOn(workspace, part))) return atHand
  // Longer than the file, cannot be read, or put in place already when we were killed: begin anew.
  await workspace.removeFile(part)
  return new Set()
}

async function canGoOn(workspace: Workspace, part: string): Promise<boolean> {
  const opened = await workspace.create(part, { resume: true })
  if (opened.ok) await opened.value.close()
  return opened.ok
}

/** SHA-256 of a file's content; `null` if it cannot be read whole. @param onRefusal - Learns why not. */
export async function hashFile(
  workspace: Workspace,
  crypto: Hashing,
  path: string,
  onRefusal: (refusal: WorkspaceRefusal) => void = () => {},
): Promise<Uint8Array | null> {
  const hasher = crypto.createSha256()
  const read = await workspace.readPieces(path, (piece) => hasher.update(piece))
  if (read.ok) return hasher.digest()
  onRefusal(read.refusal)
  return null
}
