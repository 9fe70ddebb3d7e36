/**
 * Work without root's rights, for which permissions do not count.
 *
 * @module
 */
import { execFileSync } from "node:child_process"

const NOBODY = 65534
const isRoot = process.getuid?.() === 0

/** Whether permissions can be made to count here. */
export const canDropRights = process.platform !== "win32"

/** Runs as an ordinary user who owns `folder`; as root no longer, as long as it takes. */
export async function withoutRights<T>(folder: string, work: () => Promise<T>): Promise<T> {
  if (!isRoot) return work()
  execFileSync("chown", ["-hR", `${NOBODY}:${NOBODY}`, folder])
  process.setegid?.(NOBODY)
  process.seteuid?.(NOBODY)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}
