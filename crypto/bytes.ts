/**
 * Bytes: joining, comparing, and their text forms. Pure.
 *
 * @module
 */
import { CodedError } from "./errors.ts"

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The UTF-8 form of a string. A lone surrogate becomes U+FFFD: check names before. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/**
 * The string that `bytes` spell in UTF-8, a leading BOM kept.
 *
 * @throws {TypeError} if they are not well-formed UTF-8.
 */
export function fromUtf8(bytes: Uint8Array): string {
  return strictDecoder.decode(bytes)
}

/** A new buffer with the parts one after another. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Whether two byte strings are equal. Time does not depend on where they differ, only on the lengths. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = ""
  for (const byte of bytes) text += HEX[byte]
  return text
}

/**
 * @throws {CodedError} `BYTES_MALFORMED` if `text` is not lower-case hexadecimal of even length.
 */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) throw malformed("hexadecimal")
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/** Standard base64 with padding (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  let binary = ""
  for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
  return btoa(binary)
}

/**
 * @throws {CodedError} `BYTES_MALFORMED` unless `text` is the one canonical form: padded, no white space, unused bits zero.
 */
export function fromBase64(text: string): Uint8Array {
  let binary: string
  try {
    binary = atob(text)
  } catch {
    throw malformed("base64")
  }
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  if (btoa(binary) !== text) throw malformed("base64")
  return bytes
}

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567"

/** Lower-case base32 without padding (RFC 4648 section 6) of the first `bits` bits, a multiple of 5. */
export function toBase32(bytes: Uint8Array, bits: number = Math.ceil((bytes.length * 8) / 5) * 5): string {
  let text = ""
  for (let bit = 0; bit < bits; bit += 5) {
    const at = bit >> 3
    const pair = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
    text += BASE32[(pair >> (11 - (bit & 7))) & 31]
  }
  return text
}

function malformed(form: string): CodedError<"BYTES_MALFORMED"> {
  return new CodedError("BYTES_MALFORMED", `not canonical ${form}`)
}
