/** `sessyn restore`: an older version of a file. @module */
import { type FileHandle, open, rm } from "node:fs/promises"
import { resolve } from "node:path"
import type { Command } from "commander"
import type { RestoreReport } from "../../src/reports.ts"
import type { Session } from "../../src/session.ts"
import type { Context, Result, Run } from "../command.ts"
import { CliError } from "../errors.ts"
import { EXIT } from "../exitCodes.ts"
import { isInFolder, pathInFolder } from "../folder.ts"
import { teach } from "../help.ts"
import { wholeNumber } from "../numbers.ts"
import { printable } from "../../src/printable.ts"
import { formatBytes } from "../output/units.ts"

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
    .option(
      "--at <version>",
      "the version as `sessyn log` numbers it (default: the newest that differs from the disk)",
      wholeNumber({ min: 1 }),
    )
    .option("--to <file>", "write it there instead; outside the synced folder the file must be new")
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
  const report = await write(context, session, path, options)
  const where = report.to === report.path ? "" : ` to ${printable(report.to)}`
  const what = `${printable(report.path)} as of version ${report.sequence} (${formatBytes(report.size)})`
  return { exit: EXIT.inSync, json: report, lines: [context.style.good(`Restored ${what}${where}.`)] }
}

async function write(context: Context, session: Session, path: string, { at, to }: Options): Promise<RestoreReport> {
  const { directory } = context.options
  const options = { signal: context.signal, ...(at === undefined ? {} : { sequence: at }) }
  if (to === undefined) return session.restore(path, options)
  if (await isInFolder(session.root, directory, to)) {
    return session.restore(path, { ...options, to: await pathInFolder(session.root, directory, to) })
  }
  const target = resolve(directory, to)
  const report = await writeNew(target, (take) => session.content(path, options, take))
  return { ...report, to: target }
}

type Take = (bytes: Uint8Array) => Promise<void>

/** Readable by the user alone, as it may be a secret; gone again if it does not get whole. */
async function writeNew<T>(target: string, fill: (take: Take) => Promise<T>): Promise<T> {
  const file = await createNew(target)
  try {
    const filled = await fill(async (bytes) => {
      await file.writeFile(bytes)
    })
    await file.sync()
    await file.close()
    return filled
  } catch (error) {
    await file.close().catch(() => {})
    await rm(target, { force: true })
    throw error
  }
}

async function createNew(target: string): Promise<FileHandle> {
  try {
    return await open(target, "wx", 0o600)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === "EEXIST" ? "it exists already" : code
    throw new CliError("USAGE", `cannot write to the file given with --to: ${why}`, { cause })
  }
}
