/**
 * `Sessyn: Sync Now`.
 *
 * @module
 */
import type { SyncReport } from "../../src/reports.ts"
import { chooseRoot } from "../folder.ts"
import { type Ending, type Extension, run } from "../run.ts"

export function syncNow(extension: Extension): Promise<void> {
  return run(extension, "sessyn.syncNow", "Syncing", async (engine, signal) => {
    const session = await engine.open(await chooseRoot())
    try {
      return syncEnding(await session.sync({ onConflict: "ask", signal }))
    } finally {
      await session.close()
    }
  })
}

function syncEnding({ kind, sent, received, conflicts, skipped }: SyncReport): Ending {
  const parts = [
    sent.length === 0 ? "" : `${count(sent.length, "change")} sent`,
    received.length === 0 ? "" : `${count(received.length, "change")} received`,
  ].filter((part) => part !== "")
  const done = parts.length === 0 ? "Everything is in sync." : `Synced: ${parts.join(", ")}.`
  const open = conflicts.filter(({ choice }) => choice === "skip").length
  if (kind === "conflicts") {
    return { message: `${done} ${count(open, "conflict")} left; the next sync asks again.`, action: "sync" }
  }
  const left = skipped.filter(({ reason }) => reason !== "conflict").length
  return { message: left === 0 ? done : `${done} ${count(left, "file")} left alone.` }
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? "" : "s"}`
}
