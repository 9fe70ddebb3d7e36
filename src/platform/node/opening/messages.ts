/**
 * What the main thread and the opening thread say to each other.
 *
 * @module
 */
import type { RefColumns } from "../../../../storage/packOpener.ts"

/** Length of a new buffer, unless a slice is longer: that of most fits into that of any other. */
export const BUFFER_BYTES = 1024 * 1024

/** Answers come in the order of the slices. */
export type Request =
  /** First of all. The keys' buffers are moved, not copied. */
  | { readonly kind: "keys"; readonly workspace: string; readonly keys: readonly EpochKey[] }
  /** What the slices to come are of. */
  | { readonly kind: "pack"; readonly pack: Uint8Array; readonly refs: RefColumns }
  | { readonly kind: "slice"; readonly from: number; readonly to: number; readonly into: Into }
  /** Wipe the keys and end. */
  | { readonly kind: "end" }

/** A buffer to put the plaintexts into, moved there and back; `null`: a new one. */
export type Into = Uint8Array<ArrayBuffer> | null

export interface EpochKey {
  readonly epoch: number
  readonly key: Uint8Array
}

export type Answer =
  /** The plaintexts of a slice, one behind the other from the start. */
  | { readonly kind: "plain"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Of a slice: what `StorageError` was thrown, or, without a code, what else. */
  | { readonly kind: "fault"; readonly code: string | null; readonly reason: string }
