/**
 * Tells what is wrong with a vault from what is wrong with the way to it.
 *
 * @module
 */
import { StorageError, StoreError } from "../../storage/errors.ts"

/**
 * Whether something in the vault is missing or damaged. Not a fault of the connection, and not a vault that a newer
 * version wrote: that one is whole, and must not be mended by this one.
 */
export function isVaultFault(error: unknown): error is StorageError | StoreError {
  if (error instanceof StorageError) return error.code !== "FORMAT_NEWER"
  return error instanceof StoreError && ["STORE_OBJECT_MISSING", "STORE_MALFORMED"].includes(error.code)
}
