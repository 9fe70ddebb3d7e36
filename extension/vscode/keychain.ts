/**
 * The Keychain port on VS Code's SecretStorage, which keeps secrets in the
 * system's keychain where there is one.
 *
 * @module
 */
import type { SecretStorage } from "vscode"
import { fromBase64, toBase64 } from "../../crypto/bytes.ts"
import { Secret } from "../../crypto/secret.ts"
import type { Keychain } from "../../src/ports/keychain.ts"

/** Sets our names apart from whatever this extension may keep there one day. */
const PREFIX = "sessyn/keys/"

export function createKeychain(storage: SecretStorage): Keychain {
  return {
    place: "VS Code's secret storage",

    async read(name) {
      const text = await storage.get(PREFIX + name)
      if (text === undefined) return null
      try {
        return new Secret(fromBase64(text))
      } catch {
        // A cache: what cannot be read is as good as not there.
        return null
      }
    },

    write: async (name, secret) => storage.store(PREFIX + name, toBase64(secret.expose())),
    remove: async (name) => storage.delete(PREFIX + name),
  }
}
