/**
 * The state port in a folder of files, 0700 and 0600: `<name>.bin` for each
 * value (no name holds a dot, so none is in another's way), and the lock of
 * `processLock.ts`. A value is written to a temporary file, synced, renamed, and
 * its folder synced. Temporary files carry the process that writes them; what
 * a dead one left is removed by the next write to that folder.
 *
 * @module
 */
import { constants } from "node:fs"
import { mkdir, open, readdir, readFile, rename, unlink } from "node:fs/promises"
import { dirname, join } from "node:path"
import { SyncError } from "../../errors.ts"
import type { State } from "../../ports/state.ts"
import { errnoOf, throwIfFull } from "./fsErrors.ts"
import { livenessOf, ownIdentity, type ProcessIdentity } from "./processIdentity.ts"
import { takeProcessLock } from "./processLock.ts"

const SUFFIX = ".bin"
const NAME = /^[a-z0-9-]+(\/[a-z0-9-]+)*$/
/** `<name>.<pid>.<start>.<number>.tmp` */
const TEMPORARY = /^[a-z0-9-]+\.(\d+)\.([a-z0-9]*)\.\d+\.tmp$/

/** @param folder - Absolute; made when it is first written to. */
export function createNodeState(folder: string): State {
  const self = ownIdentity()
  const cleaned = new Set<string>()
  let writes = 0

  async function write(name: string, bytes: Uint8Array, { cache = false } = {}): Promise<void> {
    const path = pathOf(folder, name)
    const parent = dirname(path)
    await makeFolders(parent)
    if (!cleaned.has(parent)) await removeLeftovers(parent, self)
    cleaned.add(parent)
    const temporary = `${path.slice(0, -SUFFIX.length)}.${self.pid}.${self.start}.${writes++}.tmp`
    try {
      await writeNew(temporary, bytes, !cache)
      await rename(temporary, path)
      if (!cache) await syncFolder(parent)
    } catch (error) {
      await removeIfThere(temporary)
      throwIfFull(error)
      throw error
    }
  }

  return {
    read: async (name) => {
      try {
        const bytes = await readFile(pathOf(folder, name))
        return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      } catch (cause) {
        if (errnoOf(cause) === "ENOENT") return null
        if (!(cause instanceof TypeError)) throw damaged(cause)
        throw cause
      }
    },
    write,
    remove: async (name, { cache = false } = {}) => {
      const path = pathOf(folder, name)
      await removeIfThere(path)
      if (!cache) await syncFolder(dirname(path))
    },
    list: async (prefix) => {
      const names: string[] = []
      await collect(folder, "", names)
      return names.filter((name) => name.startsWith(prefix)).sort()
    },
    lock: async () => {
      await makeFolders(folder)
      return takeProcessLock(join(folder, "lock"))
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
    throw error
  }
}

async function writeNew(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
  const handle = await open(path, "wx", 0o600)
  try {
    await handle.writeFile(bytes)
    if (durable) await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Windows cannot sync a folder, and need not: its renames are journaled. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return
  let handle: Awaited<ReturnType<typeof open>>
  try {
    handle = await open(folder, constants.O_RDONLY)
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return
    throw error
  }
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error
  }
}

/** What dead processes were writing when they died; a live one may be at it still. */
async function removeLeftovers(folder: string, self: ProcessIdentity): Promise<void> {
  for (const name of await readdir(folder)) {
    const parts = TEMPORARY.exec(name)
    if (parts === null) continue
    const writer: ProcessIdentity = { ...self, pid: Number(parts[1]), start: parts[2] ?? "" }
    const isOwn = writer.pid === self.pid && writer.start === self.start
    if (!isOwn && livenessOf(writer, self) === "dead") await removeIfThere(join(folder, name))
  }
}

async function collect(folder: string, prefix: string, names: string[]): Promise<void> {
  let items: readonly { readonly name: string; isDirectory(): boolean }[]
  try {
    items = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return
    throw damaged(error)
  }
  for (const item of items) {
    const whole = `${prefix}${item.name}`
    if (item.isDirectory()) await collect(join(folder, item.name), `${whole}/`, names)
    else if (whole.endsWith(SUFFIX) && NAME.test(whole.slice(0, -SUFFIX.length))) {
      names.push(whole.slice(0, -SUFFIX.length))
    }
  }
}
