/**
 * The Store port on a Git server, over whatever transport reaches it. How a
 * vault lies in Git: `docs/spec/store.md`. Why not with a Git library:
 * `docs/decisions/002-own-git-objects.md`.
 *
 * Holds no state but caches: the trees of the snapshots it saw last, so that
 * a sync reads and writes only those that changed.
 *
 * @module
 */
import { StoreError } from "../../errors.ts"
import type { Branch, CallOptions, Commit, CommitResult, ObjectId, Snapshot, Store } from "../store.ts"
import { createAncestry } from "./ancestry.ts"
import { BASE_ID } from "./delta.ts"
import {
  encodeCommit,
  type GitObject,
  isObjectId,
  objectId,
  parseCommit,
  parseTree,
  type TreeEntry,
} from "./objects.ts"
import { createObjectReader } from "./objectReading.ts"
import { writePack } from "./packWriter.ts"
import type { GitPrimitives } from "./primitives.ts"
import { updateRef } from "./receivePack.ts"
import { type BuiltTrees, buildTrees, flattenTrees } from "./snapshots.ts"
import type { GitTransport } from "./transport.ts"
import { createUploadPack } from "./uploadPack.ts"

export interface GitStoreOptions {
  readonly transport: GitTransport
  readonly git: GitPrimitives
  /** Milliseconds since the epoch, for the commits' dates. */
  readonly now: () => number
}

/** A snapshot that was seen or made, with all of its trees. */
interface Seen {
  readonly snapshot: Snapshot
  readonly trees: ReadonlyMap<ObjectId, readonly TreeEntry[]>
  /** Ids of all that the trees name. */
  readonly named: ReadonlySet<ObjectId>
}

const BRANCH = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/
const MAX_SEEN = 8
const MAX_HEADS = 10_000
/** Trees and commits are small; deltas between them are the rule. */
const HELD_TREE_BYTES = 64 * 1024 * 1024

export function createGitStore({ transport, git, now }: GitStoreOptions): Store {
  const uploadPack = createUploadPack(transport, git)
  const objectReader = createObjectReader(uploadPack)
  const ancestry = createAncestry(uploadPack, git)
  const seenByCommit = new Map<ObjectId, Seen>()
  /** Of which branch a commit was the head when we looked. */
  const branchByHead = new Map<ObjectId, string>()

  const remember = (commit: ObjectId, found: Seen): void => {
    seenByCommit.delete(commit)
    seenByCommit.set(commit, found)
    for (const oldest of seenByCommit.keys()) {
      if (seenByCommit.size <= MAX_SEEN) break
      seenByCommit.delete(oldest)
    }
  }

  const cachedTree = (id: ObjectId): readonly TreeEntry[] | undefined => {
    for (const { trees } of seenByCommit.values()) {
      const entries = trees.get(id)
      if (entries !== undefined) return entries
    }
    return undefined
  }

  /**
   * The commit's trees, but for those of an earlier commit of its branch that the server is told we have. Then
   * commits between come along; a server does not leave out trees where the history is cut.
   */
  const fetchTrees = async (commit: ObjectId, haves: readonly ObjectId[], options: CallOptions): Promise<Seen> => {
    const fetched = new Map<ObjectId, readonly TreeEntry[]>()
    let root: ObjectId | undefined
    const receive = (object: GitObject): void => {
      if (object.type === "tree") fetched.set(object.id, parseTree(object.bytes))
      else if (object.type === "commit" && object.id === commit) root = parseCommit(object.bytes).tree
    }
    const common = { wants: [commit], filter: "blob:none", heldBytes: HELD_TREE_BYTES } as const
    await uploadPack.fetch(haves.length > 0 ? { ...common, haves } : { ...common, depth: 1 }, receive, options)
    if (root === undefined) throw new StoreError("STORE_OBJECT_MISSING", "the store lacks a commit")
    const trees = new Map<ObjectId, readonly TreeEntry[]>()
    const entriesOf = (id: ObjectId): readonly TreeEntry[] | undefined => {
      const entries = fetched.get(id) ?? cachedTree(id)
      if (entries !== undefined) trees.set(id, entries)
      return entries
    }
    return seen(flattenTrees(root, entriesOf), trees)
  }

  const readSeen = async (commit: ObjectId, options: CallOptions): Promise<Seen> => {
    const branch = branchByHead.get(commit)
    const earlier = [...seenByCommit.keys()].findLast(
      (each) => branch !== undefined && branchByHead.get(each) === branch,
    )
    try {
      return await fetchTrees(commit, earlier === undefined ? [] : [earlier], options)
    } catch (error) {
      if (earlier === undefined || !isMissing(error)) throw error
      return fetchTrees(commit, [], options)
    }
  }

  const headOf = async (branch: string, options: CallOptions): Promise<ObjectId | null> => {
    const found = (await uploadPack.listBranches(branch, options)).find((each) => each.name === branch)
    return found?.head ?? null
  }

  /** Whether the store had this object when we last looked. */
  const hasObject = (id: ObjectId): boolean => {
    for (const { trees, named } of seenByCommit.values()) if (trees.has(id) || named.has(id)) return true
    return false
  }

  /** What the new commit is put on: the head, or what stays of the history, made again. */
  const ground = async ({ parent, ancestors }: Commit, options: CallOptions): Promise<Ground> => {
    if (ancestors === undefined || parent === null || ancestors.length === 0) {
      return { top: ancestors === undefined ? parent : null, made: [] }
    }
    return ancestry.remake(checkId(parent), ancestors.map(checkId), options)
  }

  /** What a commit consists of, and which of it must be uploaded. */
  const prepare = (commit: Commit, { top, made }: Ground): Prepared => {
    const blobs = new Map<ObjectId, Uint8Array>()
    const snapshot = new Map<string, ObjectId>()
    for (const [path, value] of commit.snapshot) {
      const id = typeof value === "string" ? value : objectId(git, "blob", value)
      if (!isObjectId(id)) throw new RangeError("not an object id")
      if (typeof value !== "string") blobs.set(id, value)
      snapshot.set(path, id)
    }
    const built = buildTrees(git, snapshot)
    const body = encodeCommit(built.root, top, now())
    const head = objectId(git, "commit", body)
    const objects: GitObject[] = [...made, { type: "commit", id: head, bytes: body }]
    for (const tree of built.trees) if (!hasObject(tree.id)) objects.push(tree)
    for (const [id, bytes] of blobs) if (!hasObject(id)) objects.push({ type: "blob", id, bytes })
    return { head, snapshot, built, objects: distinct(objects), needsBase: !hasObject(BASE_ID) }
  }

  const push = async (commit: Commit, prepared: Prepared, options: CallOptions): Promise<CommitResult> => {
    const update = { branch: checkBranch(commit.branch), from: commit.parent, to: prepared.head }
    const pack = (): Iterable<Uint8Array> => writePack(git, prepared.objects, prepared.needsBase)
    const outcome = await updateRef(transport, update, pack, options)
    if (outcome.kind === "done") return { kind: "committed", head: prepared.head, snapshot: prepared.snapshot }
    const head = await headOf(commit.branch, options)
    if (head === prepared.head) return { kind: "committed", head, snapshot: prepared.snapshot }
    if (head !== commit.parent) return { kind: "moved" }
    if (outcome.kind === "rewritten") {
      throw new StoreError("STORE_FORBIDDEN", "the store does not let the history of a branch be replaced")
    }
    if (outcome.kind === "moved") {
      throw new StoreError("STORE_FAILED", "the store did not move the branch, and nobody else did", {
        transient: true,
      })
    }
    // What we took for granted from earlier snapshots is gone: the next try uploads it.
    seenByCommit.clear()
    throw new StoreError("STORE_OBJECT_MISSING", "the store lacks an object that the commit refers to")
  }

  const deleteBranch = async (branch: Branch, options: CallOptions): Promise<boolean> => {
    const update = { branch: checkBranch(branch.name), from: branch.head, to: null }
    const outcome = await updateRef(transport, update, () => [], options)
    if (outcome.kind === "done") return true
    const head = await headOf(branch.name, options)
    if (head === branch.head)
      throw new StoreError("STORE_FAILED", "the store did not delete a branch", { transient: true })
    return head === null
  }

  return {
    url: transport.url,

    async branches(prefix, options = {}) {
      if (/[^A-Za-z0-9._/-]/.test(prefix)) throw new RangeError("not a prefix of branches")
      const branches = await uploadPack.listBranches(prefix, options)
      if (branchByHead.size > MAX_HEADS) branchByHead.clear()
      for (const branch of branches) branchByHead.set(branch.head, branch.name)
      return [...branches].sort((a, b) => (a.name < b.name ? -1 : 1))
    },

    async snapshot(commit, options = {}) {
      const found = seenByCommit.get(commit) ?? (await readSeen(checkId(commit), options))
      remember(commit, found)
      return found.snapshot
    },

    async read(ids, onObject, options = {}) {
      await objectReader.read(ids.map(checkId), [...seenByCommit.keys()], onObject, options)
    },

    async commit(commit, options = {}) {
      let below: Ground
      try {
        below = await ground(commit, options)
      } catch (error) {
        // Somebody else may have replaced that history.
        if (!isMissing(error) || (await headOf(commit.branch, options)) === commit.parent) throw error
        return { kind: "moved" }
      }
      const prepared = prepare(commit, below)
      commit.onPrepared?.({ head: prepared.head, snapshot: prepared.snapshot })
      const result = await push(commit, prepared, options)
      if (result.kind === "committed") {
        const trees = new Map(prepared.built.trees.map((tree) => [tree.id, tree.entries]))
        remember(prepared.head, seen(prepared.snapshot, trees))
        branchByHead.set(prepared.head, commit.branch)
        for (const branch of commit.deleteBranches ?? []) await deleteBranch(branch, options).catch(() => false)
      }
      return result
    },

    deleteBranch: (branch, options = {}) => deleteBranch(branch, options),

    history: (head, limit, options = {}) => ancestry.walk(checkId(head), limit, options),

    // What the host keeps, and for how long, is its own business.
    sizeBytes: async () => null,
    reclaim: async () => false,

    close: () => transport.close(),
  }
}

type Ground = Awaited<ReturnType<ReturnType<typeof createAncestry>["remake"]>>

interface Prepared {
  readonly head: ObjectId
  readonly snapshot: Snapshot
  readonly built: BuiltTrees
  readonly objects: readonly GitObject[]
  readonly needsBase: boolean
}

function seen(snapshot: Snapshot, trees: Seen["trees"]): Seen {
  const named = new Set<ObjectId>()
  for (const entries of trees.values()) for (const { id } of entries) named.add(id)
  return { snapshot, trees, named }
}

function distinct(objects: readonly GitObject[]): GitObject[] {
  return [...new Map(objects.map((object) => [object.id, object])).values()]
}

function checkBranch(name: string): string {
  if (!BRANCH.test(name) || name.includes("..") || /(\.lock|\.)(\/|$)/.test(name))
    throw new RangeError("not a branch name")
  return name
}

function checkId(id: ObjectId): ObjectId {
  if (!isObjectId(id)) throw new RangeError("not an object id")
  return id
}

function isMissing(error: unknown): boolean {
  return error instanceof StoreError && error.code === "STORE_OBJECT_MISSING"
}
