/**
 * Audits a whole vault: everything a client checks of a head, and of every
 * version that can be gone back to every shard, pack, chunk and file. Names the
 * objects that are wrong, the versions they are wrong in and the files they
 * touch; changes nothing.
 *
 * @module
 */
import {
  CONSTANT_OBJECTS,
  HEADER_PATH,
  packPath,
  packsOf,
  shardPath,
  trustPath,
  VAULT_FILE_PATH,
} from "../../../storage/layout.ts"
import type { CallOptions } from "../../../storage/remote/store.ts"
import { checkCounters } from "../../../storage/verify/header.ts"
import type { AuditProblem, AuditReport } from "../../reports.ts"
import type { Context } from "../../vault/context.ts"
import { isVaultFault } from "../../vault/faults.ts"
import type { Head } from "../../vault/head.ts"
import { isLast, pastHeads } from "../versions/history.ts"
import { auditPacks } from "./packs.ts"
import { auditOutside } from "./outside.ts"
import { createShardAudit, reasonOf } from "./shards.ts"

/**
 * @param head - Believed: header, log, MACs and key boxes are verified. Not that the store still has them: who knows a head
 * does not read it again.
 */
export async function audit(context: Context, head: Head, call: CallOptions): Promise<AuditReport> {
  const outside = (await auditOutside(context, head.commit, head.trust, call)).problems
  return auditInside(context, head, outside, call)
}

async function auditInside(
  context: Context,
  head: Head,
  outside: readonly AuditProblem[],
  call: CallOptions,
): Promise<AuditReport> {
  context.host.progress.step("history")
  const shards = createShardAudit(context, head, call)
  const steps: AuditProblem[] = []
  let versions = 0
  let oldest = head
  /** Of the newest repair; 0 without one. */
  let repaired = 0
  for await (const past of pastHeads(context, head, call)) {
    versions++
    if (past !== head) steps.push(...stepProblems(past, oldest))
    oldest = past
    if (repaired === 0 && past.verified.header.kind === "repair") repaired = past.verified.header.sequence
    await shards.look(past)
  }
  const { problems, bytes } = await auditPacks(context, head, shards, call)
  const inside = [
    ...shards.problems(),
    ...problems,
    ...steps,
    ...(await auditEnd(context, head, oldest, call)),
    ...unnamed(head),
  ]
  return {
    sequence: head.verified.header.sequence,
    trustEntries: head.trust.length,
    versions,
    shards: shards.checked,
    packs: shards.packs.size,
    files: shards.newestFiles,
    bytes,
    problems: [...outside, ...inside.filter((problem) => !isBefore(repaired, problem))],
    beforeRepair: inside.filter((problem) => isBefore(repaired, problem)),
  }
}

function isBefore(repaired: number, { touches }: AuditProblem): boolean {
  return touches.length > 0 && touches.every(({ sequence }) => sequence < repaired)
}

/**
 * Audits what shows no head that can be believed: says which of its outer objects are wrong, and looks at the rest by the
 * header that this machine saw last, if the store still has that one.
 *
 * @param seen - With its keys at hand; null if there is none.
 * @throws what made it unbelievable, if nothing is found to be wrong.
 */
export async function auditDamaged(
  context: Context,
  commit: string,
  seen: Head | null,
  cause: unknown,
  call: CallOptions,
): Promise<AuditReport> {
  const { problems, snapshot } = await auditOutside(context, commit, seen?.trust ?? null, call)
  if (problems.length === 0) throw cause
  const nothing = {
    sequence: 0,
    trustEntries: 0,
    versions: 0,
    shards: 0,
    packs: 0,
    files: 0,
    bytes: 0,
    beforeRepair: [],
  }
  if (seen === null) return { ...nothing, problems }
  return auditInside(context, { ...seen, commit, snapshot }, problems, call)
}

/** Who was away reads no version in between, so this is where a header that counts what was never written shows to all. */
function stepProblems(before: Head, { verified, trust }: Head): readonly AuditProblem[] {
  try {
    checkCounters(before.verified, verified.header, trust)
    return []
  } catch (error) {
    if (!isVaultFault(error)) throw error
    const touches = [{ sequence: verified.header.sequence, files: [] }]
    return [{ kind: "history", object: "history", reason: reasonOf(error), touches, files: [] }]
  }
}

/** Every version down to the floor is there, signed, and named by the one after it; if not, what is wrong with the next. */
async function auditEnd(
  context: Context,
  head: Head,
  oldest: Head,
  call: CallOptions,
): Promise<readonly AuditProblem[]> {
  if (isLast(oldest, head)) return []
  const { sequence } = oldest.verified.header
  const [, before] = await context.store.history(oldest.commit, 2, call)
  const outside = before === undefined ? [] : (await auditOutside(context, before, head.trust, call)).problems
  const reason = `nothing is left before version ${sequence}`
  return [...outside, { kind: "history", object: "history", reason, touches: [], files: [] }]
}

/** Objects of the tree that neither header nor index accounts for. They are never read, and dropped by the next version. */
function unnamed({ snapshot, verified, trust }: Head): readonly AuditProblem[] {
  const named = new Set([HEADER_PATH, VAULT_FILE_PATH, ...CONSTANT_OBJECTS.keys()])
  for (const { sequence } of trust.entries) named.add(trustPath(sequence))
  for (const number of verified.header.index.keys()) named.add(shardPath(number))
  for (const pack of packsOf(snapshot).keys()) named.add(packPath(pack))
  const touches = [{ sequence: verified.header.sequence, files: [] }]
  return [...snapshot.keys()]
    .filter((path) => !named.has(path))
    .map((object) => ({ kind: "unnamed", object, reason: "named by no header", touches, files: [] }))
}
