/**
 * The command line as a whole: global options, and each verb from its file.
 *
 * @module
 */
import { resolve } from "node:path"
import { Command } from "commander"
import manifest from "../package.json" with { type: "json" }
import type { GlobalOptions, Run } from "./command.ts"
import { addCompact } from "./commands/compact.ts"
import { addInit } from "./commands/init.ts"
import { addJoin } from "./commands/join.ts"
import { addLog } from "./commands/log.ts"
import { addMachines } from "./commands/machines.ts"
import { addPassphrase } from "./commands/passphrase.ts"
import { addRepair } from "./commands/repair.ts"
import { addRestore } from "./commands/restore.ts"
import { addStatus } from "./commands/status.ts"
import { addSync } from "./commands/sync.ts"
import { addLock, addUnlock } from "./commands/unlock.ts"
import { addVerify } from "./commands/verify.ts"
import { addWatch } from "./commands/watch.ts"
import { createStyle } from "./output/style.ts"
import type { Terminal } from "./terminal.ts"

const GROUPS: readonly (readonly [heading: string, add: readonly ((program: Command, run: Run) => void)[]])[] = [
  ["Start:", [addInit, addJoin]],
  ["Every day:", [addSync, addWatch, addStatus]],
  ["Machines and keys:", [addMachines, addUnlock, addLock, addPassphrase]],
  ["History:", [addLog, addRestore]],
  ["The store:", [addVerify, addCompact, addRepair]],
]

const ABOUT = `
Your files stay readable on your machines and are encrypted everywhere else.
\`sessyn\` alone shows the status of the folder you are in; \`sessyn help VERB\` explains a verb.
Exit status: 0 in sync, 1 error, 2 usage, 3 conflicts left, 4 pending or revoked,
5 locked or wrong passphrase, 6 mass delete refused, 7 the store does not verify.`

/** The parser. It throws `CommanderError` instead of ending the process. */
export function createProgram(terminal: Terminal, run: Run): Command {
  const style = createStyle(terminal.stdout)
  const program = new Command("sessyn")
    .description("Your whole workspace, secrets included, the same on every machine you trust.")
    .version(manifest.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "explain this command")
    .helpCommand("help [verb]", "explain a verb")
    .option("-C, --directory <dir>", "run as if started in DIR")
    .option("--json", "print one JSON document and nothing else")
    .option("-y, --yes", "answer confirmations with yes")
    .option("--passphrase-file <file>", "take the passphrase from the first line of FILE (or from SESSYN_PASSPHRASE)")
    .addHelpText("after", ABOUT)
    .configureHelp({ styleTitle: style.bold, showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      getOutHasColors: () => style.bold("x") !== "x",
      getErrHasColors: () => createStyle(terminal.stderr).bold("x") !== "x",
      getOutHelpWidth: () => terminal.stdout.columns ?? 80,
      getErrHelpWidth: () => terminal.stderr.columns ?? 80,
    })
    .exitOverride()
  for (const [heading, verbs] of GROUPS) {
    program.commandsGroup(heading)
    for (const add of verbs) add(program, run)
  }
  inherit(program)
  return program
}

/** Commands made before or below others take over their parent's settings. */
function inherit(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent)
    inherit(command)
  }
}

/** The options that every command takes, as they were parsed. */
export function readGlobals(program: Command, terminal: Terminal): GlobalOptions {
  const { directory, json, yes, passphraseFile } = program.opts<{
    directory?: string
    json?: boolean
    yes?: boolean
    passphraseFile?: string
  }>()
  const from = resolve(terminal.cwd, directory ?? ".")
  return {
    directory: from,
    json: json ?? false,
    yes: yes ?? false,
    // Relative to where the command was typed, as a shell completes it.
    ...(passphraseFile === undefined ? {} : { passphraseFile: resolve(terminal.cwd, passphraseFile) }),
  }
}
