/**
 * The outer objects of one commit, each by itself: header, trust log, key boxes.
 * For a commit that cannot be believed, to say which of them is the reason.
 *
 * @module
 */
import { equalBytes } from "../../../crypto/bytes.ts"
import { decodeEnvelope, decodePayload, encodeEnvelope } from "../../../storage/format/envelope.ts"
import { type Header, headerCodec } from "../../../storage/format/header.ts"
import { StorageError, type StoreError } from "../../../storage/errors.ts"
import { HEADER_PATH, trustPath, VAULT_FILE_PATH } from "../../../storage/layout.ts"
import type { CallOptions, Snapshot } from "../../../storage/remote/store.ts"
import { verifyHeaderAlone } from "../../../storage/verify/header.ts"
import { isNewer } from "../../../storage/verify/newer.ts"
import { verifyTrustLog } from "../../../storage/verify/trustLog.ts"
import type { TrustState } from "../../../storage/verify/trustState.ts"
import type { AuditProblem, AuditProblemKind } from "../../reports.ts"
import type { Context } from "../../vault/context.ts"
import { isVaultFault } from "../../vault/faults.ts"
import { readPaths } from "../../vault/head.ts"
import { reasonOf } from "./shards.ts"

interface Outside {
  readonly snapshot: Snapshot
  readonly problems: readonly AuditProblem[]
}

/** @param known - The newest log that is believed; null if there is none. */
export async function auditOutside(
  context: Context,
  commit: string,
  known: TrustState | null,
  call: CallOptions,
): Promise<Outside> {
  const { host, store, config } = context
  const problems: AuditProblem[] = []
  let sequence: number | null = null

  /** What `work` gives, or null after a fault was noted. */
  const attempt = async <T>(kind: AuditProblemKind, object: string, work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work()
    } catch (error) {
      // What calls itself newer, too: if somebody trusted had signed it, there would be no audit.
      if (!isVaultFault(error) && !isNewer(error)) throw error
      const touches = sequence === null ? [] : [{ sequence, files: [] }]
      problems.push({ kind, object, reason: reasonOf(error as StorageError | StoreError), touches, files: [] })
      return null
    }
  }

  const snapshot = await attempt("history", `commit ${commit}`, () => store.snapshot(commit, call))
  if (snapshot === null) return { snapshot: new Map(), problems }
  const read = async (path: string): Promise<Uint8Array> =>
    (await readPaths(store, snapshot, [path], call)).get(path) as Uint8Array

  const raw = await attempt("header", HEADER_PATH, () => read(HEADER_PATH))
  const header = raw && (await attempt("header", HEADER_PATH, async () => decodeHeader(raw)))
  sequence = header?.sequence ?? null
  const trust = await auditTrust(context, header?.trust.length ?? entriesIn(snapshot), known, { attempt, read })
  if (raw !== null && header !== null && trust !== null) {
    await attempt("header", HEADER_PATH, () => verifyHeaderAlone(host.crypto, raw, config.workspace, trust))
  }
  await attempt("key-boxes", VAULT_FILE_PATH, async () => {
    const bytes = await read(VAULT_FILE_PATH)
    if (header !== null && !equalBytes(host.crypto.sha256(bytes), header.vault)) {
      throw new StorageError("HASH_MISMATCH", "key boxes")
    }
  })
  return { snapshot, problems }
}

interface Attempts {
  readonly attempt: <T>(kind: AuditProblemKind, object: string, work: () => Promise<T>) => Promise<T | null>
  readonly read: (path: string) => Promise<Uint8Array>
}

/** Entry by entry, so that it shows which one is wrong. After the first that is, the rest is held against what is known. */
async function auditTrust(
  { host }: Context,
  length: number,
  known: TrustState | null,
  { attempt, read }: Attempts,
): Promise<TrustState | null> {
  let state: TrustState | undefined
  let isWhole = true
  for (let number = 1; number <= length; number++) {
    const path = trustPath(number)
    const believed = known?.entries[number - 1]
    const next = await attempt("trust-entry", path, async () => {
      const bytes = await read(path)
      if (believed !== undefined && !equalBytes(bytes, encodeEnvelope(believed.envelope))) {
        throw new StorageError("TRUST_LOG_INVALID", "another entry than was seen before")
      }
      return isWhole ? verifyTrustLog(host.crypto, [bytes], state) : state
    })
    if (next === null) isWhole = false
    else state = next
  }
  return isWhole ? (state ?? null) : null
}

function decodeHeader(raw: Uint8Array): Header {
  return decodePayload(headerCodec, decodeEnvelope("header", raw))
}

function entriesIn(snapshot: Snapshot): number {
  return [...snapshot.keys()].filter((path) => /^trust\/\d{6}\.json$/.test(path)).length
}
