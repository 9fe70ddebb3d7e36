/**
 * Questions to the person at the terminal, on standard error so that standard
 * output stays clean. The prompt library is loaded with the first question.
 *
 * @module
 */
import { SyncError } from "../../src/errors.ts"
import type { Terminal } from "../terminal.ts"

export interface Choice<T> {
  readonly name: string
  readonly value: T
  /** A line that is shown while this choice is selected. */
  readonly description?: string
}

/** Ctrl-C in any of these ends the command. */
export interface Asker {
  /** A line that goes before a question. */
  tell(line: string): void
  confirm(message: string, preset: boolean): Promise<boolean>
  /** What is typed is not shown. */
  password(message: string): Promise<string>
  /** `null` draws a separator. */
  select<T>(message: string, choices: readonly (Choice<T> | null)[]): Promise<T>
}

export interface AskerOptions {
  readonly terminal: Terminal
  readonly signal: AbortSignal
  /** Called when Ctrl-C came to a prompt, where the process does not see it. */
  readonly interrupt: () => void
  /** Makes room: a progress line must not stand in a question. */
  readonly beforeAsking: () => void
}

export function createAsker({ terminal, signal, interrupt, beforeAsking }: AskerOptions): Asker {
  const context = () => ({ input: terminal.stdin, output: terminal.stderr, signal })

  async function ask<T>(question: (library: typeof import("@inquirer/prompts")) => Promise<T>): Promise<T> {
    beforeAsking()
    try {
      return await question(await import("@inquirer/prompts"))
    } catch (error) {
      if (!isInterruption(error)) throw error
      interrupt()
      throw new SyncError("CANCELLED", "the question was not answered")
    }
  }

  return {
    tell(line) {
      beforeAsking()
      terminal.stderr.write(`${line}\n`)
    },
    confirm: (message, preset) => ask((library) => library.confirm({ message, default: preset }, context())),
    password: (message) => ask((library) => library.password({ message, mask: false }, context())),
    select: (message, choices) =>
      ask((library) =>
        library.select(
          {
            message,
            choices: choices.map((choice) => choice ?? new library.Separator(" ")),
            loop: false,
            pageSize: 14,
          },
          context(),
        ),
      ),
  }
}

function isInterruption(error: unknown): boolean {
  return error instanceof Error && ["ExitPromptError", "AbortPromptError"].includes(error.name)
}
