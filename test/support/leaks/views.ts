/**
 * The forms in which text can hide in bytes: as it is, in base64 (of both
 * alphabets, at any alignment), in hex, in UTF-16, percent-encoded; and one in
 * another, as a payload in an envelope is.
 *
 * @module
 */

/** How deep forms are looked for in forms: a field (2) of a payload (1) of an envelope (0), and one more. */
const MAX_DEPTH = 3
/** Shorter runs can hold nothing that is looked for. */
const MIN_BASE64 = 7
const MIN_HEX = 10
const MIN_UTF16 = 4

const BASE64 = table("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
const HEX = table("0123456789abcdefABCDEF")

/** Calls `see` with the bytes, and with all that they may stand for. What it is given is not to be kept. */
export function eachView(bytes: Uint8Array, see: (view: Uint8Array) => void, depth = 0): void {
  see(bytes)
  if (depth >= MAX_DEPTH) return
  const deeper = (view: Uint8Array): void => eachView(view, see, depth + 1)
  eachRun(bytes, HEX, MIN_HEX, (run) => {
    for (const offset of [0, 1]) deeper(Buffer.from(latin1(run.subarray(offset)), "hex"))
  })
  eachRun(bytes, BASE64, MIN_BASE64, (run) => {
    for (const offset of [0, 1, 2, 3]) deeper(Buffer.from(latin1(run.subarray(offset)), "base64"))
  })
  eachUtf16(bytes, deeper)
  const plain = percentDecoded(bytes)
  if (plain !== null) deeper(plain)
}

function table(characters: string): Uint8Array {
  const member = new Uint8Array(256)
  for (const character of characters) member[character.charCodeAt(0)] = 1
  return member
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")
}

function eachRun(bytes: Uint8Array, member: Uint8Array, minLength: number, take: (run: Uint8Array) => void): void {
  let start = 0
  for (let at = 0; at <= bytes.length; at++) {
    if (at < bytes.length && member[bytes[at] as number] === 1) continue
    if (at - start >= minLength) take(bytes.subarray(start, at))
    start = at + 1
  }
}

/** Every second byte, where those between are zero: text of Western languages in UTF-16, of either order. */
function eachUtf16(bytes: Uint8Array, take: (text: Uint8Array) => void): void {
  for (const parity of [0, 1]) {
    let start = parity
    for (let at = parity; ; at += 2) {
      if (at + 1 < bytes.length && bytes[at] !== 0 && bytes[at + 1] === 0) continue
      // In big-endian order no zero need follow the last letter.
      const length = (at - start) / 2 + (at < bytes.length ? 1 : 0)
      if (length > MIN_UTF16) take(Uint8Array.from({ length }, (_, i) => bytes[start + 2 * i] as number))
      if (at + 1 >= bytes.length) break
      start = at + 2
    }
  }
}

/** null if nothing is encoded so, or the bytes are no text. */
function percentDecoded(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length > 65_536 || !/%[0-9a-fA-F]{2}/.test(latin1(bytes))) return null
  const plain = latin1(bytes).replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(plain, "latin1")
}
