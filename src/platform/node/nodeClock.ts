/**
 * The clock port over the system's clock and timers.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises"
import type { Clock } from "../../ports/clock.ts"

export function createNodeClock(): Clock {
  return {
    now: () => Date.now(),
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      try {
        await delay(ms, undefined, signal === undefined ? {} : { signal })
      } catch (error) {
        // Node rejects with an AbortError of its own; the port promises the signal's reason.
        signal?.throwIfAborted()
        throw error
      }
    },
  }
}
