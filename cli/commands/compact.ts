/** `sessyn compact`: drop old history, and give back its room. @module */
import { type Command, InvalidArgumentError } from "commander"
import type { CompactReport } from "../../src/reports.ts"
import type { Retention } from "../../src/sync/compact/retention.ts"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { teach } from "../help.ts"
import type { Style } from "../output/style.ts"
import { table } from "../output/table.ts"
import { formatBytes, formatTime } from "../output/units.ts"

const HOUR_MS = 60 * 60 * 1000
const UNITS: Readonly<Record<string, number>> = {
  h: HOUR_MS,
  d: 24 * HOUR_MS,
  w: 7 * 24 * HOUR_MS,
  y: 365 * 24 * HOUR_MS,
}
const DEFAULT_KEEP = "30d"

interface Options {
  readonly keep: Retention
  readonly dryRun?: boolean
}

export function addCompact(program: Command, run: Run): void {
  const command = program
    .command("compact")
    .summary("drop old history and give back its room")
    .description("Drop the versions of the vault that are older than you want to go back to.")
    .argument("[dir]", "the synced folder (default: the current one, or the one above it that is set up)")
    .option(
      "--keep <time|number>",
      "how far back: 12h, 30d, 8w, 1y; or so many versions",
      parseKeep,
      parseKeep(DEFAULT_KEEP),
    )
    .option("--dry-run", "say what would be dropped, and drop nothing")
    .action((dir: string | undefined, options: Options) => run((context) => compact(context, dir, options)))
  const keep = command.options.find(({ long }) => long === "--keep")
  if (keep !== undefined) keep.defaultValueDescription = DEFAULT_KEEP
  teach(command, {
    about:
      "Every sync adds a version, and `sessyn restore` brings any of them back; so the store grows. This keeps every state\n" +
      "that the vault was in during the last 30 days, drops what came before, and packs anew what is mostly waste. The\n" +
      "files as they are now stay as they are, here, in the vault and on every machine; what is dropped is gone for good.\n" +
      "You are asked first (--yes: not asked). Other machines follow by themselves, also in the middle of a sync.\n" +
      "\n" +
      "A vault in a folder shrinks at once. A Git host gives the room back when it next cleans up, which can take weeks; on\n" +
      "a server of your own, run `git gc --prune=now` in the repository while nobody syncs. Until then, and in backups\n" +
      "of the host, the old versions may lie on, sealed as ever: after a leak, change the secret.",
    examples: [
      ["sessyn compact --dry-run", "what would go, and what would stay"],
      ["sessyn compact --keep 1y", "every state of the last year"],
      ["sessyn compact --keep 1 --yes", "the present alone: the least room"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify],
  })
}

/** @throws {InvalidArgumentError} */
export function parseKeep(text: string): Retention {
  const [, digits = "", unit = ""] = /^(\d{1,6})([hdwy]?)$/.exec(text) ?? []
  const number = Number(digits)
  if (digits === "" || number < 1) {
    throw new InvalidArgumentError("It takes a time like 12h, 30d, 8w or 1y, or a number of versions from 1.")
  }
  return unit === "" ? { versions: number } : { ms: number * (UNITS[unit] as number) }
}

async function compact(context: Context, dir: string | undefined, { keep, dryRun }: Options): Promise<Result> {
  const session = await context.session(dir)
  const report = await session.compact({ signal: context.signal, keep, ...(dryRun === true && { dryRun }) })
  return { exit: EXIT.inSync, json: report, lines: describe(report, context.style) }
}

function describe(report: CompactReport, style: Style): string[] {
  switch (report.kind) {
    case "dry-run":
      return [...facts(report), "", "Nothing was dropped: this was a dry run."]
    case "nothing-to-do":
      return [...facts(report), "", style.good("Nothing to drop."), ...aboutRoom(report)]
    case "compacted":
      return [...facts(report), "", style.good(`Compacted (version ${report.sequence}).`), ...aboutRoom(report)]
  }
}

function facts(report: CompactReport): string[] {
  const { versionsBefore, versionsAfter, oldest, tombstonesDropped, packsRewritten, storeBytes } = report
  return table([
    ["versions", `${versionsBefore} before, ${versionsAfter} after`],
    ["oldest", `version ${oldest.sequence}, ${formatTime(oldest.timeMs)}`],
    ...(tombstonesDropped > 0 ? [["deletions", `${tombstonesDropped} not remembered any more`]] : []),
    ...(packsRewritten > 0 ? [["packs", `${packsRewritten} packed anew`]] : []),
    ...(storeBytes === null ? [] : [["store", storeLine(storeBytes)]]),
  ])
}

function storeLine({ before, after }: { readonly before: number; readonly after: number }): string {
  const sizes = `${formatBytes(before)} before, ${formatBytes(after)} after`
  return before > after ? `${sizes}: ${formatBytes(before - after)} freed` : sizes
}

function aboutRoom({ isReclaimed, storeBytes, packsRewritten, versionsAfter }: CompactReport): string[] {
  const lines: string[] = []
  if (!isReclaimed) {
    lines.push(
      storeBytes === null
        ? "The host gives the room back when it next cleans up; on your own server: `git gc --prune=now`."
        : "The room is not given back yet: the repository holds other things too, or is in use, or its disk is full.\nRun it again later.",
    )
  }
  if (packsRewritten > 0 && versionsAfter > 1) {
    lines.push("What was packed anew frees room when the versions from before are dropped in their turn.")
  }
  return lines
}
