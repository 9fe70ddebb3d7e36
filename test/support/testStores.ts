/**
 * Small things that tests of stores share.
 *
 * @module
 */
import { StoreError } from "../../storage/errors.ts"

/** Time that passes at once; `waitsMs` tells how long it would have been. */
export interface InstantClock {
  readonly waitsMs: number[]
  now(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export function createInstantClock(): InstantClock {
  const waitsMs: number[] = []
  let time = 1_700_000_000_000
  return {
    waitsMs,
    now: () => time,
    async sleep(ms, signal) {
      signal?.throwIfAborted()
      waitsMs.push(ms)
      time += ms
    },
  }
}

/** The StoreError that the promise is rejected with. */
export async function storeFault(promise: Promise<unknown>): Promise<StoreError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof StoreError) return error
  throw new Error(`expected a StoreError, got ${String(error)}`, { cause: error })
}
