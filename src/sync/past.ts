/**
 * What paths held in earlier versions, as far as this machine remembers: enough
 * of each hash to recognise an old version that comes back. Only a brake hangs
 * on it (a folder restored from a backup), never a decision about a file.
 *
 * @module
 */
import { equalBytes, fromUtf8, toHex, utf8 } from "../../crypto/bytes.ts"
import type { State } from "../ports/state.ts"
import type { TreeNode } from "../tree/node.ts"

const PAST = "past"
/** Versions remembered of one path. */
const MAX_VERSIONS = 8
/** Paths remembered in all, the latest changed first. */
const MAX_PATHS = 50_000
/** 64 bits of a hash, in hex: mistaken once in 2^64. */
const SHORT_HASH_LENGTH = 16

/** Short hashes by path, newest first. */
export type Past = ReadonlyMap<string, readonly string[]>

export async function readPast(state: State): Promise<Past> {
  const stored = await state.read(PAST)
  if (stored === null) return new Map()
  try {
    const entries: unknown = JSON.parse(fromUtf8(stored))
    return new Map(Array.isArray(entries) ? entries.filter(isEntry) : [])
  } catch {
    return new Map()
  }
}

export function isOldVersion(past: Past, path: string, hash: Uint8Array): boolean {
  return past.get(path)?.includes(shortHash(hash)) ?? false
}

/** Notes the content that `after` has no more. Nothing is written if nothing changed. */
export async function notePast(
  state: State,
  past: Past,
  before: ReadonlyMap<string, TreeNode>,
  after: ReadonlyMap<string, TreeNode>,
): Promise<void> {
  const next = new Map(past)
  for (const [path, node] of before) {
    const now = after.get(path)
    if (node.type !== "file" || (now?.type === "file" && equalBytes(now.hash, node.hash))) continue
    const known = next.get(path) ?? []
    const short = shortHash(node.hash)
    next.delete(path)
    next.set(path, [short, ...known.filter((each) => each !== short)].slice(0, MAX_VERSIONS))
  }
  for (const [path, node] of after) {
    // What is current again is not old.
    const known = node.type === "file" ? next.get(path) : undefined
    if (known === undefined || node.type !== "file" || !known.includes(shortHash(node.hash))) continue
    next.set(
      path,
      known.filter((each) => each !== shortHash(node.hash)),
    )
  }
  const kept = [...next].slice(-MAX_PATHS)
  const encoded = utf8(JSON.stringify(kept))
  if (!equalBytes(encoded, utf8(JSON.stringify([...past])))) await state.write(PAST, encoded)
}

function shortHash(hash: Uint8Array): string {
  return toHex(hash).slice(0, SHORT_HASH_LENGTH)
}

function isEntry(value: unknown): value is [string, string[]] {
  return (
    Array.isArray(value) &&
    typeof value[0] === "string" &&
    Array.isArray(value[1]) &&
    value[1].every((each) => typeof each === "string")
  )
}
