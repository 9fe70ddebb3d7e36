/**
 * The state port in a folder of files, 0700 and 0600: `<name>.bin` for each
 * value (no name holds a dot, so none is in another's way), and the lock of
 * `processLock.ts`. A value is replaced as `replaceFile.ts` says; what killed
 * processes were writing is removed by whoever asks for the lock next, and by
 * the next write to that folder.
 *
 * @module
 */
import { mkdir, readdir, readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { SyncError } from "../../../errors.ts"
import type { State } from "../../../ports/state.ts"
import { errnoOf, throwIfFull } from "../fsErrors.ts"
import { takeProcessLock } from "./processLock.ts"
import { removeIfThere, removeLeftovers, replaceFile, syncFolder } from "./replaceFile.ts"

const SUFFIX = ".bin"
const LOCK = "lock"
const NAME = /^[a-z0-9-]+(\/[a-z0-9-]+)*$/

/** @param folder - Absolute; made when it is first written to. */
export function createNodeState(folder: string): State {
  const cleaned = new Set<string>()

  return {
    read: async (name) => {
      try {
        const bytes = await readFile(pathOf(folder, name))
        return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      } catch (cause) {
        if (errnoOf(cause) === "ENOENT") return null
        if (FORBIDDEN.has(errnoOf(cause))) throw forbidden(cause)
        if (!(cause instanceof TypeError)) throw damaged(cause)
        throw cause
      }
    },
    write: async (name, bytes, { cache = false } = {}) => {
      const path = pathOf(folder, name)
      const parent = dirname(path)
      await makeFolders(parent)
      if (!cleaned.has(parent)) removeLeftovers(parent)
      cleaned.add(parent)
      await replaceFile(path, bytes, !cache).catch(throwIfForbidden)
    },
    remove: async (name, { cache = false } = {}) => {
      const path = pathOf(folder, name)
      await removeIfThere(path).catch(throwIfForbidden)
      if (!cache) await syncFolder(dirname(path))
    },
    list: async (prefix) => {
      const names: string[] = []
      await collect(folder, "", (name) => names.push(name))
      return names.filter((name) => name.startsWith(prefix)).sort()
    },
    lock: async () => {
      await makeFolders(folder)
      await removeLeftoversBelow(folder).catch(throwIfForbidden)
      return takeProcessLock(join(folder, LOCK)).catch(throwIfForbidden)
    },
  }
}

function pathOf(folder: string, name: string): string {
  if (!NAME.test(name)) throw new TypeError("not a name for state")
  return join(folder, `${name}${SUFFIX}`)
}

function damaged(cause: unknown): SyncError {
  return new SyncError("STATE_DAMAGED", "the state on this machine cannot be read", {}, { cause })
}

async function makeFolders(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throwIfFull(error)
    // A file lies in the way.
    if (errnoOf(error) === "EEXIST") throw forbidden(error)
    throwIfForbidden(error)
  }
}

const FORBIDDEN = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR"])

function forbidden(cause: unknown): SyncError {
  return new SyncError("STATE_FORBIDDEN", `Sessyn's own folder cannot be used: ${errnoOf(cause)}`, {}, { cause })
}

/** Throws again what is thrown, in its own words if the system does not allow us the folder at all. */
function throwIfForbidden(error: unknown): never {
  throw FORBIDDEN.has(errnoOf(error)) ? forbidden(error) : error
}

/** Folders of values are one level deep. */
async function removeLeftoversBelow(folder: string): Promise<void> {
  removeLeftovers(folder)
  for (const item of await readdir(folder, { withFileTypes: true })) {
    // The lock's folders come and go as other processes ask for it.
    if (item.isDirectory() && !item.name.startsWith(LOCK)) removeLeftovers(join(folder, item.name))
  }
}

async function collect(folder: string, prefix: string, add: (name: string) => void): Promise<void> {
  let items: readonly { readonly name: string; isDirectory(): boolean }[]
  try {
    items = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return
    throw damaged(error)
  }
  for (const item of items) {
    const whole = `${prefix}${item.name}`
    if (item.isDirectory()) await collect(join(folder, item.name), `${whole}/`, add)
    else if (whole.endsWith(SUFFIX) && NAME.test(whole.slice(0, -SUFFIX.length))) add(whole.slice(0, -SUFFIX.length))
  }
}
