/**
 * Reads files for the scan: small ones whole, large ones in pieces, and once more
 * what changes meanwhile.
 *
 * @module
 */
import type { Crypto } from "../../../crypto/crypto.ts"
import type { Gear } from "../../../storage/chunker.ts"
import { type Cut, createCutSeeker } from "../../../storage/cuts.ts"
import { done, type Outcome, type Stat, type Workspace } from "../../ports/workspace.ts"
import type { Seen } from "./scanCache.ts"

/** Larger files are read in pieces. */
export const SMALL_BYTES = 1024 * 1024
/** How often a file that changes while it is read is read again. */
const ATTEMPTS = 3

export interface ContentReaderOptions {
  readonly workspace: Workspace
  readonly crypto: Pick<Crypto, "sha256" | "createSha256">
  readonly signal?: AbortSignal | undefined
  /** Gets the content of every small file, with its SHA-256. */
  readonly onContent?: (path: string, bytes: Uint8Array, hash: Uint8Array) => void
  /** What large files are cut with, once it is known; `null` if it will not be. */
  readonly gear?: (() => Promise<Gear | null>) | undefined
  /** Gets the chunks of every large file that was cut, with its SHA-256. */
  readonly onCuts?: (path: string, cuts: readonly Cut[], hash: Uint8Array) => void
}

export interface ContentReader {
  /** @param listed - As the file was listed. */
  read(path: string, listed: Stat): Promise<Outcome<Seen>>
  /** What is to be remembered of a file with that content. */
  seen(stat: Stat, hash: Uint8Array): Seen
}

/** @param startedNs - When the scan began, by the file system's own clock. */
export function createContentReader(
  { workspace, crypto, signal, onContent, gear, onCuts }: ContentReaderOptions,
  startedNs: bigint,
): ContentReader {
  async function attempt(path: string, listed: Stat, number: number): Promise<Outcome<Seen>> {
    signal?.throwIfAborted()
    if (listed.size <= SMALL_BYTES) {
      const read = await workspace.read(path, SMALL_BYTES, number === 0 ? listed : undefined)
      if (!read.ok) return read
      const { bytes, stat } = read.value
      const hash = crypto.sha256(bytes)
      onContent?.(path, bytes, hash)
      return done(seen(stat, hash))
    }
    const known = await gear?.()
    const seeker = known ? createCutSeeker(crypto, known) : undefined
    const hasher = crypto.createSha256()
    const read = await workspace.readPieces(path, (piece) => {
      signal?.throwIfAborted()
      hasher.update(piece)
      seeker?.push(piece)
    })
    if (!read.ok) return read
    const hash = hasher.digest()
    if (seeker !== undefined) onCuts?.(path, seeker.finish(), hash)
    return done(seen(read.value, hash))
  }

  function seen({ mode, size, mtimeNs, ctimeNs, inode, device }: Stat, hash: Uint8Array): Seen {
    const settled = mtimeNs < startedNs && ctimeNs < startedNs
    return { mode, size, mtimeNs, ctimeNs, inode, device, hash, settled }
  }

  return { read: (path, listed) => again((number) => attempt(path, listed, number)), seen }
}

/** Tries once more what was refused because it changed. */
export async function again<T>(run: (attempt: number) => Promise<Outcome<T>>): Promise<Outcome<T>> {
  let outcome = await run(0)
  for (let i = 1; i < ATTEMPTS && !outcome.ok && outcome.refusal === "changed"; i++) outcome = await run(i)
  return outcome
}
