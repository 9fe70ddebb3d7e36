/**
 * Any store, with transient faults tried again: jittered, growing waits, at
 * least as long as the host asked for, for a limited time. What was received
 * is not asked for again, and a commit is not made twice: after a fault the
 * branch is read first.
 *
 * @module
 */
import { StoreError } from "../errors.ts"
import type { CallOptions, Commit, CommitResult, ObjectId, PreparedCommit, Store } from "./store.ts"

export interface RetryOptions {
  readonly clock: {
    now(): number
    sleep(ms: number, signal?: AbortSignal): Promise<void>
  }
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** How long to go on after the last progress, waits included. */
  readonly limitMs?: number
}

const LIMIT_MS = 120_000
/** The same for a host that has not answered once yet: whoever is offline wants to know it. */
const FIRST_LIMIT_MS = 15_000
const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 30_000
/** Where a host limits the rate and does not say for how long; GitHub documents a minute. */
const RATE_WAIT_MS = 60_000
/** How far back a commit of ours is looked for if others have committed on top of it. */
const HISTORY_DEPTH = 100

export function createRetryStore(store: Store, options: RetryOptions): Store {
  const { clock, random, limitMs = LIMIT_MS } = options
  let hasAnswered = false

  const waitMs = (error: StoreError, attempt: number): number => {
    const ceiling = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 16))
    const asked = error.retryAfterMs ?? (error.code === "STORE_RATE_LIMITED" ? RATE_WAIT_MS : 0)
    return asked + (0.5 + random() / 2) * ceiling
  }

  /** @param hasProgressed - Whether something came of the try that failed: the time starts anew. */
  const retrying = async <T>(
    call: CallOptions,
    run: () => Promise<T>,
    hasProgressed: () => boolean = () => false,
  ): Promise<T> => {
    let startMs = clock.now()
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await run()
        hasAnswered = true
        return result
      } catch (error) {
        if (!(error instanceof StoreError) || !error.transient) throw error
        if (error.code !== "STORE_UNREACHABLE") hasAnswered = true
        if (hasProgressed()) {
          startMs = clock.now()
          attempt = 0
        }
        const delayMs = waitMs(error, attempt)
        const limit = hasAnswered ? limitMs : Math.min(limitMs, FIRST_LIMIT_MS)
        if (clock.now() - startMs + delayMs > limit) throw error
        await clock.sleep(delayMs, call.signal)
      }
    }
  }

  /** What became of the tries so far; `undefined` if the branch is still where it was. */
  const outcomeSoFar = async (
    commit: Commit,
    prepared: ReadonlyMap<ObjectId, PreparedCommit>,
    call: CallOptions,
  ): Promise<CommitResult | undefined> => {
    const branches = await store.branches(commit.branch, call)
    const head = branches.find((branch) => branch.name === commit.branch)?.head ?? null
    if (head === commit.parent) return undefined
    const ours = head === null ? undefined : await findOurs(head, prepared, call)
    return ours === undefined ? { kind: "moved" } : { kind: "committed", ...ours }
  }

  const findOurs = async (
    head: ObjectId,
    prepared: ReadonlyMap<ObjectId, PreparedCommit>,
    call: CallOptions,
  ): Promise<PreparedCommit | undefined> => {
    if (prepared.size === 0 || prepared.has(head)) return prepared.get(head)
    const commits = await store.history(head, HISTORY_DEPTH, call)
    const id = commits.find((each) => prepared.has(each))
    return id === undefined ? undefined : prepared.get(id)
  }

  const commit = async (wanted: Commit, call: CallOptions): Promise<CommitResult> => {
    const prepared = new Map<ObjectId, PreparedCommit>()
    const watched: Commit = {
      ...wanted,
      onPrepared(each) {
        prepared.set(each.head, each)
        wanted.onPrepared?.(each)
      },
    }
    let isRepeated = false
    const settle = async (result: CommitResult): Promise<CommitResult> => {
      if (result.kind === "committed") await deleteAll(wanted, call)
      return result
    }
    return retrying(call, async () => {
      const before = isRepeated ? await outcomeSoFar(wanted, prepared, call) : undefined
      if (before !== undefined) return settle(before)
      const isFirst = !isRepeated
      isRepeated = true
      const result = await store.commit(watched, call)
      if (result.kind === "committed" || isFirst) return result
      // Refused, but perhaps because an earlier try of ours arrived late.
      return settle((await outcomeSoFar(wanted, prepared, call)) ?? result)
    })
  }

  const deleteAll = async (wanted: Commit, call: CallOptions): Promise<void> => {
    for (const branch of wanted.deleteBranches ?? []) await store.deleteBranch(branch, call).catch(() => false)
  }

  return {
    url: store.url,
    branches: (prefix, call = {}) => retrying(call, () => store.branches(prefix, call)),
    snapshot: (id, call = {}) => retrying(call, () => store.snapshot(id, call)),

    async read(ids, onObject, call = {}) {
      const pending = new Set(ids)
      let countBefore = pending.size
      let receiverFault: { readonly error: unknown } | undefined
      const receive = async (id: ObjectId, bytes: Uint8Array): Promise<void> => {
        pending.delete(id)
        try {
          await onObject(id, bytes)
        } catch (error) {
          receiverFault = { error }
          throw error
        }
      }
      const readRest = async (): Promise<void> => {
        countBefore = pending.size
        try {
          await store.read([...pending], receive, call)
        } catch (error) {
          // The receiver's own faults are not the store's, whatever their class.
          if (receiverFault === undefined) throw error
        }
      }
      await retrying(call, readRest, () => pending.size < countBefore)
      if (receiverFault !== undefined) throw receiverFault.error
    },

    commit: (wanted, call = {}) => commit(wanted, call),
    deleteBranch: (branch, call = {}) => retrying(call, () => store.deleteBranch(branch, call)),
    history: (head, limit, call = {}) => retrying(call, () => store.history(head, limit, call)),
    sizeBytes: (call = {}) => retrying(call, () => store.sizeBytes(call)),
    reclaim: (call = {}) => store.reclaim(call),
    close: () => store.close(),
  }
}
