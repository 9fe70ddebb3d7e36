/**
 * Who a process is, beyond its number, so that a lock can tell the process that
 * took it from a later one with the same number. No clock is asked.
 *
 * @module
 */
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"
import { errnoOf } from "../fsErrors.ts"

export interface ProcessIdentity {
  readonly pid: number
  /** When it started, in the kernel's ticks since boot; "" where that is not to be had. */
  readonly start: string
  /** The kernel's run and the machine it runs on. */
  readonly boot: string
  readonly machine: string
  /** Process numbers mean something only within one such space (containers have their own). */
  readonly space: string
}

/** `unknown`: nothing here can tell. */
export type Liveness = "alive" | "dead" | "unknown"

export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    start: startOf(process.pid) ?? "",
    boot: textOf("/proc/sys/kernel/random/boot_id"),
    machine: `${textOf("/etc/machine-id")}@${hostname()}`,
    space: linkOf("/proc/self/ns/pid"),
  }
}

export function livenessOf(other: ProcessIdentity, self: ProcessIdentity): Liveness {
  if (other.machine !== self.machine) return "unknown"
  if (other.boot !== self.boot) return "dead"
  if (other.space !== self.space) return "unknown"
  if (!isRunning(other.pid)) return "dead"
  if (other.pid === self.pid && other.start === self.start) return "alive"
  if (other.start === "" || self.start === "") return "unknown"
  const start = startOf(other.pid)
  // It runs, but /proc hides it from us.
  if (start === null) return isRunning(other.pid) ? "unknown" : "dead"
  return start === other.start ? "alive" : "dead"
}

/** Whether there is such a process, in our own space of numbers. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === "EPERM"
  }
}

/** `null` if there is none to be seen. A zombie counts as another process: it will never run again. */
function startOf(pid: number): string | null {
  const stat = textOf(`/proc/${pid}/stat`)
  // "pid (name) state …": the name may hold spaces and parentheses; start time is field 22.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [state, start] = [fields[0], fields[19]]
  if (state === undefined || start === undefined) return null
  return state === "Z" || state === "X" ? "ended" : start
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8").trim()
  } catch {
    return ""
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ""
  }
}
