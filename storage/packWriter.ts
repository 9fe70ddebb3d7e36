/**
 * Turns files into packs: cut, compress, seal, gather. Normative text:
 * `docs/spec/pack.md`, "Writing".
 *
 * **Nothing is ever sealed twice under one key and nonce.** A run of sealing
 * ({@link createRun}) draws its own salt, derives its own key, counts its own
 * nonces, counts before it seals, and lets none of these out or in: no argument
 * sets a salt or a number, and a run that failed never seals again. Whoever
 * tries a file again gets another run. What {@link sealWhole} made is placed, not sealed again.
 *
 * Holds one pack being filled, one waiting for `onPack`, and what the callers of
 * `addFile` have in hand. Does no I/O but through `onPack`.
 *
 * @module
 */
import { toHex } from "../crypto/bytes.ts"
import type { Awaitable, Crypto, Hasher } from "../crypto/crypto.ts"
import { LABEL_FILE } from "../crypto/labels.ts"
import type { Secret } from "../crypto/secret.ts"
import { createChunker, type Gear, MAX_WHOLE_BYTES } from "./chunker.ts"
import type { Compressed, Compressor } from "./compress.ts"
import type { Cut } from "./cuts.ts"
import { StorageError } from "./errors.ts"
import type { ChunkRef } from "./format/index/entry.ts"
import { chunkAssociatedData, chunkNonce, MAX_CHUNK_NUMBER } from "./format/pack.ts"
import { type EpochKeys, OBJECT_SALT_BYTES } from "./keys.ts"
import { createGatherer, type PlacedChunk, type SealedChunk, type SealedPack } from "./packGatherer.ts"

/** Size to which packs are filled on desktops. */
export const DESKTOP_PACK_BYTES = 8 * 1024 * 1024
/** Size to which packs are filled in browsers, where a pack is one request of an API. */
export const WEB_PACK_BYTES = 2 * 1024 * 1024

/** Below this length a chunk is not looked for among other files' chunks, only for the same path or a whole file. */
export const MIN_SHARED_BYTES = 64 * 1024

/**
 * Looks for a chunk that is in the vault already, or in packs kept from an interrupted upload.
 *
 * @param hash - SHA-256 of the chunk's plaintext.
 * @returns A reference that holds in the commit being made, or `undefined`.
 */
export type Reuse = (hash: Uint8Array, plainBytes: number) => ChunkRef | undefined

export interface PackWriterOptions {
  readonly crypto: Crypto
  /** Keys of the current epoch. */
  readonly keys: EpochKeys
  readonly gear: Gear
  readonly compressor: Compressor
  /** Packs are closed before they would outgrow this; a chunk longer than that has a pack for itself. */
  readonly targetBytes: number
  /**
   * Takes a finished pack, one at a time, in order. While one is being taken at most one more is filled:
   * `addFile` waits. If it throws, so do `addFile` and `finish`, and the writer is of no more use.
   */
  readonly onPack: (pack: SealedPack) => Promise<void>
}

/** A whole small file that was read and hashed before. */
export interface WholeContent {
  /** Bytes, at most {@link MAX_WHOLE_BYTES}. */
  readonly size: number
  /** SHA-256. */
  readonly hash: Uint8Array
  /** The content as it is to be sealed, or as {@link sealWhole} did; with codec `none` if it is a secret. */
  stored(): Awaitable<Compressed | SealedChunk>
}

/** A large file that was read, hashed and cut before. */
export interface CutContent {
  /** Bytes, more than {@link MAX_WHOLE_BYTES}. */
  readonly size: number
  /** SHA-256. */
  readonly hash: Uint8Array
  /** All of it, in order, cut with the same gear. */
  readonly cuts: readonly Cut[]
  /**
   * Reads a chunk that is not in the vault; sees to it that it is still the one that was cut. What it answers is good
   * until it is asked for the next.
   */
  read(cut: Cut): Promise<Uint8Array>
}

/** One file to add. */
export interface FileContent {
  /** The whole file, or its pieces in order; they must not change while `addFile` runs. */
  readonly content: Uint8Array | WholeContent | CutContent | AsyncIterable<Uint8Array>
  /** Leave chunks uncompressed, because a secret's compressed length tells about it. */
  readonly secret?: boolean
  readonly reuse?: Reuse
}

/** What became of a file. */
export interface AddedFile {
  /** Bytes read. */
  readonly size: number
  /** SHA-256 of the bytes read. */
  readonly hash: Uint8Array
  /** Bytes that were sealed for it; 0 if all chunks were there already. */
  readonly sealedBytes: number
  /**
   * References to its chunks, in file order. To be asked for after `finish`.
   *
   * @throws {TypeError} while a pack that holds one of them is still open.
   */
  chunks(): readonly ChunkRef[]
}

export interface PackWriter {
  /**
   * Reads, cuts, compresses and seals one file. May be called for several files at once, which then share packs.
   * If it throws, what it sealed is dead weight in its pack, referred to by nobody; other files are unharmed.
   */
  addFile(file: FileContent): Promise<AddedFile>
  /** Closes the last pack and waits until `onPack` has taken all. Call once, after every `addFile` has returned. */
  finish(): Promise<void>
}

/** A writer for the packs of one commit. */
export function createPackWriter(options: PackWriterOptions): PackWriter {
  const { crypto, keys, compressor } = options
  const gatherer = createGatherer(crypto, options.targetBytes, options.onPack)
  /** Whole files and longer chunks of this commit, so that copies among the files cost nothing. */
  const shared = new Map<string, PlacedChunk>()

  async function addChunk(run: Run, chunk: Chunk, file: FileContent): Promise<PlacedChunk> {
    const { plainBytes, hash } = chunk
    const known = file.reuse?.(hash, plainBytes)
    if (known !== undefined) return { ref: known }
    const key = isShared(chunk, file) ? shareKey(hash, file) : undefined
    const same = key === undefined ? undefined : shared.get(key)
    if (same !== undefined) return same

    const stored = await chunk.stored()
    if (file.secret && stored.codec !== "none") throw new TypeError("a secret was compressed")
    const placed = gatherer.place(isSealed(stored) ? stored : await run.seal(stored), { plainBytes, hash })
    if (key !== undefined) shared.set(key, placed)
    await gatherer.room()
    return placed
  }

  function store(plain: Uint8Array, { secret = false }: FileContent): Awaitable<Compressed> {
    return secret ? { codec: "none", bytes: plain } : compressor.compress(plain)
  }

  async function addWhole(run: Run, { size, hash, stored }: WholeContent, file: FileContent): Promise<AddedFile> {
    const placed = size === 0 ? [] : [await addChunk(run, { plainBytes: size, hash, isWhole: true, stored }, file)]
    return addedFile(size, hash, run.sealedBytes, placed)
  }

  async function addCut(run: Run, { size, hash, cuts, read }: CutContent, file: FileContent): Promise<AddedFile> {
    const placed: PlacedChunk[] = []
    if (cuts.reduce((sum, { plainBytes }) => sum + plainBytes, 0) !== size) throw new TypeError("cuts of another file")
    for (const cut of cuts) {
      const stored = async () => store(await read(cut), file)
      placed.push(await addChunk(run, { ...cut, isWhole: false, stored }, file))
    }
    return addedFile(size, hash, run.sealedBytes, placed)
  }

  async function addPieces(run: Run, pieces: Pieces, file: FileContent): Promise<AddedFile> {
    const chunker = createChunker(options.gear)
    const hasher: Hasher = crypto.createSha256()
    const placed: PlacedChunk[] = []
    let size = 0
    const addAll = async (chunks: readonly Uint8Array[]): Promise<void> => {
      for (const plain of chunks) {
        const stored = () => store(plain, file)
        const chunk = { plainBytes: plain.length, hash: crypto.sha256(plain), isWhole: false, stored }
        placed.push(await addChunk(run, chunk, file))
      }
    }
    for await (const piece of pieces) {
      hasher.update(piece)
      size += piece.length
      await addAll(chunker.push(piece))
    }
    await addAll(chunker.finish())
    return addedFile(size, hasher.digest(), run.sealedBytes, placed)
  }

  return {
    async addFile(file) {
      await gatherer.room()
      const run = createRun(crypto, keys)
      try {
        const { content } = file
        if ("stored" in content) return await addWhole(run, content, file)
        if ("cuts" in content) return await addCut(run, content, file)
        if (!(content instanceof Uint8Array)) return await addPieces(run, content, file)
        if (content.length > MAX_WHOLE_BYTES) return await addPieces(run, [content], file)
        const whole = { size: content.length, hash: crypto.sha256(content), stored: () => store(content, file) }
        return await addWhole(run, whole, file)
      } finally {
        run.end()
      }
    },
    finish: () => gatherer.finish(),
  }
}

interface Chunk {
  readonly plainBytes: number
  readonly hash: Uint8Array
  /** It is all of its file. */
  readonly isWhole: boolean
  readonly stored: WholeContent["stored"]
}

/** Seals a whole small file before there is a pack for it: a run of its own, which ends with it. */
export async function sealWhole(crypto: Crypto, keys: EpochKeys, content: Compressed): Promise<SealedChunk> {
  const run = createRun(crypto, keys)
  try {
    return await run.seal(content)
  } finally {
    run.end()
  }
}

export function isSealed(content: Compressed | SealedChunk): content is SealedChunk {
  return "salt" in content
}

/** Short secrets are not: a pack that stays small would confirm the guess that somebody planted in another file. */
function isShared({ plainBytes, isWhole }: Chunk, { secret = false }: FileContent): boolean {
  return plainBytes >= MIN_SHARED_BYTES || (isWhole && !secret)
}

/** A secret's bytes never lie compressed, though they be those of another file that is none. */
function shareKey(hash: Uint8Array, { secret = false }: FileContent): string {
  return `${toHex(hash)} ${secret}`
}

type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

function addedFile(size: number, hash: Uint8Array, sealedBytes: number, placed: readonly PlacedChunk[]): AddedFile {
  return {
    size,
    hash,
    sealedBytes,
    chunks: () =>
      placed.map(({ ref }) => {
        if (ref === undefined) throw new TypeError("the pack of this chunk is still open")
        return ref
      }),
  }
}

/** The sealing of one file version, or of the part of it that is uploaded this time. */
interface Run {
  readonly sealedBytes: number
  seal(content: Compressed): Promise<SealedChunk>
  /** Wipes the key. Nothing can be sealed any more. */
  end(): void
}

function createRun(crypto: Crypto, keys: EpochKeys): Run {
  const { workspace, epoch } = keys
  /** Drawn for the first chunk: a file whose chunks are all there already needs no key. */
  let drawn: { readonly salt: Uint8Array; readonly key: Secret } | undefined
  let next = 0
  let sealedBytes = 0
  let ended = false

  function draw(): { readonly salt: Uint8Array; readonly key: Secret } {
    const salt = crypto.randomBytes(OBJECT_SALT_BYTES)
    return { salt, key: keys.objectKey(salt, LABEL_FILE) }
  }

  return {
    get sealedBytes() {
      return sealedBytes
    },
    async seal({ codec, bytes: plain }) {
      if (ended || next > MAX_CHUNK_NUMBER) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "run of sealing is over")
      drawn ??= draw()
      // Taken before the seal: a number is used up whether or not sealing succeeds.
      const number = next++
      const associatedData = chunkAssociatedData(workspace, epoch, codec, number)
      try {
        const bytes = await crypto.seal(drawn.key, chunkNonce(number), associatedData, plain)
        sealedBytes += bytes.length
        return { bytes, codec, epoch, salt: drawn.salt, number }
      } catch (cause) {
        ended = true
        throw cause
      }
    },
    end() {
      ended = true
      drawn?.key.wipe()
    },
  }
}
