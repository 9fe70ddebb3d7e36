/**
 * The real `sessyn`, as a child process, on machines of its own: a folder and a
 * home each.
 *
 * @module
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { buildSync } from "esbuild"

/** The source, which Node runs as it is. */
export const SOURCE = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url))
/** The same in one piece, as users get it: starts in half the time. */
const MAIN = bundle()
export const PASSPHRASE = "abandon gravity hollow meadow oxygen violin"

export type Variables = Readonly<Record<string, string | undefined>>

function bundle(): string {
  const outdir = mkdtempSync(join(tmpdir(), "sessyn-bundle-"))
  // Also for tests that run it as another user.
  chmodSync(outdir, 0o755)
  process.once("exit", () => rmSync(outdir, { recursive: true, force: true }))
  buildSync({
    entryPoints: [SOURCE],
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    splitting: true,
    mainFields: ["module", "main"],
    external: ["@napi-rs/keyring"],
    banner: { js: `import { createRequire as r } from "node:module"; const require = r(import.meta.url)` },
    logLevel: "error",
  })
  return join(outdir, "main.mjs")
}

export interface Outcome {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly child: ChildProcess
  /** Resolves when standard output or error holds the text; with `next`, when it comes after what was said last. */
  says(text: string, how?: { readonly next: boolean }): Promise<void>
  readonly ended: Promise<Outcome>
}

export interface Machine {
  readonly name: string
  readonly root: string
  readonly home: string
  run(args: readonly string[], env?: Variables, how?: How): Promise<Outcome>
  /** Runs it, and fails unless it ends with `status`; with `--json`, the parsed document. */
  ok(args: readonly string[], env?: Variables, how?: How): Promise<string>
  json<T = Record<string, unknown>>(args: readonly string[], status?: number, env?: Variables): Promise<T>
  start(args: readonly string[], env?: Variables, how?: How): Running
}

export interface How {
  /** A program that starts it, with its arguments. */
  readonly through?: readonly string[]
  /** Instead of the machine's folder. */
  readonly cwd?: string
}

/** @param env - For all its commands; the passphrase is given unless it is taken out. */
export function createMachine(folder: string, name: string, env: Variables = {}): Machine {
  const root = join(folder, name)
  const home = join(folder, `${name}-home`)
  mkdirSync(root, { recursive: true })
  const base: Variables = {
    ...process.env,
    NO_COLOR: "1",
    FORCE_COLOR: undefined,
    SESSYN_HOME: home,
    SESSYN_KEYCHAIN: "file",
    SESSYN_PASSPHRASE: PASSPHRASE,
    ...env,
  }
  const start = (args: readonly string[], more: Variables = {}, { through = [], cwd = root }: How = {}): Running => {
    const [program, ...rest] = [...through, process.execPath, MAIN, ...args] as [string, ...string[]]
    return launch(program, rest, cwd, { ...base, ...more })
  }
  const run: Machine["run"] = (args, more, how) => start(args, more, how).ended
  return {
    name,
    root,
    home,
    start,
    run,
    async ok(args, more, how) {
      const outcome = await run(args, more, how)
      if (outcome.status !== 0) throw unexpected(args, outcome)
      return outcome.out
    },
    async json(args, status = 0, more = {}) {
      const outcome = await run([...args, "--json"], more)
      if (outcome.status !== status) throw unexpected(args, outcome)
      return JSON.parse(outcome.out)
    },
  }
}

function unexpected(args: readonly string[], { status, out, err }: Outcome): Error {
  return new Error(`sessyn ${args.join(" ")} ended with ${status}\n${out}${err}`)
}

export function launch(program: string, args: readonly string[], cwd: string, env: Variables): Running {
  const child = spawn(program, args, { cwd, env: { ...env }, stdio: ["pipe", "pipe", "pipe"] })
  let heard = 0
  let out = ""
  let err = ""
  const waiting = new Set<() => void>()
  const told = (): void => {
    for (const look of waiting) look()
  }
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text
    told()
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text
    told()
  })
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (status) => resolve({ status, out, err }))
  })
  return {
    child,
    ended,
    says: (text, { next } = { next: false }) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const at = out.indexOf(text, next ? heard : 0)
          if (at < 0 && !err.includes(text)) return
          if (at >= 0) heard = at + text.length
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
        ended.then(() => reject(new Error(`it ended without saying "${text}":\n${out}${err}`)), reject)
      }),
  }
}

/** Makes a vault on the first machine and lets the second one in. */
export async function pair(first: Machine, second: Machine, store: string): Promise<void> {
  await first.ok(["init", "--store", store, "--name", first.name])
  await first.ok(["sync"])
  await second.ok(["join", "--store", store, "--name", second.name])
  await first.ok(["machines", "approve", second.name, "--yes"])
  await second.ok(["sync", "--yes"])
}

/** Whether the system has a program of that name. */
export function hasProgram(name: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${name}`])
    return true
  } catch {
    return false
  }
}
