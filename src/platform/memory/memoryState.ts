/**
 * The state port in memory. Several states on one {@link MemoryStateDisk} are as
 * many processes on one state folder.
 *
 * @module
 */
import type { State } from "../../ports/state.ts"

export interface MemoryStateDisk {
  readonly values: Map<string, Uint8Array>
  locked: boolean
}

export interface MemoryStateOptions {
  readonly disk?: MemoryStateDisk
  /** Called before every operation; what it throws is what the operation throws, nothing having been done. */
  readonly before?: (operation: "read" | "write" | "remove" | "list" | "lock", name: string) => void
}

const NAME = /^[a-z0-9-]+(\/[a-z0-9-]+)*$/

export function createMemoryStateDisk(): MemoryStateDisk {
  return { values: new Map(), locked: false }
}

export function createMemoryState(options: MemoryStateOptions = {}): State {
  const { disk = createMemoryStateDisk(), before = () => {} } = options

  function check(operation: "read" | "write" | "remove", name: string): void {
    if (!NAME.test(name)) throw new TypeError("not a name for state")
    before(operation, name)
  }

  return {
    read: async (name) => {
      check("read", name)
      return disk.values.get(name)?.slice() ?? null
    },
    write: async (name, bytes) => {
      check("write", name)
      disk.values.set(name, bytes.slice())
    },
    remove: async (name) => {
      check("remove", name)
      disk.values.delete(name)
    },
    list: async (prefix) => {
      before("list", prefix)
      return [...disk.values.keys()].filter((name) => name.startsWith(prefix)).sort()
    },
    lock: async () => {
      before("lock", "")
      if (disk.locked) return null
      disk.locked = true
      let held = true
      return {
        release: async () => {
          if (held) disk.locked = false
          held = false
        },
      }
    },
  }
}
