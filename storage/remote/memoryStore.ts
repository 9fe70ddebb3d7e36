/**
 * A store in memory: for tests, dry runs and as the plainest reading of the
 * port's contract. Object ids are those that Git would give; commits are not
 * Git's. One instance may serve as the store of several machines.
 *
 * @module
 */
import { concatBytes, toHex, utf8 } from "../../crypto/bytes.ts"
import { StoreError } from "../errors.ts"
import type { Branch, Commit, CommitResult, ObjectId, Snapshot, Store } from "./store.ts"

/** What a hostile or damaged store could do; for tests. */
export interface MemoryStore extends Store {
  /** Sets a branch to any commit, or removes it. */
  setHead(branch: string, head: ObjectId | null): void
  /** Puts other bytes under an id, or removes the object. */
  replaceObject(id: ObjectId, bytes: Uint8Array | null): void
}

interface StoredCommit {
  readonly parent: ObjectId | null
  readonly snapshot: Snapshot
}

export function createMemoryStore(): MemoryStore {
  const objects = new Map<ObjectId, Uint8Array>()
  const commits = new Map<ObjectId, StoredCommit>()
  const heads = new Map<string, ObjectId>()
  let made = 0

  const commitAt = (id: ObjectId): StoredCommit => {
    const commit = commits.get(id)
    if (commit === undefined) throw missing("commit")
    return commit
  }

  const deleteBranch = (branch: Branch): boolean => {
    const head = heads.get(branch.name)
    if (head === branch.head) heads.delete(branch.name)
    return head === undefined || head === branch.head
  }

  /** Stores the objects; what nothing refers to afterwards is no harm here. */
  const store = async (commit: Commit): Promise<Snapshot> => {
    const snapshot = new Map<string, ObjectId>()
    for (const [path, value] of commit.snapshot) {
      if (typeof value === "string") {
        snapshot.set(path, value)
        continue
      }
      const id = await blobId(value)
      if (!objects.has(id)) objects.set(id, value.slice())
      snapshot.set(path, id)
    }
    for (const id of snapshot.values()) if (!objects.has(id)) throw missing("object")
    return snapshot
  }

  /** Makes the commits again that a replaced history keeps. @returns The parent of the new commit. */
  const rebuild = async ({ parent, ancestors }: Commit): Promise<ObjectId | null> => {
    if (ancestors === undefined) return parent
    let below: ObjectId | null = null
    for (const ancestor of ancestors) {
      const { snapshot } = commitAt(ancestor)
      const again = await sha1(utf8(`commit ${made++} ${JSON.stringify([...snapshot])}`))
      commits.set(again, { parent: below, snapshot })
      below = again
    }
    return below
  }

  /** Everything that a branch needs. */
  const needed = (): { readonly commits: ReadonlySet<ObjectId>; readonly objects: ReadonlySet<ObjectId> } => {
    const found = { commits: new Set<ObjectId>(), objects: new Set<ObjectId>() }
    for (const head of heads.values()) {
      for (let at: ObjectId | null = head; at !== null && !found.commits.has(at); ) {
        found.commits.add(at)
        const commit: StoredCommit | undefined = commits.get(at)
        for (const id of commit?.snapshot.values() ?? []) found.objects.add(id)
        at = commit?.parent ?? null
      }
    }
    return found
  }

  const swap = (commit: Commit, head: ObjectId, below: ObjectId | null, snapshot: Snapshot): CommitResult => {
    if ((heads.get(commit.branch) ?? null) !== commit.parent) return { kind: "moved" }
    commits.set(head, { parent: below, snapshot })
    heads.set(commit.branch, head)
    for (const branch of commit.deleteBranches ?? []) deleteBranch(branch)
    return { kind: "committed", head, snapshot }
  }

  return {
    url: "memory:",

    async branches(prefix, options = {}) {
      options.signal?.throwIfAborted()
      const found = [...heads].filter(([name]) => name.startsWith(prefix)).map(([name, head]) => ({ name, head }))
      return found.sort((a, b) => (a.name < b.name ? -1 : 1))
    },

    async snapshot(commit, options = {}) {
      options.signal?.throwIfAborted()
      return commitAt(commit).snapshot
    },

    async read(ids, onObject, options = {}) {
      for (const id of new Set(ids)) {
        options.signal?.throwIfAborted()
        const bytes = objects.get(id)
        if (bytes === undefined) throw missing("object")
        if ((await blobId(bytes)) !== id) {
          throw new StoreError("STORE_MALFORMED", "the store sent another object than the one asked for")
        }
        options.onBytes?.(bytes.length)
        await onObject(id, bytes.slice())
      }
    },

    async commit(commit, options = {}) {
      options.signal?.throwIfAborted()
      if ((heads.get(commit.branch) ?? null) !== commit.parent) return { kind: "moved" }
      const snapshot = await store(commit)
      const head = await sha1(utf8(`commit ${made++} ${JSON.stringify([...snapshot])}`))
      const below = await rebuild(commit)
      options.signal?.throwIfAborted()
      commit.onPrepared?.({ head, snapshot })
      return swap(commit, head, below, snapshot)
    },

    async deleteBranch(branch, options = {}) {
      options.signal?.throwIfAborted()
      return deleteBranch(branch)
    },

    async history(head, limit, options = {}) {
      options.signal?.throwIfAborted()
      const found: ObjectId[] = []
      for (let at: ObjectId | null = head; at !== null && found.length < limit; at = commitAt(at).parent) found.push(at)
      return found
    },

    async sizeBytes(options = {}) {
      options.signal?.throwIfAborted()
      return [...objects.values()].reduce((sum, { length }) => sum + length, 0)
    },

    async reclaim(options = {}) {
      options.signal?.throwIfAborted()
      const live = needed()
      for (const id of commits.keys()) if (!live.commits.has(id)) commits.delete(id)
      for (const id of objects.keys()) if (!live.objects.has(id)) objects.delete(id)
      return true
    },

    async close() {},

    setHead(branch, head) {
      if (head === null) heads.delete(branch)
      else heads.set(branch, head)
    },

    replaceObject(id, bytes) {
      if (bytes === null) objects.delete(id)
      else objects.set(id, bytes.slice())
    },
  }
}

async function blobId(bytes: Uint8Array): Promise<ObjectId> {
  return sha1(concatBytes(utf8(`blob ${bytes.length}\0`), bytes))
}

async function sha1(bytes: Uint8Array): Promise<ObjectId> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-1", bytes as Uint8Array<ArrayBuffer>)))
}

function missing(what: string): StoreError {
  return new StoreError("STORE_OBJECT_MISSING", `the store lacks a ${what}`)
}
