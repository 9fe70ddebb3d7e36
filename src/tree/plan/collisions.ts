/**
 * Names that are different paths in the vault and one file on this disk,
 * because it folds case or Unicode normalisation. Detected before anything is
 * written; one of each group is kept, the others are held. Pure and linear.
 *
 * @module
 */
import { parentOf } from "../paths.ts"
import type { HoldReason, PlatformRules } from "./plan.ts"

export interface Collision {
  readonly reason: Extract<HoldReason, "case-collision" | "unicode-collision">
  /** The path that has the place. */
  readonly kept: string
}

type Folding = Pick<PlatformRules, "caseInsensitive" | "normalizes">

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant.
const ASCII = /^[\u0000-\u007f]*$/

/**
 * What two paths have in common if some disk may take them for one. Folds more than any single file system does
 * (`ß` is `ss`): a false alarm holds a file back, a missed one could overwrite it.
 */
export function collisionKey(path: string, { caseInsensitive, normalizes }: Folding = ALL): string {
  if (ASCII.test(path)) return caseInsensitive ? path.toLowerCase() : path
  const normal = normalizes ? path.normalize("NFC") : path
  if (!caseInsensitive) return normal
  const folded = normal.toUpperCase().toLowerCase()
  return normalizes ? folded.normalize("NFC") : folded
}

const ALL: Folding = { caseInsensitive: true, normalizes: true }

/**
 * Which of `paths` must be held, and for which other path. In each group the one that `isHere` (on this disk already)
 * is kept, else the one whose bytes sort first. Folders count, whether listed or not: of `a/x` and `A/y`, `A` and `a`
 * collide; what is in a held folder is for the caller to hold.
 */
export function findCollisions(
  paths: Iterable<string>,
  folding: Folding,
  isHere: (path: string) => boolean,
): ReadonlyMap<string, Collision> {
  if (!folding.caseInsensitive && !folding.normalizes) return new Map()
  const first = new Map<string, string>()
  const groups = new Map<string, Set<string>>()
  const all = new Set(paths)
  for (const path of all) {
    const parent = parentOf(path)
    if (parent !== "") all.add(parent)
    const key = collisionKey(path, folding)
    const other = first.get(key)
    if (other === undefined) first.set(key, path)
    else groups.set(key, (groups.get(key) ?? new Set([other])).add(path))
  }
  const held = new Map<string, Collision>()
  for (const group of groups.values()) holdGroup([...group], isHere, held)
  return held
}

function holdGroup(group: readonly string[], isHere: (path: string) => boolean, held: Map<string, Collision>): void {
  const sorted = [...group].sort(compareCodePoints)
  const kept = sorted.find(isHere) ?? (sorted[0] as string)
  for (const path of sorted) {
    if (path === kept || isHere(path)) continue
    const sameText = path.normalize("NFC") === kept.normalize("NFC")
    held.set(path, { reason: sameText ? "unicode-collision" : "case-collision", kept })
  }
}

/** The order of the UTF-8 bytes, which is that of the code points and not of the UTF-16 units. */
function compareCodePoints(a: string, b: string): number {
  let i = 0
  while (i < a.length && a.codePointAt(i) === b.codePointAt(i)) i += (a.codePointAt(i) as number) > 0xffff ? 2 : 1
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1)
}
