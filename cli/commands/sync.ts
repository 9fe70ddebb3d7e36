/** `sessyn sync`: make folder and vault equal. @module */
import { type Command, Option } from "commander"
import type { Change, SyncReport } from "../../src/reports.ts"
import type { Session, SyncOptions } from "../../src/session.ts"
import type { Context, Result, Run } from "../command.ts"
import { EXIT, type ExitCode } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { type Changes, changesLines, FUTURE, PAST, summaryWords } from "../output/changes.ts"
import type { Style } from "../output/style.ts"
import { confirmOrStop } from "../prompts/confirm.ts"

/** What `--on-conflict` takes. */
export const ON_CONFLICT = ["ask", "keep-local", "keep-remote", "keep-both", "skip"] as const

interface Options {
  readonly dryRun?: boolean
  readonly onConflict?: SyncOptions["onConflict"]
  readonly autoMerge?: boolean
  readonly allowMassDelete?: boolean
}

export function conflictOption(): Option {
  return new Option("--on-conflict <how>", "what to do where both sides changed a file").choices(ON_CONFLICT)
}

export function addSync(program: Command, run: Run): void {
  const command = program
    .command("sync")
    .summary("make folder and vault equal")
    .description("Send what changed here, fetch what changed elsewhere.")
    .argument("[dir]", "the synced folder (default: the current one, or the one above it that is set up)")
    .option("-n, --dry-run", "only show what would change")
    .addOption(conflictOption())
    .option("--auto-merge", "where both sides changed different lines of a text, take both changes without asking")
    .option("--allow-mass-delete", "go on even if more than half of the files would be deleted or emptied")
    .action((dir: string | undefined, options: Options) => run((context) => sync(context, dir, options)))
  teach(command, {
    about:
      "In a terminal you see what will change and are asked first (--yes: not asked), also about each conflict.\n" +
      "Without one, conflicts are left as they are unless --on-conflict says otherwise.\n" +
      "What others deleted or replaced goes to quarantine for 30 days; nothing is overwritten that you edited meanwhile.",
    examples: [
      ["sessyn sync", "look, then sync"],
      ["sessyn sync --dry-run", "only look"],
      ["sessyn sync --yes --on-conflict keep-both", "for scripts: never stops to ask, loses nothing"],
    ],
    exits: [EXIT.conflicts, EXIT.notTrusted, EXIT.locked, EXIT.massDelete, EXIT.doesNotVerify],
  })
}

async function sync(context: Context, dir: string | undefined, options: Options): Promise<Result> {
  const session = await context.session(dir)
  const syncOptions: SyncOptions = {
    signal: context.signal,
    onConflict: options.onConflict ?? (context.asker === null || context.options.yes ? "skip" : "ask"),
    ...(options.autoMerge ? { autoMerge: true } : {}),
    ...(options.allowMassDelete ? { allowMassDelete: true } : {}),
  }
  if (options.dryRun) {
    const report = await session.sync({ ...syncOptions, dryRun: true })
    return toResult(report, null, context.style)
  }
  const shown = await review(context, session, syncOptions)
  return toResult(await session.sync(syncOptions), shown, context.style)
}

/** Shows a person what is about to happen and lets them stop it. @returns what was shown. */
async function review(context: Context, session: Session, options: SyncOptions): Promise<SyncReport | null> {
  if (context.asker === null || context.options.yes || context.options.json) return null
  const report = await session.sync({ ...options, dryRun: true })
  if (report.sent.length + report.received.length === 0) return null
  for (const line of changesLines(report, FUTURE, context.style)) context.say(line)
  await confirmOrStop(context.asker, false, "Sync now?", true)
  return report
}

function toResult(report: SyncReport, shown: SyncReport | null, style: Style): Result {
  return { exit: exitFor(report), json: report, lines: describe(report, shown, style) }
}

export function exitFor(report: SyncReport): ExitCode {
  const open = report.kind === "conflicts" || report.conflicts.some(({ choice }) => choice === "skip")
  return open ? EXIT.conflicts : EXIT.inSync
}

function describe(report: SyncReport, shown: SyncReport | null, style: Style): string[] {
  const isDry = report.kind === "dry-run"
  // What came as it was shown before is not listed a second time.
  const known = shown !== null && isSame(shown.sent, report.sent) && isSame(shown.received, report.received)
  const news = known ? { ...report, sent: [], received: [] } : report
  const lines = changesLines(news, isDry ? FUTURE : PAST, style)
  return [...lines, ...(lines.length > 0 ? [""] : []), closingLine(report, style)]
}

function isSame(a: readonly Change[], b: readonly Change[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function closingLine(report: SyncReport & Changes, style: Style): string {
  const summary = summaryWords(report, report.bytesSent, report.bytesReceived)
  const version = `version ${report.sequence}`
  if (report.kind === "dry-run")
    return summary === "" ? "Nothing to sync." : style.dim("Nothing was changed: this was a dry run.")
  if (exitFor(report) === EXIT.conflicts) {
    return style.warn(
      `Synced to ${version}, less the conflicts: ${summary}. Run \`sessyn sync\` in a terminal to decide them.`,
    )
  }
  return style.good(summary === "" ? `In sync (${version}).` : `In sync (${version}): ${summary}.`)
}
