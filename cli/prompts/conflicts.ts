/**
 * Conflicts, put to the person at the terminal one by one, with a way to
 * decide all that are left at once.
 *
 * @module
 */
import type { ConflictQuestion } from "../../src/ports/prompts.ts"
import type { TreeNode } from "../../src/tree/node.ts"
import type { ConflictKind, Resolution } from "../../src/tree/plan/plan.ts"
import { printable } from "../../src/printable.ts"
import type { Style } from "../output/style.ts"
import { formatBytes } from "../output/units.ts"
import type { Env } from "../terminal.ts"
import type { Asker, Choice } from "./asker.ts"

export interface ConflictScreen {
  readonly asker: Asker
  readonly env: Env
  readonly columns: number
  readonly style: Style
}

/** What can be decided without looking closer. */
type Plain = Exclude<Resolution["choice"], "merged">

type Answer =
  | { readonly kind: "one"; readonly choice: Plain }
  | { readonly kind: "rest"; readonly choice: Plain }
  | { readonly kind: "decide" }

const KINDS = {
  "edit-edit": "changed on both sides",
  "create-create": "made on both sides, differently",
  "edit-delete": "changed here, deleted there",
  "delete-edit": "deleted here, changed there",
  "type-type": "of another type on each side",
} satisfies Record<ConflictKind, string>

/** What kind of conflict it is, in words that fit after "It was …" or in a table. */
export function conflictWords(kind: ConflictKind): string {
  return KINDS[kind]
}

export async function resolveConflicts(
  questions: readonly ConflictQuestion[],
  screen: ConflictScreen,
): Promise<ReadonlyMap<string, Resolution>> {
  const decided = new Map<string, Resolution>()
  for (const [at, question] of questions.entries()) {
    const left = questions.length - at - 1
    describe(question, at + 1, questions.length, screen.asker)
    const { resolution, forRest } = await decideOne(question, left, screen)
    decided.set(question.conflict.path, resolution)
    if (forRest === null) continue
    for (const other of questions.slice(at + 1)) decided.set(other.conflict.path, { choice: forRest })
    break
  }
  return decided
}

async function decideOne(
  question: ConflictQuestion,
  left: number,
  screen: ConflictScreen,
): Promise<{ readonly resolution: Resolution; readonly forRest: Plain | null }> {
  for (;;) {
    const answer = await screen.asker.select<Answer>("What shall become of it?", choicesFor(question, left))
    if (answer.kind !== "decide") {
      return { resolution: { choice: answer.choice }, forRest: answer.kind === "rest" ? answer.choice : null }
    }
    const { decide } = await import("./decide.ts")
    const resolution = await decide(question, screen)
    if (resolution !== null) return { resolution, forRest: null }
  }
}

function choicesFor({ conflict, machine }: ConflictQuestion, left: number): (Choice<Answer> | null)[] {
  const there = printable(machine)
  const bothFiles = conflict.local?.type === "file" && conflict.remote?.type === "file"
  const one = (name: string, choice: Plain): Choice<Answer> => ({ name, value: { kind: "one", choice } })
  const choices: (Choice<Answer> | null)[] = [
    one(`Keep local   ${conflict.local === null ? "(deleted)" : "(what is here)"}`, "keep-local"),
    one(`Keep remote  (${conflict.remote === null ? "deleted" : "what is there"}, by ${there})`, "keep-remote"),
  ]
  if (conflict.local !== null && conflict.remote !== null) {
    choices.push(one(`Keep both    (the other one as ${printable(besideName(conflict.path))})`, "keep-both"))
  }
  if (bothFiles) choices.push({ name: "Diff and decide…", value: { kind: "decide" } })
  choices.push(one("Skip         (ask again next time)", "skip"))
  if (left === 0) return choices
  const rest = (name: string, choice: Plain): Choice<Answer> => ({
    name: `${name}, and for the other ${left === 1 ? "one" : left}, too`,
    value: { kind: "rest", choice },
  })
  return [
    ...choices,
    null,
    rest("Keep local", "keep-local"),
    rest("Keep remote", "keep-remote"),
    rest("Keep both", "keep-both"),
    rest("Skip", "skip"),
  ]
}

/** Only for show; the engine picks a name that is free. */
export function besideName(path: string): string {
  const slash = path.lastIndexOf("/")
  const dot = path.lastIndexOf(".")
  return dot > slash + 1 ? `${path.slice(0, dot)}.remote${path.slice(dot)}` : `${path}.remote`
}

function describe({ conflict, machine }: ConflictQuestion, at: number, of: number, asker: Asker): void {
  asker.tell("")
  asker.tell(`Conflict ${at} of ${of}: ${printable(conflict.path)}, ${KINDS[conflict.kind]}`)
  asker.tell(`  local   ${nodeWords(conflict.local)}`)
  asker.tell(`  remote  ${nodeWords(conflict.remote)}, by ${printable(machine)}`)
}

function nodeWords(node: TreeNode | null): string {
  if (node === null) return "deleted"
  if (node.type === "file") return `file, ${formatBytes(node.size)}`
  return node.type === "link" ? `link to ${printable(node.target)}` : "folder"
}
