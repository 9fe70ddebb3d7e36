/**
 * Where the command reads and writes: the one place that knows the process's
 * streams, so that everything else can be given others.
 *
 * @module
 */
export type Env = Readonly<Record<string, string | undefined>>

export interface Terminal {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly env: Env
  /** Absolute. */
  readonly cwd: string
  /** Whether a person sits there who can be asked: questions go to standard error. */
  readonly interactive: boolean
}

/** Secrets that child processes (git, an editor) have no business to inherit. */
const PRIVATE = ["SESSYN_PASSPHRASE", "SESSYN_NEW_PASSPHRASE"] as const

/** The process's own terminal. Takes the passphrases out of the environment that children inherit. */
export function processTerminal(): Terminal {
  const env = { ...process.env }
  for (const name of PRIVATE) delete process.env[name]
  const { stdin, stdout, stderr } = process
  return { stdin, stdout, stderr, env, cwd: process.cwd(), interactive: Boolean(stdin.isTTY && stderr.isTTY) }
}
