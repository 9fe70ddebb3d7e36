/**
 * Canonical JSON: the one way in which Sessyn writes a JSON document, so that
 * equal values are equal bytes. A subset of RFC 8785: UTF-8, no white space,
 * keys sorted by UTF-16 code unit, no duplicate keys, no numbers but the
 * integers from 0 to 2^48 - 1. Normative text: `docs/spec/envelope.md`.
 *
 * Reading is strict by construction: what was read is written again, and a
 * document is refused unless both are the same bytes.
 *
 * @module
 */
import { equalBytes, fromUtf8, utf8 } from "../../crypto/bytes.ts"
import { StorageError } from "../errors.ts"
import type { JsonCodec } from "./codec.ts"

/** Any JSON value. Numbers are integers from 0 to 2^48 - 1 wherever this module writes one. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Brackets and braces that may be open at once. */
export const MAX_JSON_DEPTH = 8

/**
 * Reads one document.
 *
 * @param bytes - From an untrusted place; the buffer is not kept.
 * @throws {StorageError} `FORMAT_LIMIT_EXCEEDED` above `maxBytes` or {@link MAX_JSON_DEPTH}, `FORMAT_NEWER` for a field,
 * kind or format this build does not know, `FORMAT_INVALID` for all else.
 */
export function decodeDocument<T>(codec: JsonCodec<T>, bytes: Uint8Array, maxBytes: number): T {
  const value = codec.decode(parse(bytes, maxBytes))
  if (!equalBytes(utf8(canonical(codec.encode(value))), bytes))
    throw new StorageError("FORMAT_INVALID", "not canonical")
  return value
}

/**
 * Writes one document, and reads it back before anybody relies on it.
 *
 * @throws {StorageError} as {@link decodeDocument} would when reading it: a value outside the format is never written.
 */
export function encodeDocument<T>(codec: JsonCodec<T>, value: T, maxBytes: number): Uint8Array {
  const bytes = utf8(canonical(codec.encode(value)))
  decodeDocument(codec, bytes, maxBytes)
  return bytes
}

function parse(bytes: Uint8Array, maxBytes: number): Json {
  if (bytes.length > maxBytes) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "document too large")
  checkDepth(bytes)
  try {
    return JSON.parse(fromUtf8(bytes)) as Json
  } catch (cause) {
    throw new StorageError("FORMAT_INVALID", "not JSON in UTF-8", { cause })
  }
}

/** Counts brackets outside strings on the bytes, before a parser recurses on them. */
function checkDepth(bytes: Uint8Array): void {
  let depth = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inString) {
      if (byte === 0x5c) i++
      else if (byte === 0x22) inString = false
    } else if (byte === 0x22) inString = true
    else if (byte === 0x7b || byte === 0x5b) depth++
    else if (byte === 0x7d || byte === 0x5d) depth--
    if (depth > MAX_JSON_DEPTH) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "nested too deep")
  }
}

function canonical(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  if (isArray(value)) return `[${value.map(canonical).join(",")}]`
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] as Json)}`)
  return `{${members.join(",")}}`
}

/** `Array.isArray` does not narrow a readonly array. */
export function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
