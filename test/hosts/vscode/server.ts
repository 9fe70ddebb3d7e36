/**
 * One VS Code server: one machine, with settings, extensions, home and secrets
 * of its own.
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

export interface ServerOptions {
  /** code-server's entry script. */
  readonly entry: string
  /** An empty folder for all that this machine keeps. Short: there are sockets in it. */
  readonly home: string
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
}

export interface Server {
  /** E.g. `http://127.0.0.1:40123`. */
  readonly url: string
  /** All that it printed, for the report of a failed test. */
  output(): string
  /** Ends it and every process it started. */
  stop(): Promise<void>
}

/** Nothing that pops up, phones home, or depends on the day. */
const SETTINGS = {
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.enableExperiments": false,
  "workbench.reduceMotion": "on",
  "chat.disableAIFeatures": true,
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false,
  "extensions.ignoreRecommendations": true,
  "git.openRepositoryInParentFolders": "never",
  "window.commandCenter": false,
}

/** Installs an extension from a .vsix into a machine that is not running. */
export function installExtension(options: ServerOptions, vsix: string): void {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...commandLine(options), "--install-extension", vsix],
    { env: environment(options), encoding: "utf8" },
  )
  if (status !== 0) throw new Error(`the extension could not be installed: ${stdout}${stderr}`)
}

export async function startServer(options: ServerOptions): Promise<Server> {
  writeSettings(options.home)
  const args = [...commandLine(options), "--bind-addr", "127.0.0.1:0", "--disable-workspace-trust"]
  // A process group of its own, so that its helpers can be ended with it.
  const process_ = spawn(process.execPath, args, {
    env: environment(options),
    cwd: options.home,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  })
  let output = ""
  const url = await new Promise<string>((resolve, reject) => {
    const read = (piece: Buffer): void => {
      output += piece.toString()
      const listening = /HTTP server listening on (http:\/\/[\d.]+:\d+)/.exec(output)?.[1]
      if (listening !== undefined) resolve(listening)
    }
    process_.stdout.on("data", read)
    process_.stderr.on("data", read)
    process_.once("exit", (code) => reject(new Error(`code-server ended with ${code}: ${output}`)))
  })
  return { url, output: () => output, stop: () => stop(process_) }
}

function commandLine({ entry, home }: ServerOptions): readonly string[] {
  const folders = ["--user-data-dir", join(home, "data"), "--extensions-dir", join(home, "extensions")]
  const quiet = ["--auth", "none", "--disable-telemetry", "--disable-update-check"]
  return [entry, "--config", join(home, "config.yaml"), ...folders, ...quiet]
}

function environment({ home, env }: ServerOptions): NodeJS.ProcessEnv {
  // From a VS Code terminal, these would make it talk to that one.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(VSCODE_|npm_|NODE_OPTIONS$|VITEST|TEST$)/.test(name),
  )
  return { ...Object.fromEntries(inherited), HOME: home, XDG_DATA_HOME: join(home, "share"), ...env }
}

function writeSettings(home: string): void {
  mkdirSync(join(home, "data", "User"), { recursive: true })
  writeFileSync(join(home, "data", "User", "settings.json"), JSON.stringify(SETTINGS))
  writeFileSync(join(home, "config.yaml"), "auth: none\n")
}

async function stop(process_: ChildProcess): Promise<void> {
  const group = -(process_.pid as number)
  const ended = process_.exitCode === null ? once(process_, "exit") : Promise.resolve()
  signal(group, "SIGTERM")
  const timer = setTimeout(() => signal(group, "SIGKILL"), 5000)
  await ended
  clearTimeout(timer)
  signal(group, "SIGKILL")
}

function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(group, name)
  } catch (error) {
    // Nobody is left in the group.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}
