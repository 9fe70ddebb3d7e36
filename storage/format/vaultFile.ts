/**
 * The vault file, `vault.json`: key boxes. The current workspace key sealed to
 * each recipient, and older keys sealed under the current one. Believed in
 * nothing: its digest is in the header, whom to seal to is read from the trust
 * log, and a key that comes out counts only if it matches the log's commitment
 * (`keyBox.ts`). Pure codec. Normative text: `docs/spec/vault-file.md`.
 *
 * @module
 */
import { HASH_BYTES, TAG_BYTES } from "../../crypto/crypto.ts"
import { decodeDocument, encodeDocument } from "./canonicalJson.ts"
import { array, bytes, formatVersion, invalid, type JsonCodec, object, refined, text } from "./codec.ts"
import { epochCodec, MAX_EPOCHS, requireAscending, workspaceIdCodec } from "./machine.ts"
import { MAX_TRUSTED_MACHINES } from "./trustEntry.ts"

/** Largest vault file in bytes. */
export const MAX_VAULT_FILE_BYTES = 2 * 1024 * 1024
/** Length in bytes of a key box: X-Wing ciphertext, key, tag. */
export const KEY_BOX_BYTES = 1120 + HASH_BYTES + TAG_BYTES
/** The recipient that is no machine. Sorts apart: no machine id has its length. */
export const PASSPHRASE_RECIPIENT = "passphrase"

export interface KeyBox {
  /** A machine's id, or {@link PASSPHRASE_RECIPIENT}. */
  readonly recipient: string
  readonly sealed: Uint8Array
}

/** The workspace key of an older epoch, sealed under the current one. */
export interface PreviousKey {
  readonly epoch: number
  readonly salt: Uint8Array
  readonly sealed: Uint8Array
}

export interface VaultFile {
  readonly format: 1
  readonly workspace: string
  /** The epoch whose key is in the boxes. */
  readonly epoch: number
  /** Ascending by recipient. */
  readonly boxes: readonly KeyBox[]
  /** Every epoch before this one, ascending. */
  readonly previous: readonly PreviousKey[]
}

const vaultFileCodec: JsonCodec<VaultFile> = refined(
  object({
    format: formatVersion,
    workspace: workspaceIdCodec,
    epoch: epochCodec,
    boxes: array(
      object({ recipient: text(/^(?:passphrase|[a-z2-7]{51}[aq])$/), sealed: bytes(KEY_BOX_BYTES) }),
      MAX_TRUSTED_MACHINES + 1,
    ),
    previous: array(
      object({ epoch: epochCodec, salt: bytes(HASH_BYTES), sealed: bytes(HASH_BYTES + TAG_BYTES) }),
      MAX_EPOCHS - 1,
    ),
  }),
  ({ epoch, boxes, previous }) => {
    const recipients = boxes.map(({ recipient }) => recipient)
    requireAscending(recipients, "recipients not ascending")
    if (previous.length !== epoch - 1 || previous.some((key, i) => key.epoch !== i + 1)) {
      throw invalid("previous epochs not all and in order")
    }
  },
)

/** Reads a vault file. The caller has compared its SHA-256 with the header. Throws as {@link decodeDocument}. */
export function decodeVaultFile(encoded: Uint8Array): VaultFile {
  return decodeDocument(vaultFileCodec, encoded, MAX_VAULT_FILE_BYTES)
}

/** Throws as {@link encodeDocument}. */
export function encodeVaultFile(file: VaultFile): Uint8Array {
  return encodeDocument(vaultFileCodec, file, MAX_VAULT_FILE_BYTES)
}
