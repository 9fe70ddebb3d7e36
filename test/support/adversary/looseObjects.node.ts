/**
 * Writes Git's own objects into a repository on disk, whatever they hold, with
 * the ids that they have: what a host can make of commits and trees.
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { deflateSync } from "node:zlib"

export interface LooseObjects {
  /** @returns Its id. */
  write(type: "commit" | "tree", body: Uint8Array): string
  /** The body of an object, as it is. */
  read(type: "commit" | "tree", id: string): Buffer
  point(branch: string, commit: string): void
}

export function createLooseObjects(repository: string): LooseObjects {
  return {
    write(type, body) {
      const whole = Buffer.concat([Buffer.from(`${type} ${body.length}\0`), body])
      const id = createHash("sha1").update(whole).digest("hex")
      const path = join(repository, "objects", id.slice(0, 2), id.slice(2))
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, deflateSync(whole, { level: 1 }))
      return id
    },
    read: (type, id) => execFileSync("git", ["--git-dir", repository, "cat-file", type, id]),
    point(branch, commit) {
      const path = join(repository, "refs", "heads", branch)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, `${commit}\n`)
    },
  }
}
