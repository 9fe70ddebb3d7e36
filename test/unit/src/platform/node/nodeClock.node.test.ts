import { expect, it } from "vitest"
import { createNodeClock } from "../../../../../src/platform/node/nodeClock.ts"

it("sleeps, and rejects with the signal's reason", async () => {
  const clock = createNodeClock()
  const start = clock.now()
  await clock.sleep(15)
  expect(clock.now() - start).toBeGreaterThanOrEqual(14)
  const reason = new Error("stop")
  const controller = new AbortController()
  const sleeping = clock.sleep(60_000, controller.signal)
  controller.abort(reason)
  await expect(sleeping).rejects.toBe(reason)
  await expect(clock.sleep(1, AbortSignal.abort(reason))).rejects.toBe(reason)
})
