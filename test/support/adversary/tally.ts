/**
 * Counts what came of damage, by kind of object and outcome, and prints it: the
 * figures are the finding.
 *
 * @module
 */
import type { Reading } from "./specimen.node.ts"

/** Every reason that a client gives for refusing bytes of a vault. */
export const REASONS = [
  "FORMAT_INVALID",
  "FORMAT_NEWER",
  "FORMAT_LIMIT_EXCEEDED",
  "HASH_MISMATCH",
  "SEAL_BROKEN",
  "OBJECT_MISSING",
  "TRUST_LOG_INVALID",
  "HEADER_INVALID",
] as const

export interface Tally {
  /** @param expected - What the vault says where nothing is wrong. */
  count(kind: string, reading: Reading, expected: string): void
  kinds(): readonly string[]
  /** Outcomes of one kind by name; `no effect` for what came out byte for byte as it should. */
  of(kind: string): Readonly<Record<string, number>>
  /** Things that came out, and are not what they should be. */
  readonly accepted: readonly string[]
  print(title: string): void
}

export function createTally(): Tally {
  const kinds = new Map<string, Map<string, number>>()
  const accepted: string[] = []
  return {
    accepted,
    count(kind, reading, expected) {
      const outcomes = kinds.get(kind) ?? new Map<string, number>()
      kinds.set(kind, outcomes)
      const outcome = reading.kind === "refused" ? reading.code : reading.digest === expected ? "no effect" : "ACCEPTED"
      if (outcome === "ACCEPTED") accepted.push(kind)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    },
    kinds: () => [...kinds.keys()],
    of: (kind) => Object.fromEntries(kinds.get(kind) ?? []),
    print(title) {
      const lines = [...kinds].map(([kind, outcomes]) => {
        const counts = [...outcomes].sort().map(([outcome, n]) => `${outcome} ${n}`)
        const total = [...outcomes.values()].reduce((sum, n) => sum + n, 0)
        return `  ${kind.padEnd(24)} ${String(total).padStart(7)}: ${counts.join(", ")}`
      })
      console.info([title, ...lines].join("\n"))
    },
  }
}
