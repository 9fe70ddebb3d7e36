/**
 * What the main thread and the intake's thread say to each other: batches of
 * files as columns, because thousands of objects cost more to send than to read.
 *
 * @module
 */
import { HASH_BYTES } from "../../../../crypto/crypto.ts"
import { OBJECT_SALT_BYTES } from "../../../../storage/keys.ts"
import { isSealed } from "../../../../storage/packWriter.ts"
import type { Ready, TakenIn } from "../../../ports/intake.ts"
import type { Stat } from "../../../ports/workspace.ts"

/** Answers come in the order of the batches. */
export type Request =
  /** The key's buffer is moved, not copied. */
  | { readonly kind: "keys"; readonly workspace: string; readonly epoch: number; readonly key: Uint8Array }
  | ({ readonly kind: "batch"; readonly keeps: boolean } & Batch)
  /** Wipe the keys and end. */
  | { readonly kind: "end" }

/** Files as they were listed. */
export interface Batch {
  /** Joined by NUL, which no path holds. */
  readonly paths: string
  /** Of each file mode and size. */
  readonly sizes: Float64Array<ArrayBuffer>
  /** Of each file mtime, ctime, inode and device. */
  readonly facts: BigUint64Array<ArrayBuffer>
}

const SIZES = 2
const FACTS = 4

export interface ListedFile {
  readonly path: string
  readonly listed: Stat
}

export function encodeBatch(files: readonly ListedFile[]): Batch {
  const sizes = new Float64Array(files.length * SIZES)
  const facts = new BigUint64Array(files.length * FACTS)
  for (const [i, { listed }] of files.entries()) {
    sizes.set([listed.mode, listed.size], i * SIZES)
    // Times before 1970 are negative: as unsigned here, and back.
    facts.set([listed.mtimeNs, listed.ctimeNs, listed.inode, listed.device], i * FACTS)
  }
  return { paths: files.map(({ path }) => path).join("\0"), sizes, facts }
}

export function decodeBatch({ paths, sizes, facts }: Batch): readonly ListedFile[] {
  return paths.split("\0").map((path, i) => {
    const [mode, size] = sizes.subarray(i * SIZES) as unknown as [number, number]
    const [mtime, ctime, inode, device] = facts.subarray(i * FACTS) as unknown as [bigint, bigint, bigint, bigint]
    const times = { mtimeNs: BigInt.asIntN(64, mtime), ctimeNs: BigInt.asIntN(64, ctime) }
    return { path, listed: { type: "file", mode, size, ...times, inode, device } }
  })
}

/** What became of a batch. */
export interface Answer {
  /** Of each file what it is, and its codec. */
  readonly kinds: Uint8Array<ArrayBuffer>
  readonly hashes: Uint8Array<ArrayBuffer>
  readonly salts: Uint8Array<ArrayBuffer>
  readonly lengths: Uint32Array<ArrayBuffer>
  /** The contents, one behind the other. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Of the sealed ones. */
  readonly epoch: number
}

const [UNREAD, HASHED, COMPRESSED, SEALED] = [0, 1, 2, 3]
const KINDS = 2
const CODECS: readonly Ready["codec"][] = ["none", "deflate-raw", "zstd"]

/** Takes the results of a batch in one by one, because the bytes of one do not outlive the next. */
export function createAnswer(count: number, capacity: number) {
  const kinds = new Uint8Array(count * KINDS)
  const hashes = new Uint8Array(count * HASH_BYTES)
  const salts = new Uint8Array(count * OBJECT_SALT_BYTES)
  const lengths = new Uint32Array(count)
  const bytes = new Uint8Array(capacity)
  let epoch = 0
  let length = 0
  return {
    set(i: number, taken: TakenIn | null): void {
      if (taken === null) return
      const { hash, ready } = taken
      hashes.set(hash, i * HASH_BYTES)
      kinds[i * KINDS] = ready === null ? HASHED : isSealed(ready) ? SEALED : COMPRESSED
      if (ready === null) return
      kinds[i * KINDS + 1] = CODECS.indexOf(ready.codec)
      if (isSealed(ready)) {
        salts.set(ready.salt, i * OBJECT_SALT_BYTES)
        epoch = ready.epoch
      }
      bytes.set(ready.bytes, length)
      lengths[i] = ready.bytes.length
      length += ready.bytes.length
    },
    /** The buffers in it are to be moved. */
    finish: (): Answer => ({ kinds, hashes, salts, lengths, bytes: bytes.slice(0, length), epoch }),
  }
}

export function decodeAnswer({ kinds, hashes, salts, lengths, bytes, epoch }: Answer): readonly (TakenIn | null)[] {
  let at = 0
  return Array.from(lengths, (length, i) => {
    const kind = kinds[i * KINDS]
    if (kind === UNREAD) return null
    const hash = hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)
    if (kind === HASHED) return { hash, ready: null }
    const codec = CODECS[kinds[i * KINDS + 1] as number] as Ready["codec"]
    // Views: files that lie together are needed together.
    const content = { codec, bytes: bytes.subarray(at, at + length) }
    at += length
    if (kind === COMPRESSED) return { hash, ready: content }
    const salt = salts.subarray(i * OBJECT_SALT_BYTES, (i + 1) * OBJECT_SALT_BYTES)
    return { hash, ready: { ...content, epoch, salt, number: 0 } }
  })
}
