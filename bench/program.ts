/**
 * The built command, put aside: a build in the middle of a run must not change
 * what is measured.
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { CACHE } from "./packages.ts"

const ROOT = join(import.meta.dirname, "..")
const DIST = join(ROOT, "dist")
const SOURCES = ["crypto", "storage", "src", "cli"]

export interface Program {
  /** The copy of `dist/cli.js`. */
  readonly cli: string
  /** Whether the source has changed since it was built. */
  readonly stale: boolean
  remove(): void
}

/** Copies `dist/`, which is built if it is not there. Below `node_modules`, where it finds its packages. */
export function putAside(): Program {
  if (!existsSync(join(DIST, "cli.js"))) {
    execFileSync(process.execPath, [join("scripts", "build.ts")], { cwd: ROOT, stdio: ["ignore", 2, 2] })
  }
  mkdirSync(CACHE, { recursive: true })
  const folder = mkdtempSync(join(CACHE, "program-"))
  cpSync(DIST, folder, { recursive: true, filter: (path) => !path.endsWith(".map") })
  // As in the package: else Node would have to guess what kind of module it is.
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n')
  return {
    cli: join(folder, "cli.js"),
    stale: newestSource() > statSync(join(DIST, "cli.js")).mtimeMs,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function newestSource(): number {
  const times = SOURCES.flatMap((room) =>
    readdirSync(join(ROOT, room), { withFileTypes: true, recursive: true })
      .filter((item) => item.isFile())
      .map(({ parentPath, name }) => statSync(join(parentPath, name)).mtimeMs),
  )
  return Math.max(...times)
}
