/**
 * Diff and decide: both versions of one conflicting file side by side, then
 * the clean merge if there is one, an editor on the merged file, or one side.
 *
 * @module
 */
import { isUtf8 } from "node:buffer"
import { equalBytes, fromUtf8, toHex, utf8 } from "../../crypto/bytes.ts"
import type { ConflictQuestion } from "../../src/ports/prompts.ts"
import type { Resolution } from "../../src/tree/plan/plan.ts"
import { diffLines } from "../output/diffView.ts"
import { printable } from "../../src/printable.ts"
import { formatBytes } from "../output/units.ts"
import type { Choice } from "./asker.ts"
import type { ConflictScreen } from "./conflicts.ts"
import { editText } from "./editor.ts"
import { hasMarkers, withMarkers } from "./markers.ts"

/** Longer texts are not compared line by line: nobody reads that, and the comparison takes its time. */
const MAX_DIFF_BYTES = 1024 * 1024

interface Versions {
  readonly local: Uint8Array
  readonly remote: Uint8Array
  readonly base: Uint8Array | null
  readonly merged: Uint8Array | null
}

type Action = "merge" | "show-merge" | "edit" | "keep-local" | "keep-remote" | "keep-both" | "skip" | "back"

/** @returns null to go back to the choices without a decision. */
export async function decide(question: ConflictQuestion, screen: ConflictScreen): Promise<Resolution | null> {
  const { asker } = screen
  const versions = await load(question)
  if (versions === null) {
    asker.tell("One of the versions cannot be read right now.")
    return null
  }
  show(versions, question, screen)
  for (;;) {
    const action = await asker.select("Decide:", actionsFor(versions, question))
    if (action === "back") return null
    if (action === "merge" && versions.merged !== null) return { choice: "merged", content: versions.merged }
    if (action === "show-merge" && versions.merged !== null) {
      showDiff("local", versions.local, "merged", versions.merged, screen)
      continue
    }
    if (action === "edit") {
      const content = await edit(versions, question, screen)
      if (content !== null) return { choice: "merged", content }
      continue
    }
    if (action === "keep-local" || action === "keep-remote" || action === "keep-both" || action === "skip") {
      return { choice: action }
    }
  }
}

async function load({ contents }: ConflictQuestion): Promise<Versions | null> {
  const [local, remote, base, merged] = await Promise.all([
    contents.local(),
    contents.remote(),
    contents.base(),
    contents.merged(),
  ])
  return local === null || remote === null ? null : { local, remote, base, merged }
}

function actionsFor({ local, remote, merged }: Versions, { machine }: ConflictQuestion): Choice<Action>[] {
  const actions: Choice<Action>[] = []
  if (merged !== null) {
    actions.push({ name: "Take the clean merge: both sides changed different lines", value: "merge" })
    actions.push({ name: "Show the clean merge", value: "show-merge" })
  }
  if (isText(local) && isText(remote)) actions.push({ name: "Edit the merged file…", value: "edit" })
  return [
    ...actions,
    { name: "Keep local", value: "keep-local" },
    { name: `Keep remote  (by ${printable(machine)})`, value: "keep-remote" },
    { name: "Keep both", value: "keep-both" },
    { name: "Skip", value: "skip" },
    { name: "Back", value: "back" },
  ]
}

function show({ local, remote }: Versions, { machine }: ConflictQuestion, screen: ConflictScreen): void {
  showDiff("local", local, `remote, by ${printable(machine)}`, remote, screen)
}

function showDiff(oldName: string, old: Uint8Array, newName: string, fresh: Uint8Array, screen: ConflictScreen): void {
  const { asker, columns } = screen
  if (!isText(old) || !isText(fresh))
    return asker.tell(`  Not text, or too long to compare: ${facts(old)} and ${facts(fresh)}`)
  const lines = diffLines(fromUtf8(old), fromUtf8(fresh), {
    columns,
    style: screen.style,
    local: oldName,
    remote: newName,
  })
  if (lines === null) return asker.tell("  They have too little in common to be compared line by line.")
  asker.tell(lines.length === 0 ? "  (no difference)" : lines.join("\n"))
}

function isText(bytes: Uint8Array): boolean {
  return bytes.length <= MAX_DIFF_BYTES && !bytes.includes(0) && isUtf8(bytes)
}

function facts(bytes: Uint8Array): string {
  return `${formatBytes(bytes.length)} starting ${toHex(bytes.subarray(0, 8)) || "with nothing"}`
}

/** The outcome of the editor; null if the user left it as it was, or with a conflict still marked. */
async function edit(
  versions: Versions,
  question: ConflictQuestion,
  screen: ConflictScreen,
): Promise<Uint8Array | null> {
  const { asker, env } = screen
  const { path } = question.conflict
  const base = versions.base !== null && isText(versions.base) ? fromUtf8(versions.base) : null
  const proposal =
    versions.merged ??
    utf8(withMarkers(fromUtf8(versions.local), base, fromUtf8(versions.remote), printable(question.machine)))
  const edited = await editText(path, proposal, env)
  if (edited === null) asker.tell("The editor could not be started, or ended with an error. Set VISUAL or EDITOR.")
  else if (hasMarkers(edited)) asker.tell("There are conflict markers (<<<<<<<) left in it: nothing was decided.")
  else if (equalBytes(edited, proposal) && versions.merged === null)
    asker.tell("Nothing was changed: nothing was decided.")
  else return edited
  return null
}
