import { describe, expect, it } from "vitest"
import { createWatchLoop, retryAfter, type WatchLoopOptions } from "../../../cli/watchLoop.ts"
import { SyncError } from "../../../src/errors.ts"
import type { SyncReport } from "../../../src/reports.ts"
import { StorageError, StoreError } from "../../../storage/errors.ts"

const report = (sent = 0): SyncReport => ({
  kind: "synced",
  sequence: 1,
  sent: Array.from({ length: sent }, () => ({
    path: "f",
    type: "file",
    change: "modified",
    size: 1,
    runsOnOpen: false,
    from: null,
  })),
  received: [],
  conflicts: [],
  skipped: [],
  bytesSent: 0,
  bytesReceived: 0,
})

/** A world whose time passes only in sleeps, with a vault that changes when told. */
function world(sync: (number: number) => SyncReport) {
  let nowMs = 0
  let syncs = 0
  let tellRemote: () => void = () => {}
  const slept: number[] = []
  const troubles: string[] = []
  const stop = new AbortController()
  const waiting: { resolve: (() => void) | null } = { resolve: null }
  const options: WatchLoopOptions = {
    signal: stop.signal,
    onConflict: "skip",
    random: () => 0.5,
    pollMs: () => 1,
    clock: {
      now: () => nowMs,
      async sleep(ms) {
        slept.push(ms)
        nowMs += ms
      },
    },
    session: {
      sync: async () => sync(++syncs),
      waitForRemote: ({ signal }) =>
        new Promise<void>((resolve, reject) => {
          signal?.addEventListener("abort", () => reject(new Error("aborted")))
          tellRemote = resolve
          waiting.resolve?.()
        }),
    },
    onReport: () => {},
    onTrouble: (error) => troubles.push((error as SyncError).code),
  }
  const loop = createWatchLoop(options)
  return {
    loop,
    stop,
    slept,
    troubles,
    syncs: () => syncs,
    remote: () => tellRemote(),
    /** When the loop has nothing to do and waits. */
    idle: () => new Promise<void>((resolve) => (waiting.resolve = resolve)),
  }
}

describe("createWatchLoop", () => {
  it("syncs at the start, after a local and after a remote change, and ends with the signal", async () => {
    const w = world(() => report())
    const ended = w.loop.run()
    await w.idle()
    expect(w.syncs()).toBe(1)
    w.loop.changed()
    await w.idle()
    expect(w.syncs()).toBe(2)
    w.remote()
    await w.idle()
    expect(w.syncs()).toBe(3)
    w.stop.abort()
    await ended
    expect(w.syncs()).toBe(3)
  })

  it("does not lose a change that comes during a sync", async () => {
    const w = world((number) => {
      if (number === 1) w.loop.changed()
      return report()
    })
    const ended = w.loop.run()
    await w.idle()
    expect(w.syncs()).toBe(2)
    w.stop.abort()
    await ended
  })

  it("pushes at most six times a minute", async () => {
    const w = world(() => report(1))
    const ended = w.loop.run()
    for (let i = 0; i < 8; i++) {
      await w.idle()
      w.loop.changed()
    }
    await w.idle()
    // All pushes but the waiting ones happen at one moment here; the seventh waits a minute for the first.
    expect(w.slept).toEqual([60_000])
    w.stop.abort()
    await ended
  })

  it("goes on after lost networks, with longer and longer pauses", async () => {
    const w = world((number) => {
      if (number > 1 && number < 6) throw new StoreError("STORE_UNREACHABLE", "", { transient: true })
      return report()
    })
    const ended = w.loop.run()
    await w.idle()
    w.remote()
    await w.idle()
    expect(w.slept).toEqual([1000, 2000, 4000, 8000])
    expect(w.troubles).toHaveLength(4)
    w.stop.abort()
    await ended
  })

  it("ends with what does not pass by itself", async () => {
    const w = world(() => {
      throw new SyncError("REVOKED", "")
    })
    await expect(w.loop.run()).rejects.toMatchObject({ code: "REVOKED" })
    expect(w.slept).toEqual([])
  })
})

describe("retryAfter", () => {
  it("waits as long as the host says, never beyond five minutes by itself", () => {
    const limited = new StoreError("STORE_RATE_LIMITED", "", { transient: true, retryAfterMs: 90_000 })
    expect(retryAfter(limited, 1, 0.5)).toBe(90_000)
    expect(retryAfter(new SyncError("BUSY", ""), 30, 0.5)).toBe(300_000)
  })

  it("is patient with what a person must do elsewhere", () => {
    for (const code of ["PENDING", "ROOT_MISSING", "MASS_DELETE"] as const) {
      expect(retryAfter(new SyncError(code, ""), 9, 0.5)).toBe(10_000)
    }
  })

  it.each([
    new SyncError("LOCKED", ""),
    new SyncError("VAULT_WENT_BACK", ""),
    new StorageError("HASH_MISMATCH", ""),
    new StoreError("STORE_UNAUTHENTICATED", ""),
    new TypeError("bug"),
  ])("does not wait for %s", (error) => {
    expect(retryAfter(error, 1, 0.5)).toBeNull()
  })
})
