/** `sessyn verify`: check every signature, tag and hash in the store. @module */
import type { Command } from "commander"
import type { AuditProblem, AuditReport } from "../../src/reports.ts"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { printable, printableLine } from "../../src/printable.ts"
import type { Style } from "../output/style.ts"
import { count, formatBytes } from "../output/units.ts"

export function addVerify(program: Command, run: Run): void {
  const command = program
    .command("verify")
    .summary("check every signature, tag and hash in the store")
    .description("Read the whole vault and check every signature, tag and hash in it. Changes nothing.")
    .argument("[dir]", "the synced folder (default: the current one, or the one above it that is set up)")
    .option("--from <path>", "check a copy of the store instead, such as a bare clone: needs no network")
    .action((dir: string | undefined, options: Options) => run((context) => verify(context, dir, options)))
  teach(command, {
    about:
      "It downloads all there is, older versions included: on a large vault that takes a while. What is wrong is named,\n" +
      "with the versions and the files that it touches.",
    examples: [
      ["sessyn verify", "before you rely on it"],
      ["sessyn verify --json", "for a monitor: status 7 if anything is wrong"],
      ["sessyn verify --from ../vault.git", "a clone made with `git clone --mirror`, or a backup of one"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify],
  })
}

interface Options {
  readonly from?: string
}

async function verify(context: Context, dir: string | undefined, { from }: Options): Promise<Result> {
  const session = await context.session(dir)
  const report = await session.verify({ signal: context.signal, ...(from !== undefined && { from }) })
  const exit = report.problems.length === 0 ? EXIT.inSync : EXIT.doesNotVerify
  return { exit, json: report, lines: describe(report, context.style) }
}

function describe(report: AuditReport, style: Style): string[] {
  const { sequence, trustEntries, versions, shards, packs, files, bytes, problems, beforeRepair } = report
  const checked = [
    count(versions, "version"),
    count(trustEntries, "trust entry", "trust entries"),
    count(shards, "shard"),
    count(packs, "pack"),
    count(files, "file"),
  ]
  const what = `Version ${sequence}: ${checked.join(", ")}, ${formatBytes(bytes)}.`
  const lost =
    beforeRepair.length === 0
      ? []
      : [
          "Lost before a repair, and not to be gone back to:",
          ...beforeRepair.flatMap((problem) => problemLines(problem)),
        ]
  const good = lost.length === 0 ? "All of it verifies." : "All else verifies."
  if (problems.length === 0) return [what, ...lost, style.good(good)]
  return [
    what,
    ...lost,
    style.bad(`${count(problems.length, "problem")}:`),
    ...problems.flatMap((problem) => problemLines(problem)),
    "",
    "Run `sessyn repair` on a machine that has these files.",
  ]
}

function problemLines({ object, reason, touches, files }: AuditProblem): string[] {
  const head = `  ${printable(object)}: ${printableLine(reason)}`
  const versions = touches.map(({ sequence }) => sequence)
  const where = versions.length === 0 ? [] : [`    in version ${listed(versions)}`]
  return [head, ...where, ...files.map((path) => `    touches ${printable(path)}`)]
}

const MAX_LISTED = 10

function listed(versions: readonly number[]): string {
  const more = versions.length - MAX_LISTED
  return `${versions.slice(0, MAX_LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`
}
