/**
 * Argon2id by hash-wasm, for platforms without a native one. Loaded on first use only.
 *
 * @module
 */
import { argon2id } from "hash-wasm"
import type { Argon2Params } from "./crypto.ts"
import { Secret } from "./secret.ts"

/** Callers have checked the parameters ({@link checkArgon2}). Blocks the thread while it runs. */
export async function portableArgon2id(
  password: Secret,
  salt: Uint8Array,
  params: Argon2Params,
  length: number,
): Promise<Secret> {
  const bytes = await argon2id({
    password: password.expose(),
    salt,
    memorySize: params.memoryKiB,
    iterations: params.passes,
    parallelism: params.lanes,
    hashLength: length,
    outputType: "binary",
  })
  return new Secret(bytes)
}
