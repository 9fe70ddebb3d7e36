/**
 * Passphrases by input box. What is typed goes into a `Secret` at once and
 * nowhere else.
 *
 * @module
 */
import { window } from "vscode"
import { utf8 } from "../../crypto/bytes.ts"
import { Secret } from "../../crypto/secret.ts"
import { SyncError } from "../../src/errors.ts"
import { requireStrongPassphrase } from "../../src/trust/strength.ts"

/** The passphrase of a vault that is there; null if the box was closed. */
export async function askPassphrase(retry: boolean): Promise<Secret | null> {
  const typed = await askHidden({
    title: "Sessyn: Unlock",
    prompt: "The passphrase of this workspace. It never leaves this machine.",
    placeHolder: retry ? "That was not it. Once more…" : "Passphrase",
  })
  return typed === null ? null : new Secret(utf8(typed))
}

/** A new passphrase, typed twice and strong enough; null if a box was closed. */
export async function askNewPassphrase(proposal: string): Promise<Secret | null> {
  const kind = await window.showQuickPick(
    [
      { label: "Use these six words", detail: proposal, own: false },
      { label: "Use a passphrase of my own", detail: "At least as hard to guess; it is checked.", own: true },
    ],
    {
      title: "Sessyn: Choose a Passphrase",
      placeHolder: "Whoever forgets it and loses all machines loses the vault: write it down.",
      ignoreFocusOut: true,
    },
  )
  if (kind === undefined) return null
  return kind.own ? askOwn() : askWrittenDown(proposal)
}

/** Typing the words once shows that they are written down. */
async function askWrittenDown(proposal: string): Promise<Secret | null> {
  for (let prompt = "Write the six words down, then type them here."; ; prompt = "Not the same. Type the six words.") {
    const typed = await askHidden({ title: "Sessyn: Your Passphrase", prompt, placeHolder: proposal })
    if (typed === null) return null
    if (typed.trim() === proposal) return new Secret(utf8(proposal))
  }
}

async function askOwn(): Promise<Secret | null> {
  const title = "Sessyn: Choose a Passphrase"
  for (let prompt = "It is never sent anywhere, and nobody can reset it."; ; ) {
    const typed = await askHidden({ title, prompt, placeHolder: "New passphrase" })
    if (typed === null) return null
    const secret = new Secret(utf8(typed))
    if (!(await isStrong(secret))) {
      prompt = "That one is too easy to guess. Take something longer."
      continue
    }
    const again = await askHidden({ title, prompt: "Type it once more.", placeHolder: "The same passphrase" })
    if (again === null) return null
    if (again === typed) return secret
    prompt = "The two were not the same. Type it again."
  }
}

async function askHidden(options: { title: string; prompt: string; placeHolder: string }): Promise<string | null> {
  const typed = await window.showInputBox({ ...options, password: true, ignoreFocusOut: true })
  return typed === undefined || typed === "" ? null : typed
}

async function isStrong(secret: Secret): Promise<boolean> {
  try {
    await requireStrongPassphrase(secret)
    return true
  } catch (error) {
    if (error instanceof SyncError && error.code === "WEAK_PASSPHRASE") return false
    throw error
  }
}
