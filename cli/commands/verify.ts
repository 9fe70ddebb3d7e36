/** `sessyn verify`: check every signature, tag and hash in the store. @module */
import type { Command } from "commander"
import type { AuditProblem, AuditReport } from "../../src/reports.ts"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { printable, printableLine } from "../output/printable.ts"
import type { Style } from "../output/style.ts"
import { count, formatBytes } from "../output/units.ts"

export function addVerify(program: Command, run: Run): void {
  const command = program
    .command("verify")
    .summary("check every signature, tag and hash in the store")
    .description("Read the whole vault and check every signature, tag and hash in it. Changes nothing.")
    .argument("[dir]", "the synced folder (default: the current one, or the one above it that is set up)")
    .action((dir: string | undefined) => run((context) => verify(context, dir)))
  teach(command, {
    about: "It downloads all of the current version: on a large vault that takes a while.",
    examples: [
      ["sessyn verify", "before you rely on it"],
      ["sessyn verify --json", "for a monitor: status 7 if anything is wrong"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify],
  })
}

async function verify(context: Context, dir: string | undefined): Promise<Result> {
  const session = await context.session(dir)
  const report = await session.verify({ signal: context.signal })
  const exit = report.problems.length === 0 ? EXIT.inSync : EXIT.doesNotVerify
  return { exit, json: report, lines: describe(report, context.style) }
}

function describe(report: AuditReport, style: Style): string[] {
  const { sequence, trustEntries, versions, shards, packs, files, bytes, problems } = report
  const checked = [
    count(versions, "version"),
    count(trustEntries, "trust entry", "trust entries"),
    count(shards, "shard"),
    count(packs, "pack"),
    count(files, "file"),
  ]
  const what = `Version ${sequence}: ${checked.join(", ")}, ${formatBytes(bytes)}.`
  if (problems.length === 0) return [what, style.good("All of it verifies.")]
  return [
    what,
    style.bad(`${count(problems.length, "problem")}:`),
    ...problems.flatMap((problem) => problemLines(problem)),
    "",
    "Run `sessyn repair` on a machine that has these files.",
  ]
}

function problemLines({ object, reason, files }: AuditProblem): string[] {
  const head = `  ${printable(object)}: ${printableLine(reason)}`
  return [head, ...files.map((path) => `    touches ${printable(path)}`)]
}
