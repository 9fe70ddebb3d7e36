/**
 * Kills a process, so to speak, at its n-th call to workspace or state: that
 * call and all later ones throw. A write that is the n-th is half done.
 *
 * @module
 */
import type { State } from "../../src/ports/state.ts"
import { createInSteps } from "../../src/ports/newFile.ts"
import type { FileWriter, NewFile, Workspace } from "../../src/ports/workspace.ts"

export class Killed extends Error {}

export interface KillSwitch {
  workspace(workspace: Workspace): Workspace
  state(state: State): State
  /** How many calls there were. */
  readonly calls: number
}

/** @param at - Number of the call, from 1, at which it dies; Infinity: never. */
export function createKillSwitch(at: number): KillSwitch {
  let calls = 0

  function count(): void {
    calls++
    if (calls >= at) throw new Killed()
  }

  function wrap<T extends object>(target: T): T {
    return new Proxy(target, {
      get(inner, key, wrapped) {
        // By its steps, to be killed between any two of them.
        if (key === "createWhole") {
          return (path: string, file: NewFile) => createInSteps(wrapped as Workspace, path, file)
        }
        const value = Reflect.get(inner, key) as unknown
        if (typeof value !== "function") return value
        return async (...args: unknown[]) => {
          count()
          const result = (await Reflect.apply(value, inner, args)) as unknown
          return key === "create" ? wrapCreated(result as Created) : result
        }
      },
    })
  }

  type Created = Awaited<ReturnType<Workspace["create"]>>
  function wrapCreated(created: Created): Created {
    return created.ok ? { ok: true, value: wrapWriter(created.value) } : created
  }

  function wrapWriter(writer: FileWriter): FileWriter {
    return {
      write: async (offset, bytes) => {
        if (calls + 1 === at) await writer.write(offset, bytes.subarray(0, bytes.length >> 1))
        count()
        await writer.write(offset, bytes)
      },
      close: async () => {
        // The system closes what a killed process leaves open.
        await writer.close()
        count()
      },
    }
  }

  return {
    workspace: wrap,
    state: wrap,
    get calls() {
      return calls
    },
  }
}
