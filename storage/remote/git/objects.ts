/**
 * Git's objects as far as a vault uses them: blobs, trees and commits, and
 * their ids (`docs/spec/store.md`). Pure; what is parsed comes from a store
 * and is hostile.
 *
 *     id     = SHA-1( type || " " || decimal length || 0x00 || body )
 *     tree   = n × ( octal mode || " " || name || 0x00 || id[20] ), sorted
 *     commit = "tree " id "\n" { "parent " id "\n" } "author " … "\n" "committer " … "\n" "\n" message
 *
 * @module
 */
import { concatBytes, fromHex, fromUtf8, toHex, utf8 } from "../../../crypto/bytes.ts"
import { StoreError } from "../../errors.ts"
import type { ObjectId } from "../store.ts"
import type { GitPrimitives } from "./primitives.ts"

export type GitType = "commit" | "tree" | "blob" | "tag"

/** One whole object. */
export interface GitObject {
  readonly type: GitType
  readonly id: ObjectId
  readonly bytes: Uint8Array
}

/** One line of a tree. Submodules have `kind` `other`: they are no objects of this repository. */
export interface TreeEntry {
  readonly name: string
  readonly kind: "tree" | "blob" | "other"
  readonly id: ObjectId
}

/** What matters of a commit. */
export interface CommitLinks {
  readonly tree: ObjectId
  readonly parents: readonly ObjectId[]
  /** When it was made, to the second, by its maker's clock; 0 if it does not say. */
  readonly timeMs: number
}

/** The id that stands for "no object" in ref updates. */
export const NO_OBJECT: ObjectId = "0".repeat(40)

const OBJECT_ID = /^[0-9a-f]{40}$/
const AUTHOR = "Sessyn <sessyn@localhost>"
const MESSAGE = "sessyn\n"
/** Ours are far shorter. */
const MAX_AUTHOR_LINE = 256

export function isObjectId(text: string): boolean {
  return OBJECT_ID.test(text)
}

/** The id of an object with this body. */
export function objectId(git: GitPrimitives, type: GitType, bytes: Uint8Array): ObjectId {
  return git.sha1(utf8(`${type} ${bytes.length}\0`), bytes)
}

/** The body of a tree. Names must be distinct; they are put in Git's order. */
export function encodeTree(entries: readonly TreeEntry[]): Uint8Array {
  const sorted = [...entries].sort((a, b) => compare(sortKey(a), sortKey(b)))
  const parts: Uint8Array[] = []
  for (const entry of sorted) {
    parts.push(utf8(`${entry.kind === "tree" ? "40000" : "100644"} ${entry.name}\0`), fromHex(entry.id))
  }
  return concatBytes(...parts)
}

/**
 * The entries of a tree, in its order.
 *
 * @throws {StoreError} `STORE_MALFORMED`
 */
export function parseTree(bytes: Uint8Array): TreeEntry[] {
  const entries: TreeEntry[] = []
  const seen = new Set<string>()
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const end = bytes.indexOf(0, at)
    if (space < at || end < space || end + 21 > bytes.length) throw malformed("a tree does not parse")
    const name = entryName(bytes.subarray(space + 1, end))
    if (seen.has(name)) throw malformed("a tree names an entry twice")
    seen.add(name)
    const mode = String.fromCharCode(...bytes.subarray(at, Math.min(space, at + 8)))
    entries.push({ name, kind: kindOfMode(mode), id: toHex(bytes.subarray(end + 1, end + 21)) })
    at = end + 21
  }
  return entries
}

/** The body of one of our commits: everything in it but the time is fixed or an id. */
export function encodeCommit(tree: ObjectId, parent: ObjectId | null, timeMs: number): Uint8Array {
  const who = `${AUTHOR} ${Math.max(0, Math.floor(timeMs / 1000))} +0000`
  const parentLine = parent === null ? "" : `parent ${parent}\n`
  return utf8(`tree ${tree}\n${parentLine}author ${who}\ncommitter ${who}\n\n${MESSAGE}`)
}

/**
 * Tree, parents and time of a commit.
 *
 * @throws {StoreError} `STORE_MALFORMED`
 */
export function parseCommit(bytes: Uint8Array): CommitLinks {
  let at = 0
  const line = (key: string): ObjectId | undefined => {
    const text = String.fromCharCode(...bytes.subarray(at, at + key.length + 42))
    const id = text.slice(key.length + 1, key.length + 41)
    if (!text.startsWith(`${key} `) || !text.endsWith("\n") || !isObjectId(id)) return undefined
    at += key.length + 42
    return id
  }
  const tree = line("tree")
  if (tree === undefined) throw malformed("a commit does not parse")
  const parents: ObjectId[] = []
  for (let parent = line("parent"); parent !== undefined; parent = line("parent")) parents.push(parent)
  return { tree, parents, timeMs: timeOf(bytes.subarray(at, at + MAX_AUTHOR_LINE)) }
}

/** Of the line of the author, which comes next. */
function timeOf(line: Uint8Array): number {
  const seconds = /^author [^\n]*> (\d{1,11}) /.exec(String.fromCharCode(...line))?.[1]
  return Number(seconds ?? 0) * 1000
}

function kindOfMode(mode: string): TreeEntry["kind"] {
  if (mode === "40000" || mode === "040000") return "tree"
  return mode === "160000" ? "other" : "blob"
}

function entryName(bytes: Uint8Array): string {
  let name: string
  try {
    name = fromUtf8(bytes)
  } catch {
    throw malformed("a tree holds a name that is not UTF-8")
  }
  if (name === "" || name === "." || name === ".." || name.includes("/")) throw malformed("a tree holds a bad name")
  return name
}

/** Git sorts by bytes, a folder as if its name ended in a slash. Our names are ASCII, so code units will do. */
function sortKey(entry: TreeEntry): string {
  return entry.kind === "tree" ? `${entry.name}/` : entry.name
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function malformed(message: string): StoreError {
  return new StoreError("STORE_MALFORMED", message)
}
