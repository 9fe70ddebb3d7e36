/**
 * A footprint of the workspace as this machine keeps it. It never leaves the
 * machine, so it has no specification but this:
 *
 *     "SYNFOOT" || version u8 (1) || paths u32 || bytes of paths u32 || paths, joined by NUL
 *     || sizes || mtimes || ctimes || inodes || devices: 64 bits a path || shapes: 16 bits a path
 *
 * Columns are in this machine's byte order. Who keeps it sees to it that damage is noticed.
 *
 * @module
 */
import { concatBytes, fromUtf8, utf8 } from "../../../crypto/bytes.ts"
import { emptyFootprint, type Footprint } from "../../ports/footprint.ts"

const MAGIC = utf8("SYNFOOT\u0001")
const HEADER_BYTES = MAGIC.length + 2 * 4
const MAX_PATHS = 10_000_000
const BYTES_A_PATH = 5 * 8 + 2

export function encodeFootprint(footprint: Footprint): Uint8Array {
  const paths = utf8(footprint.paths.join("\0"))
  const header = new Uint8Array(HEADER_BYTES)
  header.set(MAGIC)
  const view = new DataView(header.buffer)
  view.setUint32(MAGIC.length, footprint.paths.length)
  view.setUint32(MAGIC.length + 4, paths.length)
  return concatBytes(header, paths, ...columnsOf(footprint))
}

/** `null` if the bytes are of a version that this build does not read. */
export function decodeFootprint(bytes: Uint8Array): Footprint | null {
  if (bytes.length < HEADER_BYTES || !MAGIC.every((byte, i) => bytes[i] === byte)) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [count, pathBytes] = [view.getUint32(MAGIC.length), view.getUint32(MAGIC.length + 4)]
  if (count === 0 || count > MAX_PATHS) return null
  if (bytes.length !== HEADER_BYTES + pathBytes + count * BYTES_A_PATH) return null
  const paths = fromUtf8(bytes.subarray(HEADER_BYTES, HEADER_BYTES + pathBytes)).split("\0")
  if (paths.length !== count) return null
  const footprint = emptyFootprint(paths)
  let at = HEADER_BYTES + pathBytes
  for (const column of columnsOf(footprint)) {
    column.set(bytes.subarray(at, at + column.length))
    at += column.length
  }
  return footprint
}

/** The columns' own memory, as bytes. */
function columnsOf({ sizes, mtimesNs, ctimesNs, inodes, devices, shapes }: Footprint): readonly Uint8Array[] {
  return [sizes, mtimesNs, ctimesNs, inodes, devices, shapes].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  )
}
