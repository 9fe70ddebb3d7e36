/**
 * What to do when two valid trust logs of one workspace part. A machine that is
 * revoked can always sign a rival log from before its revocation; that log must
 * lose, whoever shows it first. Pure. Normative text: `docs/spec/trust.md`, "Forks".
 *
 *     side X beats side Y  if X revokes machines, and every entry of Y after the fork was signed by one of
 *                          those, or by a machine that such a machine approved on Y after the fork
 *
 * If exactly one side beats the other it wins. Everything else is a question for
 * a person: until it is answered nothing is published.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import { type LogEntry, passesThrough, type TrustState } from "./trustState.ts"

/** How two logs relate. `common` is the number of entries they share. */
export type LogComparison =
  | { readonly kind: "same" }
  /** One goes on from the other's end: no fork. */
  | { readonly kind: "extends"; readonly longer: "a" | "b" }
  /**
   * They part, and the winner revoked whoever signed the loser's side. `lost`: entries that no longer count; `overruled`:
   * the machines whose signatures since the fork count for nothing, their headers' included.
   */
  | {
      readonly kind: "wins"
      readonly winner: "a" | "b"
      readonly common: number
      readonly lost: readonly LogEntry[]
      readonly overruled: ReadonlySet<string>
    }
  /** They part and a person must choose. */
  | { readonly kind: "question"; readonly reason: ForkQuestion; readonly common: number }

export type ForkQuestion =
  /** Not one workspace: nothing in common at all. */
  | "another workspace"
  /** Each side revokes the other's signers. */
  | "mutual revocation"
  /** The recovery key signed on one side or both: whoever had the passphrase could have done it. */
  | "recovery"
  /** At least one entry on either side was signed by a machine that the other side trusts. */
  | "both sides stand"

/** Compares two verified logs. Neither order nor length nor time plays a part. */
export function compareLogs(a: TrustState, b: TrustState): LogComparison {
  if (passesThrough(a, b.length, b.head)) {
    return a.length === b.length ? { kind: "same" } : { kind: "extends", longer: "a" }
  }
  if (passesThrough(b, a.length, a.head)) return { kind: "extends", longer: "b" }

  const common = commonLength(a, b)
  if (common === 0) return { kind: "question", reason: "another workspace", common }
  const onA = a.entries.slice(common)
  const onB = b.entries.slice(common)
  if ([...onA, ...onB].some(({ entry }) => entry.kind === "recover")) {
    return { kind: "question", reason: "recovery", common }
  }
  const overruledOnB = overruled(onA, b, common)
  const overruledOnA = overruled(onB, a, common)
  const aBeats = isAllBy(onB, overruledOnB)
  const bBeats = isAllBy(onA, overruledOnA)
  if (aBeats && bBeats) return { kind: "question", reason: "mutual revocation", common }
  if (aBeats) return { kind: "wins", winner: "a", common, lost: onB, overruled: overruledOnB }
  if (bBeats) return { kind: "wins", winner: "b", common, lost: onA, overruled: overruledOnA }
  return { kind: "question", reason: "both sides stand", common }
}

function commonLength(a: TrustState, b: TrustState): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) {
    if (!equalBytes((a.entries[i] as LogEntry).hash, (b.entries[i] as LogEntry).hash)) return i
  }
  return shorter
}

/** The machines that `ours` revokes, and those that they let in on the other side after the fork. */
function overruled(ours: readonly LogEntry[], theirs: TrustState, common: number): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const { entry } of ours) if (entry.kind === "revoke") for (const id of entry.machines) ids.add(id)
  const letInSince = [...theirs.machines.values()]
    .filter(({ since }) => since > common)
    .sort((a, b) => a.since - b.since)
  for (const { id, approvedBy } of letInSince) if (approvedBy !== null && ids.has(approvedBy)) ids.add(id)
  return ids
}

function isAllBy(entries: readonly LogEntry[], machines: ReadonlySet<string>): boolean {
  return entries.every(({ entry }) => entry.writer !== null && machines.has(entry.writer))
}
