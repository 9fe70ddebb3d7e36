/**
 * Programs that are measured, one process each, and stopped with the bench.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process"

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  /** The whole environment: nothing of this process's own gets in unseen. */
  readonly env: Readonly<Record<string, string>>
}

/** A command that did not end with 0. */
export class CommandFailed extends Error {
  constructor({ program, args }: Command, status: number | string | null, said: string) {
    super(`${[program, ...args].join(" ")} ended with ${status}\n${said.trim()}`)
    this.name = "CommandFailed"
  }
}

const SAID_LIMIT = 20_000
const running = new Set<ChildProcess>()

/** What every command needs of this process's environment. */
export function baseEnvironment(home: string): Record<string, string> {
  const { PATH = "", TMPDIR } = process.env
  return { PATH, HOME: home, LC_ALL: "C", ...(TMPDIR === undefined ? {} : { TMPDIR }) }
}

/**
 * Runs it to its end; what it printed on standard output.
 *
 * @param onStart - Told the process id, to look at it while it runs.
 * @throws {CommandFailed}
 */
export async function runCommand(command: Command, onStart?: (pid: number) => void): Promise<string> {
  const { program, args, cwd, env } = command
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] })
  running.add(child)
  let [out, said] = ["", ""]
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-SAID_LIMIT)))
  if (child.pid !== undefined) onStart?.(child.pid)
  // Not `close`: a daemon that it leaves behind (gpg-agent) may hold the pipes for ever.
  const status = await new Promise<number | string | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("exit", (code, signal) => resolve(code ?? signal))
  }).finally(() => running.delete(child))
  if (status === 0) return out
  // The last words may still be on their way.
  await new Promise((resolve) => setTimeout(resolve, 100))
  throw new CommandFailed(command, status, said || out)
}

/** Ends whatever is running; for Ctrl-C. */
export function stopCommands(): void {
  for (const child of running) child.kill("SIGKILL")
}
