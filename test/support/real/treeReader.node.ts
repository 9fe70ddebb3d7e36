/**
 * What lies in a folder, read by nothing of ours: every path with its type,
 * mode, link target and the hash of its bytes.
 *
 * @module
 */
import { createHash } from "node:crypto"
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { join } from "node:path"

export interface FileItem {
  readonly type: "file"
  readonly mode: number
  readonly size: number
  /** SHA-256 in hex. */
  readonly hash: string
}

export type Item =
  | FileItem
  | { readonly type: "folder"; readonly mode: number }
  | { readonly type: "link"; readonly target: string }

/** By path from the root, with slashes, in the order of the walk. */
export type Tree = ReadonlyMap<string, Item>

export interface TreeReader {
  /** `leaveOut`: names of the root that are not looked into. */
  read(root: string, leaveOut?: readonly string[]): Tree
}

/**
 * A reader that reads a file again only if its inode, size or times changed. Nothing but the clock sets a file's ctime,
 * so that no program can hide a change from it.
 *
 * @param onContent - Told the bytes of every file that is read.
 */
export function createTreeReader(onContent: (bytes: Uint8Array) => void = () => {}): TreeReader {
  const hashes = new Map<string, string>()

  function hashOf(path: string, stat: { ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint }): string {
    const key = `${path} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`
    let hash = hashes.get(key)
    if (hash === undefined) {
      const bytes = readFileSync(path)
      onContent(bytes)
      hash = createHash("sha256").update(bytes).digest("hex")
      hashes.set(key, hash)
    }
    return hash
  }

  function walk(root: string, folder: string, leaveOut: readonly string[], items: Map<string, Item>): void {
    for (const name of readdirSync(join(root, folder)).sort()) {
      if (leaveOut.includes(name)) continue
      const path = folder === "" ? name : `${folder}/${name}`
      const place = join(root, path)
      const stat = lstatSync(place, { bigint: true })
      const mode = Number(stat.mode & 0o7777n)
      if (stat.isSymbolicLink()) items.set(path, { type: "link", target: readlinkSync(place) })
      else if (stat.isFile())
        items.set(path, { type: "file", mode, size: Number(stat.size), hash: hashOf(place, stat) })
      else if (stat.isDirectory()) {
        items.set(path, { type: "folder", mode })
        walk(root, path, [], items)
      } else throw new Error(`neither file, folder nor link: ${place}`)
    }
  }

  return {
    read(root, leaveOut = []) {
      const items = new Map<string, Item>()
      walk(root, "", leaveOut, items)
      return items
    },
  }
}

/** How two trees differ, a line each. */
export function differences(
  a: Tree,
  b: Tree,
  sameMode: (path: string, a: number, b: number) => boolean = (_, one, other) => one === other,
): string[] {
  const lines: string[] = []
  for (const path of [...new Set([...a.keys(), ...b.keys()])].sort()) {
    const [here, there] = [a.get(path), b.get(path)]
    if (here === undefined || there === undefined) lines.push(`${path}: ${say(here)} / ${say(there)}`)
    else if (what(here) !== what(there)) lines.push(`${path}: ${say(here)} / ${say(there)}`)
    else if (here.type !== "link" && there.type !== "link" && !sameMode(path, here.mode, there.mode)) {
      lines.push(`${path}: ${say(here)} / ${say(there)}`)
    }
  }
  return lines
}

function say(item: Item | undefined): string {
  if (item === undefined) return "nothing"
  return item.type === "link" ? what(item) : `${what(item)} ${item.mode.toString(8)}`
}

/** Of an item, all but its permissions. */
function what(item: Item): string {
  if (item.type === "file") return `file ${item.size} ${item.hash}`
  return item.type === "link" ? `link to ${item.target}` : "folder"
}

/** What a person would miss: hashes of files that are not empty, and targets of links; each with a path for messages. */
export function contentsOf(tree: Tree): Map<string, string> {
  const contents = new Map<string, string>()
  for (const [path, item] of tree) {
    if (item.type === "file" && item.size > 0) contents.set(item.hash, path)
    else if (item.type === "link") contents.set(`link to ${item.target}`, path)
  }
  return contents
}
