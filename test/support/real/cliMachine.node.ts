/**
 * Machines that run the built `sessyn` as a person's shell would: one process a
 * command, a SESSYN_HOME each, the host's password from git's credential helper.
 *
 * @module
 */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { SyncReport } from "../../../src/reports.ts"

const CLI = join(import.meta.dirname, "..", "..", "..", "dist", "cli.js")

/** The person at both machines; what git knows of them must not reach the host. */
export const PERSON = { name: "Penelope Quimby-Ashworth", email: "penelope@quimby-ashworth.example" }

export interface CliRun {
  readonly args: readonly string[]
  readonly status: number | null
  /** The document on standard output. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any command
  readonly json: any
  readonly stderr: string
  readonly ms: number
}

export interface CliMachine {
  readonly name: string
  /** The synced folder. */
  readonly root: string
  /** Its SESSYN_HOME. */
  readonly home: string
  /** What a command prints and how it ends, whatever that is. */
  try(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CliRun>
  /** The same; throws with what the command printed unless it ended with 0. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CliRun>
  /** `sessyn sync`, without a passphrase: the key is remembered. */
  sync(...flags: readonly string[]): Promise<SyncReport>
}

export interface CliMachineOptions {
  readonly name: string
  /** Holds the workspace (`<name>`) and the home (`<name>-home`). */
  readonly folder: string
  readonly gitConfig: string
}

export function createCliMachine({ name, folder, gitConfig }: CliMachineOptions): CliMachine {
  if (!existsSync(CLI)) throw new Error("dist/cli.js is missing: run `npm run build` first")
  const root = join(folder, name)
  const home = join(folder, `${name}-home`)
  mkdirSync(root, { recursive: true })
  mkdirSync(home, { recursive: true })
  const machineEnv = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    SESSYN_HOME: home,
    SESSYN_KEYCHAIN: "file",
    SESSYN_DEBUG: "1",
    GIT_CONFIG_GLOBAL: gitConfig,
    GIT_CONFIG_NOSYSTEM: "1",
  }

  async function attempt(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliRun> {
    const started = performance.now()
    const child = spawn(process.execPath, [CLI, "--json", "-C", root, ...args], {
      cwd: root,
      env: { ...machineEnv, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    })
    let [stdout, stderr] = ["", ""]
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject)
      child.once("close", resolve)
    })
    const ms = performance.now() - started
    return { args, status, json: parse(stdout), stderr, ms }
  }

  async function run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CliRun> {
    const done = await attempt(args, env)
    if (done.status !== 0) throw new Error(describe(name, done))
    return done
  }

  return {
    name,
    root,
    home,
    try: attempt,
    run,
    sync: async (...flags) => (await run(["sync", "--yes", ...flags])).json as SyncReport,
  }
}

export function describe(name: string, { args, status, json, stderr }: CliRun): string {
  return `${name}: sessyn ${args.join(" ")}: status ${status}\n${stderr}\n${JSON.stringify(json, null, 1)?.slice(0, 4000)}`
}

function parse(stdout: string): unknown {
  try {
    return JSON.parse(stdout)
  } catch {
    return stdout
  }
}

/** A git configuration of a person whose credential helper knows the host's password. Its path. */
export function writeGitConfig(
  folder: string,
  { username, password }: { readonly username: string; readonly password: string },
): string {
  const helper = join(folder, "credential-helper.sh")
  const answer = `printf 'username=%s\\npassword=%s\\n' '${username}' '${password}'`
  writeFileSync(helper, `#!/bin/sh\nif [ "$1" = get ]; then ${answer}; fi\n`, { mode: 0o700 })
  const config = join(folder, "gitconfig")
  const { name, email } = PERSON
  writeFileSync(config, `[user]\n\tname = ${name}\n\temail = ${email}\n[credential]\n\thelper = ${helper}\n`)
  return config
}
