/**
 * npm packages by exact version and integrity hash, kept in
 * `node_modules/.cache`: the only thing that the bench downloads.
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"

export interface Package {
  readonly name: string
  readonly version: string
  readonly integrity: string
}

/** Where the bench keeps what outlives a run. */
export const CACHE = join(import.meta.dirname, "..", "node_modules", ".cache", "sessyn", "bench")

/** Unpacks a package into a folder, which is made. The files are as new as the folder. */
export function unpackPackage(wanted: Package, folder: string): void {
  const tarball = join(CACHE, `${wanted.name.replaceAll(/[^a-z0-9]+/g, "-")}-${wanted.version}.tgz`)
  if (!existsSync(tarball)) download(wanted, tarball)
  if (integrityOf(tarball) !== wanted.integrity) throw new Error(`${tarball} is not what the registry published`)
  mkdirSync(folder, { recursive: true })
  execFileSync("tar", ["-xzmf", tarball, "-C", folder, "--strip-components=1", "--no-same-owner"])
}

function download({ name, version, integrity }: Package, tarball: string): void {
  mkdirSync(CACHE, { recursive: true })
  const place = mkdtempSync(join(CACHE, "download-"))
  try {
    execFileSync("npm", ["pack", `${name}@${version}`, "--silent", "--pack-destination", place], { stdio: "pipe" })
    const [packed] = readdirSync(place)
    if (packed === undefined || integrityOf(join(place, packed)) !== integrity) {
      throw new Error(`the registry's ${name}@${version} is not the one that is expected`)
    }
    renameSync(join(place, packed), tarball)
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

function integrityOf(path: string): string {
  return `sha512-${createHash("sha512").update(readFileSync(path)).digest("base64")}`
}
