/**
 * Packs the extension as `sessyn.vsix`, from a folder that holds just what VS
 * Code needs: the two bundles, the manifest less what only this repository
 * uses, and the papers. What is not listed here cannot end up in it.
 *
 * @module
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { createVSIX } from "@vscode/vsce"

const root = join(import.meta.dirname, "..")
const stage = join(root, "dist", "vsix")
const output = join(root, "sessyn.vsix")

/** By its path in the extension, the file of this repository. */
const FILES = {
  "dist/extension.cjs": "dist/extension.cjs",
  "dist/web/extension.js": "dist/web/extension.js",
  "extension/media/icon.png": "extension/media/icon.png",
  "README.md": "extension/README.md",
  LICENSE: "LICENSE",
  "CHANGELOG.md": "CHANGELOG.md",
}
/** Licences of what is bundled; not every bundle has such. */
const LICENCES = ["dist/extension.cjs.LEGAL.txt", "dist/web/extension.js.LEGAL.txt"]

/** What VS Code does not read. `type` would have it take the CommonJS bundles for ES modules. */
const LEFT_OUT = [
  "type",
  "private",
  "bin",
  "scripts",
  "dependencies",
  "optionalDependencies",
  "devDependencies",
  "allowScripts",
]

function stagedManifest(): string {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>
  for (const field of LEFT_OUT) delete manifest[field]
  const { vscode } = manifest["engines"] as Record<string, string>
  return `${JSON.stringify({ ...manifest, engines: { vscode }, files: ["**"] }, null, 2)}\n`
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(join(stage, to)), { recursive: true })
  cpSync(join(root, from), join(stage, to))
}

rmSync(stage, { recursive: true, force: true })
for (const [to, from] of Object.entries(FILES)) copy(from, to)
for (const file of LICENCES.filter((name) => existsSync(join(root, name)))) copy(file, file)
writeFileSync(join(stage, "package.json"), stagedManifest())
await createVSIX({ cwd: stage, packagePath: output, dependencies: false, allowMissingRepository: true })
