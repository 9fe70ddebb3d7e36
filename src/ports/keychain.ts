import type { Secret } from "../../crypto/secret.ts"

/** Where a platform keeps secrets (OS keychain, SecretStorage, a 0600 file). A cache: losing it asks for the passphrase. */
export interface Keychain {
  /** For people: where a remembered key lies. */
  readonly place: string
  read(name: string): Promise<Secret | null>
  write(name: string, secret: Secret): Promise<void>
  remove(name: string): Promise<void>
}
