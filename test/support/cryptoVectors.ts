/**
 * The vectors of `test/vectors/crypto/`, in Wycheproof's shape: a file dropped there
 * is run on every implementation, in Node and in browsers.
 *
 * @module
 */
import { fromHex } from "../../crypto/bytes.ts"

/** One case. What else it holds depends on the algorithm; byte strings are hexadecimal. */
export interface VectorTest {
  readonly tcId: number
  readonly comment: string
  readonly result: "valid" | "invalid" | "acceptable"
  readonly [field: string]: unknown
}

export interface VectorGroup {
  readonly type: string
  readonly tests: readonly VectorTest[]
  readonly [field: string]: unknown
}

export interface VectorFile {
  readonly algorithm: string
  readonly source: string
  readonly numberOfTests: number
  readonly testGroups: readonly VectorGroup[]
}

declare global {
  interface ImportMeta {
    /** Vite's: all modules whose path matches, loaded. */
    glob<T>(pattern: string, options: { readonly eager: true; readonly import: "default" }): Record<string, T>
  }
}

/** All files, by name without folder. */
export const CRYPTO_VECTORS: ReadonlyMap<string, VectorFile> = new Map(
  Object.entries(import.meta.glob<VectorFile>("../vectors/crypto/*.json", { eager: true, import: "default" })).map(
    ([path, file]) => [path.slice(path.lastIndexOf("/") + 1), file],
  ),
)

/** A field that holds bytes. */
export function bytesOf(fields: Readonly<Record<string, unknown>>, name: string): Uint8Array {
  const value = fields[name]
  if (typeof value !== "string") throw new TypeError(`no bytes in ${name}`)
  return fromHex(value)
}

/** A field that holds a number. */
export function numberOf(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name]
  if (typeof value !== "number") throw new TypeError(`no number in ${name}`)
  return value
}
