/**
 * What this machine and the vault last agreed on, with what the disk showed, in
 * the State port; and which paths were ignored then.
 *
 * @module
 */
import { equalBytes, fromUtf8, toHex, utf8 } from "../../crypto/bytes.ts"
import { HASH_BYTES } from "../../crypto/crypto.ts"
import type { ObjectId } from "../../storage/remote/store.ts"
import { decodeScanCache, encodeScanCache, type ScanCache } from "../tree/scan/scanCache.ts"
import type { Context } from "../vault/context.ts"

const BASE = "base"
const DORMANT = "dormant"
const SETTLED = "settled"
/** Longest object id that a store uses, and a hash in hex. */
const MAX_SETTLED_BYTES = 256

export interface StoredBase {
  /** null if there is none, or it cannot be read. */
  readonly cache: ScanCache | null
  /** Paths of the base that were ignored at the last sync. */
  readonly dormant: ReadonlySet<string>
  /** The head with which all of this was equal, nothing left out, when the base was written; null if it was not. */
  readonly settledAt: ObjectId | null
}

export async function readBase({ host, state }: Context): Promise<StoredBase> {
  const [stored, dormant] = [await state.read(BASE), await state.read(DORMANT)]
  const cache = stored === null ? null : decodeScanCache(stored, host.crypto)
  return {
    cache,
    dormant: dormant === null ? new Set() : decodeDormant(dormant),
    settledAt: stored === null || cache === null ? null : settledAt(stored, await state.read(SETTLED)),
  }
}

/** Notes that the vault at a head holds just what the base does. Counts for this very base only, whatever befalls either. */
export async function noteSettled({ state }: Context, baseHash: string, head: ObjectId): Promise<void> {
  await state.write(SETTLED, utf8(`${baseHash} ${head}`), { cache: true })
}

function settledAt(base: Uint8Array, noted: Uint8Array | null): ObjectId | null {
  if (noted === null || noted.length > MAX_SETTLED_BYTES) return null
  const [hash, head] = new TextDecoder().decode(noted).split(" ")
  return hash === hashOf(base) && head !== undefined ? head : null
}

/** A base ends with the hash of its bytes, which is checked when it is decoded. */
function hashOf(base: Uint8Array): string {
  return toHex(base.subarray(-HASH_BYTES))
}

/**
 * Makes it durable. The list goes first: it only keeps paths from being planned as deleted.
 *
 * @returns The base's hash, for {@link noteSettled}.
 */
export async function writeBase(
  { host, state }: Context,
  cache: ScanCache,
  dormant: readonly string[],
): Promise<string> {
  const list = utf8(JSON.stringify(dormant))
  const before = await state.read(DORMANT)
  if (before === null || !equalBytes(before, list)) await state.write(DORMANT, list)
  const base = encodeScanCache(cache, host.crypto)
  await state.write(BASE, base)
  return hashOf(base)
}

function decodeDormant(stored: Uint8Array): ReadonlySet<string> {
  try {
    const paths: unknown = JSON.parse(fromUtf8(stored))
    return new Set(Array.isArray(paths) ? paths.filter((path) => typeof path === "string") : [])
  } catch {
    return new Set()
  }
}
