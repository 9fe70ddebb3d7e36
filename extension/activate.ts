/**
 * What VS Code on desktop and on the web share: the commands over whichever
 * engine the composition root brings.
 *
 * @module
 */
import { commands, type ExtensionContext, window } from "vscode"
import { approveMachine } from "./commands/approveMachine.ts"
import { setup } from "./commands/setup.ts"
import { syncNow } from "./commands/syncNow.ts"
import type { Platform } from "./platform.ts"
import type { Extension } from "./run.ts"
import { createConflictDiff } from "./vscode/conflicts.ts"
import { createKeychain } from "./vscode/keychain.ts"

/** The commands of `package.json`. */
const COMMANDS: Readonly<Record<string, (extension: Extension) => Promise<void>>> = {
  "sessyn.setup": setup,
  "sessyn.syncNow": syncNow,
  "sessyn.approveMachine": approveMachine,
}

export function activateWith(platform: Platform, context: ExtensionContext): void {
  const log = window.createOutputChannel("Sessyn", { log: true })
  const diff = createConflictDiff()
  const extension: Extension = { platform, keychain: createKeychain(context.secrets), diff, log }
  context.subscriptions.push(log, diff)
  for (const [id, command] of Object.entries(COMMANDS)) {
    context.subscriptions.push(commands.registerCommand(id, () => command(extension)))
  }
}
