/**
 * Checks the shape of the source: imports against the table of `layers.ts`,
 * the table against its print in the architecture page, names of rooms, sizes
 * of files, functions and folders, and words that must not stand anywhere.
 *
 *     node scripts/check-layers.ts [--write] [--sizes] [--root FOLDER]
 *
 * `--write` prints the table into the page instead of comparing; `--sizes` also
 * lists what is large but allowed. Exit status 1 if anything is wrong.
 *
 * @module
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { findViolations, type Import, LAYERS, layersTable, packageOf, readImports, type Violation } from "./layers.ts"
import { measureFolders, measureSource, type SizeNote } from "./sizes.ts"
import { findForbiddenWords, isForbiddenRoom } from "./words.ts"

const SKIPPED = new Set([".git", "node_modules", "dist", "coverage", ".vscode-test"])
const BINARY = /\.(png|ico|woff2?|gz|vsix|pack|bin|zst)$/
const SOURCE = /\.(ts|mjs)$/
const PAGE = "docs/architecture.md"
const TABLE = /(<!-- layers -->\n)[\s\S]*?(<!-- \/layers -->)/

const { values } = parseArgs({
  options: { root: { type: "string" }, write: { type: "boolean" }, sizes: { type: "boolean" } },
})
const root = resolve(values.root ?? join(import.meta.dirname, ".."))
const declared = readDeclared()
const violations: Violation[] = []
const notes: SizeNote[] = []

const files = listFiles("")
for (const file of files) checkFile(file)
notes.push(...measureFolders(files.filter((file) => SOURCE.test(file) && !file.startsWith("test/"))))
checkTable()

for (const { where, message, allowed } of notes) {
  if (!allowed) violations.push({ ...where, message })
  else if (values.sizes) console.log(`${where.file}:${where.line}: ${message}`)
}
for (const { file, line, message } of violations) console.error(`${file}:${line}: ${message}`)
console.log(`layers: ${files.length} files, ${LAYERS.length} rooms, ${violations.length} violations`)
process.exitCode = violations.length === 0 ? 0 : 1

function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((item) => !SKIPPED.has(item.name))
    .flatMap((item) => {
      const path = folder === "" ? item.name : `${folder}/${item.name}`
      if (item.isDirectory()) return listFiles(path)
      return item.isFile() ? [path] : []
    })
    .sort()
}

function checkFile(file: string): void {
  const room = file.split("/").slice(0, -1).find(isForbiddenRoom)
  if (room !== undefined) violations.push({ file, line: 1, message: `lies in a room called ${room}: name its subject` })
  if (BINARY.test(file)) return
  const text = readFileSync(join(root, file), "utf8")
  if (file !== "package-lock.json") violations.push(...findForbiddenWords(file, text))
  // Fixtures are read as files, not run.
  if (!SOURCE.test(file) || file.includes("/fixtures/")) return
  if (file.includes("/")) checkImports(file, readImports(file, text))
  notes.push(...measureSource(file, text))
}

function checkImports(file: string, imports: readonly Import[]): void {
  violations.push(...findViolations(file, imports))
  for (const { specifier, line } of imports) {
    const name = specifier === null ? null : packageOf(specifier)
    if (name === null || declared.has(name)) continue
    violations.push({ file, line, message: `imports the package ${name}, which package.json does not name` })
  }
}

/** Packages that may be imported at all: the manifest's own, and the editor's. */
function readDeclared(): ReadonlySet<string> {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, object | undefined>
  const fields = ["dependencies", "optionalDependencies", "devDependencies"]
  return new Set(["vscode", ...fields.flatMap((field) => Object.keys(manifest[field] ?? {}))])
}

function checkTable(): void {
  if (!files.includes(PAGE)) return
  const page = readFileSync(join(root, PAGE), "utf8")
  const printed = page.replace(TABLE, (_, before: string, after: string) => `${before}${layersTable()}\n${after}`)
  if (printed === page && TABLE.test(page)) return
  if (values.write) writeFileSync(join(root, PAGE), printed)
  else violations.push({ file: PAGE, line: 1, message: "its table differs; run node scripts/check-layers.ts --write" })
}
