/**
 * Machines and the words by which two screens are compared.
 *
 * @module
 */
import type { MachineStatus, MachineView } from "../../src/reports.ts"
import { AWAY_DAYS } from "../../src/trust/presence.ts"
import { shortId } from "./changes.ts"
import { printable } from "../../src/printable.ts"
import type { Style } from "./style.ts"
import { table } from "./table.ts"
import { formatAge } from "./units.ts"

type Fingerprint = { readonly machine: string; readonly words: readonly string[] }

const STATUS = {
  this: "this one",
  trusted: "trusted",
  pending: "pending",
  revoked: "revoked",
} satisfies Record<MachineStatus, string>

export function machineLines(machines: readonly MachineView[], nowMs: number, style: Style): string[] {
  const paint = { this: style.good, trusted: style.good, pending: style.warn, revoked: style.dim }
  const header = ["ID", "STATUS", "SINCE", "LAST SYNC", "NAME"].map(style.dim)
  const rows = machines.map(({ id, name, status, sinceMs, lastSequence }) => [
    shortId(id),
    paint[status](STATUS[status]),
    formatAge(sinceMs, nowMs),
    lastSequence === null ? "never" : `version ${lastSequence}`,
    printable(name),
  ])
  return table([header, ...rows], [], "")
}

/** Machines that may go, and how. */
export function awayLines(machines: readonly MachineView[]): string[] {
  const away = machines.filter(({ silentDays }) => silentDays !== null && silentDays >= AWAY_DAYS)
  if (away.length === 0) return []
  return [
    "",
    ...away.map(
      ({ name, silentDays }) =>
        `Nothing was seen of ${printable(name)} on ${silentDays} days that this machine looked.`,
    ),
    "  If you need it no more: sessyn machines purge",
  ]
}

/** The words in two lines of four, easy to read out. */
export function wordLines(words: readonly string[], style: Style, indent = "    "): string[] {
  const half = Math.ceil(words.length / 2)
  return [words.slice(0, half), words.slice(half)].map((line) => indent + style.bold(line.join("  ")))
}

export function fingerprintLines(fingerprints: readonly Fingerprint[], style: Style): string[] {
  return fingerprints.flatMap(({ machine, words }) => [
    `Both screens must show these words, if you approve it on ${printable(machine)}:`,
    ...wordLines(words, style),
  ])
}

/** Machines that ask to be let in, and how to answer. */
export function pendingLines(pending: readonly MachineView[], nowMs: number, style: Style): string[] {
  if (pending.length === 0) return []
  return [
    style.bold(pending.length === 1 ? "A machine asks to be let in" : `${pending.length} machines ask to be let in`),
    ...table(pending.map(({ id, name, sinceMs }) => [shortId(id), formatAge(sinceMs, nowMs), printable(name)])),
    `  To answer: sessyn machines approve ${shortId(pending[0]?.id ?? "")}`,
  ]
}
