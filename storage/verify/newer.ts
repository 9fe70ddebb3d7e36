/**
 * Whether to believe that something was written by a newer version. Anybody who
 * may push can write what nobody can read, and a vault that a newer version
 * wrote must not be mended by this one: so it takes a signature by somebody whom
 * the log trusts. Normative text: `docs/spec/envelope.md`, "Newer formats".
 *
 * @module
 */
import type { Crypto } from "../../crypto/crypto.ts"
import { StorageError } from "../errors.ts"
import { decodeEnvelope, type EnvelopeKind, SIGNATURE_BYTES, type VerificationKey } from "../format/envelope.ts"
import { type PassphraseEntry, recoveryKeys, verificationKeys } from "../format/machine.ts"
import type { MachineState } from "./trustState.ts"

/** The reason why something that calls itself newer is refused. */
export const UNVOUCHED = "newer format that nobody trusted signed"

export function isNewer(error: unknown): boolean {
  return error instanceof StorageError && error.code === "FORMAT_NEWER"
}

/** Whether one of its signatures is by a trusted machine, or by a recovery key of the passphrase in force. */
export async function isVouchedFor(
  crypto: Crypto,
  kind: EnvelopeKind,
  encoded: Uint8Array,
  trust: { readonly machines: ReadonlyMap<string, MachineState>; readonly passphrase: PassphraseEntry | undefined },
): Promise<boolean> {
  const envelope = envelopeOrNull(kind, encoded)
  if (envelope === null) return false
  const keys = keysOf(trust)
  for (const { keyid, sig } of envelope.signatures) {
    for (const key of keys) {
      if (key.keyid !== keyid || sig.length !== SIGNATURE_BYTES[key.algorithm]) continue
      if (await crypto.verify(key.algorithm, key.publicKey, envelope.signed, sig)) return true
    }
  }
  return false
}

function envelopeOrNull(kind: EnvelopeKind, encoded: Uint8Array) {
  try {
    return decodeEnvelope(kind, encoded)
  } catch (error) {
    if (error instanceof StorageError) return null
    throw error
  }
}

function keysOf({ machines, passphrase }: Parameters<typeof isVouchedFor>[3]): readonly VerificationKey[] {
  const trusted = [...machines.values()].filter(({ status }) => status === "trusted")
  const ofMachines = trusted.flatMap(({ record }) => verificationKeys(record))
  if (passphrase === undefined) return ofMachines
  return [...ofMachines, ...recoveryKeys(passphrase), ...recoveryKeys(passphrase, "old-")]
}
