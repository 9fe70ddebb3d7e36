/**
 * What a Git server says of itself before anything is asked
 * (gitprotocol-http(5), gitprotocol-v2(5)). Only read when a request in
 * version 2 was not understood: the usual server costs no such question.
 *
 * @module
 */
import { StoreError } from "../../errors.ts"
import type { Branch, ObjectId } from "../store.ts"
import { type ByteReader, createByteReader } from "./byteReader.ts"
import { isObjectId } from "./objects.ts"
import { notGit, packetText, readPacket } from "./pktLine.ts"

/** What a server's upload-pack can do. */
export interface ServerFeatures {
  readonly version: 1 | 2
  readonly filter: boolean
  readonly shallow: boolean
  /** Whether any object may be asked for by its id, or only heads. */
  readonly anyWant: boolean
}

/** What most servers can do, GitHub's among them; assumed until one fails. */
export const USUAL_FEATURES: ServerFeatures = { version: 2, filter: true, shallow: true, anyWant: true }

export interface Advertisement {
  readonly features: ServerFeatures
  /** In version 1 all branches; in version 2 none. */
  readonly branches: readonly Branch[]
}

/** Most refs that are read, and most bytes of them. */
const MAX_REFS = 200_000
const MAX_REFS_BYTES = 64 * 1024 * 1024

/** @throws {StoreError} `STORE_MALFORMED`, `STORE_UNREACHABLE` */
export async function readAdvertisement(chunks: AsyncIterable<Uint8Array>): Promise<Advertisement> {
  const reader = createByteReader(chunks)
  try {
    const lines = await readLines(reader)
    return lines[0] === "version 2" ? version2(lines) : version1(lines[0] === "version 1" ? lines.slice(1) : lines)
  } finally {
    await reader.close()
  }
}

/** The lines up to the flush, less the header that only HTTP has. */
async function readLines(reader: ByteReader): Promise<string[]> {
  const lines: string[] = []
  const count = countRefs()
  for (;;) {
    const packet = await readPacket(reader)
    if (packet.kind === "eof" && lines.length === 0) throw notGit()
    if (packet.kind === "data") {
      count(packet.bytes)
      lines.push(packetText(packet.bytes))
    } else if (lines.length === 1 && lines[0]?.startsWith("# service=")) lines.pop()
    else return lines
  }
}

/** To be told of each line. @throws {StoreError} `STORE_MALFORMED` when there are more than any repository has. */
export function countRefs(): (line: Uint8Array) => void {
  let refs = 0
  let bytes = 0
  return (line) => {
    bytes += line.length
    if (++refs > MAX_REFS || bytes > MAX_REFS_BYTES)
      throw new StoreError("STORE_MALFORMED", "the repository has too many refs")
  }
}

function version2(lines: readonly string[]): Advertisement {
  const fetch = lines.find((line) => line.startsWith("fetch"))?.split(/[= ]/) ?? []
  if (!lines.some((line) => line.startsWith("ls-refs")) || fetch.length === 0) throw notGit()
  refuseSha256(lines.find((line) => line.startsWith("object-format=")))
  const features = {
    version: 2,
    filter: fetch.includes("filter"),
    shallow: fetch.includes("shallow"),
    anyWant: true,
  } as const
  return { features, branches: [] }
}

function version1(lines: readonly string[]): Advertisement {
  const branches: Branch[] = []
  const [first = "", capabilityText = ""] = (lines[0] ?? "").split("\0")
  const capabilities = capabilityText.split(" ")
  refuseSha256(capabilities.find((capability) => capability.startsWith("object-format=")))
  // Older servers say nothing at all of an empty repository.
  for (const line of first === "" ? [] : [first, ...lines.slice(1)]) {
    const branch = parseRef(line)
    if (branch !== undefined) branches.push(branch)
  }
  const features = {
    version: 1,
    filter: capabilities.includes("filter"),
    shallow: capabilities.includes("shallow"),
    anyWant: capabilities.includes("allow-any-sha1-in-want"),
  } as const
  return { features, branches }
}

/** A line `id refs/heads/name …`; `undefined` for any other ref. */
export function parseRef(line: string): Branch | undefined {
  const [head = "", ref = ""] = line.split(" ")
  if (!isObjectId(head)) {
    if (line.startsWith("shallow ")) return undefined
    throw notGit()
  }
  const isBranch = ref.startsWith("refs/heads/") && !ref.endsWith("^{}")
  return isBranch ? { name: ref.slice("refs/heads/".length), head: head as ObjectId } : undefined
}

function refuseSha256(objectFormat: string | undefined): void {
  if (objectFormat !== undefined && objectFormat !== "object-format=sha1") {
    throw new StoreError("STORE_FAILED", "the repository uses SHA-256 object ids, which Sessyn cannot use as a store")
  }
}
