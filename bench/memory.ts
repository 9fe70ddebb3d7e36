/**
 * Peak memory of a process and all that it started, from Linux's `/proc`.
 * Elsewhere nothing is said rather than something wrong.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs"

const EVERY_MS = 20

export interface MemoryWatch {
  /** Looks at this process from now on, and at those that it starts. */
  follow(pid: number): void
  /** Ends it. The greatest sum of resident bytes that was seen; null where there is no `/proc`. */
  stop(): number | null
}

export function watchMemory(): MemoryWatch {
  let peak = 0
  let followed = 0
  const look = (): void => {
    if (followed === 0) return
    // A process that is just being started still shares its parent's memory: the same figures are counted once.
    const sizes = [...new Set(treeOf(followed).map(sizesOf))].map(residentBytes)
    const sum = sizes.reduce((total, { now }) => total + now, 0)
    // Between two looks the kernel has kept watch over each process alone.
    peak = Math.max(peak, sum, ...sizes.map(({ highest }) => highest))
  }
  const timer = setInterval(look, EVERY_MS)
  return {
    follow: (pid) => {
      followed = pid
    },
    stop: () => {
      clearInterval(timer)
      return peak > 0 ? peak : null
    },
  }
}

/** A process and its descendants. */
function treeOf(pid: number): readonly number[] {
  const childrenByParent = new Map<number, number[]>()
  for (const name of read(() => readdirSync("/proc"), [])) {
    const id = Number(name)
    if (!Number.isInteger(id)) continue
    // `pid (name) state parent …`, and a name may hold anything.
    const stat = read(() => readFileSync(`/proc/${id}/stat`, "latin1"), "")
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])
    childrenByParent.set(parent, [...(childrenByParent.get(parent) ?? []), id])
  }
  const tree = [pid]
  for (const member of tree) tree.push(...(childrenByParent.get(member) ?? []))
  return tree
}

/** The kernel's lines about a process's memory. */
function sizesOf(pid: number): string {
  const status = read(() => readFileSync(`/proc/${pid}/status`, "latin1"), "")
  return (status.match(/^Vm.*$/gm) ?? []).join("\n")
}

function residentBytes(sizes: string): { readonly now: number; readonly highest: number } {
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(sizes)?.[1] ?? 0) * 1024
  return { now: bytes("VmRSS"), highest: bytes("VmHWM") }
}

/** A process may be gone between two looks. */
function read<T>(get: () => T, otherwise: T): T {
  try {
    return get()
  } catch {
    return otherwise
  }
}
