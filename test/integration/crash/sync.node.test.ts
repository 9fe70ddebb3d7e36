/**
 * Syncs that are killed at every step: each call that changes something on
 * disk, each piece of a push, and each moment in git that can be looked in on.
 *
 * @module
 */
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { contentsBelow, problemsOf, syncAll } from "../../support/crash/checks.node.ts"
import { prepareCrashes, unattendedMachinesOf } from "../../support/crash/harness.node.ts"
import { coarse, createLane, findPoints, killAtAll, type Lane, type Point } from "../../support/crash/lanes.node.ts"
import { perform, type Task } from "../../support/crash/tasks.node.ts"
import { planOf, setUpHistory, setUpNewcomer, setUpVanished, setUpWorld } from "../../support/crash/world.node.ts"

const { program, folders } = await prepareCrashes()

describe("a repair of a vault that is gone", () => {
  it("can be done again wherever it is killed", { timeout: 600_000 }, async () => {
    const lanes = await Promise.all([0, 1].map(() => createLane(folders.make(), setUpVanished)))
    const job = (lane: Lane) => ({ plan: planOf(lane, "a"), task: { kind: "repair" } as const })
    const lane = lanes[0] as Lane
    const contents = contentsBelow(join(lane.folder, "a"), join(lane.folder, "b"))
    const points = coarse(await findPoints(program, lane, job(lane)))
    expect(points.length).toBeGreaterThan(10)
    const tally = await killAtAll({
      program,
      lanes,
      points,
      job,
      async goOn(each) {
        const [a, b] = unattendedMachinesOf(each)
        const isGone = (await a.engine.inspect(each.storeUrl)).workspaces.length === 0
        if (isGone) await perform(a, planOf(each, "a"), { kind: "repair" })
        return syncAll(a, b)
      },
      audit: (each) => problemsOf(each.folder, unattendedMachinesOf(each), contents),
    })
    expect(tally.failures, tally.failures.join("\n")).toEqual([])
    expect(tally.missed).toBeLessThan(3)
  })
})

const every = (points: readonly Point[]): readonly Point[] => points

describe.each<[string, (lane: Lane) => Promise<void>, "a" | "b", Task, typeof every, number]>([
  ["a sync that sends and receives everything", setUpWorld, "a", { kind: "sync" }, coarse, 100],
  ["the first sync of a machine", setUpNewcomer, "b", { kind: "sync" }, every, 100],
  ["bringing back an old version", setUpHistory, "b", { kind: "restore", path: "b/big.bin", sequence: 3 }, coarse, 10],
])("%s", (_, setUp, who, task, narrow, leastPoints) => {
  it("loses nothing wherever it is killed, and the next sync finishes it", { timeout: 900_000 }, async () => {
    const lanes = await Promise.all([0, 1].map(() => createLane(folders.make(), setUp)))
    const job = (lane: Lane) => ({ plan: planOf(lane, who), task })
    const lane = lanes[0] as Lane
    const contents = contentsBelow(join(lane.folder, "a"), join(lane.folder, "b"))
    const points = narrow(await findPoints(program, lane, job(lane)))
    expect(points.length).toBeGreaterThan(leastPoints)
    const tally = await killAtAll({
      program,
      lanes,
      points,
      job,
      async goOn(each) {
        const [a, b] = unattendedMachinesOf(each)
        return who === "a" ? syncAll(a, b) : syncAll(b, a)
      },
      audit: (each) => problemsOf(each.folder, unattendedMachinesOf(each), contents),
    })
    expect(tally.failures, tally.failures.join("\n")).toEqual([])
    expect(tally.missed).toBeLessThan(points.length / 20)
  })
})
