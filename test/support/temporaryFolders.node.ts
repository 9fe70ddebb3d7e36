/**
 * Folders that a test file makes and removes when it is through.
 *
 * @module
 */
import { chmodSync, lstatSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface TemporaryFolders {
  make(): string
  /** Removes them all, also what they hold without permission to. */
  remove(): void
}

export function createTemporaryFolders(): TemporaryFolders {
  const made: string[] = []
  return {
    make: () => {
      const folder = realpathSync(mkdtempSync(join(tmpdir(), "sessyn-test-")))
      made.push(folder)
      return folder
    },
    remove: () => {
      for (const folder of made.splice(0)) {
        open(folder)
        rmSync(folder, { recursive: true, force: true })
      }
    },
  }
}

function open(folder: string): void {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  chmodSync(folder, 0o700)
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    if (item.isDirectory()) open(join(folder, item.name))
  }
}
