/**
 * What a command is: work that is given a {@link Context} and returns a
 * {@link Result}. The runner (run.ts) prints it, for people or as JSON.
 *
 * @module
 */
import type { Engine, Session } from "../src/session.ts"
import type { ExitCode } from "./exitCodes.ts"
import type { Style } from "./output/style.ts"
import type { HostOptions } from "./host.ts"
import type { Asker } from "./prompts/asker.ts"
import type { Terminal } from "./terminal.ts"

/** Options that every command takes. */
export interface GlobalOptions {
  readonly json: boolean
  readonly yes: boolean
  /** Run as if started there; absolute. */
  readonly directory: string
  readonly passphraseFile?: string
}

export interface Result {
  readonly exit: ExitCode
  /** The whole answer as one JSON document. */
  readonly json: unknown
  /** The same for people, line by line, in colour if there is any. */
  readonly lines: readonly string[]
}

/** What single commands let the engine's host know besides. */
export type EngineExtras = Pick<HostOptions, "newPassphraseFile" | "firstPassphrase" | "fingerprint">

export interface Context {
  readonly terminal: Terminal
  readonly options: GlobalOptions
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** For standard output. */
  readonly style: Style
  /** null: nobody sits there. */
  readonly asker: Asker | null
  /** A line to standard error: what matters now, or what must not be in the JSON. */
  note(line: string): void
  /** A line to standard output before the result; to standard error with `--json`. */
  say(line: string): void
  /** The error to show for one of the engine's: what it gave up for want of an answer needs one. */
  translate(error: unknown): unknown
  /** Wipes the progress line: some work is done, other may follow. */
  settle(): void
  /** Made once; `extras` count the first time. */
  engine(extras?: EngineExtras): Promise<Engine>
  /** Opens the synced folder at or above `directory`; closed when the command ends. */
  session(directory?: string, extras?: EngineExtras): Promise<Session>
}

/** Runs a command's work and keeps its exit status. */
export type Run = (work: (context: Context) => Promise<Result>) => Promise<void>
