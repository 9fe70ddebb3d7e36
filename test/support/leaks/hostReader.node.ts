/**
 * All that a Git host holds and hears: every object of a repository, reachable
 * or not, inflated, one at a time; its branches and other files; and each
 * request: line, headers, body.
 *
 * @module
 */
import { spawn } from "node:child_process"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import type { RequestRecord } from "../gitServer.node.ts"
import { gitSays } from "../gitAudit.node.ts"
import type { Exhibit } from "./leakSearch.ts"

/** Blobs that hold nothing but sealed bytes, and how many bytes at their beginning are not. */
const SEALED: ReadonlyMap<string, number> = new Map([
  ["pack", 0],
  ["index shard", 44],
])

export async function* repositoryExhibits(repository: string): AsyncGenerator<Exhibit> {
  const paths = await pathsByObject(repository)
  for await (const { type, id, bytes } of objects(repository)) {
    const place = type === "blob" ? blobPlace(paths.get(id)) : type
    const sealedFrom = SEALED.get(place)
    yield { place, bytes, ...(sealedFrom !== undefined && { sealedFrom }) }
  }
  for (const path of filesBesideObjects(repository)) {
    yield { place: "file of the repository", bytes: Buffer.from(path) }
    yield { place: "file of the repository", bytes: readFileSync(join(repository, path)) }
  }
  yield { place: "refs", bytes: Buffer.from(await gitSays(repository, "for-each-ref")) }
}

/** @param credential - Value of the `Authorization` header: the host's own, and so the one thing that is not looked at. */
export function* requestExhibits(log: readonly RequestRecord[], credential: string): Generator<Exhibit> {
  for (const { method, path, headers, body } of log) {
    yield { place: "request line", bytes: Buffer.from(`${method} ${path}`) }
    for (const [name, value] of headers) {
      if (name.toLowerCase() === "authorization" && value === credential) continue
      yield { place: "request header", bytes: Buffer.from(`${name}: ${value}`) }
    }
    yield { place: "request body", bytes: body }
  }
}

/**
 * Where each blob lies in the tree of some commit. Also of commits that no branch leads to: whoever lost a race for the
 * vault has left theirs.
 */
async function pathsByObject(repository: string): Promise<ReadonlyMap<string, string>> {
  const found = await gitSays(repository, "fsck", "--unreachable", "--no-reflogs", "--no-progress")
  const lost = [...found.matchAll(/^unreachable commit ([0-9a-f]+)$/gm)].map(([, id]) => id as string)
  const paths = new Map<string, string>()
  for (const line of (await gitSays(repository, "rev-list", "--objects", "--all", ...lost)).split("\n")) {
    const space = line.indexOf(" ")
    if (space > 0) paths.set(line.slice(0, space), line.slice(space + 1))
  }
  return paths
}

function blobPlace(path: string | undefined): string {
  if (path === undefined) return "unreachable blob"
  if (path.startsWith("packs/")) return "pack"
  if (path.startsWith("index/")) return "index shard"
  return path.startsWith("trust/") ? "trust entry" : path
}

interface GitObject {
  readonly type: string
  readonly id: string
  readonly bytes: Uint8Array
}

/** Every object of the repository, one in memory at a time. */
async function* objects(repository: string): AsyncGenerator<GitObject> {
  const args = ["--git-dir", repository, "cat-file", "--batch", "--batch-all-objects", "--unordered"]
  const child = spawn("git", args, { stdio: ["ignore", "pipe", "inherit"] })
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
  let held: Buffer = Buffer.alloc(0)
  let parts: Buffer[] = []
  let partBytes = 0
  let header: { readonly type: string; readonly id: string; readonly size: number } | null = null
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    parts.push(chunk)
    partBytes += chunk.length
    if (header !== null && held.length + partBytes < header.size + 1) continue
    held = Buffer.concat([held, ...parts])
    parts = []
    partBytes = 0
    for (;;) {
      if (header === null) {
        const end = held.indexOf("\n")
        if (end < 0) break
        const [id = "", type = "", size = ""] = held.toString("latin1", 0, end).split(" ")
        header = { id, type, size: Number(size) }
        held = held.subarray(end + 1)
      }
      if (held.length < header.size + 1) break
      yield { id: header.id, type: header.type, bytes: held.subarray(0, header.size) }
      held = held.subarray(header.size + 1)
      header = null
    }
  }
  if ((await ended) !== 0 || header !== null || held.length > 0) throw new Error("git cat-file ended too early")
}

function filesBesideObjects(repository: string, folder = ""): string[] {
  return readdirSync(join(repository, folder)).flatMap((name) => {
    const path = folder === "" ? name : `${folder}/${name}`
    if (path === "objects" || path === "hooks") return []
    return statSync(join(repository, path)).isDirectory() ? filesBesideObjects(repository, path) : [path]
  })
}
