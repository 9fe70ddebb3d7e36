/**
 * Reading and writing the small parts of binary formats: bytes, big-endian
 * numbers, and variable-length integers (LEB128, little end first) in their
 * shortest form and below 2^48. Every read checks the bytes at hand first.
 *
 * @module
 */
import { utf8 } from "../../crypto/bytes.ts"
import { StorageError } from "../errors.ts"
import { UINT48_END } from "./codec.ts"

/** Reads one buffer from front to back. All methods throw `FORMAT_INVALID` where the bytes end too early. */
export interface ByteReader {
  /** Bytes not read yet. */
  readonly left: number
  u8(): number
  u32(): number
  /** @throws {StorageError} `FORMAT_INVALID` also if it is not the shortest form, or is 2^48 or more. */
  varint(): number
  /** A view into the buffer, not a copy. */
  bytes(length: number): Uint8Array
  /** A varint, and so many bytes: a view. */
  sized(): Uint8Array
  /** A varint that counts things of at least `minBytes` each: more than can follow is refused before any is read. */
  count(minBytes: number): number
  /** @throws {StorageError} `FORMAT_INVALID` if bytes are left. */
  end(): void
}

export function createByteReader(buffer: Uint8Array): ByteReader {
  let at = 0

  function take(length: number): number {
    if (length > buffer.length - at) throw new StorageError("FORMAT_INVALID", "ends too early")
    const from = at
    at += length
    return from
  }

  function u8(): number {
    return buffer[take(1)] as number
  }

  function bytes(length: number): Uint8Array {
    const from = take(length)
    return buffer.subarray(from, from + length)
  }

  function varint(): number {
    let byte = u8()
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
      byte = u8()
      value += (byte & 0x7f) * scale
      if (value >= UINT48_END || scale >= UINT48_END) throw new StorageError("FORMAT_INVALID", "integer too large")
    }
    if (byte === 0) throw new StorageError("FORMAT_INVALID", "integer not in its shortest form")
    return value
  }

  return {
    get left() {
      return buffer.length - at
    },
    u8,
    u32() {
      const from = take(4)
      return new DataView(buffer.buffer, buffer.byteOffset + from, 4).getUint32(0)
    },
    varint,
    bytes,
    sized: () => bytes(varint()),
    count(minBytes) {
      const count = varint()
      if (count > (buffer.length - at) / minBytes) throw new StorageError("FORMAT_INVALID", "count beyond the end")
      return count
    },
    end() {
      if (at !== buffer.length) throw new StorageError("FORMAT_INVALID", "bytes left over")
    },
  }
}

/** Collects bytes in a buffer that grows. */
export interface ByteWriter {
  u8(value: number): void
  u32(value: number): void
  /** @throws {StorageError} `FORMAT_INVALID` unless `value` is an integer from 0 to 2^48 - 1. */
  varint(value: number): void
  /** Copies. */
  bytes(bytes: Uint8Array): void
  /** The length of the text in UTF-8 as a varint, then its UTF-8. The text has no lone surrogate. */
  text(text: string): void
  /** All that was written; the writer is of no more use. */
  finish(): Uint8Array
}

export function createByteWriter(): ByteWriter {
  let buffer = new Uint8Array(64)
  let at = 0

  function room(length: number): void {
    if (at + length <= buffer.length) return
    const grown = new Uint8Array(Math.max(2 * buffer.length, at + length))
    grown.set(buffer.subarray(0, at))
    buffer = grown
  }

  function varint(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= UINT48_END) {
      throw new StorageError("FORMAT_INVALID", "integer out of range")
    }
    room(7)
    let rest = value
    while (rest >= 0x80) {
      buffer[at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    buffer[at++] = rest
  }

  /** Most paths are such, and a call of the platform's encoder for each costs more than all else. */
  function shortAscii(text: string): boolean {
    room(1 + text.length)
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) return false
      buffer[at + 1 + i] = unit
    }
    buffer[at] = text.length
    at += 1 + text.length
    return true
  }

  function bytes(bytes: Uint8Array): void {
    room(bytes.length)
    buffer.set(bytes, at)
    at += bytes.length
  }

  return {
    u8(value) {
      room(1)
      buffer[at++] = value
    },
    u32(value) {
      room(4)
      new DataView(buffer.buffer, at, 4).setUint32(0, value)
      at += 4
    },
    varint,
    bytes,
    text(text) {
      if (text.length < 0x80 && shortAscii(text)) return
      const encoded = utf8(text)
      varint(encoded.length)
      bytes(encoded)
    },
    finish: () => buffer.subarray(0, at),
  }
}

/** `bytes`, if they have that length. @throws {StorageError} `FORMAT_INVALID` with that reason otherwise. */
export function exactly(bytes: Uint8Array, length: number, reason: string): Uint8Array {
  if (bytes.length !== length) throw new StorageError("FORMAT_INVALID", reason)
  return bytes
}
