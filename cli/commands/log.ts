/** `sessyn log`: the versions that the vault keeps. @module */
import type { Command } from "commander"
import type { VersionView } from "../../src/reports.ts"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { pathInFolder } from "../folder.ts"
import { teach } from "../help.ts"
import { wholeNumber } from "../numbers.ts"
import { printable } from "../../src/printable.ts"
import type { Style } from "../output/style.ts"
import { table } from "../output/table.ts"
import { formatBytes, formatTime } from "../output/units.ts"

const DEFAULT_LIMIT = 50

export function addLog(program: Command, run: Run): void {
  const command = program
    .command("log")
    .summary("the versions of a file, or of all")
    .description("List the versions that the vault keeps, newest first.")
    .argument("[path]", "a file (default: all files)")
    .option("--limit <number>", "at most so many", wholeNumber({ min: 1 }), DEFAULT_LIMIT)
    .action((path: string | undefined, { limit }: { limit: number }) => run((context) => log(context, path, limit)))
  teach(command, {
    about: "The number in front is the version of the vault that brought the change: `sessyn restore --at` takes it.",
    examples: [
      ["sessyn log", "what happened lately, in all files"],
      ["sessyn log .env", "every version of one file"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify],
  })
}

async function log(context: Context, typed: string | undefined, limit: number): Promise<Result> {
  const session = await context.session()
  const path = typed === undefined ? null : await pathInFolder(session.root, context.options.directory, typed)
  const versions = await session.log(path === "" ? null : path, { signal: context.signal, limit })
  const lines =
    versions.length === 0 ? ["The vault has no version of that."] : describe(versions, path === null, context.style)
  return { exit: EXIT.inSync, json: { versions }, lines }
}

function describe(versions: readonly VersionView[], withPaths: boolean, style: Style): string[] {
  const header = ["VERSION", "TIME", "SIZE", "CHANGE", "MACHINE", ...(withPaths ? ["PATH"] : [])].map(style.dim)
  const rows = versions.map(({ path, sequence, change, size, machine, timeMs }) => [
    String(sequence),
    formatTime(timeMs),
    change === "deleted" ? "" : formatBytes(size),
    change,
    printable(machine),
    ...(withPaths ? [printable(path)] : []),
  ])
  return table([header, ...rows], [{ align: "right" }, {}, { align: "right" }], "")
}
