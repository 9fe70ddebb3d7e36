/**
 * The embedded default: a vault in a bare Git repository on disk.
 *
 * @module
 */
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { appendFile, mkdir, readdir, rename, rm, rmdir } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { promisify } from "node:util"
import { StoreError } from "../../errors.ts"
import { createGitStore } from "../git/gitStore.ts"
import { faultOfMessage, plainText } from "../git/serverFaults.ts"
import type { Store } from "../store.ts"
import { flush } from "./durable.ts"
import { draftName, removeDrafts, removeHalfPushes, removeStaleLocks } from "./leftovers.ts"
import { gitEnvironment } from "./gitEnvironment.ts"
import { nodeGitPrimitives } from "./gitPrimitives.ts"
import { createLocalTransport, repositoryConfig } from "./localTransport.ts"
import { reclaim, sizeOf } from "./reclaim.ts"

export interface LocalGitStoreOptions {
  readonly path: string
  /** Whether to make the repository (mode 0700) if there is nothing at the path, or an empty folder. */
  readonly create: boolean
  /** Milliseconds since the epoch, for the commits' dates. */
  readonly now?: () => number
}

const run = promisify(execFile)

/**
 * @throws {StoreError} `STORE_NOT_FOUND` if there is nothing and it was not to be made; `STORE_URL_INVALID` if
 * what is there is no bare repository; `STORE_FORBIDDEN`, `STORE_FULL`, `STORE_FAILED` if it cannot be made.
 */
export async function openLocalGitStore({ path, create, now = Date.now }: LocalGitStoreOptions): Promise<Store> {
  const absolute = resolve(path)
  const names = await namesIn(absolute)
  if (names !== undefined && names.length > 0) checkIsBare(names)
  else if (create) await createRepository(absolute)
  else throw new StoreError("STORE_NOT_FOUND", "there is no Git repository at the store's path")
  await removeHalfPushes(absolute, now())
  const store = createGitStore({ transport: createLocalTransport(absolute), git: nodeGitPrimitives, now })
  return onDisk(store, absolute, now)
}

/** What only the machine can do on whose disk the repository lies; and once more what a lock prevented that nobody holds. */
function onDisk(store: Store, path: string, now: () => number): Store {
  const retrying = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof StoreError) || !error.transient || !(await removeStaleLocks(path, now()))) throw error
      return run()
    }
  }
  return {
    ...store,
    commit: (commit, options) => retrying(() => store.commit(commit, options)),
    deleteBranch: (branch, options) => retrying(() => store.deleteBranch(branch, options)),
    async sizeBytes(options = {}) {
      options.signal?.throwIfAborted()
      return sizeOf(join(path, "objects"))
    },
    async reclaim({ signal } = {}) {
      signal?.throwIfAborted()
      try {
        await removeHalfPushes(path, now())
        return await reclaim({ path, config: repositoryConfig(path), signal })
      } catch (error) {
        signal?.throwIfAborted()
        throw fileFault(error)
      }
    },
  }
}

/** What lies in the folder; `undefined` if it does not exist. */
async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    return await readdir(path)
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined
    throw fileFault(error)
  }
}

function checkIsBare(names: readonly string[]): void {
  if (["HEAD", "objects", "refs"].every((name) => names.includes(name))) return
  throw new StoreError("STORE_URL_INVALID", "the store's path is not a bare Git repository, and not empty")
}

/** Made beside its place and renamed into it, so that there is a whole one or none. */
async function createRepository(path: string): Promise<void> {
  const draft = draftName(path, randomBytes(6).toString("hex"))
  try {
    await removeDrafts(path)
    await mkdir(dirname(path), { recursive: true })
    await mkdir(draft, { mode: 0o700 })
    await git("init", "--quiet", "--bare", "--template=", "--object-format=sha1", "--initial-branch=main", draft)
    await appendFile(join(draft, "config"), configText(repositoryConfig(path)))
    for (const name of ["HEAD", "config", "."]) await flush(join(draft, name))
    await moveInto(draft, path)
    await flush(dirname(path))
  } catch (error) {
    throw fileFault(error)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

async function moveInto(draft: string, path: string): Promise<void> {
  await rmdir(path).catch(() => {})
  try {
    await rename(draft, path)
  } catch (error) {
    // Another process was faster: its repository is as good.
    const names = (await namesIn(path)) ?? []
    if (names.length === 0) throw error
    checkIsBare(names)
  }
}

/** The same settings for other programs that work on the repository. Where the hooks lie is git's own default. */
function configText(settings: readonly string[]): string {
  const lines = settings.filter((setting) => !setting.startsWith("core.hooksPath="))
  return lines.map((setting) => setting.replace(/^(\w+)\.(\w+)=(.*)$/, "[$1]\n\t$2 = $3\n")).join("")
}

async function git(...args: readonly string[]): Promise<void> {
  await run("git", args, { env: gitEnvironment(process.env), windowsHide: true })
}

function fileFault(error: unknown): unknown {
  switch (errorCode(error)) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new StoreError("STORE_FORBIDDEN", "no right to read or make the store's folder", { cause: error })
    case "ENOSPC":
    case "EDQUOT":
      return new StoreError("STORE_FULL", "the disk of the store is full", { cause: error })
    case "ENOTDIR":
      return new StoreError("STORE_URL_INVALID", "the store's path is not a folder", { cause: error })
    case "ENOENT":
      return new StoreError("STORE_FAILED", "the program git was not found: install Git to keep a vault in a folder", {
        cause: error,
      })
    default:
      return error instanceof StoreError ? error : faultOfGit(error)
  }
}

/** Of a git that ended with an error: full or forbidden by its words, else simply failed. */
function faultOfGit(error: unknown): StoreError {
  const { stderr } = (error ?? {}) as { readonly stderr?: unknown }
  const said = typeof stderr === "string" ? faultOfMessage(plainText(Buffer.from(stderr))) : null
  if (said?.code === "STORE_FULL" || said?.code === "STORE_FORBIDDEN") return said
  return new StoreError("STORE_FAILED", "the store's repository could not be made", { cause: error })
}

function errorCode(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code
}
