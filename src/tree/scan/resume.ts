/**
 * A walk of which most is known before it begins: the tree is as it was when
 * disk and vault were last equal, but for a few paths. Only these are looked at
 * again, folders among them with all that is in them.
 *
 * @module
 */
import { type Footprint, lookOf } from "../../ports/footprint.ts"
import { isSameStat, type Stat } from "../../ports/workspace.ts"
import { nameOf, parentOf } from "../paths.ts"
import { IGNORE_FILE } from "./ignoreRules.ts"
import type { ScanInput } from "./scan.ts"
import type { Walk } from "./walk.ts"

/** How the tree was, and what of it looks other now. The cache of the scan must be the one that was written then. */
export interface Glance {
  readonly footprint: Footprint
  readonly changed: readonly string[]
  /** As the scan answered it then. */
  readonly occupied: ReadonlySet<string>
}

/** If more than one path in so many has changed, or more folders than this, a whole walk is no slower. */
const MOST_CHANGED = 1 / 4
const MOST_FOLDERS = 32

/** Whether the walk is done; else nothing is, and a whole one is to be made. */
export async function resume(walk: Walk, input: ScanInput, glance: Glance): Promise<boolean> {
  const { cache, workspace } = input
  const folders = changedFolders(input, glance)
  if (folders === null) return false
  const isBelow = (path: string) => folders.some((folder) => path.startsWith(`${folder}/`))
  const fresh = new Map<string, Stat>()
  for (const path of glance.changed) {
    if (isBelow(path)) continue
    const stat = await workspace.stat(path)
    // What is gone, or something else now, the folder around it would have told: it came to be since.
    if (!stat.ok || stat.value.type !== cache.get(path)?.base?.node.type) return false
    fresh.set(path, stat.value)
  }
  const isKnown = (path: string) => !fresh.has(path) && !isBelow(path)
  if (!(await enterRules(walk, input, isKnown))) return false
  for (const [i, path] of glance.footprint.paths.entries()) {
    const { base, seen } = cache.get(path) ?? {}
    if (base == null || !isKnown(path)) continue
    if (base.node.type === "file" && seen != null) walk.takeFile(path, base.node, seen)
    else walk.takeOther(path, base.node, lookOf(glance.footprint, i))
  }
  for (const folder of glance.occupied) if (isKnown(folder)) walk.occupied.add(folder)
  for (const [path, stat] of fresh) await walk.node(path, stat, true)
  return true
}

/** `null` if it is no case for this: too much has changed, the root, or rules; or the cache is of something else. */
function changedFolders({ cache }: ScanInput, { footprint, changed }: Glance): readonly string[] | null {
  const { paths } = footprint
  if (changed.length > paths.length * MOST_CHANGED || paths.length !== cache.size + 1) return null
  if (changed.some((path) => path === "" || nameOf(path) === IGNORE_FILE)) return null
  for (const path of paths) {
    const known = cache.get(path)
    if (path === "") continue
    if (known === undefined || known.base === null) return null
    if (known.base.node.type === "file" && known.seen?.settled !== true) return null
  }
  const folders = changed.filter((path) => cache.get(path)?.base?.node.type === "folder")
  return folders.length > MOST_FOLDERS ? null : folders
}

/** Rules go before anything that they are asked about. Those read must be the ones that the tree was walked under. */
async function enterRules(
  walk: Walk,
  { cache, workspace }: ScanInput,
  isKnown: (path: string) => boolean,
): Promise<boolean> {
  for (const [path, { seen }] of cache) {
    if (nameOf(path) !== IGNORE_FILE || seen === null || !isKnown(path)) continue
    const file: Stat = { ...seen, type: "file" }
    if (!(await walk.enter(parentOf(path), file)).ok) return false
    const now = await workspace.stat(path)
    if (!now.ok || !isSameStat(now.value, file)) return false
  }
  return true
}
