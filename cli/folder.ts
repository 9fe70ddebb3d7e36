/**
 * Which folder a command is about: the one given, or the synced folder that
 * holds the current one. A synced folder's root holds `.sessyn/workspace`, one
 * line with the workspace's id.
 *
 * @module
 */
import { lstat, readFile, realpath } from "node:fs/promises"
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path"
import { SyncError } from "../src/errors.ts"
import type { FindFolder } from "../src/session.ts"
import { CliError } from "./errors.ts"

const MAX_MARKER_BYTES = 256

/** Looks in `from`, then in each folder above it. */
export const findFolder: FindFolder = async (from) => {
  let root = await realpath(from).catch(() => resolve(from))
  for (;;) {
    const workspace = await readMarker(join(root, ".sessyn", "workspace"))
    if (workspace !== null) return { root, workspace }
    const parent = dirname(root)
    if (parent === root) return null
    root = parent
  }
}

async function readMarker(path: string): Promise<string | null> {
  try {
    const { size } = await lstat(path)
    if (size > MAX_MARKER_BYTES) return null
    const id = (await readFile(path, "utf8")).trim()
    return /^[a-z2-7]{26}$/.test(id) ? id : null
  } catch {
    return null
  }
}

/**
 * The synced folder at or above `from`.
 *
 * @param known - Folders that were set up on this machine: one that lost its marker is still one of them.
 * @throws {SyncError} `NOT_SET_UP`, `ROOT_MISSING` if `from` does not exist.
 */
export async function requireFolder(from: string, known: readonly string[] = []): Promise<string> {
  const marked = await findFolder(from)
  const here = await realpath(from).catch(() => resolve(from))
  const around = [...known, ...(marked === null ? [] : [marked.root])].filter((root) => isAtOrAbove(root, here))
  // The closest.
  const [root] = around.sort((a, b) => b.length - a.length)
  if (root !== undefined) return root
  const there = await lstat(from).catch(() => null)
  if (there === null) throw new SyncError("ROOT_MISSING", "there is no such folder")
  throw new SyncError("NOT_SET_UP", "this folder is not set up for syncing")
}

function isAtOrAbove(root: string, path: string): boolean {
  const rest = relative(root, path)
  // On Windows, `relative` gives an absolute path where there is no way from one drive to the other.
  return rest !== ".." && !rest.startsWith(`..${sep}`) && !isAbsolute(rest)
}

/**
 * A path as typed, relative to the synced folder, `/` between segments.
 *
 * @throws {CliError} `OUTSIDE_FOLDER`
 */
export async function pathInFolder(root: string, cwd: string, typed: string): Promise<string> {
  const path = await fromRoot(root, cwd, typed)
  if (path === null) throw new CliError("OUTSIDE_FOLDER", "that path is not inside the synced folder")
  return path.split(sep).join("/")
}

export async function isInFolder(root: string, cwd: string, typed: string): Promise<boolean> {
  return (await fromRoot(root, cwd, typed)) !== null
}

async function fromRoot(root: string, cwd: string, typed: string): Promise<string | null> {
  // The root is free of links; the current folder, as the shell knows it, may not be.
  const here = await realpath(cwd).catch(() => cwd)
  const path = relative(root, resolve(here, typed))
  return isAtOrAbove(root, resolve(here, typed)) ? path : null
}
