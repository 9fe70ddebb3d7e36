/**
 * What a case is given and what it gives back. One file a case beside this one.
 *
 * @module
 */
import type { Measured, Turns } from "../measure.ts"
import type { GitDesk } from "../peers/git.ts"
import type { Peer } from "../peers/peer.ts"
import type { ResticDesk } from "../peers/restic.ts"
import type { SessynDesk } from "../peers/sessyn.ts"
import type { Ratio } from "../statistics.ts"

/** Everybody who takes part; null for who is missing. */
export interface Peers {
  readonly sessyn: Peer<SessynDesk>
  /** Sessyn's host is a Git host: without git there is no bench. */
  readonly git: Peer<GitDesk>
  readonly restic: Peer<ResticDesk> | null
  readonly gcrypt: Peer | null
}

export interface Bench {
  readonly quick: boolean
  readonly turns: Turns
  readonly peers: Peers
  /** A new empty folder, by a short name of what it is for. Gone with the bench. */
  place(what: string): string
  /** The real tree, unpacked once; to be copied, not changed. */
  realTree(): string
  say(what: string): void
}

/** One line of the table of targets, held against what was measured. */
export interface Check {
  readonly what: string
  readonly unit: "ratio" | "bytes" | "count"
  /** At most this is wanted. */
  readonly target: number
  /** Null if it could not be measured. */
  readonly value: number | null
  /** Of the pairs, where the value is a ratio of times. */
  readonly range?: Ratio
  /** The same ratio with the time that restic takes to open its repository taken out of its time. */
  readonly net?: number
  readonly met: boolean | null
}

export interface Result {
  readonly name: string
  readonly title: string
  readonly measured: readonly Measured[]
  readonly checks: readonly Check[]
  readonly notes: readonly string[]
}

export interface Case {
  readonly name: string
  /** What it is about, for the list. */
  readonly title: string
  run(bench: Bench): Promise<readonly Result[]>
}
