/**
 * Installs a real VS Code from the npm registry: code-server, with the VS Code
 * server that it ships. Kept below `.vscode-test/`, so this is done once.
 *
 * No install script runs: the pinned Node runs it, and its native modules come
 * ready-made in their packages.
 *
 * @module
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** Ships VS Code 1.139.1. */
const VERSION = "4.139.1"
/** Two installs of some 300 packages each; ten seconds or so where the registry is near. */
const INSTALL_MS = 240_000

const root = join(import.meta.dirname, "..", "..", "..")
const folder = join(root, ".vscode-test", "code-server")
const codeServer = join(folder, "node_modules", "code-server")
const stamp = join(folder, "installed")

/** The script that starts code-server; installs it if it is not there. */
export function installVsCode(): string {
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== VERSION) install()
  return join(codeServer, "out", "node", "entry.js")
}

function install(): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n')
  npm(folder, "install", "--save-exact", `code-server@${VERSION}`)
  // Its own dependencies are pinned by the shrinkwrap that it ships.
  npm(join(codeServer, "lib", "vscode"), "install", "--omit=dev")
  writeFileSync(stamp, VERSION)
}

function npm(cwd: string, ...args: readonly string[]): void {
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
  const [program, ...first] = npmCommand()
  const options = { cwd, encoding: "utf8", env: ownEnv(), timeout: INSTALL_MS } as const
  const { status, stderr, error } = spawnSync(program, [...first, ...args, ...quiet], options)
  if (status !== 0) throw new Error(`npm ${args[0]} failed in ${cwd}: ${error?.message ?? stderr}`)
}

/** The npm that runs us, on the Node that it came with: with another it would not find the machine's own npm settings. */
function npmCommand(): readonly [string, ...string[]] {
  const { npm_execpath: script, npm_node_execpath: node } = process.env
  return script?.endsWith(".js") && node !== undefined ? [node, script] : ["npm"]
}

/** Less what the npm that runs this test told its own scripts: that is about this repository. */
function ownEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|config)_/.test(name)),
  )
}
