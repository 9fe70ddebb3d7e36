/**
 * Operations that change whom or what the vault trusts, killed at every step:
 * nobody is locked out, and what was begun can be done again.
 *
 * @module
 */
import { cp, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { problemsOf } from "../../support/crash/checks.node.ts"
import { prepareCrashes } from "../../support/crash/harness.node.ts"
import { coarse, createLane, findPoints, killAtAll, type Lane } from "../../support/crash/lanes.node.ts"
import { makeMachine, perform, type Task } from "../../support/crash/tasks.node.ts"
import { MACHINES, planOf, setUpAsking, setUpRevoked, setUpTrusted } from "../../support/crash/world.node.ts"
import type { TestMachine } from "../../support/machine.node.ts"
import { PASSPHRASE } from "../../support/person.ts"

const NEW_PASSPHRASE = "copper lantern velvet orchard tundra seven"
const B = MACHINES.b

const { program, folders } = await prepareCrashes()

interface Case {
  readonly task: Task
  readonly setUp: (lane: Lane) => Promise<void>
  /** What becomes of B; what is the same before and after is done a second time. */
  readonly becomes: "trusted" | "revoked" | "unknown" | "as it was"
  readonly setsPassphrase?: boolean
}

const CASES: readonly (readonly [string, Case])[] = [
  ["approve", { task: { kind: "approve", machine: B }, setUp: setUpAsking, becomes: "trusted" }],
  [
    "revoke a lost machine",
    {
      task: { kind: "revoke", machine: B, keepPassphrase: false },
      setUp: setUpTrusted,
      becomes: "revoked",
      setsPassphrase: true,
    },
  ],
  [
    "revoke a retired machine",
    { task: { kind: "revoke", machine: B, keepPassphrase: true }, setUp: setUpTrusted, becomes: "revoked" },
  ],
  ["delete", { task: { kind: "delete", machine: B }, setUp: setUpRevoked, becomes: "unknown" }],
  ["passphrase", { task: { kind: "passphrase" }, setUp: setUpTrusted, becomes: "as it was", setsPassphrase: true }],
  ["new epoch", { task: { kind: "epoch" }, setUp: setUpTrusted, becomes: "as it was" }],
  ["re-key", { task: { kind: "rekey" }, setUp: setUpTrusted, becomes: "as it was" }],
]

describe.each(CASES)("%s", (_, { task, setUp, becomes, setsPassphrase = false }) => {
  const planOfA = (lane: Lane) => ({ ...planOf(lane, "a"), newPassphrase: NEW_PASSPHRASE })

  const isDone = async (a: TestMachine): Promise<boolean> => {
    if (becomes === "as it was") return false
    const machines = await a.session((session) => session.machines())
    return (machines.find(({ name }) => name === B)?.status ?? "unknown") === becomes
  }

  async function goOn(lane: Lane): Promise<readonly string[]> {
    const problems: string[] = []
    const a = makeMachine(planOfA(lane))
    if (setsPassphrase && !(await opens(lane, [PASSPHRASE, NEW_PASSPHRASE]))) problems.push("no passphrase opens it")
    // Who remembered the key before still does.
    a.person.passphrase = null
    await a.sync()
    if (!(await isDone(a))) await perform(a, planOfA(lane), task)
    return problems
  }

  async function audit(lane: Lane): Promise<readonly string[]> {
    const problems: string[] = []
    const [a, b] = [makeMachine(planOf(lane, "a")), makeMachine(planOf(lane, "b"))]
    for (const { person } of [a, b]) person.passphrase = null
    if (setsPassphrase && !(await opens(lane, [NEW_PASSPHRASE]))) problems.push("the new passphrase does not open it")
    if (becomes !== "as it was" && !(await isDone(a))) problems.push("not done")
    const isOut = becomes === "revoked" || becomes === "unknown"
    if (isOut) await expect(b.sync()).rejects.toMatchObject({ code: "REVOKED" })
    else await b.sync()
    await a.sync()
    return [...problems, ...(await problemsOf(lane.folder, isOut ? [a] : [a, b], new Set()))]
  }

  it("locks nobody out wherever it is killed, and can be done again", { timeout: 600_000 }, async () => {
    const lanes = await Promise.all([0, 1].map(() => createLane(folders.make(), setUp)))
    const job = (lane: Lane) => ({ plan: planOfA(lane), task })
    const points = coarse(await findPoints(program, lanes[0] as Lane, job(lanes[0] as Lane)))
    expect(points.length).toBeGreaterThan(10)
    const tally = await killAtAll({ program, lanes, points, job, goOn, audit })
    expect(tally.failures, tally.failures.join("\n")).toEqual([])
    expect(tally.missed).toBeLessThan(3)
  })
})

/** Whether one of them opens the vault for a machine that remembers no key. What that one learns is forgotten again. */
async function opens(lane: Lane, passphrases: readonly string[]): Promise<boolean> {
  const home = join(lane.folder, "a-home")
  const kept = join(lane.folder, "kept-home")
  await cp(home, kept, { recursive: true })
  try {
    return await opensIn(lane, passphrases)
  } finally {
    await rm(home, { recursive: true })
    await rename(kept, home)
  }
}

async function opensIn(lane: Lane, passphrases: readonly string[]): Promise<boolean> {
  for (const passphrase of passphrases) {
    const forgetful = makeMachine({ ...planOf(lane, "a"), isForgetful: true })
    forgetful.person.passphrase = passphrase
    try {
      await forgetful.session((session) => session.unlock())
      return true
    } catch (error) {
      if ((error as { readonly code?: string }).code !== "WRONG_PASSPHRASE") throw error
    }
  }
  return false
}
