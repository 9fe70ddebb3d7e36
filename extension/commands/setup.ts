/**
 * `Sessyn: Setup Wizard`: where to sync, what this machine is called, and the
 * passphrase. Makes a vault in a store that has none, joins the one that is there.
 *
 * @module
 */
import { window } from "vscode"
import { SyncError } from "../../src/errors.ts"
import type { InitReport, JoinReport } from "../../src/reports.ts"
import type { Engine } from "../../src/session.ts"
import { chooseRoot } from "../folder.ts"
import { type Ending, type Extension, run } from "../run.ts"

const TITLE = "Sessyn: Setup"

export function setup(extension: Extension): Promise<void> {
  return run(extension, "sessyn.setup", "Setting up", async (engine, signal) => {
    const root = await chooseRoot()
    const storeUrl = await askStore()
    const joins = (await workspacesIn(engine, storeUrl, signal)).length > 0
    const machineName = await askMachineName(extension.platform.machineName, joins)
    const remember = await askRemember()
    const options = { root, storeUrl, machineName, remember, signal }
    return joins ? joinEnding(await engine.join(options)) : initEnding(await engine.init(options))
  })
}

async function askStore(): Promise<string> {
  const kind = await window.showQuickPick(
    [
      { label: "Git Repository", detail: "A private one of your own, on any host: https://…", url: true },
      {
        label: "Folder",
        detail: "A Git repository on a disk that your machines share, or an empty folder.",
        url: false,
      },
    ],
    { title: `${TITLE} (1/3)`, placeHolder: "Where shall the encrypted vault lie?", ignoreFocusOut: true },
  )
  if (kind === undefined) throw stopped()
  return kind.url ? askUrl() : askFolder()
}

async function askUrl(): Promise<string> {
  const url = await window.showInputBox({
    title: `${TITLE} (1/3)`,
    prompt: "URL of the private repository. The password stays in git's credential helper.",
    placeHolder: "https://github.com/you/your-vault.git",
    ignoreFocusOut: true,
    validateInput: (value) => (/^https?:\/\/[^\s@]+$/.test(value.trim()) ? null : "https://… without a password"),
  })
  if (url === undefined) throw stopped()
  return url.trim()
}

async function askFolder(): Promise<string> {
  const picked = await window.showOpenDialog({
    title: `${TITLE} (1/3)`,
    canSelectFiles: false,
    canSelectFolders: true,
    openLabel: "Keep the Vault Here",
  })
  if (picked?.[0] === undefined) throw stopped()
  return picked[0].fsPath
}

/** An empty folder is no repository yet: none, too. */
async function workspacesIn(engine: Engine, storeUrl: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return (await engine.inspect(storeUrl, { signal })).workspaces
  } catch (error) {
    const isFolder = !/^https?:/.test(storeUrl)
    if (isFolder && (error as { code?: unknown }).code === "STORE_NOT_FOUND") return []
    throw error
  }
}

async function askMachineName(proposal: string, joins: boolean): Promise<string> {
  const name = await window.showInputBox({
    title: `${TITLE} (2/3)`,
    prompt: joins
      ? "There is a vault in this store: this machine asks to join it. What is it called?"
      : "What is this machine called? Your other machines will see the name, nobody else.",
    value: proposal,
    ignoreFocusOut: true,
    validateInput: (value) => (value.trim() === "" ? "A name, please." : null),
  })
  if (name === undefined) throw stopped()
  return name.trim()
}

async function askRemember(): Promise<boolean> {
  const picked = await window.showQuickPick(
    [
      { label: "Remember on This Device", detail: "The key is kept in VS Code's secret storage.", remember: true },
      { label: "Ask Each Time", detail: "The passphrase is asked for whenever VS Code starts anew.", remember: false },
    ],
    { title: `${TITLE} (3/3)`, placeHolder: "Next comes the passphrase.", ignoreFocusOut: true },
  )
  if (picked === undefined) throw stopped()
  return picked.remember
}

function initEnding({ machine }: InitReport): Ending {
  return { message: `Sessyn is set up. ${machine.name} is the first machine of this vault.`, action: "sync" }
}

function joinEnding({ machine, status, fingerprints }: JoinReport): Ending {
  if (status !== "pending") return { message: `Sessyn is set up. ${machine.name} has joined.`, action: "sync" }
  const lines = fingerprints.map(({ machine: approver, words }) => `On ${approver}:\n${words.join(" ")}`)
  return {
    message: `${machine.name} is waiting for approval.`,
    detail: [
      "Approve it on a machine that you trust, with “Sessyn: Approve Machine”. Both screens must show the same words.",
      ...lines,
    ].join("\n\n"),
  }
}

function stopped(): SyncError {
  return new SyncError("CANCELLED", "the wizard was closed")
}
