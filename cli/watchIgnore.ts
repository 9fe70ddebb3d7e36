/**
 * What `watch` need not listen to: what `.syncignore` leaves out. Only a
 * saving: the scan has the last word on what is synced, so whatever is missed
 * here costs a scan, nothing else.
 *
 * @module
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createIgnoreRules, IGNORE_FILE } from "../src/tree/scan/ignoreRules.ts"
import { STRAY_PREFIX } from "../src/tree/stateFolder.ts"

/** As long as the scan reads. */
const MAX_RULES_BYTES = 1024 * 1024

/**
 * Whether changes at `path` (relative, `/` between segments) mean nothing to a sync.
 *
 * @param onRulesChange - Told when a file with rules was touched: what was ignored may count now.
 */
export function createWatchIgnore(
  root: string,
  onRulesChange: () => void,
): (path: string, isFolder: boolean) => boolean {
  const rules = createIgnoreRules()
  const entered = new Set<string>()

  /** Reads the rules of a folder and of all above it, once. */
  function enter(folder: string): void {
    if (entered.has(folder)) return
    if (folder !== "") enter(parentOf(folder))
    entered.add(folder)
    rules.enter(folder, readRules(join(root, folder, IGNORE_FILE)))
  }

  return (path, isFolder) => {
    const name = path.slice(path.lastIndexOf("/") + 1)
    if (name === IGNORE_FILE) {
      onRulesChange()
      return false
    }
    enter(parentOf(path))
    return name.startsWith(STRAY_PREFIX) || rules.ignores(path, isFolder)
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")))
}

function readRules(path: string): string | null {
  try {
    const text = readFileSync(path, "utf8")
    return text.length <= MAX_RULES_BYTES ? text : null
  } catch {
    return null
  }
}
