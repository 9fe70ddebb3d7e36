/**
 * The intake port: small files of a scan are read, hashed and made ready for an
 * upload, on more cores than one where the host has them.
 *
 * @module
 */
import type { Compressed } from "../../storage/compress.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import type { SealedChunk } from "../../storage/packGatherer.ts"
import type { Stat } from "./workspace.ts"

/** Content as it can be uploaded: sealed, if the keys were known in time. */
export type Ready = Compressed | SealedChunk

/** A small file that was read. */
export interface TakenIn {
  /** SHA-256. */
  readonly hash: Uint8Array
  /** `null` if it was not kept: there was no room for it, or the intake has the same content of another file. */
  readonly ready: Ready | null
}

/** Whoever opens an intake closes it. */
export interface Intake {
  /**
   * Takes a file in that was listed so.
   *
   * @param take - Called once, in any order, not after {@link Intake.drain} has resolved. Gets `null` if the file could
   * not be read, or is not as it was listed any more: then it is to be looked at in another way.
   */
  add(path: string, listed: Stat, take: (taken: TakenIn | null) => void): void
  /** From now on content is sealed, under these keys. They stay the caller's. */
  sealUnder(keys: EpochKeys): void
  /** Resolves when all were taken. */
  drain(signal?: AbortSignal): Promise<void>
  /** Drops what was not taken, and wipes what copies of keys there are. */
  close(): Promise<void>
}

/** What an intake is for. */
export interface IntakeOptions {
  /** The workspace's root. */
  readonly root: string
  /** Whether content is made ready, not only hashed. */
  readonly keeps: boolean
}
