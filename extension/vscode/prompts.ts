/**
 * The Prompts port in VS Code: input boxes, modal messages and quick picks.
 *
 * @module
 */
import { window } from "vscode"
import type { Confirmation, Prompts } from "../../src/ports/prompts.ts"
import { printableLine } from "../../src/printable.ts"
import { type ConflictDiff, resolveConflicts } from "./conflicts.ts"
import { askNewPassphrase, askPassphrase } from "./passphrase.ts"

/** How each question is put; the button says what will be done. */
const QUESTIONS = {
  "mass-delete": { question: "Delete more than half of the files?", yes: "Sync Anyway" },
  "mass-revert": { question: "Put back old versions of many files?", yes: "Sync Anyway" },
  approve: { question: "Approve this machine?", yes: "Both Screens Show These Words: Approve" },
  "fingerprint-matches": { question: "Do both screens show these words?", yes: "They Are the Same" },
  revoke: { question: "Revoke this machine?", yes: "Revoke" },
  "delete-machine": { question: "Delete this machine?", yes: "Delete" },
  "require-post-quantum": { question: "Require a post-quantum key of every machine?", yes: "Require It" },
  "remember-in-file": { question: "Keep the key in a file?", yes: "Keep It in a File" },
  repair: { question: "Repair the vault from what this machine has?", yes: "Repair" },
  compact: { question: "Drop old versions for good?", yes: "Drop Them" },
  "follow-recovery": { question: "Follow this recovery?", yes: "Follow It" },
  "new-code": { question: "Take files that run code when opened?", yes: "Take Them" },
  "outward-link": { question: "Make a link that leads out of the folder?", yes: "Make the Link" },
} satisfies Record<Confirmation["code"], { question: string; yes: string }>

export function createPrompts(diff: ConflictDiff): Prompts {
  return {
    passphrase: askPassphrase,
    newPassphrase: askNewPassphrase,

    async confirm({ code, lines }) {
      const { question, yes } = QUESTIONS[code]
      return (
        (await window.showWarningMessage(
          question,
          { modal: true, detail: lines.map(printableLine).join("\n") },
          yes,
        )) === yes
      )
    },

    resolve: (questions) => resolveConflicts(questions, diff),
  }
}
