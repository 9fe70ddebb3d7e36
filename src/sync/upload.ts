/**
 * Reads what the vault lacks, seals it into packs and hands these to the
 * staging. Content that is in the vault already is referred to, not read.
 *
 * @module
 */
import { equalBytes, toHex } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { createGear, type Gear, MAX_CUT_BYTES, MAX_WHOLE_BYTES } from "../../storage/chunker.ts"
import type { Compressed, Compressor } from "../../storage/compress.ts"
import type { Cut } from "../../storage/cuts.ts"
import type { ChunkRef, FileEntry } from "../../storage/format/index/entry.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import {
  type AddedFile,
  type CutContent,
  createPackWriter,
  MIN_SHARED_BYTES,
  type Reuse,
  type WholeContent,
} from "../../storage/packWriter.ts"
import type { CallOptions, ObjectId } from "../../storage/remote/store.ts"
import type { Progress } from "../ports/progress.ts"
import type { Workspace } from "../ports/workspace.ts"
import type { FileNode } from "../tree/node.ts"
import { looksSecret } from "../tree/sensitive.ts"
import type { Context } from "../vault/context.ts"
import type { ReadAhead } from "./readAhead.ts"
import { openStaging, type Staging } from "./staging.ts"

/** A file whose content is to be sealed. */
export interface FileToSeal {
  readonly path: string
  /** What the plan saw; content that differs from it is not uploaded this time. */
  readonly node: FileNode
  /** Content that is not the workspace's: a merge. */
  readonly content?: Uint8Array
  /** The version before, whose chunks may be used again. */
  readonly before: FileEntry | null
}

export interface Sealing {
  readonly crypto: Crypto
  readonly compressor: Compressor
  readonly keys: EpochKeys
  readonly gear: Gear
  readonly packBytes: number
  readonly workspace: Workspace
  readonly staging: Staging
  /** Content that was read before. The rest is read from the workspace. */
  readonly readAhead?: ReadAhead | undefined
  readonly progress: Progress
  /** Chunks of at least 64 KiB that the vault holds anywhere, by hash. */
  readonly sharedChunks: Reuse
  readonly signal?: AbortSignal | undefined
}

export interface Sealed {
  readonly chunksByPath: ReadonlyMap<string, readonly ChunkRef[]>
  /** Files that were edited, or went, since the plan: their turn comes with the next sync. */
  readonly changed: ReadonlySet<string>
}

/** Where an upload goes, and what it may refer to instead. */
export interface Destination {
  readonly keys: EpochKeys
  readonly gearSeed: Uint8Array
  /** Of this machine's upload branch, as the store shows it now. */
  readonly uploadHead: ObjectId | null
  readonly sharedChunks: Reuse
  readonly readAhead?: ReadAhead
}

/** Seals what the vault lacks into packs, which the next commit is to take over from the staging. */
export async function uploadFiles(
  { host, store, state, config }: Context,
  workspace: Workspace,
  { keys, gearSeed, uploadHead, sharedChunks, readAhead }: Destination,
  files: readonly FileToSeal[],
  call: CallOptions,
): Promise<Sealed & { readonly staging: Staging }> {
  const { crypto, compressor, packBytes, stageBytes, progress } = host
  const { workspace: workspaceId, machine } = config
  const { epoch } = keys
  const staging = await openStaging({
    crypto,
    store,
    state,
    workspace: workspaceId,
    machine,
    epoch,
    uploadHead,
    stageBytes,
    call,
  })
  const gear = createGear(crypto, gearSeed)
  const means = { crypto, compressor, keys, gear, packBytes, staging, progress, signal: call.signal }
  const sealing = { ...means, workspace, sharedChunks, readAhead }
  return { staging, ...(await staging.fill(() => sealFiles(sealing, files))) }
}

/** Seals all files, one after another; bounded memory whatever their number and size. */
export async function sealFiles(sealing: Sealing, files: readonly FileToSeal[]): Promise<Sealed> {
  const { crypto, keys, gear, compressor, packBytes, staging } = sealing
  const onPack = (pack: Parameters<Staging["add"]>[0]): Promise<void> => staging.add(pack)
  const writer = createPackWriter({ crypto, keys, gear, compressor, targetBytes: packBytes, onPack })
  const added = new Map<string, AddedFile>()
  const changed = new Set<string>()
  sealing.progress.step("upload", totalBytes(files), "bytes")
  for (const file of files) {
    sealing.signal?.throwIfAborted()
    const result = await sealOne(sealing, writer.addFile, file)
    if (result === null) changed.add(file.path)
    else added.set(file.path, result)
    sealing.progress.advance(file.node.size)
  }
  await writer.finish()
  // What nobody asked for makes room for the commit.
  sealing.readAhead?.clear()
  return { chunksByPath: new Map([...added].map(([path, file]) => [path, file.chunks()])), changed }
}

/** A file changed, or cannot be read. One for all: what it takes to make an error is more than a small file takes. */
const REFUSAL = new Error("the file changed or cannot be read")

type AddFile = ReturnType<typeof createPackWriter>["addFile"]

/** `null` if the file is not what the plan saw any more. */
async function sealOne(sealing: Sealing, addFile: AddFile, file: FileToSeal): Promise<AddedFile | null> {
  const { path, node, content } = file
  const how = { secret: looksSecret(path), reuse: reuseFor(sealing, file.before) }
  if (content !== undefined) return addFile({ content, ...how })
  const small = node.size <= MAX_WHOLE_BYTES
  const known = small ? smallFile(sealing, file, how.secret) : cutFile(sealing, file)
  const added = await addFile({ content: known ?? piecesOf(sealing.workspace, path), ...how }).catch(
    (error: unknown) => {
      if (error === REFUSAL) return null
      throw error
    },
  )
  return added?.size === node.size && equalBytes(added.hash, node.hash) ? added : null
}

/** What was read ahead; read now, and looked at once more, if it was not and is needed. */
function smallFile(sealing: Sealing, { path, node }: FileToSeal, secret: boolean): WholeContent {
  const { crypto, compressor, keys, readAhead, workspace } = sealing
  const readNow = async (): Promise<Compressed> => {
    const read = await workspace.read(path, MAX_WHOLE_BYTES)
    if (!read.ok) throw REFUSAL
    const { bytes } = read.value
    if (bytes.length !== node.size || !equalBytes(crypto.sha256(bytes), node.hash)) throw REFUSAL
    return secret ? { codec: "none", bytes } : compressor.compress(bytes)
  }
  return { size: node.size, hash: node.hash, stored: readAhead?.take(path, node.hash, keys.epoch) ?? readNow }
}

/** A large file that the scan cut: only what the vault lacks is read, and hashed once more. */
function cutFile(sealing: Sealing, { path, node }: FileToSeal): CutContent | undefined {
  const { crypto, readAhead, workspace } = sealing
  const { size, hash } = node
  const cuts = readAhead?.takeCuts(path, hash)
  if (cuts === undefined) return undefined
  const room = new Uint8Array(Math.min(size, MAX_CUT_BYTES))
  const read = async (cut: Cut): Promise<Uint8Array> => {
    sealing.signal?.throwIfAborted()
    const chunk = room.subarray(0, cut.plainBytes)
    const filled = await workspace.readRange(path, cut.offset, chunk)
    if (!filled.ok || !equalBytes(crypto.sha256(chunk), cut.hash)) throw REFUSAL
    return chunk
  }
  return { size, hash, cuts, read }
}

function reuseFor(sealing: Sealing, before: FileEntry | null): Reuse {
  const own = new Map(before?.chunks.map((chunk) => [toHex(chunk.hash), chunk]))
  const ofOwn = (hash: Uint8Array, plainBytes: number): ChunkRef | undefined => {
    const chunk = own.size === 0 ? undefined : own.get(toHex(hash))
    return chunk?.plainBytes === plainBytes ? chunk : undefined
  }
  return (hash, plainBytes) =>
    ofOwn(hash, plainBytes) ??
    (plainBytes >= MIN_SHARED_BYTES ? sealing.sharedChunks(hash, plainBytes) : undefined) ??
    sealing.staging.find(hash, plainBytes)
}

/** Turns the workspace's pushed pieces into pulled ones, one in hand at a time. */
function piecesOf(workspace: Workspace, path: string): AsyncIterable<Uint8Array> {
  async function* pull(): AsyncGenerator<Uint8Array> {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const reading = workspace
      .readPieces(path, (piece) => writer.write(piece.slice()))
      .then(
        (read) => (read.ok ? writer.close() : writer.abort(REFUSAL)),
        (cause: unknown) => writer.abort(cause),
      )
      // Whatever it is, the reader below gets it too.
      .catch(() => {})
    const reader = readable.getReader()
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        yield value
      }
    } finally {
      await reader.cancel().catch(() => {})
      await reading
    }
  }
  return pull()
}

function totalBytes(files: readonly FileToSeal[]): number {
  return files.reduce((sum, { node }) => sum + node.size, 0)
}
