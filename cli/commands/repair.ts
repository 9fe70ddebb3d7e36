/** `sessyn repair`: the way out of a store that went back, forked or lost objects. @module */
import type { Command } from "commander"
import type { RepairReport } from "../../src/reports.ts"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { printable } from "../../src/printable.ts"
import type { Style } from "../output/style.ts"
import { count } from "../output/units.ts"

export function addRepair(program: Command, run: Run): void {
  const command = program
    .command("repair")
    .summary("the way out of a store that went back, forked or lost objects")
    .description("Make the store whole again from what this machine has.")
    .argument("[dir]", "the synced folder (default: the current one, or the one above it that is set up)")
    .action((dir: string | undefined) => run((context) => repair(context, dir)))
  teach(command, {
    about:
      "A new version is put on top of whatever the store shows, with the parts that were lost uploaded again.\n" +
      "Other machines are told and ask once before they follow. No file on any disk is touched.",
    examples: [["sessyn verify; sessyn repair", "see what is damaged, then mend it"]],
    exits: [EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify],
  })
}

async function repair(context: Context, dir: string | undefined): Promise<Result> {
  const session = await context.session(dir)
  const report = await session.repair({ signal: context.signal })
  return { exit: EXIT.inSync, json: report, lines: describe(report, context.style) }
}

function describe({ sequence, reuploaded, lost }: RepairReport, style: Style): string[] {
  const done = style.good(`The vault is whole again (version ${sequence}); ${count(reuploaded, "part")} uploaded anew.`)
  if (lost.length === 0) return [done]
  return [
    done,
    style.warn("Neither the vault nor this machine has the content of these any more; another machine may:"),
    ...lost.map((path) => `  ${printable(path)}`),
  ]
}
