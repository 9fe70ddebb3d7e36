/**
 * Compactions that are killed at every step: nothing of what was to be kept is
 * lost, both machines go on, and doing it again finishes it.
 *
 * @module
 */
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { contentsBelow, problemsOf, syncAll } from "../../support/crash/checks.node.ts"
import { prepareCrashes, unattendedMachinesOf } from "../../support/crash/harness.node.ts"
import { coarse, createLane, findPoints, killAtAll, type Lane } from "../../support/crash/lanes.node.ts"
import { perform } from "../../support/crash/tasks.node.ts"
import { planOf, setUpWaste } from "../../support/crash/world.node.ts"
import { gitSays } from "../../support/gitAudit.node.ts"

const { program, folders } = await prepareCrashes()

describe.each([1, 2])("a compaction that keeps %i", (versions) => {
  it("loses nothing wherever it is killed, and can be done again", { timeout: 900_000 }, async () => {
    const lanes = await Promise.all([0, 1].map(() => createLane(folders.make(), setUpWaste)))
    const task = { kind: "compact", versions } as const
    const job = (lane: Lane) => ({ plan: planOf(lane, "a"), task })
    const lane = lanes[0] as Lane
    const contents = contentsBelow(join(lane.folder, "a"))
    const points = coarse(await findPoints(program, lane, job(lane)))
    expect(points.length).toBeGreaterThan(20)
    const tally = await killAtAll({
      program,
      lanes,
      points,
      job,
      async goOn(each) {
        const [a, b] = unattendedMachinesOf(each)
        // First the other, which knows nothing of it; then the same again.
        await b.sync()
        await perform(a, planOf(each, "a"), task)
        return syncAll(a, b)
      },
      async audit(each) {
        const problems = await problemsOf(each.folder, unattendedMachinesOf(each), contents)
        const [main = ""] = (await gitSays(each.vault, "for-each-ref", "--format=%(refname)")).split("\n")
        const commits = Number(await gitSays(each.vault, "rev-list", "--count", main))
        return commits > versions + 2 ? [...problems, `${commits} commits are left`] : problems
      },
    })
    expect(tally.failures, tally.failures.join("\n")).toEqual([])
    expect(tally.missed).toBeLessThan(3)
  })
})
