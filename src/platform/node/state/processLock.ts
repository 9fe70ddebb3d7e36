/**
 * A lock between processes that a crash releases, made of one folder:
 *
 *     <lock>/            there or not, empty or not
 *       <token>          at most one: who holds the lock, as JSON
 *
 * Why two processes never both hold it:
 * 1. The lock is held if and only if the folder contains a token. A token enters
 *    only by renaming a prepared folder, with the token in it, to `<lock>`. A
 *    rename of a folder succeeds only if nothing or an *empty* folder is there,
 *    atomically (where the system refuses even an empty one, as Windows does, it
 *    is removed first, which in turn fails unless it is empty). So of any number of
 *    processes at most one gets in, whatever they saw before.
 * 2. A token leaves only by being unlinked by its own unique name: by its holder,
 *    or by whoever found that holder dead. A process that is late in finding so
 *    unlinks a name that is gone already, never the token of who came next.
 *    The dead do not come back, so it does not matter how late.
 *
 * Whether a holder lives is told by process number, start time and boot (at
 * once). Where they say nothing (another container or host on the same disk, no
 * /proc), the holder's heartbeat is watched for a while: no clocks are compared.
 *
 * @module
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { basename, dirname } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import type { StateLock } from "../../../ports/state.ts"
import { errnoOf, throwIfFull } from "../fsErrors.ts"
import { isRunning, livenessOf, ownIdentity, type ProcessIdentity } from "./processIdentity.ts"

/** How often a holder shows that it lives, and how long others watch for it, in milliseconds. */
export interface Heartbeat {
  readonly everyMs: number
  readonly patienceMs: number
}

/** Patience outlasts a holder that blocks its event loop for a while. */
const HEARTBEAT: Heartbeat = { everyMs: 4_000, patienceMs: 20_000 }

/** Each turn of the loop means that another process came or went meanwhile: this many, and the lock is in use. */
const MAX_ATTEMPTS = 100

/**
 * @param folder - Where the lock's folder is to be; its parent exists.
 * @returns `null` if a live process holds it.
 */
export async function takeProcessLock(folder: string, heartbeat: Heartbeat = HEARTBEAT): Promise<StateLock | null> {
  const self = ownIdentity()
  const token = `${self.pid}-${crypto.randomUUID()}`
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (enter(folder, token, self)) return hold(folder, token, heartbeat)
    const holder = holderOf(folder)
    if (holder === null) continue
    if (await lives(folder, holder, self, heartbeat)) return null
    removeIfThere(`${folder}/${holder.token}`)
  }
  return null
}

interface Holder {
  readonly token: string
  /** `unreadable`: of another version. `lost`: the power failed before it reached the disk. */
  readonly identity: ProcessIdentity | "unreadable" | "lost"
}

/** Whether the lock was got. False: look who has it, then try again. */
function enter(folder: string, token: string, self: ProcessIdentity): boolean {
  const prepared = `${folder}.${token}`
  try {
    mkdirSync(prepared, { mode: 0o700 })
    writeFileSync(`${prepared}/${token}`, JSON.stringify(self), { mode: 0o600, flag: "wx" })
    return renameOnto(prepared, folder)
  } catch (error) {
    throwIfFull(error)
    throw error
  } finally {
    rmSync(prepared, { recursive: true, force: true })
  }
}

function renameOnto(prepared: string, folder: string): boolean {
  try {
    renameSync(prepared, folder)
    return true
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST", "EPERM", "EACCES", "EBUSY", "ENOENT"].includes(errnoOf(error))) throw error
  }
  try {
    // For systems that rename over no folder at all: fails unless it is empty.
    rmdirSync(folder)
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(errnoOf(error))) throw error
  }
  return false
}

/** Half-made locks of processes that were killed while they made them. */
function removeLeftovers(folder: string): void {
  const prefix = `${basename(folder)}.`
  for (const name of readdirSync(dirname(folder))) {
    const pid = name.startsWith(prefix) ? /^(\d+)-/.exec(name.slice(prefix.length))?.[1] : undefined
    if (pid === undefined || isRunning(Number(pid))) continue
    rmSync(`${dirname(folder)}/${name}`, { recursive: true, force: true })
  }
}

function holderOf(folder: string): Holder | null {
  try {
    const token = readdirSync(folder)[0]
    if (token === undefined) return null
    return { token, identity: parseIdentity(readFileSync(`${folder}/${token}`, "utf8")) }
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null
    throw error
  }
}

function parseIdentity(text: string): Holder["identity"] {
  if (/^\0*$/.test(text)) return "lost"
  try {
    const { pid, start, boot, machine, space } = JSON.parse(text) as Partial<Record<keyof ProcessIdentity, unknown>>
    if (typeof pid !== "number" || !Number.isInteger(pid) || pid <= 0) return "unreadable"
    if (typeof start !== "string" || typeof boot !== "string") return "unreadable"
    if (typeof machine !== "string" || typeof space !== "string") return "unreadable"
    return { pid, start, boot, machine, space }
  } catch {
    return "unreadable"
  }
}

async function lives(folder: string, holder: Holder, self: ProcessIdentity, heartbeat: Heartbeat): Promise<boolean> {
  if (holder.identity === "lost") return false
  const liveness = holder.identity === "unreadable" ? "unknown" : livenessOf(holder.identity, self)
  if (liveness !== "unknown") return liveness === "alive"
  const token = `${folder}/${holder.token}`
  const before = beatOf(token)
  const looks = Math.ceil(heartbeat.patienceMs / (heartbeat.everyMs / 4))
  for (let look = 0; look < looks; look++) {
    await delay(heartbeat.everyMs / 4)
    // Gone counts as a beat: somebody lives there, and the caller tries again some other time.
    if (beatOf(token) !== before) return true
  }
  return false
}

function beatOf(token: string): bigint {
  return statSync(token, { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? -1n
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error
  }
}

function hold(folder: string, token: string, heartbeat: Heartbeat): StateLock {
  removeLeftovers(folder)
  const timer = setInterval(() => {
    const now = Date.now() / 1000
    try {
      utimesSync(`${folder}/${token}`, now, now)
    } catch {
      // A home that is gone for a moment; the next beat tries again.
    }
  }, heartbeat.everyMs)
  timer.unref()
  return {
    release: async () => {
      clearInterval(timer)
      removeIfThere(`${folder}/${token}`)
    },
  }
}
