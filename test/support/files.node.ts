/**
 * Folders on the real disk, written and read back whole, so that a test can say
 * what lies where in one expression.
 *
 * @module
 */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"

/** A file's text or bytes, a link, a folder, or nothing. */
export type Item = string | Uint8Array | { readonly link: string } | "folder/" | null

const FOLDER = "folder/"

/** Makes each path what its item says, with the folders around it. What lies there now goes. */
export function plant(root: string, items: Readonly<Record<string, Item>>): void {
  for (const [path, item] of Object.entries(items)) {
    const at = join(root, path)
    const isThere = lstatSync(at, { throwIfNoEntry: false })
    // Written in place, as an editor does; of another kind, it goes first.
    if (isThere !== undefined && !(isThere.isFile() && (typeof item === "string" || item instanceof Uint8Array))) {
      rmSync(at, { recursive: true })
    }
    if (item === null) continue
    mkdirSync(item === FOLDER ? at : dirname(at), { recursive: true })
    if (item === FOLDER) continue
    if (typeof item === "object" && "link" in item) symlinkSync(item.link, at)
    else writeFileSync(at, item)
  }
}

/** What lies at a path: text, `→ target` of a link, `folder/`, or null for nothing. */
export function at(root: string, path: string): string | null {
  const place = join(root, path)
  const stat = lstatSync(place, { throwIfNoEntry: false })
  if (stat === undefined) return null
  if (stat.isSymbolicLink()) return `→ ${readlinkSync(place)}`
  if (stat.isDirectory()) return FOLDER
  return stat.isFile() ? readFileSync(place, "utf8") : "neither file, link nor folder"
}

/** Everything below a folder by path, folders too, less those named in `except` (Sessyn's own, unless said otherwise). */
export function treeOf(root: string, except: readonly string[] = [".sessyn", ".syncignore"]): Record<string, string> {
  const tree: Record<string, string> = {}
  const walk = (folder: string): void => {
    for (const name of readdirSync(join(root, folder)).sort()) {
      const path = folder === "" ? name : `${folder}/${name}`
      if (except.includes(path)) continue
      tree[path] = at(root, path) as string
      if (tree[path] === FOLDER) walk(path)
    }
  }
  walk("")
  return tree
}

/** Texts of all files in quarantine by the path they had, newest batch last. */
export function quarantineOf(root: string): Record<string, string> {
  const quarantine = join(root, ".sessyn/quarantine")
  const texts: Record<string, string> = {}
  for (const batch of readdirSync(quarantine).sort()) {
    for (const [path, text] of Object.entries(treeOf(join(quarantine, batch), []))) {
      if (text !== FOLDER) texts[path] = text
    }
  }
  return texts
}
