/**
 * Git's framing: pkt-lines and the side band. Specified in Git's
 * gitprotocol-common(5) and gitprotocol-pack(5).
 *
 *     pkt-line = length[4, hex, itself included] || payload
 *     0000 flush, 0001 delimiter, 0002 end of response
 *     side band = pkt-line whose first payload byte is 1 (data), 2 (progress) or 3 (fatal)
 *
 * @module
 */
import { concatBytes, utf8 } from "../../../crypto/bytes.ts"
import { StoreError } from "../../errors.ts"
import type { ByteReader } from "./byteReader.ts"
import { endedEarly } from "./byteReader.ts"
import { faultOfMessage, plainText } from "./serverFaults.ts"

/** One packet. `eof`: the stream ended where a packet could have started. */
export type Packet =
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "flush" | "delimiter" | "responseEnd" | "eof" }

export const FLUSH = utf8("0000")
export const DELIMITER = utf8("0001")

/** Longest packet, its length field included. */
const MAX_PACKET_BYTES = 65_520
const BAND_DATA = 1
const BAND_PROGRESS = 2
const MAX_PROGRESS_CHARS = 4_096

/** One packet with this text. */
export function packetLine(text: string): Uint8Array {
  const payload = utf8(text)
  const length = payload.length + 4
  if (length > MAX_PACKET_BYTES) throw new RangeError("packet too long")
  return concatBytes(utf8(length.toString(16).padStart(4, "0")), payload)
}

/**
 * The next packet.
 *
 * @throws {StoreError} `STORE_MALFORMED`, `STORE_UNREACHABLE`; an `ERR` packet as the fault that it tells of.
 */
export function readPacket(reader: ByteReader): Promise<Packet> {
  return nextPacket(reader, (length) => reader.take(length))
}

/** The same as a view, good until the reader is used again. */
function viewPacket(reader: ByteReader): Promise<Packet> {
  return nextPacket(reader, async (length) => {
    const view = await reader.peek(length)
    if (view.length < length) throw endedEarly()
    reader.skip(length)
    return view.subarray(0, length)
  })
}

async function nextPacket(reader: ByteReader, read: (length: number) => Promise<Uint8Array>): Promise<Packet> {
  const head = await reader.peek(4)
  if (head.length === 0) return { kind: "eof" }
  if (head.length < 4) throw endedEarly()
  const length = packetLength(head)
  if (length <= 2) {
    reader.skip(4)
    return { kind: length === 0 ? "flush" : length === 1 ? "delimiter" : "responseEnd" }
  }
  if (length < 4 || length > MAX_PACKET_BYTES) throw notGit()
  reader.skip(4)
  const bytes = await read(length - 4)
  if (startsWith(bytes, "ERR ")) throw faultOfMessage(packetText(bytes).slice(4))
  return { kind: "data", bytes }
}

/** A packet's payload as text, less a newline at its end. */
export function packetText(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes)
  return text.endsWith("\n") ? text.slice(0, -1) : text
}

/**
 * The data band, up to the flush packet; each piece is a view, good until the next is asked for. What the server says beside it is handed to `onProgress`.
 *
 * @throws {StoreError} the fault that the fatal band tells of; `STORE_UNREACHABLE` without a flush packet.
 */
export async function* readSideBand(
  reader: ByteReader,
  onProgress: (text: string) => void = () => {},
): AsyncGenerator<Uint8Array, void> {
  let said = 0
  for (;;) {
    const packet = await viewPacket(reader)
    if (packet.kind === "flush") return
    if (packet.kind === "eof") throw endedEarly()
    if (packet.kind !== "data" || packet.bytes.length === 0) throw notGit()
    const band = packet.bytes[0]
    const payload = packet.bytes.subarray(1)
    if (band === BAND_DATA) yield payload
    else if (band !== BAND_PROGRESS) throw faultOfMessage(plainText(payload))
    else if (said < MAX_PROGRESS_CHARS) {
      said += payload.length
      onProgress(plainText(payload))
    }
  }
}

/** The server does not speak Git's protocol. */
export function notGit(): StoreError {
  return new StoreError("STORE_MALFORMED", "the store does not answer in Git's protocol")
}

function packetLength(head: Uint8Array): number {
  const text = String.fromCharCode(...head.subarray(0, 4))
  if (!/^[0-9a-fA-F]{4}$/.test(text)) throw notGit()
  return Number.parseInt(text, 16)
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false
  return true
}
