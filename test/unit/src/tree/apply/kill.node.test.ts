import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { createNodeState } from "../../../../../src/platform/node/state/nodeState.ts"
import { createNodeWorkspace } from "../../../../../src/platform/node/workspace/nodeWorkspace.ts"
import {
  expectInSync,
  expectNothingLost,
  type Machine,
  prepare,
  run,
  runUntilKilled,
} from "../../../../support/applyScenario.ts"
import { createKillSwitch } from "../../../../support/killSwitch.ts"
import { createTemporaryFolders } from "../../../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

async function createMachine(): Promise<Machine> {
  const [root, state] = [folders.make(), folders.make()]
  const machine: Machine = {
    workspace: () => createNodeWorkspace(root),
    state: () => createNodeState(join(state, "abc")),
  }
  await prepare(machine)
  return machine
}

describe("an apply of every kind of change, on a real disk", () => {
  it("loses nothing when killed, and the next run completes it", async () => {
    const kill = createKillSwitch(Number.POSITIVE_INFINITY)
    await run(await createMachine(), kill)
    for (let at = 1; at <= kill.calls; at += 9) {
      const machine = await createMachine()
      expect(await runUntilKilled(machine, at)).toBe(true)
      await expectNothingLost(machine)
      await run(machine)
      await expectNothingLost(machine)
      await expectInSync(machine)
    }
  }, 120_000)
})
