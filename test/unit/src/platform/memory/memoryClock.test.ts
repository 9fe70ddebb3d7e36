import { describe, expect, it } from "vitest"
import { createMemoryClock } from "../../../../../src/platform/memory/memoryClock.ts"

describe("a clock that is moved by hand", () => {
  it("wakes sleepers when their time has come, in order", async () => {
    const clock = createMemoryClock(1_000)
    const woken: number[] = []
    const sleeping = [30, 10, 20].map((ms) => clock.sleep(ms).then(() => woken.push(ms)))
    clock.advance(9)
    await Promise.resolve()
    expect([clock.now(), clock.sleepers, woken]).toEqual([1_009, 3, []])
    clock.advance(21)
    await Promise.all(sleeping)
    expect(woken).toEqual([10, 20, 30])
  })

  it("rejects with the signal's reason, before or while it sleeps", async () => {
    const clock = createMemoryClock()
    const reason = new Error("stop")
    await expect(clock.sleep(1, AbortSignal.abort(reason))).rejects.toBe(reason)
    const controller = new AbortController()
    const sleeping = clock.sleep(1, controller.signal)
    controller.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
    expect(clock.sleepers).toBe(0)
  })
})
