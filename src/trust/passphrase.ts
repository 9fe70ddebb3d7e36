/**
 * From a passphrase to keys, and to what the trust log says of them.
 * Normative text: `docs/spec/passphrase.md`.
 *
 *     passphrase key = Argon2id(NFKC(passphrase) in UTF-8, salt[16], costs of the entry, 32)
 *     seed           = HKDF-SHA256(passphrase key, salt = empty, label, 32)    for each of three labels
 *
 * @module
 */
import { equalBytes, fromUtf8, utf8 } from "../../crypto/bytes.ts"
import type { Argon2Params, Crypto } from "../../crypto/crypto.ts"
import { LABEL_PASSPHRASE_RECIPIENT, LABEL_RECOVERY_ED25519, LABEL_RECOVERY_ML_DSA_87 } from "../../crypto/labels.ts"
import { Secret } from "../../crypto/secret.ts"
import { ARGON2_LIMITS, type PassphraseEntry } from "../../storage/format/machine.ts"

/** What writers use: the least a reader accepts, with the lanes of RFC 9106's second choice. */
const DEFAULT_COSTS: Argon2Params = {
  memoryKiB: ARGON2_LIMITS.memoryKiB.min,
  passes: ARGON2_LIMITS.passes.min,
  lanes: ARGON2_LIMITS.lanes.max,
}
const SALT_BYTES = 16
const SEED_BYTES = 32
const NO_SALT = new Uint8Array(0)

/** The private seeds that a passphrase stands for. */
export interface PassphraseKeys {
  /** X-Wing: opens the passphrase's key boxes. */
  readonly recipient: Secret
  /** Signs `recover` and every entry that sets this passphrase. */
  readonly recovery: { readonly ed25519: Secret; readonly mlDsa87: Secret }
}

/** @param entry - Of the verified trust log: its salt and costs. Takes about half a second. */
export async function derivePassphraseKeys(
  crypto: Crypto,
  passphrase: Secret,
  entry: Argon2Params & { readonly salt: Uint8Array },
): Promise<PassphraseKeys> {
  const normalized = new Secret(utf8(fromUtf8(passphrase.expose()).normalize("NFKC")))
  const key = await crypto.argon2id(normalized, entry.salt, entry, SEED_BYTES)
  normalized.wipe()
  const derive = (label: string): Secret => crypto.hkdf(key, NO_SALT, utf8(label), SEED_BYTES)
  const keys = {
    recipient: derive(LABEL_PASSPHRASE_RECIPIENT),
    recovery: { ed25519: derive(LABEL_RECOVERY_ED25519), mlDsa87: derive(LABEL_RECOVERY_ML_DSA_87) },
  }
  key.wipe()
  return keys
}

/**
 * Whether these keys are the ones an entry of the log speaks of; the test of a typed passphrase. All of them: a host
 * that made up a log can copy the recipient of a real one, but could not sign its entry with the recovery keys.
 */
export async function arePassphraseKeys(
  crypto: Crypto,
  keys: PassphraseKeys,
  entry: PassphraseEntry,
): Promise<boolean> {
  const { recipient, recovery } = await publicKeysOf(crypto, keys)
  return (
    equalBytes(recipient, entry.recipient) &&
    equalBytes(recovery.ed25519, entry.recovery.ed25519) &&
    equalBytes(recovery.mlDsa87, entry.recovery.mlDsa87)
  )
}

async function publicKeysOf(
  crypto: Crypto,
  { recipient: seed, recovery }: PassphraseKeys,
): Promise<Pick<PassphraseEntry, "recipient" | "recovery">> {
  const [recipient, ed25519, mlDsa87] = await Promise.all([
    crypto.sealingPublicKey(seed),
    crypto.signingPublicKey("ed25519", recovery.ed25519),
    crypto.signingPublicKey("ml-dsa-87", recovery.mlDsa87),
  ])
  return { recipient, recovery: { ed25519, mlDsa87 } }
}

export function wipePassphraseKeys({ recipient, recovery }: PassphraseKeys): void {
  for (const seed of [recipient, recovery.ed25519, recovery.mlDsa87]) seed.wipe()
}

/** A passphrase that the log does not have yet. */
export interface NewPassphrase {
  readonly entry: PassphraseEntry
  readonly keys: PassphraseKeys
}

/**
 * A new passphrase's entry, with a salt of its own, and its keys.
 *
 * @param before - The entry it takes the place of: readers refuse one that costs less.
 */
export async function createPassphraseEntry(
  crypto: Crypto,
  passphrase: Secret,
  before: Argon2Params = DEFAULT_COSTS,
): Promise<NewPassphrase> {
  const costs = {
    memoryKiB: Math.max(before.memoryKiB, DEFAULT_COSTS.memoryKiB),
    passes: Math.max(before.passes, DEFAULT_COSTS.passes),
    lanes: DEFAULT_COSTS.lanes,
    salt: crypto.randomBytes(SALT_BYTES),
  }
  const keys = await derivePassphraseKeys(crypto, passphrase, costs)
  return { entry: { ...costs, ...(await publicKeysOf(crypto, keys)) }, keys }
}
