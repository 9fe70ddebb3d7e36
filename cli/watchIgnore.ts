/**
 * What `watch` need not listen to. Only a saving: the scan has the last word on
 * what is synced, so whatever is missed here costs a scan, nothing else.
 *
 * @module
 */
import { isOwnFolder } from "../src/tree/paths.ts"
import { STRAY_PREFIX } from "../src/tree/stateFolder.ts"

/** Left by file managers, never synced. */
const NOISE: ReadonlySet<string> = new Set([".DS_Store", "Thumbs.db"])

/** Whether changes at `path` (relative, `/` between segments) mean nothing to a sync. */
export function isNoise(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1)
  return NOISE.has(name) || name.startsWith(STRAY_PREFIX) || isOwnFolder(name)
}
