/**
 * Small file systems of their own, where this process may mount them.
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const mounted: string[] = []

/** Mounts an empty file system in memory on a folder, made if need be. */
export function mountTmpfs(folder: string, options: string): void {
  mkdirSync(folder, { recursive: true })
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "ignore" })
  mounted.push(folder)
}

export function remount(folder: string, options: string): void {
  execFileSync("mount", ["-o", `remount,${options}`, folder], { stdio: "ignore" })
}

export function unmountAll(): void {
  for (const folder of mounted.splice(0).reverse()) execFileSync("umount", ["-l", folder], { stdio: "ignore" })
}

export function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "sessyn-mount-"))
  try {
    mountTmpfs(folder, "size=64k")
    return true
  } catch {
    return false
  } finally {
    unmountAll()
    rmSync(folder, { recursive: true, force: true })
  }
}
