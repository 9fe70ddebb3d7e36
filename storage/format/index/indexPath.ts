/**
 * Paths and link targets as the index holds them: their bytes, their order, and
 * the form a reader insists on. What a platform can hold is not decided here.
 * Normative text: `docs/spec/index.md`, "Paths".
 *
 * @module
 */
import { fromUtf8, utf8 } from "../../../crypto/bytes.ts"
import { StorageError } from "../../errors.ts"

/** Longest path, in bytes of UTF-8. */
export const MAX_PATH_BYTES = 4096
/** Longest target of a link, in bytes of UTF-8. */
export const MAX_TARGET_BYTES = 4096

/** Orders paths by the bytes of their UTF-8 form, without making it. */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return byteOrder(x) - byteOrder(y)
  }
  return a.length - b.length
}

/** UTF-16 puts surrogates (U+10000 and up) before U+E000 to U+FFFF, UTF-8 after them. */
function byteOrder(unit: number): number {
  if (unit < 0xd800) return unit
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000
}

/**
 * A path, if it is one the index can hold.
 *
 * @throws {StorageError} `FORMAT_INVALID` if not (a lone surrogate, say), `FORMAT_LIMIT_EXCEEDED` if too long.
 */
export function requirePath(path: string): string {
  checkPath(path)
  return requireText(path, MAX_PATH_BYTES, "path")
}

/** @throws {StorageError} as {@link requirePath}. */
export function decodePath(bytes: Uint8Array): string {
  const path = decodeText(bytes, MAX_PATH_BYTES, "path")
  checkPath(path)
  return path
}

/** A link's target. @throws {StorageError} `FORMAT_INVALID` or `FORMAT_LIMIT_EXCEEDED` if the index cannot hold it. */
export function requireTarget(target: string): string {
  checkTarget(target)
  return requireText(target, MAX_TARGET_BYTES, "link target")
}

/** @throws {StorageError} `FORMAT_INVALID` or `FORMAT_LIMIT_EXCEEDED`. */
export function decodeTarget(bytes: Uint8Array): string {
  const target = decodeText(bytes, MAX_TARGET_BYTES, "link target")
  checkTarget(target)
  return target
}

/** Empty, absolute, ending in a slash, with a NUL, or with an empty, `.` or `..` segment. */
const NOT_A_PATH = /^$|\0|(?:^|\/)\.{0,2}(?:\/|$)/

function checkPath(path: string): void {
  if (NOT_A_PATH.test(path)) throw new StorageError("FORMAT_INVALID", "path form")
}

function checkTarget(target: string): void {
  if (target === "" || target.includes("\0")) throw new StorageError("FORMAT_INVALID", "link target form")
}

function requireText(text: string, maxBytes: number, what: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new StorageError("FORMAT_INVALID", `${what} is not Unicode`)
  // A UTF-16 unit takes three bytes at most.
  if (3 * text.length > maxBytes && utf8(text).length > maxBytes) {
    throw new StorageError("FORMAT_LIMIT_EXCEEDED", `${what} length`)
  }
  return text
}

function decodeText(bytes: Uint8Array, maxBytes: number, what: string): string {
  if (bytes.length > maxBytes) throw new StorageError("FORMAT_LIMIT_EXCEEDED", `${what} length`)
  try {
    return fromUtf8(bytes)
  } catch (cause) {
    throw new StorageError("FORMAT_INVALID", `${what} is not UTF-8`, { cause })
  }
}
