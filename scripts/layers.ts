/**
 * Which room of the source may import what, as data, and the reading of one
 * file's imports. Printed in `docs/architecture.md`; run by `check-layers.ts`.
 *
 * A file belongs to the row with the longest path that it starts with. It may
 * import from its own row, from the rows' paths listed in `rooms`, and the
 * packages listed. What is not listed is forbidden.
 *
 * @module
 */
import { dirname, join } from "node:path/posix"
import { parseSync, Visitor } from "oxc-parser"

/** One row of the table. */
export interface Layer {
  /** A folder (with a trailing `/`) or one file, relative to the root. */
  readonly room: string
  /** What it is, for the reader of the table. */
  readonly what: string
  /** Folders and files it may import from; not their rows within, see {@link findViolations}. `*` is anything. */
  readonly rooms: readonly string[]
  /** npm packages, by name. `*` is any, `vscode` is the editor's. */
  readonly packages: readonly string[]
  /** Whether it may import Node's own modules. */
  readonly node?: boolean
}

const STORAGE_CORE = ["storage/errors.ts", "storage/format/", "storage/verify/"]
/** Pure files of the storage room: lengths, limits and key derivation. */
const STORAGE_PURE = ["storage/chunker.ts", "storage/keys.ts", "storage/padding.ts"]
const PORTS = ["src/ports/", "src/errors.ts", "src/host.ts"]
const ENGINE = ["src/sync/", "src/tree/", "src/trust/", "src/vault/", "src/reports.ts", "src/session.ts"]
const STORE_PORT = "storage/remote/store.ts"

export const LAYERS: readonly Layer[] = [
  {
    room: "crypto/",
    what: "keys and bytes in, bytes out: the leaf",
    rooms: [],
    packages: [
      "@noble/ciphers",
      "@noble/curves",
      "@noble/hashes",
      "@noble/post-quantum",
      "@scure/bip39",
      "@hpke/core",
      "@hpke/hybridkem-x-wing",
      "hash-wasm",
      "hpke",
    ],
  },
  {
    room: "storage/",
    what: "the vault: what is kept and in what order",
    rooms: ["crypto/", ...STORAGE_CORE, STORE_PORT],
    packages: [],
  },
  {
    room: "storage/format/",
    what: "pure codecs",
    rooms: ["crypto/", "storage/errors.ts", ...STORAGE_PURE],
    packages: [],
  },
  {
    room: "storage/verify/",
    what: "pure checks of trust log and headers; no decryption",
    rooms: ["crypto/", "storage/errors.ts", "storage/format/"],
    packages: [],
  },
  {
    room: "storage/remote/",
    what: "the Store port, its neutral adapters and wrappers",
    rooms: ["crypto/", "storage/errors.ts"],
    packages: [],
  },
  {
    room: "storage/remote/node/",
    what: "stores that need Node",
    rooms: ["crypto/", "storage/errors.ts", "storage/remote/"],
    packages: [],
    node: true,
  },
  {
    room: "src/",
    what: "the engine's front door, its errors and reports",
    rooms: ["crypto/", "storage/", ...STORAGE_CORE, STORE_PORT, ...PORTS, ...ENGINE],
    packages: [],
  },
  {
    room: "src/ports/",
    what: "what the engine needs of a host: interfaces",
    rooms: ["crypto/", "storage/", "src/errors.ts", "src/tree/"],
    packages: [],
  },
  {
    room: "src/tree/",
    what: "scan, ignore rules, paths, diff, merge, apply",
    rooms: ["crypto/", "storage/", ...STORAGE_CORE, ...PORTS],
    packages: ["diff"],
  },
  {
    room: "src/sync/",
    what: "one sync from head to head",
    rooms: ["crypto/", "storage/", ...STORAGE_CORE, STORE_PORT, ...PORTS, ...ENGINE],
    packages: [],
  },
  {
    room: "src/vault/",
    what: "what sync and trust share: the verified head, staging, memory",
    rooms: ["crypto/", "storage/", ...STORAGE_CORE, STORE_PORT, ...PORTS, "src/tree/", "src/reports.ts"],
    packages: [],
  },
  {
    room: "src/trust/",
    what: "machines, the trust log, joining, revoking, recovering",
    rooms: ["crypto/", "storage/", ...STORAGE_CORE, STORE_PORT, ...PORTS, "src/reports.ts", "src/tree/", "src/vault/"],
    packages: ["@zxcvbn-ts/core", "@zxcvbn-ts/language-common", "@zxcvbn-ts/language-en"],
  },
  {
    room: "src/platform/",
    what: "adapters of the ports for memory and web",
    rooms: ["crypto/", "storage/", "storage/errors.ts", ...PORTS, "src/tree/"],
    packages: [],
  },
  {
    room: "src/platform/node/",
    what: "adapters of the ports for Node",
    rooms: ["crypto/", "storage/", "storage/errors.ts", ...PORTS, "src/tree/", "src/platform/"],
    packages: ["@napi-rs/keyring", "env-paths", "hash-wasm", "hpke"],
    node: true,
  },
  {
    room: "cli/",
    what: "the `sessyn` command: a composition root",
    rooms: ["*"],
    packages: ["@inquirer/prompts", "commander", "diff", "fast-string-truncated-width"],
    node: true,
  },
  {
    room: "extension/",
    what: "VS Code, desktop and web alike",
    rooms: ["crypto/", "storage/errors.ts", STORE_PORT, "src/", ...PORTS, ...ENGINE, "src/tree/"],
    packages: ["vscode"],
  },
  {
    room: "extension/web.ts",
    what: "a composition root: the browser",
    rooms: ["crypto/", "storage/", "storage/remote/", "src/", ...PORTS, "src/platform/", "extension/"],
    packages: ["vscode"],
  },
  {
    room: "extension/desktop.ts",
    what: "a composition root: desktop VS Code",
    rooms: [
      "crypto/",
      "storage/",
      "storage/remote/",
      "storage/remote/node/",
      "src/",
      ...PORTS,
      "src/platform/",
      "src/platform/node/",
      "extension/",
    ],
    packages: ["vscode"],
    node: true,
  },
  { room: "test/", what: "tests", rooms: ["*"], packages: ["*"], node: true },
  { room: "bench/", what: "benchmarks", rooms: ["*"], packages: ["*"], node: true },
  { room: "scripts/", what: "checks, builds, makers of test vectors", rooms: ["*"], packages: ["*"], node: true },
]

/** One import in a file, as it is written. */
export interface Import {
  /** Null if it is computed, so that nobody can tell what is imported. */
  readonly specifier: string | null
  readonly line: number
}

/** One forbidden import, or a file outside every room. */
export interface Violation {
  readonly file: string
  readonly line: number
  readonly message: string
}

/** Every import of a source file: static, type-only, re-exported, dynamic, in types, and by `require`. */
export function readImports(file: string, source: string): readonly Import[] {
  const { program, errors } = parseSync(file, source)
  if (errors[0] !== undefined) throw new Error(`${file}: ${errors[0].message}`)
  const imports: Import[] = []
  const add = (node: { readonly start: number }, literal: unknown): void => {
    const value = (literal as { value?: unknown } | null)?.value
    const line = source.slice(0, node.start).split("\n").length
    imports.push({ specifier: typeof value === "string" ? value : null, line })
  }
  new Visitor({
    ImportDeclaration: (node) => add(node, node.source),
    ExportAllDeclaration: (node) => add(node, node.source),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) add(node, node.source)
    },
    ImportExpression: (node) => add(node, node.source),
    TSImportType: (node) => add(node, node.source),
    TSExternalModuleReference: (node) => add(node, node.expression),
    CallExpression: (node) => {
      if (node.callee.type === "Identifier" && node.callee.name === "require") add(node, node.arguments[0])
    },
  }).visit(program)
  return imports
}

/** The row a file belongs to; null if it is in no room of the table. */
export function layerOf(file: string, layers: readonly Layer[] = LAYERS): Layer | null {
  let found: Layer | null = null
  for (const layer of layers) {
    const inside = layer.room.endsWith("/") ? file.startsWith(layer.room) : file === layer.room
    if (inside && layer.room.length > (found?.room.length ?? 0)) found = layer
  }
  return found
}

/**
 * What in one file's imports the table forbids. A folder listed in `rooms` does not include the rows inside
 * of it: who may import `src/` may not, for that, import `src/platform/node/`.
 */
export function findViolations(
  file: string,
  imports: readonly Import[],
  layers: readonly Layer[] = LAYERS,
): readonly Violation[] {
  const from = layerOf(file, layers)
  if (from === null) return [{ file, line: 1, message: "is in no room of the table" }]
  const violations: Violation[] = []
  for (const { specifier, line } of imports) {
    const fault = specifier === null ? "computes what it imports" : faultOf(from, file, specifier, layers)
    const excused = specifier === null && from.packages.includes("*")
    if (fault !== null && !excused) violations.push({ file, line, message: fault })
  }
  return violations
}

/** The package that a specifier names; null if it names a file or a module of Node. */
export function packageOf(specifier: string): string | null {
  if (specifier.startsWith(".") || specifier.startsWith("node:")) return null
  const [first = "", second] = specifier.split("/")
  return first.startsWith("@") && second !== undefined ? `${first}/${second}` : first
}

function faultOf(from: Layer, file: string, specifier: string, layers: readonly Layer[]): string | null {
  if (specifier.startsWith(".")) return roomFault(from, join(dirname(file), specifier), layers)
  if (specifier.startsWith("node:"))
    return from.node ? null : `imports ${specifier}, and ${from.room} must run without Node`
  const name = packageOf(specifier) as string
  if (from.packages.includes("*") || from.packages.includes(name)) return null
  return `imports the package ${name}, which ${from.room} may not`
}

function roomFault(from: Layer, target: string, layers: readonly Layer[]): string | null {
  if (target.startsWith("../")) return `imports ${target}, outside of the repository`
  // The manifest is no code; the version is read from it.
  if (target === "package.json") return null
  const to = layerOf(target, layers)
  if (to === null) return `imports ${target}, which is in no room of the table`
  if (to === from || from.rooms.includes("*")) return null
  const allowed = from.rooms.some((room) => (room.endsWith("/") ? to.room === room : target === room))
  return allowed ? null : `imports ${target}, which ${from.room} may not`
}

/** The table as Markdown, as it stands in the architecture page. */
export function layersTable(layers: readonly Layer[] = LAYERS): string {
  const code = (words: readonly string[], any: string): string =>
    words.includes("*") ? any : [...new Set(words)].map((word) => `\`${word}\``).join(" ") || "–"
  const rows = layers.map(
    ({ room, what, rooms, packages, node }) =>
      `| \`${room}\` | ${what} | ${code(rooms, "anything")} | ${code(packages, "any")} | ${node ? "yes" : "no"} |`,
  )
  return ["| room | what it is | imports | packages | `node:` |", "|---|---|---|---|---|", ...rows].join("\n")
}
