/** `sessyn unlock` and `sessyn lock`: whether this computer keeps the vault's key. @module */
import type { Command } from "commander"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { printable } from "../../src/printable.ts"

export function addUnlock(program: Command, run: Run): void {
  const command = program
    .command("unlock")
    .summary("check the passphrase; keep the key with --remember")
    .description("Open the vault with the passphrase.")
    .argument("[dir]", "the synced folder (default: the current one, or the one above it that is set up)")
    .option("--remember", "keep the key, so that the passphrase is not asked for again on this computer")
    .action((dir: string | undefined, { remember }: { remember?: boolean }) =>
      run((context) => unlock(context, dir, remember ?? false)),
    )
  teach(command, {
    about:
      "--remember keeps the vault's key (never the passphrase) in the system's keychain. Where there is none\n" +
      "it goes to a file that only you can read, and Sessyn says so. `sessyn lock` forgets it again.",
    examples: [
      ["sessyn unlock --remember", "ask once, then never again on this computer"],
      ["sessyn unlock --remember --passphrase-file /run/secrets/sessyn", "on a server"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify],
  })
}

async function unlock(context: Context, dir: string | undefined, remember: boolean): Promise<Result> {
  const session = await context.session(dir)
  const report = await session.unlock({ signal: context.signal, remember })
  const where =
    report.rememberedIn === null
      ? "The key is not kept: the next command asks again. --remember keeps it."
      : `The key is kept in ${printable(report.rememberedIn)}.`
  return { exit: EXIT.inSync, json: report, lines: [context.style.good("The passphrase opens the vault."), where] }
}

export function addLock(program: Command, run: Run): void {
  const command = program
    .command("lock")
    .summary("forget the key on this computer")
    .description("Forget the vault's key on this computer: the passphrase is asked for from now on.")
    .argument("[dir]", "the synced folder (default: the current one, or the one above it that is set up)")
    .action((dir: string | undefined) => run((context) => lock(context, dir)))
  teach(command, {
    about: "Your files stay where they are, readable: this locks the vault, not the folder.",
    examples: [["sessyn lock", "before you hand the computer to someone"]],
    exits: [],
  })
}

async function lock(context: Context, dir: string | undefined): Promise<Result> {
  const session = await context.session(dir)
  await session.lock()
  return { exit: EXIT.inSync, json: { locked: true }, lines: ["Locked: the key is forgotten on this computer."] }
}
