/** `sessyn init`: make a vault; this machine is its first. @module */
import type { Command } from "commander"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { checkedMachineName, inFreshFolder, newPassphraseFile, storeUrl } from "../setup.ts"
import { printable } from "../../src/printable.ts"
import { table } from "../output/table.ts"
import { machineName } from "../output/changes.ts"

interface Options {
  readonly store?: string
  readonly name?: string
  readonly another?: boolean
  readonly remember?: boolean
  readonly newPassphraseFile?: string
}

export function addInit(program: Command, run: Run): void {
  const command = program
    .command("init")
    .summary("make a vault for a folder; this machine is its first")
    .description("Make a vault for a folder. This machine is the first that may open it.")
    .argument("[dir]", "the folder to sync (default: the current one; made if it is not there)")
    .option(
      "--store <url>",
      "where the vault lies: a path, https://…, or github:owner/repo (default: on this computer)",
    )
    .option("--name <name>", "what this machine is called (default: the computer's name)")
    .option("--another", "make a second vault in a store that has one")
    .option("--remember", "keep the key in this computer's keychain, so that the passphrase is not asked for again")
    .option("--new-passphrase-file <file>", "take the vault's passphrase from the first line of FILE")
    .action((dir: string | undefined, options: Options) => run((context) => init(context, dir, options)))
  teach(command, {
    about:
      "You choose a passphrase: every machine that joins needs it, and it is never sent anywhere.\n" +
      "Without a terminal it comes from --passphrase-file or SESSYN_PASSPHRASE.\n" +
      "Nothing is uploaded yet: `sessyn sync` does that.",
    examples: [
      ["sessyn init", "a vault on this computer, for the current folder"],
      ["sessyn init ~/work --store https://github.com/me/vault", "in a private repository of your own"],
      ["sessyn init --store /mnt/usb/vault.git", "on a drive"],
    ],
    exits: [],
  })
}

async function init(context: Context, dir: string | undefined, options: Options): Promise<Result> {
  const report = await inFreshFolder(context, dir, async (root) => {
    const engine = await context.engine({ firstPassphrase: true, ...newPassphraseFile(context, options) })
    return engine.init({
      root,
      machineName: checkedMachineName(options.name),
      signal: context.signal,
      ...(options.store === undefined ? {} : { storeUrl: storeUrl(options.store, context.options.directory) }),
      ...(options.another ? { another: true } : {}),
      ...(options.remember ? { remember: true } : {}),
    })
  })
  const { style } = context
  const facts = [
    ["folder", printable(report.root)],
    ["store", printable(report.store)],
    ["machine", machineName(report.machine)],
  ]
  return {
    exit: EXIT.inSync,
    json: report,
    lines: [
      style.good("The vault is made."),
      ...table(facts),
      "",
      `Next:              ${style.bold("sessyn sync")}`,
      `On other machines: ${style.bold(`sessyn join --store ${printable(report.store)}`)}`,
    ],
  }
}
