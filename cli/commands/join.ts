/** `sessyn join`: ask to be let into a vault. @module */
import { setTimeout as delay } from "node:timers/promises"
import type { Command } from "commander"
import type { JoinReport } from "../../src/reports.ts"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { machineName, shortId } from "../output/changes.ts"
import { fingerprintLines } from "../output/machines.ts"
import { printable } from "../../src/printable.ts"
import type { Style } from "../output/style.ts"
import { table } from "../output/table.ts"
import { confirmOrStop } from "../prompts/confirm.ts"
import { checkedMachineName, inFreshFolder, storeUrl } from "../setup.ts"

/** How often `--wait` looks whether the machine was approved. */
const LOOK_EVERY_MS = 5_000

interface Options {
  readonly store: string
  readonly name?: string
  readonly workspace?: string
  readonly remember?: boolean
  readonly again?: boolean
  readonly recover?: boolean
  readonly wait?: boolean
}

export function addJoin(program: Command, run: Run): void {
  const command = program
    .command("join")
    .summary("ask to be let into a vault")
    .description("Ask to be let into a vault that another machine made.")
    .argument("[dir]", "the folder to sync (default: the current one; made if it is not there)")
    .requiredOption("--store <url>", "where the vault lies: a path, https://…, or github:owner/repo")
    .option("--name <name>", "what this machine is called (default: the computer's name)")
    .option("--workspace <id>", "which vault, if the passphrase opens several in that store")
    .option("--wait", "wait until a trusted machine has approved this one")
    .option("--again", "in a folder that is set up: new keys for this machine, after it was revoked or lost its own")
    .option("--recover", "all other machines are lost: let this one in by the passphrase alone, and revoke the others")
    .option("--remember", "keep the key in this computer's keychain")
    .action((dir: string | undefined, options: Options) => run((context) => join(context, dir, options)))
  teach(command, {
    about:
      "The machine is pending until a trusted one approves it: compare the eight words on both screens.\n" +
      "Until then it uploads nothing and downloads nothing. Files that are in the folder already stay:\n" +
      "joining only ever adds, and where both sides differ you are asked.",
    examples: [
      ["sessyn join ~/work --store https://github.com/me/vault", "then approve it on a trusted machine"],
      ["sessyn join --store /mnt/usb/vault.git --wait && sessyn sync", "wait for the approval, then sync"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify],
  })
}

async function join(context: Context, dir: string | undefined, options: Options): Promise<Result> {
  const { style, signal } = context
  if (options.recover) {
    context.note("Recovering revokes all machines but this one. Do this only if they are lost.")
    await confirmOrStop(context.asker, context.options.yes, "Recover with the passphrase?", false)
  }
  const report = await inFreshFolder(context, dir, async (root) => {
    const engine = await context.engine()
    return engine.join({
      root,
      storeUrl: storeUrl(options.store, context.options.directory),
      machineName: checkedMachineName(options.name),
      signal,
      ...(options.workspace === undefined ? {} : { workspace: options.workspace }),
      ...(options.remember ? { remember: true } : {}),
      ...(options.again ? { again: true } : {}),
      ...(options.recover ? { recover: true } : {}),
    })
  })
  if (report.status !== "pending" || !options.wait) {
    return { exit: EXIT.inSync, json: report, lines: describe(report, style) }
  }
  for (const line of describe(report, style)) context.say(line)
  await waitForApproval(context, report.root)
  return {
    exit: EXIT.inSync,
    json: { ...report, status: "trusted" },
    lines: ["", style.good("This machine is approved."), `Next: ${style.bold("sessyn sync")}`],
  }
}

async function waitForApproval(context: Context, root: string): Promise<void> {
  const session = await context.session(root)
  for (;;) {
    const { machine } = await session.status({ signal: context.signal })
    if (machine.status === "this" || machine.status === "trusted") return
    await delay(LOOK_EVERY_MS, undefined, { signal: context.signal })
  }
}

function describe(report: JoinReport, style: Style): string[] {
  const facts = table([
    ["folder", printable(report.root)],
    ["store", printable(report.store)],
    ["machine", machineName(report.machine)],
  ])
  if (report.status !== "pending") {
    const how =
      report.status === "recovered" ? "Recovered: this machine is in, all others are revoked." : "This machine is in."
    return [style.good(how), ...facts, "", `Next: ${style.bold("sessyn sync")}`]
  }
  return [
    style.warn("This machine has asked to be let in."),
    ...facts,
    "",
    "On a trusted machine, run:",
    `  ${style.bold(`sessyn machines approve ${shortId(report.machine.id)}`)}`,
    "",
    ...fingerprintLines(report.fingerprints, style),
  ]
}
