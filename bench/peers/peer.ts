/**
 * What a case needs of a program that keeps folders: Sessyn, or one that it is
 * measured against. One file a program beside this one.
 *
 * @module
 */
import type { Command } from "../commands.ts"
import type { Traffic } from "../measure.ts"

export type PeerName = "sessyn" | "restic" | "gcrypt" | "git"

export interface Peer<D extends Desk = Desk> {
  readonly name: PeerName
  /**
   * Makes an empty store for a folder and whatever has to be there before the first sending. Untimed.
   *
   * @param place - An empty folder for its store, keys and settings.
   */
  setUp(root: string, place: string): Promise<D>
}

/** A folder that one peer keeps, and the store that it goes to. */
export interface Desk {
  readonly root: string
  /** Sends what is new in the folder: all of it at first, later what changed. */
  send(): readonly Command[]
  /**
   * Prepares, untimed, a second machine that has nothing yet.
   *
   * @param place - An empty folder for it.
   * @returns What brings all files onto its disk.
   */
  join(place: string): Promise<readonly Command[]>
  /** Bytes in the store. */
  storedBytes(): number
  /** Totals since the store was made; not there if the store is a folder. */
  readonly traffic?: () => Traffic
}
