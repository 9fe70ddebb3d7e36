/**
 * The keychain port over what the system has: Keychain on macOS, Credential
 * Manager on Windows, the Secret Service (GNOME Keyring, KWallet) on Linux, by
 * `@napi-rs/keyring`. Where there is none, a file (fileKeychain.ts) after
 * saying so. Linux's kernel keyring is not used: it forgets at the next start.
 *
 * @module
 */
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { AsyncEntry } from "@napi-rs/keyring"
import { Secret } from "../../../crypto/secret.ts"
import type { Keychain } from "../../ports/keychain.ts"
import { createFileKeychain } from "./fileKeychain.ts"

const SERVICE = "sessyn"
/** A keychain may ask its user to unlock it; one that nobody answers must not hold up a script for ever. */
const PATIENCE_MS = 30_000

type Env = Readonly<Record<string, string | undefined>>

export interface NodeKeychainOptions {
  /** The state folder: the file lies in it, and two homes on one computer keep their keys apart. */
  readonly home: string
  /** `SESSYN_KEYCHAIN=file` asks for the file whatever the system has. */
  readonly env: Env
  /** Told before a secret goes to a file because there is no keychain. `false` stops it. */
  readonly beforeFile: (folder: string) => Promise<boolean>
}

/** Thrown by `write` if `beforeFile` said no. */
export class KeychainRefused extends Error {}

export function createNodeKeychain(options: NodeKeychainOptions): Keychain {
  const file = createFileKeychain(join(options.home, "keys"))
  const system = hasSystemKeychain(options.env) ? createSystemKeychain(options.home) : null
  let place = system?.place ?? file.place
  return {
    get place() {
      return place
    },
    /** The file first: it is there only if a keychain was not, and costs nothing to look for. */
    read: async (name) => (await file.read(name)) ?? (await system?.read(name).catch(() => null)) ?? null,
    async write(name, secret) {
      if (system !== null && (await succeeds(system.write(name, secret)))) {
        place = system.place
        return file.remove(name)
      }
      if (!(await options.beforeFile(file.place))) throw new KeychainRefused("not kept in a file")
      await file.write(name, secret)
      place = file.place
    },
    async remove(name) {
      await file.remove(name)
      // A keychain that cannot be reached now could not have been written to either; one that is locked, could.
      await system?.remove(name).catch(() => {})
    },
  }
}

/** Whether to load the native module at all: on Linux without a session bus it could only start one, or fail. */
function hasSystemKeychain(env: Env): boolean {
  if (env["SESSYN_KEYCHAIN"] === "file") return false
  if (process.platform !== "linux") return true
  return Boolean(env["DBUS_SESSION_BUS_ADDRESS"]) || existsSync(`/run/user/${process.getuid?.()}/bus`)
}

function createSystemKeychain(home: string): Keychain {
  const owner = createHash("sha256").update(home).digest("hex").slice(0, 16)
  const entryFor = async (name: string): Promise<AsyncEntry> => {
    const { AsyncEntry } = await import("@napi-rs/keyring")
    return new AsyncEntry(SERVICE, `${name}@${owner}`, { linux: { store: "secret-service" } })
  }
  return {
    place: placeName(),
    async read(name) {
      const bytes = await within((await entryFor(name)).getSecret())
      return bytes === null ? null : new Secret(Uint8Array.from(bytes))
    },
    async write(name, secret) {
      await within((await entryFor(name)).setSecret(secret.expose()))
    },
    async remove(name) {
      await within((await entryFor(name)).deleteCredential())
    },
  }
}

function placeName(): string {
  if (process.platform === "darwin") return "the macOS keychain"
  return process.platform === "win32" ? "Windows Credential Manager" : "the desktop's keyring"
}

async function succeeds(work: Promise<void>): Promise<boolean> {
  try {
    await work
    return true
  } catch {
    return false
  }
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the keychain did not answer")), PATIENCE_MS)
  })
  try {
    return await Promise.race([work, silence])
  } finally {
    clearTimeout(timer)
  }
}
