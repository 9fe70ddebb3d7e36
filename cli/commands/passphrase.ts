/** `sessyn passphrase`: change it. @module */
import type { Command } from "commander"
import { ARGON2_LIMITS } from "../../storage/format/machine.ts"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { wholeNumber } from "../numbers.ts"
import { newPassphraseFile } from "../setup.ts"

interface Options {
  readonly newPassphraseFile?: string
  readonly memory?: number
  readonly passes?: number
}

const { memoryKiB, passes } = ARGON2_LIMITS
const MEMORY_MIB = { min: memoryKiB.min / 1024, max: memoryKiB.max / 1024 }

export function addPassphrase(program: Command, run: Run): void {
  const command = program
    .command("passphrase")
    .summary("change the vault's passphrase")
    .description("Change the passphrase of the vault, for all machines.")
    .argument("[dir]", "the synced folder (default: the current one, or the one above it that is set up)")
    .option("--new-passphrase-file <file>", "take the new passphrase from the first line of FILE")
    .option("--memory <mib>", "what each try of it costs in memory, at least", wholeNumber(MEMORY_MIB))
    .option("--passes <n>", "how often each try goes through that memory, at least", wholeNumber(passes))
    .action((dir: string | undefined, options: Options) => run((context) => change(context, dir, options)))
  teach(command, {
    about:
      "Nothing is encrypted anew, and no machine is locked out. Whoever had the old passphrase may have kept\n" +
      "the key: if that is your worry, revoke the machine (`sessyn machines revoke`), which makes a new key.\n" +
      "Without a terminal the old one comes from --passphrase-file or SESSYN_PASSPHRASE, the new one from\n" +
      "--new-passphrase-file or SESSYN_NEW_PASSPHRASE.\n" +
      `A try costs ${MEMORY_MIB.min} MiB (Argon2id) unless you make it dearer, up to ${MEMORY_MIB.max}; it never gets cheaper again, and\n` +
      "every machine that opens the vault needs that memory. The new passphrase may be the old one.",
    examples: [
      ["sessyn passphrase", "asks for the old one and, twice, for the new one"],
      ["sessyn passphrase --memory 256 --passes 4", "the same, and guessing costs four times as much memory"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked],
  })
}

async function change(context: Context, dir: string | undefined, options: Options): Promise<Result> {
  const session = await context.session(dir, newPassphraseFile(context, options))
  const { memory, passes } = options
  const costs = await session.changePassphrase({
    signal: context.signal,
    costs: { ...(memory !== undefined && { memoryKiB: memory * 1024 }), ...(passes !== undefined && { passes }) },
  })
  const memoryMiB = costs.memoryKiB / 1024
  const lines = [
    context.style.good("The passphrase is changed."),
    "Machines that are in stay in; new ones need the new one.",
    context.style.dim(`Each try to guess it costs ${memoryMiB} MiB, gone through ${costs.passes} times.`),
  ]
  return { exit: EXIT.inSync, json: { changed: true, memoryMiB, passes: costs.passes }, lines }
}
