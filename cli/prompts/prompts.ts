/**
 * The Prompts port of the command line: flags and given passphrases answer
 * first, then the person at the terminal. Where neither does, the question
 * stays unanswered, and the operation stops without changing anything.
 *
 * @module
 */
import type { Confirmation, Prompts } from "../../src/ports/prompts.ts"
import { CliError } from "../errors.ts"
import { printableLine } from "../../src/printable.ts"
import type { Style } from "../output/style.ts"
import type { Env } from "../terminal.ts"
import type { Asker } from "./asker.ts"
import { resolveConflicts } from "./conflicts.ts"
import { askNewPassphrase, createPassphrasePrompt, type GivenPassphrase, readGiven } from "./passphrase.ts"

/** How many words a fingerprint has. */
const FINGERPRINT_WORDS = 8

export interface PromptsOptions {
  /** null: nobody sits there. */
  readonly asker: Asker | null
  readonly env: Env
  /** `--yes` */
  readonly yes: boolean
  readonly given: GivenPassphrase
  /** What answers for a new passphrase; the same as `given` where the first one is made. */
  readonly givenNew: GivenPassphrase
  /** `--fingerprint`: the words that the other screen shows. */
  readonly fingerprint: string | undefined
  /** Of the screen where questions are asked. */
  readonly columns: number
  readonly style: Style
  readonly note: (line: string) => void
}

export interface CliPrompts extends Prompts {
  /** Whether a question stayed open for want of a person. */
  unanswered(): boolean
}

/** How each question is put, and whether `--yes` answers it. */
const QUESTIONS = {
  // Not by --yes: a script that always says yes must not empty a vault or a folder. --allow-mass-delete does it.
  "mass-delete": { message: "Sync all the same?", yes: false },
  "mass-revert": { message: "Sync all the same?", yes: false },
  // Not by --yes: an attacker with the passphrase can cause this question.
  "follow-recovery": { message: "Follow it?", yes: false },
  "outward-link": { message: "Make the link?", yes: false },
  "new-code": { message: "Take them?", yes: false },
  approve: { message: "Do both screens show these words? Approve it?", yes: true },
  "fingerprint-matches": { message: "Do both screens show these words?", yes: true },
  revoke: { message: "Revoke it?", yes: true },
  "delete-machine": { message: "Delete it?", yes: true },
  "require-post-quantum": { message: "Require it of every machine?", yes: true },
  "remember-in-file": { message: "Keep the key in a file?", yes: true },
  repair: { message: "Repair the vault from what this machine has?", yes: true },
  compact: { message: "Drop them for good?", yes: true },
} satisfies Record<Confirmation["code"], { message: string; yes: boolean }>

export function createPrompts(options: PromptsOptions): CliPrompts {
  const { asker, env, note, columns, style } = options
  const askPassphrase = asker === null ? null : createPassphrasePrompt(asker)
  let open = false
  let saidLast = ""

  return {
    unanswered: () => open,

    async passphrase(retry) {
      // What was given and is wrong stays wrong: no second try with it.
      const given = await readGiven(options.given, env, note)
      if (given !== null) return retry ? null : given
      return askPassphrase === null ? null : askPassphrase(retry)
    },

    async newPassphrase(proposal) {
      const given = await readGiven(options.givenNew, env, note)
      if (given !== null) return given
      if (asker !== null) return askNewPassphrase(asker, proposal)
      throw new CliError("NEEDS_CONFIRMATION", `a new passphrase is needed: ${howToGive(options.givenNew)}`)
    },

    async confirm({ code, lines }) {
      const { message, yes } = QUESTIONS[code]
      const shown = lines.map(printableLine)
      if (options.fingerprint !== undefined && (code === "approve" || code === "fingerprint-matches")) {
        requireWords(lines, options.fingerprint)
        return true
      }
      if (options.yes && yes) {
        for (const line of shown) note(line)
        return true
      }
      if (asker === null) {
        // `watch` comes by here again and again; once is enough to read.
        if (shown.join("\n") !== saidLast) for (const line of shown) note(line)
        saidLast = shown.join("\n")
        open = true
        return null
      }
      for (const line of shown) asker.tell(line)
      return asker.confirm(message, false)
    },

    async resolve(questions) {
      return asker === null ? new Map() : resolveConflicts(questions, { asker, env, columns, style })
    },
  }
}

function howToGive({ file, variable }: GivenPassphrase): string {
  return file === undefined ? `run it in a terminal, or set ${variable}` : file
}

/**
 * @throws {CliError} `FINGERPRINT_DIFFERS` unless the words are the last line of the question: in the others stand names,
 * which others chose.
 */
function requireWords(lines: readonly string[], typed: string): void {
  const words = (text: string): string[] => text.toLowerCase().match(/[a-z]+/g) ?? []
  const wanted = words(typed)
  if (wanted.length !== FINGERPRINT_WORDS) {
    throw new CliError("USAGE", `--fingerprint takes ${FINGERPRINT_WORDS} words, in quotes`)
  }
  if (words(lines.at(-1) ?? "").join(" ") !== wanted.join(" "))
    throw new CliError("FINGERPRINT_DIFFERS", "the words differ")
}
