/**
 * Set-ups that are killed at every step: the same again finishes them, and
 * neither a second vault nor a second machine comes of it.
 *
 * @module
 */
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { contentsBelow, problemsOf } from "../../support/crash/checks.node.ts"
import { machinesOf, prepareCrashes } from "../../support/crash/harness.node.ts"
import { coarse, createLane, findPoints, killAtAll, type Lane } from "../../support/crash/lanes.node.ts"
import { makeMachine, perform, type Task } from "../../support/crash/tasks.node.ts"
import { MACHINES, planOf, setUpFounded, setUpNothing } from "../../support/crash/world.node.ts"
import { admit } from "../../support/machine.node.ts"

const { program, folders } = await prepareCrashes()

/** Once more, unless it came so far that there is nothing to do. */
async function again(lane: Lane, who: "a" | "b", task: Task): Promise<void> {
  try {
    await perform(makeMachine(planOf(lane, who)), planOf(lane, who), task)
  } catch (error) {
    if ((error as { readonly code?: string }).code !== "ALREADY_SET_UP") throw error
  }
}

async function killed(
  setUp: (lane: Lane) => Promise<void>,
  who: "a" | "b",
  task: Task,
  audit: (lane: Lane) => Promise<readonly string[]>,
): Promise<void> {
  const lanes = await Promise.all([0, 1].map(() => createLane(folders.make(), setUp)))
  const job = (lane: Lane) => ({ plan: planOf(lane, who), task })
  const points = coarse(await findPoints(program, lanes[0] as Lane, job(lanes[0] as Lane)))
  expect(points.length).toBeGreaterThan(20)
  const goOn = async (lane: Lane): Promise<readonly string[]> => {
    await again(lane, who, task)
    return []
  }
  const tally = await killAtAll({ program, lanes, points, job, goOn, audit })
  expect(tally.failures, tally.failures.join("\n")).toEqual([])
  expect(tally.missed).toBeLessThan(3)
}

describe("a set-up that is killed", () => {
  it("finishes when init is run again", { timeout: 600_000 }, () =>
    killed(setUpNothing, "a", { kind: "init", machineName: MACHINES.a }, async (lane) => {
      const [a, b] = machinesOf(lane)
      const contents = contentsBelow(a.root)
      await a.sync()
      await admit(a, b, lane.storeUrl)
      await b.sync()
      const { workspaces } = await a.engine.inspect(lane.storeUrl)
      const problems = workspaces.length === 1 ? [] : [`${workspaces.length} vaults`]
      return [...problems, ...(await problemsOf(lane.folder, [a, b], contents))]
    }),
  )

  it("finishes when join is run again", { timeout: 600_000 }, () =>
    killed(setUpFounded, "b", { kind: "join", machineName: MACHINES.b }, async (lane) => {
      const [a, b] = machinesOf(lane)
      const contents = contentsBelow(a.root, b.root)
      const asking = (await a.session((session) => session.machines())).filter(({ status }) => status === "pending")
      await a.session((session) => session.approve(MACHINES.b))
      await b.sync()
      await a.sync()
      const problems = asking.length === 1 ? [] : [`${asking.length} machines ask`]
      return [...problems, ...(await problemsOf(lane.folder, [a, b], contents))]
    }),
  )

  it("finishes when join to recover is run again", { timeout: 600_000 }, () =>
    killed(setUpFounded, "b", { kind: "recover", machineName: MACHINES.b }, async (lane) => {
      const [a, b] = machinesOf(lane)
      const contents = contentsBelow(join(lane.folder, "b"))
      await b.sync()
      const machines = await b.session((session) => session.machines())
      const trusted = machines.filter(({ status }) => status === "this" || status === "trusted")
      const problems = trusted.length === 1 ? [] : [`${trusted.length} machines are trusted`]
      await expect(a.sync()).rejects.toMatchObject({ code: "REVOKED" })
      return [...problems, ...(await problemsOf(lane.folder, [b], contents))]
    }),
  )
})
