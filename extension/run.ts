/**
 * How every command runs: with a progress notification that can be cancelled,
 * and an ending that says what happened or what is the matter.
 *
 * @module
 */
import { commands, type LogOutputChannel, ProgressLocation, window } from "vscode"
import type { Keychain } from "../src/ports/keychain.ts"
import type { Engine } from "../src/session.ts"
import { ACTION_LABELS, type Action, codeOf, ExtensionError, messages } from "./messages.ts"
import type { Platform } from "./platform.ts"
import type { ConflictDiff } from "./vscode/conflicts.ts"
import { createProgress } from "./vscode/progress.ts"
import { createPrompts } from "./vscode/prompts.ts"

/** What lives as long as the extension does. */
export interface Extension {
  readonly platform: Platform
  readonly keychain: Keychain
  readonly diff: ConflictDiff
  readonly log: LogOutputChannel
}

/** What a command ends with. */
export interface Ending {
  readonly message: string
  /** Shown below, in a dialog that stays until it is closed. */
  readonly detail?: string
  readonly action?: Action
}

export type Work = (engine: Engine, signal: AbortSignal) => Promise<Ending>

const COMMANDS = {
  setup: "sessyn.setup",
  sync: "sessyn.syncNow",
  "open-folder": "workbench.action.files.openFolder",
} satisfies Partial<Record<Action, string>>

/** @param command - Its id, to run it again. */
export async function run(extension: Extension, command: string, title: string, work: Work): Promise<void> {
  try {
    const ending = await withEngine(extension, title, work)
    extension.log.info(`${command}: ${ending.message}`)
    await end(extension, command, ending)
  } catch (error) {
    await fail(extension, command, error)
  }
}

function withEngine({ platform, keychain, diff }: Extension, title: string, work: Work): Thenable<Ending> {
  const options = { location: ProgressLocation.Notification, title: `Sessyn: ${title}`, cancellable: true }
  return window.withProgress(options, async (shown, cancellation) => {
    const abort = new AbortController()
    cancellation.onCancellationRequested(() => abort.abort())
    const progress = createProgress((message) => shown.report({ message }))
    const engine = platform.createEngine({ keychain, progress, prompts: createPrompts(diff) })
    if (engine === null) throw new ExtensionError("VIRTUAL_FOLDER", "no engine in this VS Code")
    return work(engine, abort.signal)
  })
}

async function end(extension: Extension, command: string, { message, detail, action }: Ending): Promise<void> {
  const buttons = action === undefined ? [] : [ACTION_LABELS[action]]
  const options = detail === undefined ? {} : { modal: true, detail }
  const picked = await window.showInformationMessage(message, options, ...buttons)
  if (picked !== undefined && action !== undefined) await act(extension, command, action)
}

/** Says what is the matter. The log gets the code and the engine's words, which hold no secret, path or content. */
async function fail(extension: Extension, command: string, error: unknown): Promise<void> {
  const code = codeOf(error)
  const { message, action } = messages[code]
  extension.log.error(`${command}: ${code}`, ...describeCauses(error))
  if (code === "CANCELLED") return
  const picked = await window.showErrorMessage(`${message} (${code})`, ACTION_LABELS[action])
  if (picked !== undefined) await act(extension, command, action)
}

function describeCauses(error: unknown): readonly string[] {
  const words: string[] = []
  for (let cause = error; cause instanceof Error && words.length < 5; cause = cause.cause) {
    // The stack of an error that is nobody's plan is the only way to find it.
    const planned = codeOf(cause) !== "UNEXPECTED"
    words.push(planned ? cause.message : (cause.stack ?? cause.message))
  }
  return words
}

async function act({ log }: Extension, command: string, action: Action): Promise<void> {
  if (action === "details") log.show()
  else await commands.executeCommand(action === "retry" ? command : COMMANDS[action])
}
