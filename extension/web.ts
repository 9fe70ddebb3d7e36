/**
 * The extension in a browser: a composition root. There is no disk here and no
 * store that a page may reach, so there is no engine: every command says so.
 *
 * @module
 */
import type { ExtensionContext } from "vscode"
import { activateWith } from "./activate.ts"

export function activate(context: ExtensionContext): void {
  activateWith({ machineName: "Browser", createEngine: () => null }, context)
}
