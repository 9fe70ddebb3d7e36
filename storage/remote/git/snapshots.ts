/**
 * Between a snapshot (ids by full path) and Git's trees. Pure. The root of
 * each tree that we write also holds the base blob of our deltas
 * (`delta.ts`); it is no part of the snapshot.
 *
 * @module
 */
import { StoreError } from "../../errors.ts"
import type { ObjectId, Snapshot } from "../store.ts"
import { BASE_ID, BASE_NAME } from "./delta.ts"
import { encodeTree, type GitObject, objectId, type TreeEntry } from "./objects.ts"
import type { GitPrimitives } from "./primitives.ts"

/** Most paths in one snapshot, and most segments in one path. */
export const MAX_SNAPSHOT_PATHS = 500_000
const MAX_DEPTH = 16
/** Most characters of all paths together; a vault's have 72 each. */
const MAX_PATHS_CHARS = 128 * MAX_SNAPSHOT_PATHS
const SEGMENT = /^[A-Za-z0-9._-]{1,255}$/

/** The trees of one commit, leaves first, and the id of their root. */
export interface BuiltTrees {
  readonly root: ObjectId
  readonly trees: readonly (GitObject & { readonly entries: readonly TreeEntry[] })[]
}

interface Folder {
  readonly folders: Map<string, Folder>
  readonly blobs: Map<string, ObjectId>
}

/**
 * The trees of a snapshot.
 *
 * @throws {RangeError} if a path is none that a vault has: those are ASCII letters, digits, `.`, `_`, `-` and `/`.
 */
export function buildTrees(git: GitPrimitives, snapshot: Snapshot): BuiltTrees {
  const top: Folder = { folders: new Map(), blobs: new Map([[BASE_NAME, BASE_ID]]) }
  for (const [path, id] of snapshot) insert(top, path, id)
  const trees: BuiltTrees["trees"][number][] = []
  const root = build(git, top, trees)
  return { root, trees }
}

/**
 * The snapshot that a tree spells, given the trees that it needs.
 *
 * @throws {StoreError} `STORE_OBJECT_MISSING`, `STORE_MALFORMED`.
 */
export function flattenTrees(
  root: ObjectId,
  entriesOf: (tree: ObjectId) => readonly TreeEntry[] | undefined,
): Map<string, ObjectId> {
  const snapshot = new Map<string, ObjectId>()
  // A tree may be named over and over, by trees that are: few bytes can spell any number of paths, of any length.
  let seen = 0
  let chars = 0
  const visit = (tree: ObjectId, prefix: string, depth: number): void => {
    const entries = entriesOf(tree)
    if (entries === undefined) throw new StoreError("STORE_OBJECT_MISSING", "the store lacks a tree of the snapshot")
    if (depth > MAX_DEPTH) throw new StoreError("STORE_MALFORMED", "the snapshot's folders are too deep")
    for (const entry of entries) {
      chars += prefix.length + entry.name.length
      if (++seen > 2 * MAX_SNAPSHOT_PATHS || snapshot.size > MAX_SNAPSHOT_PATHS || chars > MAX_PATHS_CHARS)
        throw new StoreError("STORE_MALFORMED", "the snapshot has too many paths")
      if (entry.kind === "tree") visit(entry.id, `${prefix}${entry.name}/`, depth + 1)
      else if (entry.kind === "blob" && !(depth === 1 && isBase(entry))) snapshot.set(prefix + entry.name, entry.id)
    }
  }
  visit(root, "", 1)
  return snapshot
}

function isBase(entry: TreeEntry): boolean {
  return entry.name === BASE_NAME && entry.id === BASE_ID
}

function insert(top: Folder, path: string, id: ObjectId): void {
  const segments = path.split("/")
  const name = segments.pop() as string
  if (segments.length >= MAX_DEPTH || path === BASE_NAME) throw badPath()
  let folder = top
  for (const segment of segments) {
    if (!isSegment(segment) || folder.blobs.has(segment)) throw badPath()
    let next = folder.folders.get(segment)
    if (next === undefined) {
      next = { folders: new Map(), blobs: new Map() }
      folder.folders.set(segment, next)
    }
    folder = next
  }
  if (!isSegment(name) || folder.folders.has(name)) throw badPath()
  folder.blobs.set(name, id)
}

function isSegment(text: string): boolean {
  return SEGMENT.test(text) && text !== "." && text !== ".." && text.toLowerCase() !== ".git"
}

function build(git: GitPrimitives, folder: Folder, trees: BuiltTrees["trees"][number][]): ObjectId {
  const entries: TreeEntry[] = []
  for (const [name, id] of folder.blobs) entries.push({ name, kind: "blob", id })
  for (const [name, sub] of folder.folders) entries.push({ name, kind: "tree", id: build(git, sub, trees) })
  const bytes = encodeTree(entries)
  const id = objectId(git, "tree", bytes)
  trees.push({ type: "tree", id, bytes, entries })
  return id
}

function badPath(): RangeError {
  return new RangeError("not a path of a vault")
}
