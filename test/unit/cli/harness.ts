/**
 * Runs the shell in this process against an engine whose answers a test lays
 * down: for arguments, output and exit status. What the real engine does with
 * them is the business of test/integration/cli.
 *
 * @module
 */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import type { HostOptions } from "../../../cli/host.ts"
import { runShell } from "../../../cli/shell.ts"
import type { Env } from "../../../cli/terminal.ts"
import type { Engine, Session } from "../../../src/session.ts"

export const WORKSPACE = "abcdefghijklmnopqrstuvwxyz"

export interface Call {
  readonly method: string
  readonly args: readonly unknown[]
}

/** Answers by method name; a function computes (or throws) its answer. */
export type Answers = Readonly<Record<string, unknown>>

export interface Outcome {
  readonly exit: number
  readonly out: string
  readonly err: string
  readonly calls: readonly Call[]
  readonly host: HostOptions | undefined
}

export interface RunOptions {
  readonly cwd: string
  readonly answers?: Answers
  readonly env?: Env
  readonly unanswered?: boolean
  readonly interruption?: AbortController
}

export async function run(args: readonly string[], options: RunOptions): Promise<Outcome> {
  const calls: Call[] = []
  let host: HostOptions | undefined
  const [stdout, stderr] = [collect(), collect()]
  const answer = (method: string, called: readonly unknown[]): unknown => {
    calls.push({ method, args: called })
    const laid = options.answers?.[method]
    if (laid === undefined) throw new Error(`no answer laid down for ${method}`)
    return typeof laid === "function" ? laid(...called) : laid
  }
  const exit = await runShell({
    args,
    terminal: {
      stdin: new PassThrough() as unknown as NodeJS.ReadStream,
      stdout: stdout.stream,
      stderr: stderr.stream,
      env: options.env ?? {},
      cwd: options.cwd,
      interactive: false,
    },
    interruption: options.interruption ?? new AbortController(),
    loadEngine: async (given) => {
      host = given
      return { engine: fakeEngine(options.cwd, answer), unanswered: () => options.unanswered ?? false }
    },
  })
  return { exit, out: stdout.text(), err: stderr.text(), calls, host }
}

function collect(): { stream: NodeJS.WriteStream; text: () => string } {
  const chunks: string[] = []
  const stream = new PassThrough()
  stream.on("data", (chunk) => chunks.push(String(chunk)))
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => chunks.join("") }
}

type Answer = (method: string, args: readonly unknown[]) => unknown

function fakeEngine(root: string, answer: Answer): Engine {
  const session: Record<string, unknown> = { workspace: WORKSPACE, root, close: async () => {} }
  const later =
    (method: string) =>
    async (...args: unknown[]) =>
      answer(method, args)
  for (const method of SESSION_METHODS) session[method] = later(method)
  return {
    init: later("init"),
    join: later("join"),
    roots: async () => [],
    inspect: later("inspect"),
    open: async (opened: string) => ({ ...session, root: opened }) as unknown as Session,
  } as unknown as Engine
}

const SESSION_METHODS: readonly (keyof Session)[] = [
  "sync",
  "status",
  "machines",
  "approve",
  "revoke",
  "deleteMachine",
  "unlock",
  "lock",
  "changePassphrase",
  "log",
  "restore",
  "content",
  "verify",
  "repair",
  "waitForRemote",
]

/** A folder that looks set up; the caller removes it. */
export async function makeFolder(isSetUp = true): Promise<{ root: string; remove: () => Promise<void> }> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "sessyn-cli-")))
  if (isSetUp) {
    await mkdir(join(root, ".sessyn"))
    await writeFile(join(root, ".sessyn/workspace"), `${WORKSPACE}\n`)
  }
  return { root, remove: () => rm(root, { recursive: true, force: true }) }
}
