/**
 * Where passphrases come from: a file, the environment, or the person at the
 * terminal, in this order. Never from an argument: other users see those.
 *
 * @module
 */
import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { utf8 } from "../../crypto/bytes.ts"
import { Secret } from "../../crypto/secret.ts"
import { SyncError } from "../../src/errors.ts"
import { requireStrongPassphrase } from "../../src/trust/strength.ts"
import { CliError } from "../errors.ts"
import type { Env } from "../terminal.ts"
import type { Asker } from "./asker.ts"

const MAX_FILE_BYTES = 4096
const ATTEMPTS = 3

/** What stands in for typing. */
export interface GivenPassphrase {
  /** Path of a file whose first line it is. */
  readonly file: string | undefined
  /** Name of the environment variable that holds it. */
  readonly variable: string
}

/**
 * The passphrase that was given, or null if none was.
 *
 * @param warn - Told if others can read the file.
 * @throws {CliError} `PASSPHRASE_FILE`
 */
export async function readGiven(
  given: GivenPassphrase,
  env: Env,
  warn: (line: string) => void,
): Promise<Secret | null> {
  if (given.file !== undefined) return readFirstLine(given.file, warn)
  const value = env[given.variable]
  return value === undefined || value === "" ? null : new Secret(utf8(value))
}

async function readFirstLine(path: string, warn: (line: string) => void): Promise<Secret> {
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_RDONLY)
    const stat = await file.stat()
    if (stat.isFile() && (stat.mode & 0o077) !== 0 && process.platform !== "win32") {
      warn("Warning: other users can read the passphrase file; close it to them with `chmod 600`.")
    }
    return firstLine(await readStart(file))
  } catch (cause) {
    if (cause instanceof CliError) throw cause
    const errno = (cause as NodeJS.ErrnoException).code ?? "unreadable"
    throw new CliError("PASSPHRASE_FILE", `cannot read it: ${errno}`, { cause })
  } finally {
    await file?.close()
  }
}

/** By position-less reads, so that a pipe (`--passphrase-file <(…)`) works too. */
async function readStart(file: FileHandle): Promise<Uint8Array> {
  const bytes = new Uint8Array(MAX_FILE_BYTES + 1)
  let length = 0
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, null)
    if (bytesRead === 0 || bytes.subarray(length, length + bytesRead).includes(0x0a)) {
      length += bytesRead
      break
    }
    length += bytesRead
  }
  return bytes.subarray(0, length)
}

function firstLine(bytes: Uint8Array): Secret {
  const end = bytes.indexOf(0x0a)
  if (end === -1 && bytes.length > MAX_FILE_BYTES) throw new CliError("PASSPHRASE_FILE", "its first line is too long")
  let line: string
  try {
    // A byte-order mark, as Windows editors write it, is dropped by the decoder.
    line = new TextDecoder("utf-8", { fatal: true }).decode(end === -1 ? bytes : bytes.subarray(0, end))
  } catch {
    throw new CliError("PASSPHRASE_FILE", "its first line is not UTF-8 text")
  }
  if (line.endsWith("\r")) line = line.slice(0, -1)
  if (line === "") throw new CliError("PASSPHRASE_FILE", "its first line is empty")
  return new Secret(utf8(line))
}

/** Asks for the passphrase that opens the vault; null after three wrong ones. */
export function createPassphrasePrompt(asker: Asker): (retry: boolean) => Promise<Secret | null> {
  let asked = 0
  return async (retry) => {
    if (!retry) asked = 0
    if (++asked > ATTEMPTS) return null
    const text = await asker.password(retry ? "That was not it. Passphrase:" : "Passphrase:")
    return text === "" ? null : new Secret(utf8(text))
  }
}

/** Asks for a new passphrase until two entries are equal and it is strong enough. */
export async function askNewPassphrase(asker: Asker, proposal: string): Promise<Secret> {
  asker.tell("A new passphrase protects the vault. Whoever forgets it and loses all machines loses the vault.")
  asker.tell(`Six words, made for you just now:\n\n    ${proposal}\n`)
  for (;;) {
    const typed = await asker.password("New passphrase (Enter alone takes the six words):")
    const chosen = typed === "" ? proposal : typed
    const secret = new Secret(utf8(chosen))
    if (await isStrong(secret)) {
      const again = await asker.password(typed === "" ? "Type the six words, to have them written down:" : "Once more:")
      if (again === chosen) return secret
      asker.tell("The two are not the same.")
    } else asker.tell("That one is too easy to guess. Take the six words, or something longer.")
    secret.wipe()
  }
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
