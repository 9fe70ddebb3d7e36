/** `sessyn status`: what differs, what is pending, where it syncs. @module */
import type { Command } from "commander"
import type { StatusReport } from "../../src/reports.ts"
import type { Context, Result, Run } from "../command.ts"
import type { AnyCode } from "../errors.ts"
import { EXIT, type ExitCode, exitCodes } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { messages } from "../messages.ts"
import { changesLines, FUTURE, machineName } from "../output/changes.ts"
import { fingerprintLines, pendingLines } from "../output/machines.ts"
import { printable } from "../../src/printable.ts"
import type { Style } from "../output/style.ts"
import { table } from "../output/table.ts"
import { formatAge, formatBytes } from "../output/units.ts"

/** A store beyond this size is slow to clone, and hosts frown at it. */
const LARGE_STORE_BYTES = 1024 ** 3

export function addStatus(program: Command, run: Run): void {
  const command = program
    .command("status")
    .summary("what differs, what is pending, where it syncs")
    .description("Show what differs between folder and vault. Changes nothing.")
    .argument("[dir]", "the synced folder (default: the current one, or the one above it that is set up)")
    .action((dir: string | undefined) => run((context) => status(context, dir)))
  teach(command, {
    about: "Changes that wait to be synced are no error: the status is 0 then, too.",
    examples: [
      ["sessyn status", "of the folder you are in; `sessyn` alone does the same"],
      ["sessyn status --json | jq .toSend", "for scripts"],
    ],
    exits: [EXIT.conflicts, EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify],
  })
}

async function status(context: Context, dir: string | undefined): Promise<Result> {
  const session = await context.session(dir)
  const report = await session.status({ signal: context.signal })
  return { exit: exitFor(report), json: report, lines: describe(report, Date.now(), context.style) }
}

function exitFor(report: StatusReport): ExitCode {
  if (report.machine.status === "pending" || report.machine.status === "revoked") return EXIT.notTrusted
  if (report.locked) return EXIT.locked
  if (report.offline !== null) return isKnown(report.offline) ? exitCodes[report.offline] : EXIT.error
  return report.conflicts.length > 0 ? EXIT.conflicts : EXIT.inSync
}

function isKnown(code: string): code is AnyCode {
  return code in messages
}

function describe(report: StatusReport, nowMs: number, style: Style): string[] {
  const changes = changesLines(
    { sent: report.toSend, received: report.toReceive, conflicts: report.conflicts, skipped: report.skipped },
    FUTURE,
    style,
  )
  const pending = pendingLines(report.pendingMachines, nowMs, style)
  return [
    style.bold(printable(report.root)),
    ...facts(report, nowMs),
    ...blocks(changes, pending),
    "",
    ...verdict(report, style),
  ]
}

function blocks(...all: readonly (readonly string[])[]): string[] {
  return all.flatMap((lines) => (lines.length > 0 ? ["", ...lines] : []))
}

function facts(report: StatusReport, nowMs: number): string[] {
  const { machine, sequence, lastSyncMs, storeBytes } = report
  const vault = [
    ...(sequence === null ? [] : [`version ${sequence}`]),
    ...(lastSyncMs === null ? ["never synced here"] : [`synced ${formatAge(lastSyncMs, nowMs)}`]),
    ...(storeBytes === null ? [] : [formatBytes(storeBytes)]),
  ]
  return table([
    ["store", printable(report.store)],
    ["machine", `${machineName(machine)}${machine.status === "this" ? "" : `, ${machine.status}`}`],
    ["vault", vault.join(", ")],
  ])
}

function verdict(report: StatusReport, style: Style): string[] {
  const { machine, offline } = report
  if (machine.status === "pending") {
    return [
      style.warn(messages.PENDING.message),
      `On a trusted machine: sessyn machines approve ${machine.id.slice(0, 8)}`,
      ...fingerprintLines(report.fingerprints, style),
    ]
  }
  if (machine.status === "revoked") return [style.bad(messages.REVOKED.message), messages.REVOKED.action]
  if (report.locked) return [style.warn(messages.LOCKED.message), messages.LOCKED.action]
  if (offline !== null) {
    const words = isKnown(offline) ? messages[offline] : messages.STORE_FAILED
    return [style.warn(words.message), words.action]
  }
  return [inSyncLine(report, style), ...sizeWarning(report.storeBytes, style)]
}

function inSyncLine({ toSend, toReceive, conflicts }: StatusReport, style: Style): string {
  if (conflicts.length > 0) return style.warn("There are conflicts: run `sessyn sync` in a terminal to decide them.")
  return toSend.length + toReceive.length === 0 ? style.good("In sync.") : "Run `sessyn sync` to make both sides equal."
}

function sizeWarning(bytes: number | null, style: Style): string[] {
  if (bytes === null || bytes < LARGE_STORE_BYTES) return []
  return [style.warn(`The store holds ${formatBytes(bytes)}. \`sessyn compact\` drops old history.`)]
}
