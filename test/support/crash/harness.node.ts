/**
 * What every file of crash tests needs: the program that dies, folders for it,
 * and the two machines of a lane afterwards.
 *
 * @module
 */
import { afterAll } from "vitest"
import type { TestMachine } from "../machine.node.ts"
import { createTemporaryFolders, type TemporaryFolders } from "../temporaryFolders.node.ts"
import { buildMortal, type Lane, type Program } from "./lanes.node.ts"
import { makeMachine } from "./tasks.node.ts"
import { planOf } from "./world.node.ts"

/** Builds the program; both are removed when the file's tests are through. */
export async function prepareCrashes(): Promise<{ readonly program: Program; readonly folders: TemporaryFolders }> {
  const folders = createTemporaryFolders()
  const program = await buildMortal()
  afterAll(() => {
    program.remove()
    folders.remove()
  })
  return { program, folders }
}

export function machinesOf(lane: Lane): [TestMachine, TestMachine] {
  return [makeMachine(planOf(lane, "a")), makeMachine(planOf(lane, "b"))]
}

/** Whoever was unlocked before still is: nobody is there to type a passphrase. */
export function unattendedMachinesOf(lane: Lane): [TestMachine, TestMachine] {
  const machines = machinesOf(lane)
  for (const { person } of machines) person.passphrase = null
  return machines
}
