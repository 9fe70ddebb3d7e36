/**
 * Names for the remote version of a file that is kept beside the local one:
 * `name.remote.ext`, then `name.remote-2.ext` and so on, never one that is in
 * use, on any side, on any disk. Pure.
 *
 * @module
 */
import { utf8 } from "../../crypto/bytes.ts"
import { collisionKey } from "./plan/collisions.ts"
import type { TreeNode } from "./node.ts"
import { checkForPlatform, checkPath, nameOf, parentOf } from "./paths.ts"
import type { PlanInput } from "./plan/plan.ts"

/** Bytes of UTF-8 that every file system allows in a name. */
const MAX_NAME_BYTES = 255
/** Endings that belong together although they have a dot inside. */
const ENDING = /(?:\.tar\.[a-z0-9]{1,4}|\.d\.[cm]?ts|\.[^. ]{1,32})$/i

export interface Names {
  /**
   * A free path beside `path`, taken by this call; `null` if there is none that can be used: too long, or ignored, so
   * that it would not be synced.
   */
  beside(path: string, type: TreeNode["type"]): string | null
}

export function createNames({ base, local, remote, held, excluded, platform }: PlanInput): Names {
  const taken = new Set<string>()
  for (const side of [base, local, remote, held]) for (const path of side.keys()) taken.add(collisionKey(path))
  return {
    beside(path, type) {
      const folder = parentOf(path)
      for (let number = 1; ; number++) {
        const candidate = (folder === "" ? "" : `${folder}/`) + remoteName(nameOf(path), number, type)
        if (taken.has(collisionKey(candidate))) continue
        if (checkPath(candidate) !== null || excluded(type === "folder" ? `${candidate}/` : candidate)) return null
        if (platform !== undefined && checkForPlatform(candidate, platform) !== null) return null
        taken.add(collisionKey(candidate))
        return candidate
      }
    },
  }
}

/** `notes.txt` as `notes.remote.txt`; shortened before the mark if it would be too long. */
export function remoteName(name: string, number: number, type: TreeNode["type"]): string {
  const mark = number === 1 ? ".remote" : `.remote-${number}`
  // What tools load by the start of its name (.env.local) must not look like one more of them.
  const whole = type === "folder" || name.startsWith(".env")
  const found = whole ? null : ENDING.exec(name)
  const ending = found !== null && found.index > 0 ? found[0] : ""
  const room = MAX_NAME_BYTES - utf8(mark + ending).length
  return shorten(name.slice(0, name.length - ending.length), room) + mark + ending
}

function shorten(stem: string, maxBytes: number): string {
  const points = [...stem]
  let bytes = utf8(stem).length
  while (bytes > maxBytes) bytes -= utf8(points.pop() ?? "").length || bytes
  return points.join("")
}
