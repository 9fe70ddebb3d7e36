/** `sessyn machines`: list, approve, revoke, delete. @module */
import type { Command } from "commander"
import type { MachineView, RevokeReport } from "../../src/reports.ts"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { machineName } from "../output/changes.ts"
import { awayLines, machineLines, wordLines } from "../output/machines.ts"
import { printable } from "../../src/printable.ts"
import type { Style } from "../output/style.ts"
import { newPassphraseFile } from "../setup.ts"
import { addMachineKeys } from "./machineKeys.ts"

interface RevokeOptions {
  readonly keepPassphrase?: boolean
  readonly newPassphraseFile?: string
}

export function addMachines(program: Command, run: Run): void {
  const machines = program
    .command("machines")
    .summary("list, approve, revoke or delete machines; new keys")
    .description("The machines that may write to the vault, and those that ask to.")
  teach(machines, {
    about:
      "ID is the start of a machine's id, or its name, if only one fits.\n" +
      "Use -C DIR to speak of another folder than the current one.",
    examples: [
      ["sessyn machines", "all of them"],
      ["sessyn machines approve 3fk2ab7c", "let one in, after comparing the words"],
      ["sessyn machines revoke laptop", "it was lost: shut it out, with a new passphrase"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify],
  })
  machines
    .command("list", { isDefault: true })
    .summary("all machines, with the words to compare for pending ones")
    .description("List all machines, with the words to compare for those that ask to be let in.")
    .action(() => run(list))
  addApprove(machines, run)
  addRevoke(machines, run)
  addPurge(machines, run)
  machines
    .command("delete")
    .summary("forget a request, or hide a revoked machine")
    .description("Forget a pending machine's request, or hide a revoked machine from the list.")
    .argument("<id>", "start of its id, or its name")
    .action((id: string) => run((context) => remove(context, id)))
  addMachineKeys(machines, run)
}

function addApprove(machines: Command, run: Run): void {
  const command = machines
    .command("approve")
    .summary("let a pending machine in")
    .description("Let a pending machine in: from then on it may write to the vault.")
    .argument("<id>", "start of its id, or its name")
    .option(
      "--fingerprint <words>",
      "the eight words that the other screen shows; they must match, and nothing is asked",
    )
    .action((id: string, { fingerprint }: { fingerprint?: string }) =>
      run((context) => approve(context, id, fingerprint)),
    )
  teach(command, {
    about:
      "Compare the eight words with those on the other machine's screen (`sessyn status` there).\n" +
      "If they differ, somebody else asked: do not approve. --yes approves without comparing.",
    examples: [
      ["sessyn machines approve 3fk2ab7c", "look at both screens, then answer"],
      ['sessyn machines approve 3fk2ab7c --fingerprint "…"', "give the words that the other one shows"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked],
  })
}

function addRevoke(machines: Command, run: Run): void {
  const command = machines
    .command("revoke")
    .summary("shut a machine out")
    .description("Shut a machine out: what it writes from now on counts nowhere, and it can read nothing new.")
    .argument("<id>", "start of its id, or its name")
    .option(
      "--keep-passphrase",
      "it is only retired, in good hands: whoever has the passphrase and the repository can still read",
    )
    .option("--new-passphrase-file <file>", "take the new passphrase from the first line of FILE")
    .action((id: string, options: RevokeOptions) => run((context) => revoke(context, id, options)))
  teach(command, {
    about:
      "First take its access token away at the Git host. Then revoke it here: you choose a new passphrase,\n" +
      "because the lost machine's user may know the old one. Without a terminal the new one comes from\n" +
      "--new-passphrase-file or SESSYN_NEW_PASSPHRASE.\n" +
      "What the machine has read already it keeps: change the secrets that are listed afterwards.",
    examples: [
      ["sessyn machines revoke laptop", "it was lost or stolen"],
      ["sessyn machines revoke old-server --keep-passphrase", "it was switched off by yourself"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked],
  })
}

function addPurge(machines: Command, run: Run): void {
  const command = machines
    .command("purge")
    .summary("shut out machines that have been away for 30 days")
    .description("Shut out the machines of which nothing was seen on 30 days that this one looked.")
    .action(() => run(purge))
  teach(command, {
    about:
      "A machine counts as seen when it writes to the vault; the days are those on which you used Sessyn here.\n" +
      "The passphrase stays. A machine that comes back asks to be let in again, and loses no file.",
    examples: [["sessyn machines purge", "lists them, and asks"]],
    exits: [EXIT.notTrusted, EXIT.locked],
  })
}

async function purge(context: Context): Promise<Result> {
  const session = await context.session()
  const report = await session.purge({ signal: context.signal })
  const nobody = ["No machine has been away for 30 days."]
  const lines = report.revoked.length === 0 ? nobody : describeRevoked(report, context.style)
  return { exit: EXIT.inSync, json: report, lines }
}

async function list(context: Context): Promise<Result> {
  const session = await context.session()
  const machines = await session.machines({ signal: context.signal })
  const { style } = context
  const pending = machines.filter(({ status }) => status === "pending")
  const lines = [
    ...machineLines(machines, Date.now(), style),
    ...awayLines(machines),
    ...pending.flatMap((machine) => askLines(machine, style)),
  ]
  return { exit: EXIT.inSync, json: { machines }, lines }
}

function askLines(machine: MachineView, style: Style): string[] {
  return [
    "",
    `${machineName(machine)} asks to be let in. Its screen must show:`,
    ...(machine.fingerprint === null ? [] : wordLines(machine.fingerprint, style)),
    `  sessyn machines approve ${machine.id.slice(0, 8)}`,
  ]
}

async function approve(context: Context, id: string, fingerprint: string | undefined): Promise<Result> {
  const session = await context.session(undefined, fingerprint === undefined ? {} : { fingerprint })
  const machine = await session.approve(id, { signal: context.signal })
  const done = context.style.good(`${machineName(machine)} is trusted now.`)
  return { exit: EXIT.inSync, json: { machine }, lines: [done, "It can sync from now on: run `sessyn sync` there."] }
}

async function revoke(context: Context, id: string, options: RevokeOptions): Promise<Result> {
  const session = await context.session(undefined, newPassphraseFile(context, options))
  const report = await session.revoke(id, {
    signal: context.signal,
    ...(options.keepPassphrase ? { keepPassphrase: true } : {}),
  })
  return { exit: EXIT.inSync, json: report, lines: describeRevoked(report, context.style) }
}

function describeRevoked({ revoked, rotate, epoch }: RevokeReport, style: Style): string[] {
  const done = revoked.map((machine) => style.good(`${machineName(machine)} is revoked.`))
  const key = `What is written from now on is under a new key (epoch ${epoch}).`
  if (rotate.length === 0) return [...done, key]
  return [
    ...done,
    key,
    "",
    style.bold("It could read these; change what is secret in them:"),
    ...rotate.map((path) => `  ${printable(path)}`),
  ]
}

async function remove(context: Context, id: string): Promise<Result> {
  const session = await context.session()
  const machine = await session.deleteMachine(id, { signal: context.signal })
  return { exit: EXIT.inSync, json: { machine }, lines: [`${machineName(machine)} is off the list.`] }
}
