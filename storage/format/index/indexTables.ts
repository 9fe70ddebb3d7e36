/**
 * The two tables of a shard, by which its entries name packs and machines in one
 * or two bytes. Normative text: `docs/spec/index.md`, "Tables".
 *
 * @module
 */
import { fromHex, toHex, utf8 } from "../../../crypto/bytes.ts"
import { HASH_BYTES } from "../../../crypto/crypto.ts"
import { StorageError } from "../../errors.ts"
import { type ByteReader, type ByteWriter, exactly } from "../wire.ts"

export function writePackTable(out: ByteWriter, packs: ReadonlySet<string>): Map<string, number> {
  return writeTable(out, packs, encodePackId)
}

export function writeWriterTable(out: ByteWriter, writers: ReadonlySet<string>): Map<string, number> {
  return writeTable(out, writers, encodeMachineId)
}

export function readPackTable(reader: ByteReader): Table {
  return readTable(reader, HASH_BYTES, toHex, "pack table")
}

export function readWriterTable(reader: ByteReader): Table {
  return readTable(reader, MACHINE_ID_BYTES, decodeMachineId, "writer table")
}

/** Numbers by name, for writing. */
export interface TableNumbers {
  readonly packNumbers: ReadonlyMap<string, number>
  readonly writerNumbers: ReadonlyMap<string, number>
}

/** Writes names in ascending order. @returns The number of each. Hex and base32 sort as text like their bytes. */
function writeTable(
  out: ByteWriter,
  names: ReadonlySet<string>,
  encode: (name: string) => Uint8Array,
): Map<string, number> {
  const sorted = [...names].sort()
  out.varint(sorted.length)
  for (const name of sorted) out.bytes(encode(name))
  return new Map(sorted.map((name, number) => [name, number]))
}

export interface Table {
  /** The name of that number, which is used from now on. */
  name(number: number): string
  requireAllUsed(): void
}

/** Names by number, for reading. */
export interface Tables {
  readonly packs: Table
  readonly writers: Table
}

function readTable(reader: ByteReader, width: number, decode: (bytes: Uint8Array) => string, what: string): Table {
  const names: string[] = []
  for (let left = reader.count(width); left > 0; left--) {
    const name = decode(reader.bytes(width))
    const before = names.at(-1)
    if (before !== undefined && before >= name) throw new StorageError("FORMAT_INVALID", `${what} not ascending`)
    names.push(name)
  }
  const used = new Uint8Array(names.length)
  return {
    name(number) {
      const name = names[number]
      if (name === undefined) throw new StorageError("FORMAT_INVALID", `beyond the ${what}`)
      used[number] = 1
      return name
    },
    requireAllUsed() {
      if (used.includes(0)) throw new StorageError("FORMAT_INVALID", `${what} holds what nothing refers to`)
    },
  }
}

const MACHINE_ID = /^[a-z2-7]{51}[aq]$/
const MACHINE_ID_BYTES = 52

function encodeMachineId(id: string): Uint8Array {
  if (!MACHINE_ID.test(id)) throw new StorageError("FORMAT_INVALID", "machine id")
  return utf8(id)
}

function decodeMachineId(bytes: Uint8Array): string {
  const id = String.fromCharCode(...bytes)
  if (!MACHINE_ID.test(id)) throw new StorageError("FORMAT_INVALID", "machine id")
  return id
}

function encodePackId(id: string): Uint8Array {
  if (!/^[0-9a-f]{64}$/.test(id)) throw new StorageError("FORMAT_INVALID", "pack id")
  return exactly(fromHex(id), HASH_BYTES, "pack id")
}
