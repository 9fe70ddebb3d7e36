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
import { join } from "node:path"
import { type BuildOptions, build, type Metafile } from "esbuild"
import { ENTRIES, type Entry, EXTERNAL_PACKAGES, META_FOLDER } from "./entries.ts"

const root = join(import.meta.dirname, "..")
const dist = join(root, "dist")

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  metafile: true,
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

async function buildPlatform(platform: Entry["platform"]): Promise<void> {
  const entries = ENTRIES.filter((entry) => entry.platform === platform)
  const { metafile } = await build(optionsOf(platform, entries))
  writeFileSync(join(dist, META_FOLDER, `${platform}.json`), JSON.stringify(metafile satisfies Metafile))
}

const missing = ENTRIES.filter(({ source }) => !existsSync(join(root, source)))
if (missing.length > 0) {
  console.error(`Cannot build: ${missing.map(({ source }) => source).join(", ")} missing (see scripts/entries.ts).`)
  process.exit(1)
}
rmSync(dist, { recursive: true, force: true })
mkdirSync(join(dist, META_FOLDER), { recursive: true })
await Promise.all([...new Set(ENTRIES.map(({ platform }) => platform))].map(buildPlatform))
