/**
 * What a sync changes, or changed, as tables: both directions, conflicts, and
 * what is left alone with its reason.
 *
 * @module
 */
import type { Change, ConflictView, MachineView, Skipped } from "../../src/reports.ts"
import { conflictWords } from "../prompts/conflicts.ts"
import { printable } from "../../src/printable.ts"
import type { Style } from "./style.ts"
import { table } from "./table.ts"
import { count, formatBytes } from "./units.ts"

/** Longer lists are cut off with a count; `--json` has them all. */
const MAX_ROWS = 100

const REASONS = {
  "name-not-allowed": "this system cannot hold that name",
  "name-too-long": "the name is too long for this system",
  "case-collision": "another name here differs only in case",
  "unicode-collision": "another name here differs only in how Unicode spells it",
  "name-not-unicode": "the name is not valid Unicode",
  unreadable: "cannot be read",
  "not-a-file": "is a socket, pipe or device",
  "outward-link": "is a link that leads out of the folder",
  "no-links": "is a symbolic link, which this system lacks",
  changing: "kept changing while it was read",
  "too-large": "is too large",
  "blocked-folder": "its folder is left alone, or something lies in its place",
  "hostile-path": "the path is not safe to use",
  "changed-meanwhile": "was edited during the sync; next time",
  denied: "the system did not allow it",
  conflict: "is in conflict",
  "new-code": "runs code when opened, and may be of a machine let in today: run `sessyn sync` and look",
} satisfies Record<Skipped["reason"], string>

export interface Changes {
  readonly sent: readonly Change[]
  readonly received: readonly Change[]
  readonly conflicts: readonly ConflictView[]
  readonly skipped: readonly Skipped[]
}

/** Headings for the two directions: what will happen, or what has. */
export type Tense = { readonly sent: string; readonly received: string }
export const FUTURE: Tense = { sent: "To send", received: "To receive" }
export const PAST: Tense = { sent: "Sent", received: "Received" }

/** Lines for all of it; none if there is nothing. */
export function changesLines(changes: Changes, tense: Tense, style: Style): string[] {
  return [
    ...section(tense.sent, changes.sent, style),
    ...section(tense.received, changes.received, style),
    ...conflictSection(changes.conflicts, style),
    ...skippedSection(changes.skipped, style),
  ]
}

function section(heading: string, changes: readonly Change[], style: Style): string[] {
  if (changes.length === 0) return []
  const bytes = changes.reduce((sum, { change, size }) => (change === "deleted" ? sum : sum + size), 0)
  const summary = style.dim(`(${count(changes.length, "change")}, ${formatBytes(bytes)})`)
  const rows = changes.slice(0, MAX_ROWS).map((change) => changeRow(change, style))
  return [`${style.bold(heading)} ${summary}`, ...table(rows, [{}, { align: "right" }]), ...more(changes.length)]
}

function changeRow({ path, type, change, size, runsOnOpen, from }: Change, style: Style): string[] {
  const paint = { new: style.good, modified: style.warn, deleted: style.bad, renamed: style.accent, mode: style.accent }
  const name = type === "folder" ? `${printable(path)}/` : printable(path)
  const notes = [
    ...(type === "link" ? ["link"] : []),
    ...(from === null || from === "" ? [] : [`from ${printable(from)}`]),
    ...(runsOnOpen ? [style.bad("runs code when opened")] : []),
  ]
  const word = change === "mode" ? "permissions" : change
  const length = type === "file" && change !== "deleted" ? formatBytes(size) : ""
  return [paint[change](word), length, notes.length === 0 ? name : `${name}  ${style.dim(notes.join(", "))}`]
}

function conflictSection(conflicts: readonly ConflictView[], style: Style): string[] {
  if (conflicts.length === 0) return []
  const rows = conflicts.slice(0, MAX_ROWS).map(({ path, kind, machine, choice }) => {
    const outcome = {
      "keep-local": "kept local",
      "keep-remote": "kept remote",
      "keep-both": "kept both",
      merged: "merged",
      skip: "open",
    }
    return [
      choice === "skip" ? style.bad("open") : style.good(outcome[choice]),
      printable(path),
      style.dim(`${conflictWords(kind)} (${printable(machine)})`),
    ]
  })
  return [style.bold("Conflicts"), ...table(rows), ...more(conflicts.length)]
}

function skippedSection(skipped: readonly Skipped[], style: Style): string[] {
  if (skipped.length === 0) return []
  const rows = skipped.slice(0, MAX_ROWS).map(({ path, reason }) => [printable(path), style.dim(REASONS[reason])])
  return [style.bold("Left alone"), ...table(rows), ...more(skipped.length)]
}

function more(length: number): string[] {
  return length > MAX_ROWS ? [`  … and ${length - MAX_ROWS} more (--json shows all)`] : []
}

/** `3 changes sent, 1 received (2.4 KiB up, 312 B down)`. */
export function summaryWords(changes: Changes, bytesSent: number, bytesReceived: number): string {
  const { sent, received, conflicts } = changes
  const open = conflicts.filter(({ choice }) => choice === "skip").length
  const parts = [
    ...(sent.length > 0 ? [`${sent.length} sent (${formatBytes(bytesSent)})`] : []),
    ...(received.length > 0 ? [`${received.length} received (${formatBytes(bytesReceived)})`] : []),
    ...(open > 0 ? [`${count(open, "conflict")} left`] : []),
  ]
  return parts.join(", ")
}

/** The first 8 characters: enough to tell machines apart, and what commands accept. */
export function shortId(id: string): string {
  return id.slice(0, 8)
}

export function machineName({ id, name }: Pick<MachineView, "id" | "name">): string {
  return `${printable(name)} (${shortId(id)})`
}
