/** `sessyn watch`: stay in sync. @module */
import { type Command, InvalidArgumentError, Option } from "commander"
import type { FolderWatcher } from "../../src/platform/node/workspace/watcher.ts"
import type { SyncReport } from "../../src/reports.ts"
import type { Session, SyncOptions } from "../../src/session.ts"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { toFailure } from "../failure.ts"
import { teach } from "../help.ts"
import { fingerprintLines } from "../output/machines.ts"
import { printable } from "../../src/printable.ts"
import { count, formatBytes } from "../output/units.ts"
import { createWatchLoop } from "../watchLoop.ts"

const REMOTE_POLL_MS = 10_000
/** A store on this computer costs nothing to look at. */
const LOCAL_POLL_MS = 2_000
const MAX_NAMED = 3

interface Options {
  readonly interval?: number
  readonly onConflict: Exclude<SyncOptions["onConflict"], "ask">
}

/** What a whole watch did, for `--json`. */
interface Totals {
  syncs: number
  sequence: number | null
  sent: number
  received: number
  bytesSent: number
  bytesReceived: number
  conflicts: SyncReport["conflicts"]
}

export function addWatch(program: Command, run: Run): void {
  const command = program
    .command("watch")
    .summary("stay in sync until Ctrl-C")
    .description("Sync at the start, and whenever something changes here or in the vault. Ends with Ctrl-C.")
    .argument("[dir]", "the synced folder (default: the current one, or the one above it that is set up)")
    .option(
      "--interval <seconds>",
      "how often to look for changes in the store (default: 10; 2 if it is on this computer)",
      seconds,
    )
    .addOption(
      new Option("--on-conflict <how>", "what to do where both sides changed a file")
        .choices(["keep-local", "keep-remote", "keep-both", "skip"])
        .default("skip"),
    )
    .action((dir: string | undefined, options: Options) => run((context) => watch(context, dir, options)))
  teach(command, {
    about:
      "Nothing is asked: conflicts are named and left (`sessyn sync` decides them), and a sync that would delete\n" +
      "more than half of the files waits for you. Without the network it goes on as soon as that is back.\n" +
      "With --json one document is printed at the end; what happens meanwhile goes to standard error.",
    examples: [
      ["sessyn watch", "in a terminal that stays open"],
      ["sessyn watch ~/work --on-conflict keep-both", "as a service; `sessyn unlock --remember` first"],
    ],
    exits: [EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify],
  })
}

function seconds(text: string): number {
  const number = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || number < 1 || number > 86_400) {
    throw new InvalidArgumentError("It takes seconds, from 1 to 86400.")
  }
  return number
}

async function watch(context: Context, dir: string | undefined, options: Options): Promise<Result> {
  const session = await context.session(dir)
  const totals: Totals = {
    syncs: 0,
    sequence: null,
    sent: 0,
    received: 0,
    bytesSent: 0,
    bytesReceived: 0,
    conflicts: [],
  }
  const reporter = createReporter(context, session, totals)
  const pollMs = createPoll(session, options.interval)
  const { createNodeClock } = await import("../../src/platform/node/nodeClock.ts")
  const loop = createWatchLoop({
    session: {
      // Waiting does not help where nobody is there to confirm the words.
      sync: (syncOptions) =>
        session.sync(syncOptions).catch((error) => {
          throw context.translate(error)
        }),
      waitForRemote: session.waitForRemote,
    },
    clock: createNodeClock(),
    onConflict: options.onConflict,
    signal: context.signal,
    pollMs: pollMs.current,
    random: Math.random,
    onReport(report) {
      pollMs.learn()
      reporter.report(report)
    },
    onTrouble: reporter.trouble,
  })
  const stopWatching = await watchChanges(context, session.root, loop.changed)
  try {
    context.say(`Watching ${printable(session.root)}. Ctrl-C ends it.`)
    await loop.run()
  } finally {
    stopWatching()
  }
  return { exit: EXIT.inSync, json: totals, lines: [closingLine(totals)] }
}

/** Listens to the folder, anew whenever the ignore rules change. @returns how to stop it. */
async function watchChanges(context: Context, root: string, onChange: () => void): Promise<() => void> {
  const [{ watchFolder }, { createWatchIgnore }] = await Promise.all([
    import("../../src/platform/node/workspace/watcher.ts"),
    import("../watchIgnore.ts"),
  ])
  let isStale = false
  const start = (): FolderWatcher =>
    watchFolder(root, {
      ignores: createWatchIgnore(root, () => {
        isStale = true
      }),
      onChange() {
        if (isStale) {
          isStale = false
          watcher.close()
          watcher = start()
        }
        onChange()
      },
      onPolling: () => context.note("This folder cannot be watched (whole): looking every 30 seconds instead."),
    })
  let watcher = start()
  return () => watcher.close()
}

/** Looks often at a store on this computer, as soon as it is known to be there. */
function createPoll(session: Session, interval: number | undefined): { current: () => number; learn: () => void } {
  let pollMs = interval === undefined ? REMOTE_POLL_MS : interval * 1000
  let known = interval !== undefined
  return {
    current: () => pollMs,
    learn() {
      if (known) return
      known = true
      // Only a hint: without it the store is looked at less often.
      session.status().then(
        ({ store }) => {
          if (/^(\/|file:|[A-Za-z]:[\\/])/.test(store)) pollMs = LOCAL_POLL_MS
        },
        () => {},
      )
    },
  }
}

/** One line for each sync that did something, and for each new trouble; silence when all is well. */
function createReporter(context: Context, session: Session, totals: Totals) {
  let trouble: string | null = null
  let conflicts = ""

  const stamp = (): string => context.style.dim(new Date().toTimeString().slice(0, 8))
  const sayNow = (line: string): void => context.say(`${stamp()}  ${line}`)

  function add(report: SyncReport): void {
    totals.syncs++
    totals.sequence = report.sequence
    totals.sent += report.sent.length
    totals.received += report.received.length
    totals.bytesSent += report.bytesSent
    totals.bytesReceived += report.bytesReceived
    totals.conflicts = report.conflicts.filter(({ choice }) => choice === "skip")
  }

  return {
    report(report: SyncReport) {
      context.settle()
      const isFirst = totals.syncs === 0
      add(report)
      const open = totals.conflicts.map(({ path }) => path).join("\0")
      const isNews = report.sent.length + report.received.length > 0 || open !== conflicts
      if (isNews) sayNow(newsLine(report, totals.conflicts))
      else if (isFirst || trouble !== null) sayNow(`version ${report.sequence}: in sync`)
      conflicts = open
      trouble = null
    },
    trouble(error: unknown, retryMs: number) {
      context.settle()
      const { code, message, action } = toFailure(error)
      if (code === trouble) return
      trouble = code
      sayNow(
        `${context.style.warn(message)} Trying again ${retryMs < 5_000 ? "soon" : `in ${Math.round(retryMs / 1000)} s`}.`,
      )
      context.say(`          ${action}`)
      if (code === "PENDING") void sayWords(context, session)
    },
  }
}

async function sayWords(context: Context, session: Session): Promise<void> {
  const { fingerprints } = await session.status({ signal: context.signal })
  for (const line of fingerprintLines(fingerprints, context.style)) context.say(`          ${line}`)
}

function newsLine(report: SyncReport, open: SyncReport["conflicts"]): string {
  const { sent, received, bytesSent, bytesReceived } = report
  const parts = [
    ...(sent.length > 0 ? [`sent ${names(sent)} (${formatBytes(bytesSent)})`] : []),
    ...(received.length > 0 ? [`received ${names(received)} (${formatBytes(bytesReceived)})`] : []),
    ...(open.length > 0 ? [`in conflict: ${names(open)}`] : []),
  ]
  return `version ${report.sequence}: ${parts.length > 0 ? parts.join("; ") : "conflicts are decided"}`
}

/** The first few, and how many there are besides. */
function names(changes: readonly { readonly path: string }[]): string {
  const shown = changes.slice(0, MAX_NAMED).map(({ path }) => printable(path))
  const more = changes.length - shown.length
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "")
}

function closingLine({ syncs, sent, received, bytesSent, bytesReceived }: Totals): string {
  return `Stopped after ${count(syncs, "sync")}: ${count(sent, "change")} sent (${formatBytes(bytesSent)}), ${received} received (${formatBytes(bytesReceived)}).`
}
