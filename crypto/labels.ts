/**
 * Every domain-separation string of Sessyn, in one place, so that two uses
 * cannot collide unseen: all differ and none begins with another (tested). A
 * label never changes its meaning: a new use takes a new label. Normative text: `docs/spec/keys.md`.
 *
 * @module
 */

// Keys derived from the workspace key of an epoch (storage/keys.ts).
export const LABEL_COMMITMENT = "sessyn/v1/commitment"
export const LABEL_MAC = "sessyn/v1/envelope-mac"
export const LABEL_PATH = "sessyn/v1/path"
export const LABEL_MACHINE_KEYS = "sessyn/v1/machine-keys"
export const LABEL_PREVIOUS_EPOCHS = "sessyn/v1/previous-epochs"

// Keys of single objects, from the workspace key and the object's own salt.
export const LABEL_FILE = "sessyn/v1/object/file"
export const LABEL_SHARD = "sessyn/v1/object/shard"

/** Labels that {@link EpochKeys.objectKey} takes. */
export type ObjectLabel = typeof LABEL_FILE | typeof LABEL_SHARD

/** Expands the seed of the chunker to its gear table (storage/chunker.ts). */
export const LABEL_GEAR = "sessyn/v1/gear"

// Workspace keys sealed to a machine or to the passphrase: the purpose in HPKE's info (storage/format/keyBox.ts).
export const LABEL_KEY_BOX = "sessyn/v1/key-box"
/** Seals a machine's name. Not an object key: the first name is sealed before the workspace has an id. */
export const LABEL_MACHINE_NAME = "sessyn/v1/machine-name"
/** What the new keys of a `rekey` entry sign (storage/format/trustEntry.ts). */
export const LABEL_REKEY = "sessyn/v1/rekey"
/** What two people compare when a machine joins (storage/format/fingerprint.ts). */
export const LABEL_FINGERPRINT = "sessyn/v1/fingerprint"

// Keys derived from the passphrase key (src/trust/passphrase.ts).
export const LABEL_PASSPHRASE_RECIPIENT = "sessyn/v1/passphrase/recipient"
export const LABEL_RECOVERY_ED25519 = "sessyn/v1/passphrase/recovery-ed25519"
export const LABEL_RECOVERY_ML_DSA_87 = "sessyn/v1/passphrase/recovery-ml-dsa-87"
/** Seals a machine's private keys on its own disk, under the machine-keys key (src/trust/identity.ts). */
export const LABEL_IDENTITY = "sessyn/v1/identity"

/** A file sent to one machine: the purpose in HPKE's info. */
export const LABEL_INBOX_ITEM = "sessyn/v1/inbox-item"
