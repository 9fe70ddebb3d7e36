/**
 * MACs of signed documents. Only members of a workspace have the keys: a MAC
 * stays good against somebody who can forge signatures. Not for the notifier,
 * which has no key. Normative text: `docs/spec/envelope.md`, "MAC".
 *
 * @module
 */
import { equalBytes } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import type { Secret } from "../../crypto/secret.ts"
import { StorageError } from "../errors.ts"
import type { Envelope } from "../format/envelope.ts"
import type { TrustState } from "./trustState.ts"
import type { VerifiedHeader } from "./header.ts"

/** MAC keys by epoch; `undefined` for an epoch whose workspace key is not at hand. A `Keyring` gives `(e) => ring.get(e)?.mac`. */
export type MacKeys = (epoch: number) => Secret | undefined

/** Whether an envelope's MAC is the one that this key makes. */
export function isMacGood(crypto: Crypto, envelope: Envelope, key: Secret): boolean {
  return equalBytes(crypto.hmacSha256(key, envelope.signed), envelope.mac)
}

/**
 * Checks the MACs of a verified log from entry `from` on (from the first, unless told).
 *
 * @throws {StorageError} `TRUST_LOG_INVALID`: "MAC wrong", or "no key for the MAC" if `keys` lacks an epoch.
 */
export function verifyTrustMacs(crypto: Crypto, state: TrustState, keys: MacKeys, from = 1): void {
  for (const { entry, envelope } of state.entries.slice(from - 1)) {
    requireMac(crypto, envelope, keys(entry.epoch), "TRUST_LOG_INVALID")
  }
}

/** @throws {StorageError} `HEADER_INVALID`: "MAC wrong" or "no key for the MAC". */
export function verifyHeaderMac(crypto: Crypto, { envelope, header }: VerifiedHeader, keys: MacKeys): void {
  requireMac(crypto, envelope, keys(header.epoch), "HEADER_INVALID")
}

function requireMac(
  crypto: Crypto,
  envelope: Envelope,
  key: Secret | undefined,
  code: "TRUST_LOG_INVALID" | "HEADER_INVALID",
): void {
  if (key === undefined) throw new StorageError(code, "no key for the MAC")
  if (!isMacGood(crypto, envelope, key)) throw new StorageError(code, "MAC wrong")
}
