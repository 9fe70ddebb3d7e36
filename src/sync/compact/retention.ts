/**
 * Which versions a compaction keeps, and which tombstones. Pure.
 *
 * Times in headers come from the clocks of those who wrote them. One that was
 * wrong must not cost anybody a version: a version counts as old only if all
 * before it do, too.
 *
 * @module
 */
import type { Tombstone } from "../../../storage/format/index/entry.ts"
import type { ObjectId } from "../../../storage/remote/store.ts"

/** The newest so many versions, the present one included; or every state that the vault was in during a time. */
export type Retention = { readonly versions: number } | { readonly ms: number }

const DAY_MS = 24 * 60 * 60 * 1000

export const DEFAULT_RETENTION: Retention = { ms: 30 * DAY_MS }

/**
 * Tombstones stay at least that long. They take a few dozen bytes each, and as long as they are there a machine that was
 * away learns what was deleted meanwhile; without them it joins anew, and brings all of that back.
 */
const TOMBSTONE_MS = 90 * DAY_MS
/** So many stay in any case; of more, none that is older than the versions that are kept. */
const MANY_TOMBSTONES = 10_000

/** What is known of one version without its files. */
export interface VersionFacts {
  readonly commit: ObjectId
  readonly sequence: number
  readonly timeMs: number
}

/** How many versions are to stay, from the newest on; may be more than there are. @param versions - Newest first. */
export function countWanted(versions: readonly VersionFacts[], retention: Retention, nowMs: number): number {
  const wanted = "versions" in retention ? retention.versions : countInForce(versions, nowMs - retention.ms)
  return Math.max(1, wanted)
}

/** How many versions, from the newest on, were in force at some moment since: the one that was so just then, too. */
function countInForce(versions: readonly VersionFacts[], sinceMs: number): number {
  return versions.findLastIndex(({ timeMs }) => timeMs > sinceMs) + 2
}

export interface TombstonesKept {
  /** Of the next header. */
  readonly floor: number
  /** Paths whose tombstones go. */
  readonly dropped: readonly string[]
}

/**
 * Whoever was last in sync below the floor joins as new. So it rises no further than something is dropped for it.
 *
 * @param kept - How many of the versions stay.
 * @param floor - As it is.
 */
export function keepTombstones(
  tombstones: ReadonlyMap<string, Tombstone>,
  versions: readonly VersionFacts[],
  kept: number,
  floor: number,
  nowMs: number,
): TombstonesKept {
  const old = versions[Math.max(kept, countInForce(versions, nowMs - TOMBSTONE_MS)) - 1]
  const isCrowded = tombstones.size > MANY_TOMBSTONES
  const below = (isCrowded ? versions[kept - 1] : old)?.sequence ?? floor
  const dropped = [...tombstones.values()].filter(({ sequence }) => sequence < below)
  const highest = dropped.reduce((most, { sequence }) => Math.max(most, sequence), -1)
  return { floor: Math.max(floor, highest + 1), dropped: dropped.map(({ path }) => path) }
}
