/**
 * The stage of the tour: two machines on this computer, what they are told to
 * do, and what is printed of it. Every command is the real one, in a process of
 * its own, as a person would type it.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { createStyle } from "../output/style.ts"

export interface TourMachine {
  readonly name: string
  readonly root: string
  readonly home: string
}

export interface CommandResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** What the command must end with; anything else counts as a failure of the tour. */
  readonly status?: number
  /** Do not show the command, nor what it prints. */
  readonly quiet?: boolean
}

/** Thrown when a command did not end as it should: the rest would only fail because of it. */
export class TourStopped extends Error {}

export interface Stage {
  readonly folder: string
  readonly passphrase: string
  /** What did not go as it should. */
  readonly failures: readonly string[]
  machine(name: string): TourMachine
  title(text: string): void
  say(text: string): void
  /** Says whether something holds. */
  check(holds: boolean, text: string): void
  run(machine: TourMachine, args: readonly string[], options?: RunOptions): Promise<CommandResult>
  /** Starts a command that goes on, its lines marked with the machine's name. */
  start(machine: TourMachine, args: readonly string[]): ChildProcess
}

export interface StageOptions {
  readonly folder: string
  readonly passphrase: string
  readonly cli: string
}

export function createStage({ folder, passphrase, cli }: StageOptions): Stage {
  const style = createStyle(process.stdout)
  const failures: string[] = []
  let number = 0
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`)
  }
  const fail = (text: string): void => {
    failures.push(text)
    print(`  ${style.bad("✗")} ${text}`)
  }

  function spawnCli(machine: TourMachine, args: readonly string[]): ChildProcess {
    const env = { ...process.env, SESSYN_HOME: machine.home, SESSYN_PASSPHRASE: passphrase }
    return spawn(process.execPath, [cli, ...args], { cwd: machine.root, env, stdio: ["ignore", "pipe", "pipe"] })
  }

  return {
    folder,
    passphrase,
    failures,
    machine(name) {
      const machine = { name, root: join(folder, name), home: join(folder, `.${name}-home`) }
      mkdirSync(machine.root, { recursive: true })
      return machine
    },
    title(text) {
      print(`\n${style.bold(`${++number}. ${text}`)}`)
    },
    say: (text) => print(`  ${text}`),
    check(holds, text) {
      if (holds) print(`  ${style.good("✓")} ${text}`)
      else fail(text)
    },
    async run(machine, args, { status = 0, quiet = false } = {}) {
      if (!quiet) print(`\n  ${style.accent(machine.name)} ${style.dim("$")} sessyn ${args.map(quoted).join(" ")}`)
      const result = await finished(spawnCli(machine, args))
      if (!quiet) {
        for (const line of `${result.stdout}${result.stderr}`.trimEnd().split("\n")) print(style.dim(`  │ ${line}`))
      }
      if (result.status !== status) {
        fail(`sessyn ${args[0] ?? ""} on ${machine.name} ended with ${result.status}, not ${status}`)
        if (quiet) print(`${result.stdout}${result.stderr}`)
        throw new TourStopped()
      }
      return result
    },
    start(machine, args) {
      const child = spawnCli(machine, args)
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding("utf8").on("data", (text: string) => {
          for (const line of text.trimEnd().split("\n"))
            print(`  ${style.accent(machine.name)} ${style.dim("│")} ${line}`)
        })
      }
      return child
    },
  }
}

function quoted(argument: string): string {
  return /^[\w./:@=-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`
}

function finished(child: ChildProcess): Promise<CommandResult> {
  let stdout = ""
  let stderr = ""
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (status) => resolve({ status: status ?? 1, stdout, stderr }))
  })
}
