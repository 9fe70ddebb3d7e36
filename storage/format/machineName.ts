/**
 * Machine names: sealed, and padded so that their length does not show. For
 * whoever holds the workspace key; the host sees 80 bytes. Normative text:
 * `docs/spec/trust.md`, "Names".
 *
 *     plaintext = u8 length || name in UTF-8 || zeros              64 bytes
 *     key       = HKDF-SHA256(K_e, salt[32], "sessyn/v1/machine-name" || 0x00 || u32 epoch, 32)
 *     sealed    = AES-256-GCM(key, nonce = 12 zeros, AD = machine id)
 *
 * The key is for this one name: its salt is drawn anew each time. It does not
 * depend on the workspace id, which is the hash of an entry that holds a name.
 *
 * @module
 */
import { concatBytes, fromUtf8, utf8 } from "../../crypto/bytes.ts"
import { type Crypto, HASH_BYTES, NONCE_BYTES } from "../../crypto/crypto.ts"
import { LABEL_MACHINE_NAME } from "../../crypto/labels.ts"
import type { Secret } from "../../crypto/secret.ts"
import { StorageError } from "../errors.ts"
import { PADDED_NAME_BYTES, type SealedName } from "./machine.ts"

/** Longest name in bytes of UTF-8. */
export const MAX_NAME_BYTES = PADDED_NAME_BYTES - 1

const CONTROL_OR_LONE_SURROGATE = /[\p{Cc}\p{Cs}\u2028\u2029]/u

/** Whether a machine can have this name: 1 to {@link MAX_NAME_BYTES} bytes, no control characters. */
export function isMachineName(name: string): boolean {
  const { length } = utf8(name)
  return length > 0 && length <= MAX_NAME_BYTES && !CONTROL_OR_LONE_SURROGATE.test(name)
}

/** Joiners and variation selectors: part of many scripts and emoji, deceptive where there is nothing to join. */
const JOINER = "(?:\\u200c|\\u200d|[\\ufe00-\\ufe0f])"
/** Source of a `u` expression: control, surrogate, separator, format and invisible characters. */
export const DECEPTIVE_CHARACTER =
  `(?:(?!${JOINER})[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Cf}\\p{Default_Ignorable_Code_Point}]` +
  `|(?<![\\p{L}\\p{M}\\p{Emoji}])${JOINER})`
const DECEPTIVE = new RegExp(DECEPTIVE_CHARACTER, "u")
const SPACES = /^\s|\s$|\s\s|[^\S ]|\u2800/u

/** Whether a name may be shown as it is: nothing in it hides, or turns what stands beside it around. No other is made. */
export function isPlainName(name: string): boolean {
  return isMachineName(name) && !DECEPTIVE.test(name) && !SPACES.test(name)
}

/**
 * What is left of a name for whoever only glances at it: names with the same outline are to be told apart by more than
 * the name. What stands in brackets does not count, since that is where an id is shown.
 */
export function nameOutline(name: string): string {
  const plain = name
    .replace(/[(\uff08].*$/u, "")
    .normalize("NFKD")
    .replaceAll(/[\p{M}\p{P}\p{Z}\p{C}\u2800]/gu, "")
  return plain.toLowerCase()
}

/**
 * Seals a name under the workspace key of `epoch`.
 *
 * @param machine - Id of the machine that has the name; a sealed name opens for no other.
 * @throws {StorageError} `FORMAT_LIMIT_EXCEEDED` unless {@link isMachineName}.
 */
export async function sealName(
  crypto: Crypto,
  epoch: number,
  workspaceKey: Secret,
  machine: string,
  name: string,
): Promise<SealedName> {
  if (!isMachineName(name)) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "not a machine name")
  const encoded = utf8(name)
  const padded = new Uint8Array(PADDED_NAME_BYTES)
  padded[0] = encoded.length
  padded.set(encoded, 1)
  const salt = crypto.randomBytes(32)
  const key = nameKey(crypto, epoch, workspaceKey, salt)
  try {
    return { epoch, salt, sealed: await crypto.seal(key, ZERO_NONCE, utf8(machine), padded) }
  } finally {
    key.wipe()
  }
}

/**
 * Opens a name.
 *
 * @param workspaceKey - Of the epoch that `name` states.
 * @throws {StorageError} `SEAL_BROKEN` if it does not open, `FORMAT_INVALID` if what is inside is not a name.
 */
export async function openName(
  crypto: Crypto,
  workspaceKey: Secret,
  machine: string,
  name: SealedName,
): Promise<string> {
  const key = nameKey(crypto, name.epoch, workspaceKey, name.salt)
  let padded: Uint8Array
  try {
    padded = await crypto.open(key, ZERO_NONCE, utf8(machine), name.sealed)
  } catch (cause) {
    throw new StorageError("SEAL_BROKEN", "machine name", { cause })
  } finally {
    key.wipe()
  }
  return unpad(padded)
}

const ZERO_NONCE = new Uint8Array(NONCE_BYTES)

function unpad(padded: Uint8Array): string {
  const end = 1 + (padded[0] ?? 0)
  if (
    padded.length !== PADDED_NAME_BYTES ||
    end > PADDED_NAME_BYTES ||
    padded.subarray(end).some((byte) => byte !== 0)
  ) {
    throw new StorageError("FORMAT_INVALID", "machine name padded wrongly")
  }
  let name: string
  try {
    name = fromUtf8(padded.subarray(1, end))
  } catch (cause) {
    throw new StorageError("FORMAT_INVALID", "machine name not UTF-8", { cause })
  }
  if (!isMachineName(name)) throw new StorageError("FORMAT_INVALID", "not a machine name")
  return name
}

function nameKey(crypto: Crypto, epoch: number, workspaceKey: Secret, salt: Uint8Array): Secret {
  const number = new Uint8Array(4)
  new DataView(number.buffer).setUint32(0, epoch)
  const info = concatBytes(utf8(LABEL_MACHINE_NAME), new Uint8Array(1), number)
  return crypto.hkdf(workspaceKey, salt, info, HASH_BYTES)
}
