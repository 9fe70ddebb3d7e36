/**
 * One machine with VS Code and Sessyn on it: a folder to sync, and a home of
 * its own for everything that VS Code and Sessyn keep.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import { type Editor, openEditor } from "./driver.ts"
import { installExtension, type Server, startServer } from "./server.ts"
import { installVsCode } from "./setup.ts"

const VSIX = join(import.meta.dirname, "..", "..", "..", "sessyn.vsix")
const SHOTS = join(import.meta.dirname, "..", "..", "..", ".vscode-test", "screenshots")

export interface Machine {
  readonly editor: Editor
  /** The folder that its window has open. */
  readonly folder: string
  /** Keeps what the window shows and what the server printed, to look at after a failure. */
  keepEvidence(name: string): Promise<string>
  stop(): Promise<void>
}

export async function startMachine(browser: Browser): Promise<Machine> {
  // Sockets lie in it, and their paths must be short.
  const home = mkdtempSync(join(tmpdir(), "sy-"))
  const folder = join(home, "project")
  mkdirSync(folder)
  const options = { entry: installVsCode(), home, env: { SESSYN_HOME: join(home, "sessyn") } }
  installExtension(options, VSIX)
  const server = await startServer(options)
  const editor = await openEditor(browser, server.url, folder)
  return {
    editor,
    folder,
    keepEvidence: (name) => keepEvidence(editor, server, name),
    async stop() {
      await editor.close()
      await server.stop()
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function keepEvidence(editor: Editor, server: Server, name: string): Promise<string> {
  mkdirSync(SHOTS, { recursive: true })
  const path = join(SHOTS, `${name}.png`)
  await editor.screenshot(path)
  return `screenshot: ${path}\n${server.output()}`
}
