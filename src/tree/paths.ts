/**
 * Which paths may be used at all, and which this machine's disk can hold. A
 * path from a vault is hostile until it passed here: it must stay inside the
 * workspace and must not reach Git's or our own folder by any of the names a
 * file system has for them. The rules are those of Git's `verify_path`,
 * `is_hfs_dotgit` and `is_ntfs_dotgit`, applied on every platform, because the
 * next machine may be any. Not here: collisions (`collisions.ts`). Pure.
 *
 * @module
 */
import { utf8 } from "../../crypto/bytes.ts"
import type { HoldReason, PlatformRules } from "./plan/plan.ts"

/** Limits of a path: UTF-16 units of a segment, bytes of UTF-8 of the whole, segments. */
export const MAX_SEGMENT_UNITS = 255
export const MAX_PATH_BYTES = 4096
export const MAX_PATH_SEGMENTS = 256
/** Bytes of UTF-8 that Linux and macOS allow in a name. */
const MAX_POSIX_NAME_BYTES = 255

/** Nothing in such a path can offend; most are. Short enough for every limit. */
const PLAIN = /^(?=.{1,255}$)[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/
const DRIVE = /^[a-z]:/i
const LONE_SURROGATE = /\p{Surrogate}/u
/** What HFS+ drops when it compares names (Git's `next_hfs_char`). */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g
/** `.git` and `.sessyn`, their 8.3 aliases, and what NTFS drops or reads as a stream after them. */
const MAYBE_OWN_FOLDER = /^[.gs\u017f\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/i
const OWN_FOLDER = /^(?:\.git|git~1|\.sessyn|sessyn~[1-9])[. ]*(?::.*)?$/s
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[1-9¹²³]|lpt[1-9¹²³]) *(?:\..*)?$/is
// biome-ignore lint/suspicious/noControlCharactersInRegex: Windows forbids them in names.
const WINDOWS_FORBIDDEN = /[<>:"|?*\\\u0000-\u001f]|[. ]$/

/** Everything before the last `/`; `""` for a path in the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")))
}

/** Everything after the last `/`. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1)
}

/** Why no machine may use this path, or `null`. */
export function checkPath(path: string): HoldReason | null {
  if (PLAIN.test(path)) return null
  if (LONE_SURROGATE.test(path)) return "name-not-unicode"
  if (path.startsWith("\\") || DRIVE.test(path) || path.includes("\0")) return "hostile-path"
  const segments = path.split("/")
  for (const segment of segments) {
    if (segment.split("\\").some(isHostileName)) return "hostile-path"
  }
  const tooLong = path.length > MAX_PATH_BYTES || utf8(path).length > MAX_PATH_BYTES
  if (tooLong || segments.length > MAX_PATH_SEGMENTS) return "name-too-long"
  return segments.some((segment) => segment.length > MAX_SEGMENT_UNITS) ? "name-too-long" : null
}

/** Whether this is a name, under any disguise, of `.git` or of our own `.sessyn`. */
export function isOwnFolder(name: string): boolean {
  // Asked for every name of every walk.
  if (!MAYBE_OWN_FOLDER.test(name)) return false
  return OWN_FOLDER.test(fold(name)) || OWN_FOLDER.test(fold(name.replace(HFS_IGNORED, "")))
}

/** Why this machine's disk cannot hold a path that passed {@link checkPath}, or `null`. */
export function checkForPlatform(
  path: string,
  { windowsNames }: Pick<PlatformRules, "windowsNames">,
): HoldReason | null {
  for (const name of path.split("/")) {
    if (windowsNames) {
      if (WINDOWS_FORBIDDEN.test(name) || WINDOWS_DEVICE.test(name)) return "name-not-allowed"
    } else if (name.length * 3 > MAX_POSIX_NAME_BYTES && utf8(name).length > MAX_POSIX_NAME_BYTES) {
      return "name-too-long"
    }
  }
  return null
}

/**
 * Whether a link at `path` may point out of the workspace. Judged by the text alone: `..` counts only at the start,
 * where it climbs through real folders; after a name, which may be a link itself, it could lead anywhere.
 */
export function leadsOut(path: string, target: string): boolean {
  if (/^[/\\]/.test(target) || DRIVE.test(target)) return true
  let depth = path.split("/").length - 1
  let descended = false
  for (const segment of target.split(/[/\\]/)) {
    if (segment === "" || segment === ".") continue
    if (segment !== "..") descended = true
    else if (descended || --depth < 0) return true
  }
  return false
}

function isHostileName(name: string): boolean {
  return name === "" || name === "." || name === ".." || isOwnFolder(name)
}

/** Lower case as file systems that fold it see it, `ſ` as `s` included. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase()
}

const SHOWN_PATHS = 10

/** Lines for a person on the first few of many paths. `then`: what follows the number of the others. */
export function firstPaths(paths: readonly string[], then = ""): readonly string[] {
  const more = paths.length - SHOWN_PATHS
  const shown = paths.slice(0, SHOWN_PATHS).map((path) => `  ${path}`)
  return more > 0 ? [...shown, `  and ${more} more${then}`] : shown
}
