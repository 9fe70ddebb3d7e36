/**
 * A clock that stands still until it is told to move.
 *
 * @module
 */
import type { Clock } from "../../ports/clock.ts"

export interface MemoryClock extends Clock {
  /** Moves time on; sleepers whose time has come wake in order. */
  advance(ms: number): void
  /** How many sleep now. */
  readonly sleepers: number
}

interface Sleeper {
  readonly until: number
  readonly wake: () => void
}

/** @param start - Milliseconds since the epoch. */
export function createMemoryClock(start = 0): MemoryClock {
  let now = start
  let sleepers: Sleeper[] = []

  function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const abort = () => {
        sleepers = sleepers.filter((other) => other !== sleeper)
        reject(signal?.reason)
      }
      const wake = () => {
        signal?.removeEventListener("abort", abort)
        resolve()
      }
      const sleeper: Sleeper = { until: now + ms, wake }
      signal?.addEventListener("abort", abort, { once: true })
      sleepers.push(sleeper)
    })
  }

  return {
    now: () => now,
    sleep,
    advance: (ms) => {
      now += ms
      const due = sleepers.filter((sleeper) => sleeper.until <= now).sort((a, b) => a.until - b.until)
      sleepers = sleepers.filter((sleeper) => sleeper.until > now)
      for (const sleeper of due) sleeper.wake()
    },
    get sleepers() {
      return sleepers.length
    },
  }
}
