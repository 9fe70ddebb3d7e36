/**
 * Bundles the programs of `entries.ts` into `dist/`.
 *
 * The CLI and the tour are ES modules that share chunks, so that what they
 * import on demand is read on demand. The extension's two bundles are single CommonJS
 * files: VS Code loads exactly one file on the web, and older desktops only CommonJS.
 *
 * @module
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { type BuildOptions, build } from "esbuild"
import { ENTRIES, type Entry, EXTERNAL_PACKAGES, META_FOLDER } from "./entries.ts"

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

function optionsOf(platform: Entry["platform"], entries: readonly Entry[]): BuildOptions {
  const entryPoints = entries.map(({ source, output }) => ({ in: source, out: output.replace(/\.[a-z]+$/, "") }))
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
async function buildPlatform(platform: Entry["platform"]): Promise<readonly OutputFile[]> {
  const entries = ENTRIES.filter((entry) => entry.platform === platform)
  const { outputFiles, metafile } = await build({ ...optionsOf(platform, entries), write: false, metafile: true })
  const path = join(dist, META_FOLDER, `${platform}.json`)
  return [...outputFiles, { path, contents: new TextEncoder().encode(JSON.stringify(metafile)) }]
}

const missing = ENTRIES.filter(({ source }) => !existsSync(join(root, source)))
if (missing.length > 0) {
  console.error(`Cannot build: ${missing.map(({ source }) => source).join(", ")} missing (see scripts/entries.ts).`)
  process.exit(1)
}
const platforms = [...new Set(ENTRIES.map(({ platform }) => platform))]
// esbuild has said what is wrong before it throws.
const built = await Promise.all(platforms.map(buildPlatform)).catch(() => process.exit(1))
rmSync(dist, { recursive: true, force: true })
for (const { path, contents } of built.flat()) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, contents)
}
