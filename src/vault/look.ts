/**
 * Looks at what the store shows and decides whether to believe it. What needs no
 * key is checked here; MACs, and everything below the header, once the vault is
 * unlocked (`src/trust/unlock.ts`, `vaultIndex.ts`).
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import { StorageError } from "../../storage/errors.ts"
import { encodeEnvelope } from "../../storage/format/envelope.ts"
import { requireRecipients } from "../../storage/format/keyBox.ts"
import { decodeVaultFile } from "../../storage/format/vaultFile.ts"
import { mainBranch } from "../../storage/layout.ts"
import type { Branch, ObjectId } from "../../storage/remote/store.ts"
import { compareLogs } from "../../storage/verify/forks.ts"
import { type HeaderMemory, type HeaderVerdict, unknownOwnHeader, verifyHeader } from "../../storage/verify/header.ts"
import { extendsLog, type TrustState } from "../../storage/verify/trustState.ts"
import { SyncError } from "../errors.ts"
import { isVaultFault } from "./faults.ts"
import { type Head, type Looking, readHead, soundHead } from "./head.ts"

/** How long an older head than the one seen may be the host's slowness, in milliseconds. */
export const STALE_MS = 5 * 60 * 1000

/** What a look at the store found. */
export type Look =
  /** No such vault in the store. */
  | { readonly kind: "none" }
  /**
   * To be followed. `restoredCounter`: this machine's own counter, found ahead of its memory. `isParted`: from another log
   * than the one seen, which loses by the rule.
   */
  | {
      readonly kind: "follow"
      readonly head: Head
      readonly restoredCounter: number | null
      readonly isParted: boolean
    }
  /** The store shows less than was seen. */
  | { readonly kind: "older"; readonly head: Head }
  /**
   * The store shows something else than was seen. `question`: two logs stand against each other, a person must choose.
   * `isParted` as above.
   */
  | {
      readonly kind: "forked"
      readonly head: Head
      readonly question: boolean
      readonly isParted: boolean
      readonly doubt: string
    }
  /** A repair that contradicts what was seen: ask once, then follow. */
  | { readonly kind: "repair"; readonly head: Head }

/**
 * Looks at the vault's head.
 *
 * @param branches - As just read from the store.
 * @param known - The head seen last, taken as it is when the store still shows it.
 * @throws {StorageError} if what is there does not verify.
 */
export async function look(looking: Looking, branches: readonly Branch[], known: Head | null): Promise<Look> {
  const main = branches.find(({ name }) => name === mainBranch(looking.workspace))
  if (main === undefined) return { kind: "none" }
  if (known !== null && known.commit === main.head)
    return { kind: "follow", head: known, restoredCounter: null, isParted: false }
  const { raw, trust, ...read } = await readHead(looking, main.head)
  const { crypto, workspace, memory } = looking
  const decided = decideFork(memory, trust)
  const verdict = await verifyHeader(crypto, raw, workspace, trust, decided.memory)
  const head: Head = { ...read, trust, verified: verdict.verified }
  if (!equalBytes(crypto.sha256(head.vaultFile), verdict.verified.header.vault)) {
    throw new StorageError("HASH_MISMATCH", "key boxes")
  }
  if (!hasSameBoxes(known, head)) requireRecipients(trust, decodeVaultFile(head.vaultFile))
  if (isFollowed(verdict) && !(await hasOwnHeader(looking, head, decided.memory))) {
    return toLook({ kind: "forked", verified: verdict.verified, doubt: "counter without its header" }, head, decided)
  }
  const found = toLook(verdict, head, decided)
  if (found.kind !== "forked" || found.question || found.isParted) return found
  const isRepaired = (await leadsToRepair(looking, head)) && (await hasOwnHeader(looking, head, decided.memory))
  return isRepaired ? { kind: "repair", head } : found
}

/** How many versions may lie on top of a repair that this machine has not seen. */
const MAX_ABOVE_REPAIR = 1000

/**
 * Whether a head that contradicts what was seen goes on from a repair that does: then somebody wrote on top of it before
 * this machine looked, and it is asked as if it had come first. Else machines that saw different halves would go on
 * repairing each other's repairs.
 */
async function leadsToRepair(looking: Looking, head: Head): Promise<boolean> {
  const { crypto, workspace, memory } = looking
  if (memory.seen === null || memory.trust === null || !extendsLog(memory.trust, head.trust)) return false
  const { sequence } = memory.seen.header
  let above = head.verified.header
  for (const commit of await commitsBelow(looking, head)) {
    if (above.sequence <= sequence) return false
    const past = await soundHead(looking, commit, head.trust)
    if (past === null || above.previous === null || !equalBytes(past.verified.hash, above.previous)) continue
    const { header, envelope } = past.verified
    above = header
    if (header.kind !== "repair") continue
    const verdict = await verifyHeader(crypto, encodeEnvelope(envelope), workspace, past.trust, memory)
    if (verdict.kind === "repair") return true
  }
  return false
}

async function commitsBelow({ store, call }: Looking, { commit }: Head): Promise<readonly ObjectId[]> {
  try {
    return (await store.history(commit, MAX_ABOVE_REPAIR, call)).slice(1)
  } catch (error) {
    if (isVaultFault(error)) return []
    throw error
  }
}

/** Whether key boxes and log are those of a head that was looked at before. */
function hasSameBoxes(known: Head | null, { trust, verified }: Head): boolean {
  if (known === null || !equalBytes(known.trust.head, trust.head)) return false
  return equalBytes(known.verified.header.vault, verified.header.vault)
}

function isFollowed({ kind }: HeaderVerdict): boolean {
  return kind === "newer" || kind === "restored" || kind === "repair"
}

/** Versions asked for at a time. */
const PAGE = 64

/**
 * Whether the store shows the header of this machine's own that a head counts beyond what is known here. That one bears
 * this machine's signature; a counter is only what another says of it, and must not pass for a restored backup or a clone.
 * What a compaction dropped since cannot be shown: then the counter has to do.
 */
async function hasOwnHeader(looking: Looking, head: Head, memory: HeaderMemory): Promise<boolean> {
  const own = unknownOwnHeader(head.verified, memory)
  if (own?.head == null || memory.seen === null || memory.self === null) return true
  for (let from: string | null = head.commit; from !== null; ) {
    const commits: readonly string[] = await looking.store.history(from, PAGE, looking.call)
    for (const commit of commits.slice(1)) {
      const past = await soundHead(looking, commit, head.trust)
      if (past === null) continue
      const { header, hash } = past.verified
      if (equalBytes(hash, own.head)) return header.writer === memory.self.id
      if (header.sequence <= memory.seen.header.sequence) return false
    }
    from = commits.length === PAGE ? (commits.at(-1) ?? null) : null
  }
  return head.verified.header.historyFloor > memory.seen.header.sequence
}

function toLook(verdict: HeaderVerdict, head: Head, { question, memory }: DecidedFork): Look {
  const isParted = memory.overruled !== undefined
  switch (verdict.kind) {
    case "first":
    case "same":
    case "newer":
      return { kind: "follow", head, restoredCounter: null, isParted }
    case "restored":
      return { kind: "follow", head, restoredCounter: verdict.counter, isParted }
    case "older":
      return { kind: "older", head }
    case "repair":
      return { kind: "repair", head }
    case "forked":
      return { kind: "forked", head, question, isParted, doubt: verdict.doubt }
  }
}

interface DecidedFork {
  readonly memory: HeaderMemory
  readonly question: boolean
}

/** Where the log parted from the one remembered, but that one loses by the rule, the memory is set right. */
function decideFork(memory: HeaderMemory, shown: TrustState): DecidedFork {
  if (memory.trust === null) return { memory, question: false }
  const comparison = compareLogs(memory.trust, shown)
  if (comparison.kind === "question") return { memory, question: true }
  if (comparison.kind !== "wins" || comparison.winner === "a") return { memory, question: false }
  return { memory: { ...memory, trust: shown, overruled: comparison.overruled }, question: false }
}

/** What to say when a look found less or other than was seen. */
export function alarm(found: Extract<Look, { kind: "older" | "forked" }>, behindForMs: number): SyncError {
  if (found.kind === "older") {
    return behindForMs < STALE_MS
      ? new SyncError("STORE_BEHIND", "the store shows an older version than this machine has seen")
      : new SyncError("VAULT_WENT_BACK", "the store went back to an older version")
  }
  return found.question
    ? new SyncError("TRUST_FORKED", "two machines disagree about whom to trust")
    : new SyncError("VAULT_FORKED", "the store shows another history than this machine has seen", {
        reason: found.doubt,
      })
}
