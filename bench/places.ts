/**
 * Fresh folders for every run, all in one temporary folder that is removed when
 * the bench ends, and not before: a disk that has just deleted thousands of
 * files is slow to make new ones (ext4 without a journal leaves out inodes
 * deleted in the last minutes), and would be so for whoever comes next.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Places {
  /** A new empty folder; its name tells what it is for. */
  make(what: string): string
  removeAll(): void
}

/** Also lets whatever asks for a temporary folder, here or in a command, have one in the same place. */
export function createPlaces(): Places {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "sessyn-bench-")))
  let made = 0
  const make = (what: string): string => {
    const folder = join(root, `${made++}-${what.replaceAll(/[^a-z0-9]+/g, "-")}`)
    mkdirSync(folder)
    return folder
  }
  process.env["TMPDIR"] = make("tmp")
  return { make, removeAll: () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }) }
}
