/**
 * Code that runs when a folder is opened, and may come from a machine that was
 * let in less than a day ago, waits for a person: whoever tricked somebody into
 * approving a machine would plant just that, and would do it at once.
 *
 * @module
 */
import type { MachineState } from "../../storage/verify/trustState.ts"
import { nameOf, SHORT_ID_LENGTH } from "../trust/names.ts"
import { newcomers } from "../trust/presence.ts"
import { firstPaths } from "../tree/paths.ts"
import { contentKey, type Operation, type Plan } from "../tree/plan/plan.ts"
import { runsOnOpen } from "../tree/sensitive.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"

/** What a person has agreed to in this sync: a vault that moved meanwhile is no reason to ask the same again. */
export type AgreedCode = Set<string>

/** Asks about such code, and leaves it out of the plan unless the answer is yes. */
export async function holdNewCode(
  context: Context,
  head: Head,
  plan: Plan,
  agreed: AgreedCode,
): Promise<{ readonly plan: Plan; readonly held: readonly string[] }> {
  const machines = await newcomers(context, head)
  if (machines.length === 0) return { plan, held: [] }
  const asked = plan.operations.filter((operation) => bringsCode(operation) && !agreed.has(keyOf(operation)))
  const held = [...new Set(asked.map(({ path }) => path))].sort()
  if (held.length === 0) return { plan, held }
  const lines = [...(await introduce(context, head, machines)), ...firstPaths(held)]
  if ((await context.host.prompts.confirm({ code: "new-code", lines })) === true) {
    for (const operation of asked) agreed.add(keyOf(operation))
    return { plan, held: [] }
  }
  const waiting = new Set(held)
  return { plan: { ...plan, operations: plan.operations.filter(({ path }) => !waiting.has(path)) }, held }
}

/** Whether it lays something on this disk that is run without being asked. */
function bringsCode(operation: Operation): boolean {
  if (operation.kind !== "write" && operation.kind !== "merge" && operation.kind !== "mode") return false
  if (operation.kind === "write" && operation.node.type === "folder") return false
  return runsOnOpen(operation.path)
}

function keyOf(operation: Operation): string {
  if (operation.kind !== "write") return `${operation.kind} ${operation.path}`
  const { node, path } = operation
  return JSON.stringify([path, contentKey(node), node.mode])
}

async function introduce(context: Context, head: Head, machines: readonly string[]): Promise<readonly string[]> {
  const names = await Promise.all(machines.map((id) => nameOf(context, head.trust.machines.get(id) as MachineState)))
  const who = machines.map((id, i) => `${names[i]} (${id.slice(0, SHORT_ID_LENGTH)})`).join(", ")
  const were = machines.length === 1 ? "was" : "were"
  return [
    `${who} ${were} let in less than a day ago, and may have written these files,`,
    "which run code when the folder is opened. Look at them there before you take them:",
  ]
}
