import { describe, expect, it } from "vitest"
import { createMemoryDisk } from "../../../../../src/platform/memory/memoryDisk.ts"
import { createMemoryState, createMemoryStateDisk } from "../../../../../src/platform/memory/memoryState.ts"
import { createMemoryWorkspace } from "../../../../../src/platform/memory/memoryWorkspace.ts"
import { createKillSwitch } from "../../../../support/killSwitch.ts"
import {
  expectInSync,
  expectNothingLost,
  type Machine,
  prepare,
  run,
  runUntilKilled,
} from "../../../../support/applyScenario.ts"

async function createMachine(): Promise<Machine> {
  const disk = createMemoryDisk()
  const stateDisk = createMemoryStateDisk()
  const machine: Machine = {
    workspace: () => createMemoryWorkspace({ disk }),
    state: () => createMemoryState({ disk: stateDisk }),
  }
  await prepare(machine)
  return machine
}

async function callsOfOneRun(): Promise<number> {
  const kill = createKillSwitch(Number.POSITIVE_INFINITY)
  await run(await createMachine(), kill)
  return kill.calls
}

describe("an apply of every kind of change", () => {
  it("brings the folder to where the vault is", async () => {
    const machine = await createMachine()
    await run(machine)
    await expectNothingLost(machine)
    await expectInSync(machine)
  })

  it("loses nothing when killed at any call, and the next run completes it", async () => {
    const calls = await callsOfOneRun()
    expect(calls).toBeGreaterThan(200)
    for (let at = 1; at <= calls; at++) {
      const machine = await createMachine()
      expect(await runUntilKilled(machine, at)).toBe(true)
      await expectNothingLost(machine)
      await run(machine)
      await expectNothingLost(machine)
      await expectInSync(machine)
    }
  }, 60_000)

  it("loses nothing when the run that recovers is killed in turn", async () => {
    const calls = await callsOfOneRun()
    // Every kill of the recovery after some, and some kills of it after many.
    for (const [firstStep, secondStep] of [
      [37, 1],
      [11, 13],
    ] as const) {
      for (let first = 5; first <= calls; first += firstStep) {
        for (let second = 3; ; second += secondStep) {
          const machine = await createMachine()
          await runUntilKilled(machine, first)
          const killed = await runUntilKilled(machine, second)
          await expectNothingLost(machine)
          if (killed) await run(machine)
          await expectInSync(machine)
          if (!killed) break
        }
      }
    }
  }, 120_000)
})
