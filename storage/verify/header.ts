/**
 * Whether to believe a header: against the trust log of its own tree, and
 * against what this client remembers. Pure, without keys; the MAC is `macs.ts`.
 * Normative text: `docs/spec/header.md`, "Belief".
 *
 * What is wrong in itself is thrown. How a sound header relates to the one seen
 * last is a value, because each relation asks for something else: follow, wait,
 * ask, or raise the alarm.
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { StorageError } from "../errors.ts"
import { areSignedBy, decodeEnvelope, decodePayload, type Envelope, envelopeHash } from "../format/envelope.ts"
import { type Header, headerCodec, type MachineCounter } from "../format/header.ts"
import { meetsPolicy, verificationKeys } from "../format/machine.ts"
import type { UNVOUCHED } from "./newer.ts"
import { extendsLog, type TrustState, trustedMachine } from "./trustState.ts"

/** Why a header is refused whatever was seen before: the `reason` of a {@link StorageError} `HEADER_INVALID`. */
export type HeaderReason =
  | "another workspace"
  | "trust log is not the one in the tree"
  | "writer not trusted"
  | "not signed by exactly the writer's keys"
  | "epoch not current"
  | "counter of an unknown machine"
  | "inbox of an unknown machine"
  | "kind contradicts the trust log"
  | "floor went down"
  | "only a compaction raises a floor"
  | "counters do not follow"
  | "sequence leaps"
  /** Said by whoever reads it from a store: only there is a log to ask. */
  | typeof UNVOUCHED

/**
 * How far the sequence may be ahead of the one seen last. Nobody misses so many versions, and no machine can use up all
 * numbers there are.
 */
export const MAX_LEAP = 2 ** 24

/** How a sound header fails to follow the one seen last. */
export type HeaderDoubt =
  /** It precedes what was seen. */
  | "counters behind"
  | "trust log behind"
  /** It neither precedes nor follows. */
  | "trust logs parted"
  | "counters parted"
  | "two headers with one counter"
  | "sequence did not grow"
  | "does not follow the header before"
  /** It counts headers of this machine that this machine did not sign (`vault/head.ts`). */
  | "counter without its header"

/** A header that is sound in itself: signed by a machine trusted at the log of its own tree. */
export interface VerifiedHeader {
  readonly header: Header
  /** SHA-256 over the signed bytes. */
  readonly hash: Uint8Array
  readonly envelope: Envelope
}

/** What a client remembers of a workspace. */
export interface HeaderMemory {
  /** The newest header it believed; `null` before the first. */
  readonly seen: VerifiedHeader | null
  /** The longest log it believed, from the store or the notifier; `null` before the first. */
  readonly trust: TrustState | null
  /** This machine, and the highest counter it ever signed, published or not; `null` for the notifier. */
  readonly self: { readonly id: string; readonly counter: number } | null
  /** After a fork of the log was decided: machines whose headers since the fork do not count (`compareLogs`). */
  readonly overruled?: ReadonlySet<string>
}

export type HeaderVerdict =
  /** Nothing was seen before. */
  | { readonly kind: "first"; readonly verified: VerifiedHeader }
  /** The header seen last. */
  | { readonly kind: "same"; readonly verified: VerifiedHeader }
  /** Follows the one seen last. */
  | { readonly kind: "newer"; readonly verified: VerifiedHeader }
  /**
   * Follows, but holds more headers of this machine than it remembers: it was restored from a backup, or cloned.
   * `counter` is the number to take over.
   */
  | { readonly kind: "restored"; readonly verified: VerifiedHeader; readonly counter: number }
  /** Precedes what was seen: perhaps only stale. Wait; after five minutes it is an alarm. */
  | { readonly kind: "older"; readonly verified: VerifiedHeader; readonly doubt: HeaderDoubt }
  /** Contradicts what was seen: two histories. An alarm at once. */
  | { readonly kind: "forked"; readonly verified: VerifiedHeader; readonly doubt: HeaderDoubt }
  /** A repair that contradicts what was seen: ask once, then follow it. */
  | { readonly kind: "repair"; readonly verified: VerifiedHeader; readonly doubt: HeaderDoubt }

/**
 * Verifies a header and says how it relates to what was seen.
 *
 * @param encoded - `manifest.json`, from an untrusted place.
 * @param trust - The verified log of the same tree.
 * @param workspace - The pinned workspace id.
 * @throws {StorageError} `HEADER_INVALID` with a {@link HeaderReason}; `FORMAT_INVALID`, `FORMAT_NEWER` or
 * `FORMAT_LIMIT_EXCEEDED` if it cannot be read.
 */
export async function verifyHeader(
  crypto: Crypto,
  encoded: Uint8Array,
  workspace: string,
  trust: TrustState,
  memory: HeaderMemory,
): Promise<HeaderVerdict> {
  const verified = await verifyHeaderAlone(crypto, encoded, workspace, trust)
  const verdict = relate(verified, trust, memory)
  if (verdict.kind !== "first" && verdict.kind !== "newer") return verdict
  const counter = ownCounter(verified.header, memory)
  return counter === null ? verdict : { kind: "restored", verified, counter }
}

/**
 * Verifies what needs no memory: workspace, log, writer, signatures, epoch. Throws as {@link verifyHeader}.
 * Enough to look at an old version; not enough to believe a head.
 */
export async function verifyHeaderAlone(
  crypto: Crypto,
  encoded: Uint8Array,
  workspace: string,
  trust: TrustState,
): Promise<VerifiedHeader> {
  const envelope = decodeEnvelope("header", encoded)
  const header = decodePayload(headerCodec, envelope)
  if (header.workspace !== workspace || trust.workspace !== workspace) refuse("another workspace")
  if (header.trust.length !== trust.length || !equalBytes(header.trust.head, trust.head)) {
    refuse("trust log is not the one in the tree")
  }
  const writer = trustedMachine(trust, header.writer)
  if (writer === undefined || !meetsPolicy(writer.record, trust.policy)) throw refusal("writer not trusted")
  if (!(await areSignedBy(crypto, envelope.signed, envelope.signatures, verificationKeys(writer.record)))) {
    refuse("not signed by exactly the writer's keys")
  }
  if (header.epoch !== trust.epoch.epoch) refuse("epoch not current")
  for (const { id } of header.machines) if (!isListed(trust, id)) refuse("counter of an unknown machine")
  for (const { machine } of header.inbox) if (!isListed(trust, machine)) refuse("inbox of an unknown machine")
  return { header, hash: envelopeHash(crypto, envelope), envelope }
}

/** Counter and last header of each machine once a header stands: the writer's last header is that one. */
export function countersAfter({ header, hash }: VerifiedHeader): ReadonlyMap<string, CounterAfter> {
  const counters = new Map<string, CounterAfter>()
  for (const { id, counter, head } of header.machines) {
    counters.set(id, { counter, head: id === header.writer || head === null ? hash : head })
  }
  return counters
}

export interface CounterAfter {
  readonly counter: number
  /** Hash of the machine's last header. */
  readonly head: Uint8Array
}

function relate(verified: VerifiedHeader, trust: TrustState, memory: HeaderMemory): HeaderVerdict {
  const { seen } = memory
  if (seen !== null && equalBytes(seen.hash, verified.hash)) return { kind: "same", verified }
  const log = memory.trust === null ? "follows" : relateLogs(memory.trust, trust)
  if (log === "parted") return { kind: "forked", verified, doubt: "trust logs parted" }
  if (seen !== null) {
    if (verified.header.sequence > seen.header.sequence + MAX_LEAP) refuse("sequence leaps")
    const doubt = doubtOf(seen, verified, trust, memory)
    if (doubt === "counters behind") return { kind: "older", verified, doubt }
    if (doubt !== null) {
      const isRepair = verified.header.kind === "repair" && verified.header.sequence > seen.header.sequence
      if (isRepair && memory.overruled === undefined) checkCounters(seen, verified.header, trust)
      return { kind: isRepair && log === "follows" ? "repair" : "forked", verified, doubt }
    }
  }
  if (log === "behind") return { kind: "older", verified, doubt: "trust log behind" }
  if (seen === null) return { kind: "first", verified }
  if (memory.overruled === undefined) checkCounters(seen, verified.header, trust)
  checkStep(seen.header, verified.header)
  return { kind: "newer", verified }
}

function relateLogs(remembered: TrustState, shown: TrustState): "follows" | "behind" | "parted" {
  if (extendsLog(remembered, shown)) return "follows"
  return extendsLog(shown, remembered) ? "behind" : "parted"
}

/** What speaks against `next` following `seen`, or `null`. */
function doubtOf(
  seen: VerifiedHeader,
  next: VerifiedHeader,
  trust: TrustState,
  memory: HeaderMemory,
): HeaderDoubt | null {
  const { isAhead, isBehind, isClash } = compareCounters(seen, next, trust, memory)
  if (isClash) return "two headers with one counter"
  const hasGrown = next.header.sequence > seen.header.sequence
  if (isBehind) return isAhead || hasGrown ? "counters parted" : "counters behind"
  if (!hasGrown && memory.overruled === undefined) return "sequence did not grow"
  const isNext = next.header.sequence === seen.header.sequence + 1
  const follows = next.header.previous !== null && equalBytes(next.header.previous, seen.hash)
  if (isNext !== follows && memory.overruled === undefined && next.header.kind !== "repair") {
    return "does not follow the header before"
  }
  return null
}

interface CounterComparison {
  readonly isAhead: boolean
  readonly isBehind: boolean
  /** One counter, two headers: somebody signed twice. */
  readonly isClash: boolean
}

function compareCounters(
  seen: VerifiedHeader,
  next: VerifiedHeader,
  trust: TrustState,
  { trust: remembered, overruled }: HeaderMemory,
): CounterComparison {
  const before = countersAfter(seen)
  const after = countersAfter(next)
  let isAhead = false
  let isBehind = false
  let isClash = isBrokenLink(seen, after, overruled) || isBrokenLink(next, before, overruled)
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    if (overruled?.has(id)) continue
    const old = before.get(id)
    const now = after.get(id)
    if (old === undefined) {
      if (remembered?.machines.get(id)?.status !== "deleted") isAhead = true
    } else if (now === undefined) {
      if (isListed(trust, id) && (remembered === null || isListed(remembered, id))) isBehind = true
    } else if (now.counter !== old.counter) {
      if (now.counter > old.counter) isAhead = true
      else isBehind = true
    } else if (!equalBytes(now.head, old.head)) isClash = true
  }
  return { isAhead, isBehind, isClash }
}

/** Whether a header is its writer's next after one known from the other side, yet names another as the one before. */
function isBrokenLink(
  { header }: VerifiedHeader,
  known: ReadonlyMap<string, CounterAfter>,
  overruled: ReadonlySet<string> | undefined,
): boolean {
  const own = header.machines.find(({ id }) => id === header.writer)
  const last = known.get(header.writer)
  if (own === undefined || own.head === null || last === undefined || overruled?.has(header.writer)) return false
  return own.counter === last.counter + 1 && !equalBytes(own.head, last.head)
}

/**
 * A header right after another counts itself and nothing else: no machine writes in another's name, so that nobody can be
 * made to look restored, or cloned. A repair, too, goes on from the header that it names as the one before.
 *
 * @param trust - The log that `next` stands on.
 * @throws {StorageError} `HEADER_INVALID`: "counters do not follow".
 */
export function checkCounters(before: VerifiedHeader, next: Header, trust: TrustState): void {
  if (next.previous === null || !equalBytes(next.previous, before.hash)) return
  const due = countersOnTop(before, trust, next.writer)
  const isDue = ({ id, counter, head }: MachineCounter, i: number): boolean => {
    const wanted = due[i]
    if (wanted === undefined || wanted.id !== id || wanted.counter !== counter) return false
    return head === null || wanted.head === null ? head === wanted.head : equalBytes(head, wanted.head)
  }
  if (next.machines.length !== due.length || !next.machines.every(isDue)) refuse("counters do not follow")
}

/** The one list of counters that a header by `writer`, on a log at this end, may have right after `before`. */
export function countersOnTop(
  before: VerifiedHeader | null,
  trust: TrustState,
  writer: string,
): readonly MachineCounter[] {
  const after = before === null ? new Map<string, CounterAfter>() : countersAfter(before)
  const counters: MachineCounter[] = []
  for (const [id, { counter, head }] of after) {
    if (id !== writer && isListed(trust, id)) counters.push({ id, counter, head })
  }
  const own = after.get(writer)
  counters.push({ id: writer, counter: (own?.counter ?? 0) + 1, head: own?.head ?? null })
  return counters.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** What must hold between a header and one that follows it. */
function checkStep(seen: Header, next: Header): void {
  if (next.kind === "repair") return
  if (next.tombstoneFloor < seen.tombstoneFloor || next.historyFloor < seen.historyFloor) refuse("floor went down")
  if (next.sequence !== seen.sequence + 1) return
  const isRaised = next.tombstoneFloor > seen.tombstoneFloor || next.historyFloor > seen.historyFloor
  if (isRaised && next.kind !== "compact") refuse("only a compaction raises a floor")
  if ((next.kind === "trust") !== next.trust.length > seen.trust.length) refuse("kind contradicts the trust log")
}

function ownCounter({ machines }: Header, { self }: HeaderMemory): number | null {
  if (self === null) return null
  const counter = machines.find(({ id }) => id === self.id)?.counter ?? 0
  return counter > self.counter ? counter : null
}

/**
 * The header of this machine's own that `verified` counts, though neither its memory nor the header seen last knows of
 * it: to be found before anything is concluded from it. `null` if there is none, or if `verified` itself is it.
 */
export function unknownOwnHeader({ header }: VerifiedHeader, { self, seen }: HeaderMemory): MachineCounter | null {
  if (self === null || seen === null || header.writer === self.id) return null
  const own = header.machines.find(({ id }) => id === self.id)
  const known = Math.max(self.counter, countersAfter(seen).get(self.id)?.counter ?? 0)
  return own !== undefined && own.counter > known ? own : null
}

function isListed(trust: TrustState, id: string): boolean {
  const machine = trust.machines.get(id)
  return machine !== undefined && machine.status !== "deleted"
}

function refuse(reason: HeaderReason): never {
  throw refusal(reason)
}

function refusal(reason: HeaderReason): StorageError {
  return new StorageError("HEADER_INVALID", reason)
}
