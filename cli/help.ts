/**
 * Parts of help texts that commands share.
 *
 * @module
 */
import type { Command } from "commander"
import { EXIT, type ExitCode } from "./exitCodes.ts"

const STATUSES: Readonly<Record<ExitCode, string>> = {
  [EXIT.inSync]: "done; in sync",
  [EXIT.error]: "an error; the message says what to do",
  [EXIT.usage]: "wrong arguments, or an answer was needed and no terminal was there",
  [EXIT.conflicts]: "conflicts are left",
  [EXIT.notTrusted]: "this machine is pending or revoked",
  [EXIT.locked]: "locked, or a wrong passphrase",
  [EXIT.massDelete]: "refused: more than half of the files would be deleted",
  [EXIT.doesNotVerify]: "the store does not verify: damaged, rolled back or forged",
  [EXIT.interrupted]: "stopped with Ctrl-C",
}

/** Explains a command: what it does, how it is used, how it ends. */
export function teach(
  command: Command,
  text: {
    readonly about: string
    readonly examples: readonly (readonly [string, string])[]
    readonly exits: readonly ExitCode[]
  },
): Command {
  const width = Math.max(...text.examples.map(([example]) => example.length))
  const examples = text.examples.map(([example, why]) => `  ${example.padEnd(width)}   ${why}`)
  const exits = [EXIT.inSync, EXIT.error, EXIT.usage, ...text.exits].map((exit) => `  ${exit}  ${STATUSES[exit]}`)
  return command.addHelpText(
    "after",
    ["", text.about, "", "Examples:", ...examples, "", "EXIT STATUS", ...exits].join("\n"),
  )
}
