/**
 * What the index holds of one path, as the rest of Sessyn sees it. The bytes:
 * `docs/spec/index.md` and `indexShard.ts`.
 *
 * @module
 */

/** How a chunk was compressed before it was sealed. */
export type Codec = "none" | "deflate-raw" | "zstd"

/** Where one chunk of a file lies and how it was sealed (`docs/spec/pack.md`). */
export interface ChunkRef {
  /** SHA-256 of the pack, in hex; its path is `packs/<first two>/<hex>`. */
  readonly pack: string
  /** Offset and length in bytes of the sealed chunk, tag included, within the pack. */
  readonly offset: number
  readonly sealedBytes: number
  /** Length of the plaintext; inflating stops there. */
  readonly plainBytes: number
  readonly codec: Codec
  /** Epoch, salt (32 bytes) and number within its run: what key and nonce come from. */
  readonly epoch: number
  readonly salt: Uint8Array
  readonly number: number
  /** SHA-256 of the plaintext. */
  readonly hash: Uint8Array
}

interface EntryCommon {
  /** Relative to the root, `/` between segments, NFC is not applied: the exact name on the writer's disk. */
  readonly path: string
  /** Permission bits, 0 to 0o777. */
  readonly mode: number
  /** Milliseconds since the epoch, for display only. */
  readonly mtimeMs: number
  /** Sequence of the header that brought this version. */
  readonly version: number
  /** Machine id of the writer of this version. */
  readonly writer: string
}

export interface FileEntry extends EntryCommon {
  readonly type: "file"
  readonly size: number
  /** SHA-256 of the whole content. */
  readonly hash: Uint8Array
  /** In file order; none for an empty file. */
  readonly chunks: readonly ChunkRef[]
}

export interface LinkEntry extends EntryCommon {
  readonly type: "link"
  /** What the link says, exactly; never followed. */
  readonly target: string
}

export interface FolderEntry extends EntryCommon {
  readonly type: "folder"
}

export type IndexEntry = FileEntry | LinkEntry | FolderEntry

/** A path that was deleted. `hash`: of what was there (of the target for a link; 32 zero bytes for a folder). */
export interface Tombstone {
  readonly path: string
  readonly hash: Uint8Array
  /** Sequence of the header that brought the deletion. */
  readonly sequence: number
  readonly writer: string
}
