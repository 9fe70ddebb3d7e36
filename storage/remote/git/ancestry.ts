/**
 * Commits without what they hold: the way back from a head, and the same
 * commits made again on another ground when history is replaced.
 *
 * @module
 */
import { StoreError } from "../../errors.ts"
import type { CallOptions, ObjectId } from "../store.ts"
import { type CommitLinks, encodeCommit, type GitObject, objectId, parseCommit } from "./objects.ts"
import type { GitPrimitives } from "./primitives.ts"
import type { UploadPack } from "./uploadPack.ts"

export interface Ancestry {
  /** Commits from `head` back along first parents, newest first. @throws {StoreError} `STORE_OBJECT_MISSING`. */
  walk(head: ObjectId, limit: number, options: CallOptions): Promise<readonly ObjectId[]>

  /**
   * Makes `ancestors` again, oldest first, the first without a parent, each with the tree and the time that it has. What
   * was made of which so depends on nothing else: made twice, they are the same.
   *
   * @param head - From which they are found.
   * @returns Those that differ from what the store has; the newest of all is the parent of what comes on top.
   * @throws {StoreError} `STORE_OBJECT_MISSING` if `head` does not lead to each of them.
   */
  remake(
    head: ObjectId,
    ancestors: readonly ObjectId[],
    options: CallOptions,
  ): Promise<{ readonly top: ObjectId | null; readonly made: readonly GitObject[] }>
}

/** Commits are small. */
const HELD_BYTES = 64 * 1024 * 1024
/** What is remembered of commits that were walked through: a compaction looks at all of them just before. */
const MAX_KNOWN = 100_000

export function createAncestry(uploadPack: UploadPack, git: GitPrimitives): Ancestry {
  const known = new Map<ObjectId, CommitLinks>()

  const fetchLinks = async (head: ObjectId, depth: number, options: CallOptions): Promise<void> => {
    if (known.size > MAX_KNOWN) known.clear()
    const receive = (object: GitObject): void => {
      if (object.type === "commit") known.set(object.id, parseCommit(object.bytes))
    }
    await uploadPack.fetch({ wants: [head], depth, filter: "tree:0", heldBytes: HELD_BYTES }, receive, options)
    if (!known.has(head)) throw new StoreError("STORE_OBJECT_MISSING", "the store lacks a commit")
  }

  /** Back from `head` as far as is known. */
  const chain = (head: ObjectId, limit: number): ObjectId[] => {
    const commits: ObjectId[] = []
    for (let at: ObjectId | undefined = head; at !== undefined && known.has(at) && commits.length < limit; ) {
      commits.push(at)
      at = known.get(at)?.parents[0]
    }
    return commits
  }

  return {
    async walk(head, limit, options) {
      if (limit < 1) return []
      await fetchLinks(head, limit, options)
      return chain(head, limit)
    },

    async remake(head, ancestors, options) {
      for (let depth = Math.max(1, ancestors.length); !ancestors.every((each) => known.has(each)); depth *= 2) {
        await fetchLinks(head, depth, options)
        if (chain(head, depth).length < depth) break
      }
      const made: GitObject[] = []
      let top: ObjectId | null = null
      for (const ancestor of ancestors) {
        const links = known.get(ancestor)
        if (links === undefined) throw new StoreError("STORE_OBJECT_MISSING", "the store lacks a commit of its history")
        const bytes = encodeCommit(links.tree, top, links.timeMs)
        const id: ObjectId = objectId(git, "commit", bytes)
        if (id !== ancestor) made.push({ type: "commit", id, bytes })
        top = id
      }
      return { top, made }
    },
  }
}
