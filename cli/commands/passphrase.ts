/** `sessyn passphrase`: change it. @module */
import type { Command } from "commander"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { newPassphraseFile } from "../setup.ts"

interface Options {
  readonly newPassphraseFile?: string
}

export function addPassphrase(program: Command, run: Run): void {
  const command = program
    .command("passphrase")
    .summary("change the vault's passphrase")
    .description("Change the passphrase of the vault, for all machines.")
    .argument("[dir]", "the synced folder (default: the current one, or the one above it that is set up)")
    .option("--new-passphrase-file <file>", "take the new passphrase from the first line of FILE")
    .action((dir: string | undefined, options: Options) => run((context) => change(context, dir, options)))
  teach(command, {
    about:
      "Nothing is encrypted anew, and no machine is locked out. Whoever had the old passphrase may have kept\n" +
      "the key: if that is your worry, revoke the machine (`sessyn machines revoke`), which makes a new key.\n" +
      "Without a terminal the old one comes from --passphrase-file or SESSYN_PASSPHRASE, the new one from\n" +
      "--new-passphrase-file or SESSYN_NEW_PASSPHRASE.",
    examples: [["sessyn passphrase", "asks for the old one and, twice, for the new one"]],
    exits: [EXIT.notTrusted, EXIT.locked],
  })
}

async function change(context: Context, dir: string | undefined, options: Options): Promise<Result> {
  const session = await context.session(dir, newPassphraseFile(context, options))
  await session.changePassphrase({ signal: context.signal })
  const lines = [
    context.style.good("The passphrase is changed."),
    "Machines that are in stay in; new ones need the new one.",
  ]
  return { exit: EXIT.inSync, json: { changed: true }, lines }
}
