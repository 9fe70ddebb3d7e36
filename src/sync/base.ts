/**
 * What this machine and the vault last agreed on, with what the disk showed, in
 * the State port; and which paths were ignored then.
 *
 * @module
 */
import { fromUtf8, utf8 } from "../../crypto/bytes.ts"
import { decodeScanCache, encodeScanCache, type ScanCache } from "../tree/scan/scanCache.ts"
import type { Context } from "../vault/context.ts"

const BASE = "base"
const DORMANT = "dormant"

export interface StoredBase {
  /** null if there is none, or it cannot be read. */
  readonly cache: ScanCache | null
  /** Paths of the base that were ignored at the last sync. */
  readonly dormant: ReadonlySet<string>
}

export async function readBase({ host, state }: Context): Promise<StoredBase> {
  const [stored, dormant] = [await state.read(BASE), await state.read(DORMANT)]
  return {
    cache: stored === null ? null : decodeScanCache(stored, host.crypto),
    dormant: dormant === null ? new Set() : decodeDormant(dormant),
  }
}

/** Makes it durable. The list goes first: it only keeps paths from being planned as deleted. */
export async function writeBase({ host, state }: Context, cache: ScanCache, dormant: readonly string[]): Promise<void> {
  await state.write(DORMANT, utf8(JSON.stringify(dormant)))
  await state.write(BASE, encodeScanCache(cache, host.crypto))
}

function decodeDormant(stored: Uint8Array): ReadonlySet<string> {
  try {
    const paths: unknown = JSON.parse(fromUtf8(stored))
    return new Set(Array.isArray(paths) ? paths.filter((path) => typeof path === "string") : [])
  } catch {
    return new Set()
  }
}
