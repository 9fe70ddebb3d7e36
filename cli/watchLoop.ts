/**
 * When to sync, for `watch`: at the start, when it has been quiet here after a
 * change, when the vault has a new head. Not more often than Git hosts like
 * (6 pushes a minute), and through lost networks with back-off. Knows nothing of
 * terminals or file systems.
 *
 * @module
 */
import { CodedError } from "../crypto/errors.ts"
import type { Clock } from "../src/ports/clock.ts"
import type { SyncReport } from "../src/reports.ts"
import type { Session, SyncOptions } from "../src/session.ts"
import { StoreError } from "../storage/errors.ts"

/** GitHub's recommendation for one repository. */
const MAX_PUSHES = 6
const PUSH_WINDOW_MS = 60_000
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 5 * 60_000
/** Waiting for a person: approval, a drive to be mounted, a decision. */
const PATIENT_RETRY_MS = 10_000

/** Pass by themselves, or once a person elsewhere has done something. All else ends the watch. */
const PATIENT: ReadonlySet<string> = new Set([
  "PENDING",
  "ROOT_MISSING",
  "DISK_FULL",
  "MASS_DELETE",
  "MASS_REVERT",
  "STORE_BEHIND",
])
const PASSING: ReadonlySet<string> = new Set(["BUSY", "CONTENDED", "TRUST_CHANGED"])

export interface WatchLoopOptions {
  readonly session: Pick<Session, "sync" | "waitForRemote">
  readonly clock: Clock
  readonly onConflict: SyncOptions["onConflict"]
  readonly signal: AbortSignal
  /** Asked anew for each wait: how often to look for a new head. */
  readonly pollMs: () => number
  readonly onReport: (report: SyncReport) => void
  /** Something passing: it is tried again in `retryMs`. */
  readonly onTrouble: (error: unknown, retryMs: number) => void
  /** From 0 up to 1, for jitter: machines that lost one network must not come back at one moment. */
  readonly random: () => number
}

export interface WatchLoop {
  /** Something changed here. */
  changed(): void
  /** Until the signal; @throws what does not pass by itself. */
  run(): Promise<void>
}

export function createWatchLoop(options: WatchLoopOptions): WatchLoop {
  const { session, clock, signal } = options
  const pushesMs: number[] = []
  let dirty = false
  let wake: () => void = () => {}
  let failures = 0

  async function syncOnce(): Promise<void> {
    dirty = false
    const report = await session.sync({ signal, onConflict: options.onConflict })
    if (report.sent.length > 0) pushesMs.push(clock.now())
    failures = 0
    options.onReport(report)
  }

  /** Resolves when there is a reason to sync; waits for a free place if that reason is here. */
  async function nextReason(): Promise<void> {
    if (!dirty) await remoteOrLocal()
    if (dirty) await pace()
  }

  async function remoteOrLocal(): Promise<void> {
    const ended = new AbortController()
    const local = new Promise<void>((resolve) => {
      wake = resolve
    })
    const remote = session.waitForRemote({ pollMs: options.pollMs(), signal: AbortSignal.any([signal, ended.signal]) })
    try {
      await Promise.race([local, remote])
    } finally {
      wake = () => {}
      ended.abort()
      // The loser of the race ends with the abort, and nobody waits for it.
      remote.catch(() => {})
    }
  }

  async function pace(): Promise<void> {
    const now = clock.now()
    while (pushesMs.length > 0 && (pushesMs[0] as number) <= now - PUSH_WINDOW_MS) pushesMs.shift()
    if (pushesMs.length >= MAX_PUSHES) await clock.sleep((pushesMs[0] as number) + PUSH_WINDOW_MS - now, signal)
  }

  return {
    changed() {
      dirty = true
      wake()
    },
    async run() {
      let due = true
      while (!signal.aborted) {
        try {
          if (!due) await nextReason()
          due = true
          await syncOnce()
          due = false
        } catch (error) {
          if (signal.aborted) return
          const retryMs = retryAfter(error, ++failures, options.random())
          if (retryMs === null) throw error
          options.onTrouble(error, retryMs)
          await clock.sleep(retryMs, signal).catch(() => {})
          due = true
        }
      }
    },
  }
}

/** How long to wait after the `failures`th failure in a row; null if waiting does not help. */
export function retryAfter(error: unknown, failures: number, random: number): number | null {
  if (!(error instanceof CodedError)) return null
  if (PATIENT.has(error.code)) return PATIENT_RETRY_MS
  const passes = PASSING.has(error.code) || (error instanceof StoreError && isPassing(error))
  if (!passes) return null
  const backOffMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1))
  const jittered = Math.round(backOffMs * (0.75 + 0.5 * random))
  return error instanceof StoreError ? Math.max(jittered, error.retryAfterMs ?? 0) : jittered
}

function isPassing(error: StoreError): boolean {
  return error.transient || error.code === "STORE_UNREACHABLE" || error.code === "STORE_RATE_LIMITED"
}
