/**
 * The keychain port over files of this user alone, for machines without an OS
 * keychain: one 0600 file a secret in a 0700 folder. Whoever can read the
 * user's files can read these, which is why a host says so before it writes one.
 *
 * @module
 */
import { constants } from "node:fs"
import { type FileHandle, mkdir, open, rm } from "node:fs/promises"
import { join } from "node:path"
import { Secret } from "../../../crypto/secret.ts"
import type { Keychain } from "../../ports/keychain.ts"
import { errnoOf } from "./fsErrors.ts"
import { removeLeftovers, replaceFile } from "./state/replaceFile.ts"

/** Longest secret that is read back, in bytes; keys are far shorter. */
const MAX_SECRET_BYTES = 64 * 1024
/** Windows has none; there, a link in the user's own profile folder is the user's own doing. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0

/** @param folder - Made when first written to. */
export function createFileKeychain(folder: string): Keychain {
  return {
    place: folder,
    read: (name) => readSecret(join(folder, fileName(name))),
    async write(name, secret) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      removeLeftovers(folder)
      await replaceFile(join(folder, fileName(name)), secret.expose(), true)
    },
    remove: (name) => rm(join(folder, fileName(name)), { force: true }),
  }
}

/** Percent-encoded, so that no name leads out of the folder; the ending keeps `.` and `..` harmless. */
function fileName(name: string): string {
  return `${encodeURIComponent(name)}.key`
}

async function readSecret(path: string): Promise<Secret | null> {
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_RDONLY | O_NOFOLLOW)
    const { size, mode } = await file.stat()
    if (size > MAX_SECRET_BYTES) return null
    // Copied from elsewhere or restored from a backup: closed to others again before it is of use.
    if ((mode & 0o077) !== 0 && process.platform !== "win32") await file.chmod(0o600)
    const bytes = new Uint8Array(size)
    const { bytesRead } = await file.read(bytes, 0, size, 0)
    return bytesRead === size && size > 0 ? new Secret(bytes) : null
  } catch (error) {
    // A cache: what cannot be read is not there, and the passphrase is asked for.
    if (errnoOf(error) !== "") return null
    throw error
  } finally {
    await file?.close()
  }
}
