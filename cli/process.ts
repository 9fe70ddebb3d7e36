/**
 * The process around one run (shell.ts). The engine, the prompts and all else
 * that is large is loaded when a command needs it.
 *
 * @module
 */
import type { LoadEngine } from "./run.ts"
import { runShell } from "./shell.ts"
import { processTerminal } from "./terminal.ts"

const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const

const loadEngine: LoadEngine = async (options) => (await import("./host.ts")).createCliEngine(options)

/** The first signal ends the command in good order, the second one at once. */
function interruptOnSignals(interruption: AbortController): void {
  for (const [signal, status] of Object.entries(SIGNAL_STATUS)) {
    process.on(signal, () => {
      if (interruption.signal.aborted) process.exit(status)
      interruption.abort()
    })
  }
}

/** A reader that has seen enough (`sessyn log | head`) is no error. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0)
      throw error
    })
  }
}

ignoreClosedPipes()
const terminal = processTerminal()
const interruption = new AbortController()
interruptOnSignals(interruption)
const status = await runShell({ args: process.argv.slice(2), terminal, loadEngine, interruption })
// Not left to the event loop: an idle connection or a keychain that hangs would hold the shell's prompt back.
terminal.stdout.write("", () => terminal.stderr.write("", () => process.exit(status)))
