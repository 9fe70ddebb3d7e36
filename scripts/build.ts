/**
 * Bundles the programs of `entries.ts` into `dist/`.
 *
 * The programs for Node are ES modules with chunks, so that what they import on
 * demand is read on demand. Each is bundled by itself: what several share would fall
 * into many small chunks, and each file costs a command's start a millisecond. The
 * extension's two bundles are single CommonJS files: VS Code loads exactly one file on
 * the web, and older desktops only CommonJS.
 *
 * @module
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { type BuildOptions, build } from "esbuild"
import { ENTRIES, type Entry, EXTERNAL_PACKAGES, metaFile } from "./entries.ts"

/** A file to write, by its absolute path. */
interface OutputFile {
  readonly path: string
  readonly contents: Uint8Array
}

const root = join(import.meta.dirname, "..")
const dist = join(root, "dist")

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  sourcemap: "linked",
  sourcesContent: false,
  legalComments: "linked",
  logLevel: "warning",
} satisfies BuildOptions

/** Libraries in CommonJS call `require` for Node's modules; an ES module has none. */
const REQUIRE = `import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url);`

function optionsOf({ platform, source, output }: Entry): BuildOptions {
  const entryPoints = [{ in: source, out: output.replace(/\.[a-z]+$/, "") }]
  switch (platform) {
    case "node":
      return {
        ...COMMON,
        entryPoints,
        outdir: dist,
        platform: "node",
        // Named exports of a package's CommonJS form are not there when it is bundled as a module.
        mainFields: ["module", "main"],
        target: "node22.15",
        format: "esm",
        splitting: true,
        chunkNames: "chunks/[name]-[hash]",
        minifySyntax: true,
        minifyWhitespace: true,
        banner: { js: REQUIRE },
        external: EXTERNAL_PACKAGES,
      }
    case "vscode-desktop":
      return {
        ...COMMON,
        entryPoints,
        outdir: dist,
        outExtension: { ".js": ".cjs" },
        platform: "node",
        // Named exports of a package's CommonJS form are not there when it is bundled as a module.
        mainFields: ["module", "main"],
        // What the oldest VS Code of `engines.vscode` runs on.
        target: "node20",
        format: "cjs",
        minify: true,
        define: { "import.meta.url": "__sessynFileUrl" },
        banner: { js: 'const __sessynFileUrl = require("node:url").pathToFileURL(__filename).href;' },
        external: ["vscode", ...EXTERNAL_PACKAGES],
      }
    case "vscode-web":
      return {
        ...COMMON,
        entryPoints,
        outdir: dist,
        platform: "browser",
        target: "es2022",
        format: "cjs",
        minify: true,
        external: ["vscode"],
      }
  }
}

/** Nothing is written yet: a build that fails leaves the last one in place. */
async function buildEntry(entry: Entry): Promise<readonly OutputFile[]> {
  const { outputFiles, metafile } = await build({ ...optionsOf(entry), write: false, metafile: true })
  const path = join(dist, metaFile(entry))
  return [...outputFiles, { path, contents: new TextEncoder().encode(JSON.stringify(metafile)) }]
}

const missing = ENTRIES.filter(({ source }) => !existsSync(join(root, source)))
if (missing.length > 0) {
  console.error(`Cannot build: ${missing.map(({ source }) => source).join(", ")} missing (see scripts/entries.ts).`)
  process.exit(1)
}
// esbuild has said what is wrong before it throws.
const built = await Promise.all(ENTRIES.map(buildEntry)).catch(() => process.exit(1))
rmSync(dist, { recursive: true, force: true })
for (const { path, contents } of built.flat()) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, contents)
}
