/**
 * Every domain-separation string of Sessyn, in one place, so that two uses
 * cannot collide unseen. A label never changes its meaning: a new use takes a
 * new label. Normative text: `docs/spec/keys.md`.
 *
 * @module
 */

// Keys derived from the workspace key of an epoch (storage/keys.ts).
export const LABEL_COMMITMENT = "sessyn/v1/commitment"
export const LABEL_MAC = "sessyn/v1/mac"
export const LABEL_PATH = "sessyn/v1/path"
export const LABEL_MACHINE_KEYS = "sessyn/v1/machine-keys"
export const LABEL_PREVIOUS_EPOCHS = "sessyn/v1/previous-epochs"

// Keys of single objects, from the workspace key and the object's own salt.
export const LABEL_FILE = "sessyn/v1/object/file"
export const LABEL_SHARD = "sessyn/v1/object/shard"
export const LABEL_NAME = "sessyn/v1/object/name"

/** Labels that {@link EpochKeys.objectKey} takes. */
export type ObjectLabel = typeof LABEL_FILE | typeof LABEL_SHARD | typeof LABEL_NAME

/** Expands the seed of the chunker to its gear table (storage/chunker.ts). */
export const LABEL_GEAR = "sessyn/v1/gear"
