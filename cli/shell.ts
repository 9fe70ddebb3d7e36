/**
 * One run of `sessyn`, from arguments to exit status. Knows no process: the
 * entry file (main.ts) and the tests give it theirs.
 *
 * @module
 */
import { type Command, CommanderError } from "commander"
import { CliError } from "./errors.ts"
import { EXIT, type ExitCode } from "./exitCodes.ts"
import { findFolder } from "./folder.ts"
import { createProgram, readGlobals } from "./program.ts"
import { createRunner, type LoadEngine } from "./run.ts"
import type { Terminal } from "./terminal.ts"

export interface ShellOptions {
  /** Less the program's own name. */
  readonly args: readonly string[]
  readonly terminal: Terminal
  readonly loadEngine: LoadEngine
  readonly interruption: AbortController
}

export async function runShell({ args, terminal, loadEngine, interruption }: ShellOptions): Promise<ExitCode> {
  const wantsJson = args.includes("--json")
  let complaint = ""
  const runner = createRunner({ terminal, loadEngine, interruption, globals: () => readGlobals(program, terminal) })
  const program = createProgram(terminal, runner.run)
  // A usage error is printed once, by us: in the same form as every other, and as JSON if wanted.
  collectErrors(program, (text) => (complaint += text))
  try {
    await program.parseAsync(await withDefaultVerb(args, terminal), { from: "user" })
    return runner.exit()
  } catch (error) {
    if (!(error instanceof CommanderError)) return runner.fail(error, wantsJson)
    if (error.exitCode === 0) return EXIT.inSync
    if (error.code === "commander.help") {
      terminal.stderr.write(complaint)
      return EXIT.usage
    }
    return runner.fail(new CliError("USAGE", usageText(complaint || error.message)), wantsJson)
  }
}

function collectErrors(command: Command, collect: (text: string) => void): void {
  command.configureOutput({ writeErr: collect })
  for (const below of command.commands) collectErrors(below, collect)
}

/** `error: unknown option '--x'\n(Did you mean --y?)\n` as one sentence. */
function usageText(text: string): string {
  return text
    .trim()
    .replace(/^error: /, "")
    .replaceAll("\n", " ")
}

/** `sessyn` alone: the status of a folder that is set up, else help. */
async function withDefaultVerb(args: readonly string[], terminal: Terminal): Promise<string[]> {
  const probe = createProgram(terminal, async () => {})
  const { operands, unknown } = probe.parseOptions([...args])
  if (operands.length > 0 || unknown.length > 0) return [...args]
  const { directory } = readGlobals(probe, terminal)
  return (await findFolder(directory)) === null ? ["help"] : [...args, "status"]
}
