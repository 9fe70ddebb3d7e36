/**
 * Writes `storage/zstd/wasm.ts`: the WebAssembly that the package zstddec holds, without what the package wraps around
 * it. That wrapper fetches a `data:` URL, which VS Code forbids its extensions on the web, and takes no notice of the
 * error that decoding ends with. A test compares the file with the package.
 *
 *     node scripts/make-zstd.ts
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")

/** Relative to the root. */
export const ZSTD_FILE = "storage/zstd/wasm.ts"

/** What {@link ZSTD_FILE} must hold. */
export function zstdSource(): string {
  const [, wasm] = /^const wasm = "([A-Za-z0-9+/=]+)"/m.exec(packageFile("dist/zstddec.mjs")) ?? []
  // The second of two: the first is the wrapper's.
  const [licence] = /^BSD License$.*/ms.exec(packageFile("LICENSE")) ?? []
  if (wasm === undefined || licence === undefined) throw new Error("zstddec does not look as it did")
  return [
    "/*!",
    " * The decoder of libzstd, compiled to WebAssembly. Written by scripts/make-zstd.ts, which says whence.",
    " *",
    ...licence
      .trimEnd()
      .split("\n")
      .map((line) => ` * ${line}`.trimEnd()),
    " */",
    `export const ZSTD_WASM =\n  "${wasm}"`,
    "",
  ].join("\n")
}

function packageFile(path: string): string {
  return readFileSync(join(root, "node_modules/zstddec", path), "utf8")
}

if (import.meta.main) writeFileSync(join(root, ZSTD_FILE), zstdSource())
