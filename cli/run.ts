/**
 * Runs one command from its arguments to its exit status: prints the result or
 * the failure, and lets go of what was opened. With `--json` standard output
 * gets exactly one document, whatever happens.
 *
 * @module
 */
import { resolve } from "node:path"
import { CodedError } from "../crypto/errors.ts"
import { type ErrorDetails, SyncError } from "../src/errors.ts"
import type { Engine, Session } from "../src/session.ts"
import type { Context, EngineExtras, GlobalOptions, Result, Run } from "./command.ts"
import { CliError } from "./errors.ts"
import { EXIT, type ExitCode } from "./exitCodes.ts"
import { type Failure, toFailure } from "./failure.ts"
import { requireFolder } from "./folder.ts"
import type { CliEngine, HostOptions } from "./host.ts"
import { printable, printableLine } from "../src/printable.ts"
import { createProgress, silentProgress, type TerminalProgress } from "./output/progress.ts"
import { createStyle, type Style } from "./output/style.ts"
import { createAsker } from "./prompts/asker.ts"
import type { Terminal } from "./terminal.ts"

/** Makes the engine; a test gives another. Loaded when a command needs it. */
export type LoadEngine = (options: HostOptions) => Promise<CliEngine>

export interface RunnerOptions {
  readonly terminal: Terminal
  readonly loadEngine: LoadEngine
  /** Aborted by Ctrl-C, or by this runner when Ctrl-C came to a prompt. */
  readonly interruption: AbortController
  readonly globals: () => GlobalOptions
}

export interface Runner {
  readonly run: Run
  /** Of the command that ran. */
  exit(): ExitCode
  /** Prints a failure that came before any command ran. */
  fail(error: unknown, json: boolean): ExitCode
}

export function createRunner(options: RunnerOptions): Runner {
  const { terminal } = options
  let exit: ExitCode = EXIT.inSync

  function fail(error: unknown, json: boolean): ExitCode {
    printFailure(terminal, toFailure(error), json)
    return toFailure(error).exit
  }

  return {
    exit: () => exit,
    fail,
    async run(work) {
      const globals = options.globals()
      const progress = globals.json ? silentProgress : createProgress(terminal.stderr)
      const opened = createContext(options, globals, progress)
      try {
        const result = await work(opened.context)
        progress.stop()
        printResult(terminal, result, globals.json)
        exit = result.exit
      } catch (error) {
        progress.stop()
        if (options.interruption.signal.aborted) exit = printInterrupted(terminal, globals.json)
        else exit = fail(opened.context.translate(error), globals.json)
      } finally {
        await opened.close()
      }
    },
  }
}

interface Opened {
  readonly context: Context
  close(): Promise<void>
}

function createContext(options: RunnerOptions, globals: GlobalOptions, progress: TerminalProgress): Opened {
  const { terminal, interruption } = options
  const { signal } = interruption
  const sessions: Session[] = []
  let unanswered = () => false

  const note = (line: string): void => {
    progress.clear()
    terminal.stderr.write(`${line}\n`)
  }
  const say = (line: string): void => {
    progress.clear()
    ;(globals.json ? terminal.stderr : terminal.stdout).write(`${line}\n`)
  }
  const asker = terminal.interactive
    ? createAsker({ terminal, signal, interrupt: () => interruption.abort(), beforeAsking: () => progress.clear() })
    : null

  let made: Engine | null = null

  async function engine(extras: EngineExtras = {}): Promise<Engine> {
    if (made !== null) return made
    const loaded = await options.loadEngine({ terminal, globals, progress, asker, note, ...extras })
    unanswered = loaded.unanswered
    made = loaded.engine
    return made
  }
  return {
    context: {
      terminal,
      options: globals,
      signal,
      style: createStyle(terminal.stdout),
      asker,
      note,
      say,
      translate: (error) => (unanswered() && STOPPED.has(codeOf(error)) ? needsAnswer(error) : error),
      settle: () => progress.stop(),
      engine,
      async session(directory, extras) {
        const loaded = await engine(extras)
        const root = await requireFolder(resolve(globals.directory, directory ?? "."), await loaded.roots())
        const session = await loaded.open(root)
        sessions.push(session)
        return session
      },
    },
    async close() {
      for (const session of sessions) await session.close()
    },
  }
}

/** What the engine says when a question was not answered with yes. */
const STOPPED: ReadonlySet<string> = new Set(["CANCELLED", "PENDING"])

function codeOf(error: unknown): string {
  return error instanceof CodedError ? error.code : ""
}

function needsAnswer(cause: unknown): CliError {
  return new CliError("NEEDS_CONFIRMATION", "", { cause })
}

function printResult(terminal: Terminal, result: Result, json: boolean): void {
  if (json) terminal.stdout.write(`${JSON.stringify(result.json, null, 2)}\n`)
  else if (result.lines.length > 0) terminal.stdout.write(`${result.lines.join("\n")}\n`)
}

/** Longer lists of facts are cut off with a count; `--json` has them all. */
const MAX_FACTS = 10

function printFailure(terminal: Terminal, failure: Failure, json: boolean): void {
  const { exit: _, trace, ...said } = failure
  const { stdout, stderr, env } = terminal
  if (json) stdout.write(`${JSON.stringify({ error: said }, null, 2)}\n`)
  else stderr.write(`${failureLines(failure, createStyle(stderr)).join("\n")}\n`)
  if (env["SESSYN_DEBUG"]) stderr.write(`${trace}\n`)
}

function failureLines({ message, action, detail, details = {} }: Failure, style: Style): string[] {
  return [
    `${style.bad("sessyn:")} ${message}`,
    ...(detail === undefined ? [] : [style.dim(`  (${printableLine(detail)})`)]),
    ...Object.entries(details).flatMap(([name, value]) => factLines(name, value)),
    `  ${action}`,
  ]
}

function factLines(name: string, value: ErrorDetails[string]): string[] {
  if (typeof value !== "object") return [`  ${name}: ${printable(String(value))}`]
  const shown = value.slice(0, MAX_FACTS).map((item) => `    ${printable(item)}`)
  const more = value.length > MAX_FACTS ? [`    … and ${value.length - MAX_FACTS} more`] : []
  return value.length === 0 ? [] : [`  ${name}:`, ...shown, ...more]
}

function printInterrupted(terminal: Terminal, json: boolean): ExitCode {
  if (json) printFailure(terminal, toFailure(new SyncError("CANCELLED", "")), true)
  else terminal.stderr.write("Stopped; nothing is half done.\n")
  return EXIT.interrupted
}
