/**
 * The journal of one apply: written, and durable, before the first file is
 * touched; removed when the base that says what was done is durable, too. Finding
 * it means that an apply was killed: `recover.ts`. Kept in the State port, never
 * leaves the machine.
 *
 *     "SYNJRNL" || version u8 (1) || restores u8 (0, 1) || batch || count varint || entry…
 *     entry = path || before || after
 *     node  = 0 | 1 mode size hash[32] | 2 mode target | 3 mode
 *
 * Texts are a varint of their length and UTF-8; numbers are varints.
 *
 * @module
 */
import { fromUtf8, utf8 } from "../../../crypto/bytes.ts"
import { HASH_BYTES } from "../../../crypto/crypto.ts"
import { StorageError } from "../../../storage/errors.ts"
import { type ByteReader, type ByteWriter, createByteReader, createByteWriter } from "../../../storage/format/wire.ts"
import type { State } from "../../ports/state.ts"
import type { TreeNode } from "../node.ts"
import { type Operation, toNode } from "../plan/plan.ts"

export const JOURNAL = "journal"

/** What is to become of one path, over all its operations. */
export interface JournalEntry {
  readonly before: TreeNode | null
  readonly after: TreeNode | null
}

export interface Journal {
  /** Name of the quarantine batch. */
  readonly batch: string
  /** What is brought back from the past is news to the vault: the base learns nothing of it. */
  readonly restores?: boolean
  readonly entries: ReadonlyMap<string, JournalEntry>
}

const MAGIC = utf8("SYNJRNL")
const VERSION = 1

export async function readJournal(state: State): Promise<Journal | "damaged" | null> {
  const bytes = await state.read(JOURNAL)
  if (bytes === null) return null
  try {
    return decodeJournal(bytes)
  } catch (error) {
    if (error instanceof StorageError || error instanceof TypeError) return "damaged"
    throw error
  }
}

export async function writeJournal(state: State, journal: Journal): Promise<void> {
  await state.write(JOURNAL, encodeJournal(journal))
}

/** What the operations that touch the disk are going to do. @param digest - SHA-256. */
export function toEntries(
  operations: readonly Operation[],
  digest: (content: Uint8Array) => Uint8Array,
): ReadonlyMap<string, JournalEntry> {
  const entries = new Map<string, JournalEntry>()
  for (const operation of operations) {
    const entry = toEntry(operation, digest)
    if (entry === null) continue
    const earlier = entries.get(operation.path)
    entries.set(operation.path, earlier === undefined ? entry : { before: earlier.before, after: entry.after })
  }
  return entries
}

function toEntry(operation: Operation, digest: (content: Uint8Array) => Uint8Array): JournalEntry | null {
  switch (operation.kind) {
    case "write":
      return { before: operation.before && toNode(operation.before), after: toNode(operation.node) }
    case "delete":
      return { before: toNode(operation.before), after: null }
    case "mode":
      return { before: toNode(operation.before), after: { ...toNode(operation.before), mode: operation.mode } }
    case "merge": {
      const { content, mode, local } = operation
      return { before: local, after: { type: "file", mode, size: content.length, hash: digest(content) } }
    }
    case "upload":
    case "bury":
    case "agree":
      return null
  }
}

function encodeJournal({ batch, entries, restores = false }: Journal): Uint8Array {
  const writer = createByteWriter()
  writer.bytes(MAGIC)
  writer.u8(VERSION)
  writer.u8(restores ? 1 : 0)
  writeText(writer, batch)
  writer.varint(entries.size)
  for (const [path, { before, after }] of entries) {
    writeText(writer, path)
    writeNode(writer, before)
    writeNode(writer, after)
  }
  return writer.finish()
}

function decodeJournal(bytes: Uint8Array): Journal {
  const reader = createByteReader(bytes)
  const magic = reader.bytes(MAGIC.length)
  if (!MAGIC.every((byte, i) => magic[i] === byte) || reader.u8() !== VERSION) {
    throw new StorageError("FORMAT_INVALID", "not a journal")
  }
  const restores = reader.u8() === 1
  const batch = readText(reader)
  const entries = new Map<string, JournalEntry>()
  for (let left = reader.varint(); left > 0; left--) {
    entries.set(readText(reader), { before: readNode(reader), after: readNode(reader) })
  }
  reader.end()
  return { batch, restores, entries }
}

function writeText(writer: ByteWriter, text: string): void {
  const bytes = utf8(text)
  writer.varint(bytes.length)
  writer.bytes(bytes)
}

function readText(reader: ByteReader): string {
  return fromUtf8(reader.bytes(reader.varint()))
}

function writeNode(writer: ByteWriter, node: TreeNode | null): void {
  if (node === null) return writer.u8(0)
  writer.u8(node.type === "file" ? 1 : node.type === "link" ? 2 : 3)
  writer.varint(node.mode)
  if (node.type === "link") writeText(writer, node.target)
  if (node.type !== "file") return
  writer.varint(node.size)
  writer.bytes(node.hash)
}

function readNode(reader: ByteReader): TreeNode | null {
  const type = reader.u8()
  if (type === 0) return null
  const mode = reader.varint()
  if (type === 1) return { type: "file", mode, size: reader.varint(), hash: reader.bytes(HASH_BYTES) }
  if (type === 2) return { type: "link", mode, target: readText(reader) }
  if (type !== 3) throw new StorageError("FORMAT_INVALID", "type of a node")
  return { type: "folder", mode }
}
