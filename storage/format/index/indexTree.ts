/**
 * What the entries of a whole index must be to each other, whatever shards they
 * lie in: a tree. Normative text: `docs/spec/index.md`, "Order".
 *
 * @module
 */
import { StorageError } from "../../errors.ts"
import type { IndexEntry } from "./entry.ts"

/**
 * Paths that lie below a file or a link. A folder that is not listed is no fault: whatever lies in it says that it is there.
 *
 * Linear: each folder is looked at once.
 */
export function pathsBelowFiles(entries: ReadonlyMap<string, Pick<IndexEntry, "path" | "type">>): readonly string[] {
  /** Whether what lies in that folder lies below a file or a link. */
  const known = new Map<string, boolean>([["", false]])
  const isBelow = (path: string): boolean => {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")))
    const found = known.get(folder)
    if (found !== undefined) return found
    const type = entries.get(folder)?.type ?? "folder"
    const answer = type !== "folder" || isBelow(folder)
    known.set(folder, answer)
    return answer
  }
  return [...entries.keys()].filter(isBelow)
}

/** @throws {StorageError} `FORMAT_INVALID`: "path below a file or link". */
export function requireTree(entries: ReadonlyMap<string, Pick<IndexEntry, "path" | "type">>): void {
  if (pathsBelowFiles(entries).length > 0) throw new StorageError("FORMAT_INVALID", "path below a file or link")
}
