/**
 * `Sessyn: Approve Machine`: lets a waiting machine in, after its words were
 * compared on both screens.
 *
 * @module
 */
import { window } from "vscode"
import { SyncError } from "../../src/errors.ts"
import type { MachineView } from "../../src/reports.ts"
import { chooseRoot } from "../folder.ts"
import { type Extension, run } from "../run.ts"

export function approveMachine(extension: Extension): Promise<void> {
  return run(extension, "sessyn.approveMachine", "Approving a machine", async (engine, signal) => {
    const session = await engine.open(await chooseRoot())
    try {
      const waiting = (await session.machines({ signal })).filter(({ status }) => status === "pending")
      if (waiting.length === 0) return { message: "No machine is waiting for approval." }
      const approved = await session.approve((await choose(waiting)).id, { signal })
      return { message: `${approved.name} is approved and can sync now.` }
    } finally {
      await session.close()
    }
  })
}

async function choose(waiting: readonly MachineView[]): Promise<MachineView> {
  const picked = await window.showQuickPick(
    waiting.map((machine) => ({
      label: machine.name,
      description: machine.id.slice(0, 8),
      detail: machine.fingerprint?.join(" ") ?? "",
      machine,
    })),
    { title: "Sessyn: Approve Machine", placeHolder: "Which machine may come in?", ignoreFocusOut: true },
  )
  if (picked === undefined) throw new SyncError("CANCELLED", "no machine was chosen")
  return picked.machine
}
