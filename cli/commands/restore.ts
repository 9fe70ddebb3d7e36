/** `sessyn restore`: an older version of a file. @module */
import type { Command } from "commander"
import { resolve } from "node:path"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { pathInFolder } from "../folder.ts"
import { teach } from "../help.ts"
import { printable } from "../output/printable.ts"
import { formatBytes } from "../output/units.ts"
import { wholeNumber } from "./log.ts"

interface Options {
  readonly at?: number
  readonly to?: string
}

export function addRestore(program: Command, run: Run): void {
  const command = program
    .command("restore")
    .summary("bring an older version of a file back")
    .description("Bring a version of a file back from the vault.")
    .argument("<path>", "the file, deleted or not")
    .option("--at <version>", "the version as `sessyn log` numbers it (default: the newest)", wholeNumber)
    .option("--to <file>", "write it to this file, which must not be there yet")
    .action((path: string, options: Options) => run((context) => restore(context, path, options)))
  teach(command, {
    about: "What lies in its place now goes to quarantine. The next sync sends the restored version to all machines.",
    examples: [
      ["sessyn restore .env", "the newest version in the vault, e.g. after deleting it"],
      ["sessyn restore src/app.ts --at 12", "as it was in version 12"],
      ["sessyn restore .env --at 12 --to /tmp/env.old", "only to look at"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify],
  })
}

async function restore(context: Context, typed: string, options: Options): Promise<Result> {
  const session = await context.session()
  const { directory } = context.options
  const path = await pathInFolder(session.root, directory, typed)
  const report = await session.restore(path, {
    signal: context.signal,
    ...(options.at === undefined ? {} : { sequence: options.at }),
    ...(options.to === undefined ? {} : { to: resolve(directory, options.to) }),
  })
  const where = report.to === report.path ? "" : ` to ${printable(report.to)}`
  const what = `${printable(report.path)} as of version ${report.sequence} (${formatBytes(report.size)})`
  return { exit: EXIT.inSync, json: report, lines: [context.style.good(`Restored ${what}${where}.`)] }
}
