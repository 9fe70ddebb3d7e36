/**
 * The door of every npm script: sets up what a fresh clone lacks, then hands
 * the task to the pinned Node. Runs on any Node from 20 on, whatever the
 * machine has, and needs nothing installed; all else is in `tasks.ts`.
 *
 *     node scripts/bootstrap.mjs TASK [ARGUMENT…]
 *
 * Set-up fetches from the npm registry and nowhere else: no dependency's
 * install script runs (`.npmrc`) but that of `node`, which gets the Node binary
 * of this platform as one more npm package.
 *
 * @module
 */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const windows = process.platform === "win32"
const bin = join(root, "node_modules", ".bin")
const pinnedNode = join(root, "node_modules", "node", "bin", windows ? "node.exe" : "node")

/** Whether `node_modules` holds what the lock file says, by npm's own record of what it installed. */
function isInstalled() {
  const record = join(root, "node_modules", ".package-lock.json")
  if (!existsSync(record) || !existsSync(pinnedNode) || !existsSync(bin)) return false
  const installed = packagesOf(record)
  return Object.entries(packagesOf(join(root, "package-lock.json"))).every(
    ([path, { version, optional, devOptional }]) =>
      path === "" ||
      installed[path]?.version === version ||
      ((optional || devOptional) && installed[path] === undefined),
  )
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, "utf8")).packages
}

function install() {
  console.log("Installing dependencies from the npm registry (about half a minute, once)…")
  npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
  npm("rebuild", "node", "--ignore-scripts=false", "--loglevel=error")
  if (!existsSync(pinnedNode)) fail("npm did not install Node for this platform; see the messages above.")
}

function npm(...args) {
  // npm_execpath: the npm that runs us, so that no second one need be on PATH.
  const script = process.env.npm_execpath
  const { status, error } = script?.endsWith(".js")
    ? spawnSync(process.env.npm_node_execpath ?? process.execPath, [script, ...args], { cwd: root, stdio: "inherit" })
    : spawnSync("npm", args, { cwd: root, stdio: "inherit", shell: windows })
  if (error !== undefined) fail(`npm could not be run: ${error.message}`)
  if (status !== 0) fail(`npm ${args[0]} failed; see the messages above.`)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}

if (Number(process.versions.node.split(".")[0]) < 20) fail(`Node 20 or newer is needed; this is ${process.version}.`)
if (!isInstalled()) install()
const [task, ...args] = process.argv.slice(2)
const env = { ...process.env }
// Windows calls it Path.
const pathName = Object.keys(env).find((name) => name.toUpperCase() === "PATH") ?? "PATH"
env[pathName] = [dirname(pinnedNode), bin, env[pathName] ?? ""].join(delimiter)
const { status } = spawnSync(pinnedNode, [join(root, "scripts", "tasks.ts"), task ?? "", ...args], {
  cwd: root,
  stdio: "inherit",
  env,
})
process.exit(status ?? 1)
