/**
 * Asks a Git server for refs and objects (gitprotocol-v2(5)); one request
 * each, no discovery first. A server that does not understand is asked once
 * what it can do, and then gets plainer requests: no filter, or version 1
 * (gitprotocol-pack(5)), where more comes than was asked for.
 *
 * @module
 */
import { StoreError } from "../../errors.ts"
import type { Branch, CallOptions, ObjectId } from "../store.ts"
import { countRefs, parseRef, readAdvertisement, type ServerFeatures, USUAL_FEATURES } from "./advertisement.ts"
import { type ByteReader, createByteReader, endedEarly, isEndedEarly } from "./byteReader.ts"
import type { GitObject } from "./objects.ts"
import { type PackOutcome, readPack } from "./packReader.ts"
import { DELIMITER, FLUSH, notGit, packetLine, packetText, readPacket, readSideBand } from "./pktLine.ts"
import type { GitPrimitives } from "./primitives.ts"
import type { GitTransport } from "./transport.ts"

export interface FetchRequest {
  readonly wants: readonly ObjectId[]
  /** Commits of which everything is here already. */
  readonly haves?: readonly ObjectId[]
  /** How many commits from each wanted one. */
  readonly depth?: number
  readonly filter?: "blob:none" | "tree:0"
  /** Commits that hold the wanted objects, for a server that only gives heads. */
  readonly within?: readonly ObjectId[]
  /** Most bytes kept for resolving deltas. */
  readonly heldBytes: number
}

export interface UploadPack {
  /** Whether the server gives objects by id; `undefined` as long as nobody had to ask. */
  givesAnyObject(): boolean | undefined

  /** The branches whose names start with `prefix`, in the server's order. */
  listBranches(prefix: string, options: CallOptions): Promise<readonly Branch[]>

  /** Hands over what comes; that may be more than was wanted, or less. */
  fetch(
    request: FetchRequest,
    onObject: (object: GitObject) => void | Promise<void>,
    options: CallOptions,
  ): Promise<PackOutcome>
}

const SERVICE = "git-upload-pack"
const AGENT = "agent=sessyn"

export function createUploadPack(transport: GitTransport, git: GitPrimitives): UploadPack {
  let known: ServerFeatures | undefined

  const discover = async (options: CallOptions): ReturnType<typeof readAdvertisement> => {
    const found = await readAdvertisement(await transport.advertise(SERVICE, { ...options, version2: true }))
    known = found.features
    return found
  }

  const learn = async (error: unknown, options: CallOptions): Promise<ServerFeatures> => {
    const found = await discover(options).catch((cause: unknown) => {
      throw isFinal(cause) ? cause : error
    })
    return found.features
  }

  /** Runs with what is known or usual; if that fails, asks and runs once more, unless something had come already. */
  const adapt = async <T>(
    options: CallOptions,
    hasProgressed: () => boolean,
    run: (features: ServerFeatures) => Promise<T>,
  ): Promise<T> => {
    if (known !== undefined) return run(known)
    try {
      return await run(USUAL_FEATURES)
    } catch (error) {
      if (hasProgressed() || !mayBeMisunderstanding(error)) throw error
      const features = known ?? (await learn(error, options))
      if (isUsual(features)) throw error
      return run(features)
    }
  }

  const exchange = async (
    pieces: readonly Uint8Array[],
    version2: boolean,
    options: CallOptions,
  ): Promise<ByteReader> => createByteReader(await transport.exchange(SERVICE, () => pieces, { ...options, version2 }))

  return {
    givesAnyObject: () => known?.anyWant,

    listBranches: (prefix, options) =>
      adapt(
        options,
        () => false,
        async ({ version }) => {
          const all =
            version === 1
              ? (await discover(options)).branches
              : await readRefs(await exchange(listRequest(prefix), true, options))
          return all.filter((branch) => branch.name.startsWith(prefix))
        },
      ),

    async fetch(request, onObject, options) {
      let progressed = false
      const receive = async (object: GitObject): Promise<void> => {
        progressed = true
        await onObject(object)
      }
      return adapt(
        options,
        () => progressed,
        async (features) => {
          const plain = features.anyWant ? request : await heads(request, (await discover(options)).branches)
          if (plain.wants.length === 0) return { unresolved: 0 }
          const body = features.version === 2 ? fetchRequest(plain, features) : fetchRequest1(plain, features)
          const reader = await exchange(body, features.version === 2, options)
          return readFetched(reader, git, features.version, plain, receive)
        },
      )
    },
  }
}

function mayBeMisunderstanding(error: unknown): boolean {
  if (!(error instanceof StoreError)) return false
  return error.code === "STORE_MALFORMED" || error.code === "STORE_FAILED" || isEndedEarly(error)
}

/** A reason that says more than that the first request was not understood. */
function isFinal(error: unknown): boolean {
  return error instanceof StoreError && error.code === "STORE_FAILED" && !error.transient
}

function isUsual(features: ServerFeatures): boolean {
  return features.version === 2 && features.filter && features.shallow
}

/** The request that a server gets which only gives heads: those known to hold what is wanted, else all. */
function heads(request: FetchRequest, branches: readonly Branch[]): FetchRequest {
  const tips = new Set(branches.map((branch) => branch.head))
  if (request.wants.every((want) => tips.has(want))) return request
  const within = (request.within ?? []).filter((commit) => tips.has(commit))
  const { depth: _, ...rest } = request
  return within.length > 0 ? { ...rest, wants: within, depth: 1 } : { ...rest, wants: [...tips] }
}

function listRequest(prefix: string): Uint8Array[] {
  const command = [packetLine("command=ls-refs\n"), packetLine(AGENT), DELIMITER]
  return [...command, packetLine(`ref-prefix refs/heads/${prefix}\n`), FLUSH]
}

function fetchRequest(request: FetchRequest, features: ServerFeatures): Uint8Array[] {
  const lines = ["no-progress", "ofs-delta", ...request.wants.map((id) => `want ${id}`), ...limits(request, features)]
  for (const id of request.haves ?? []) lines.push(`have ${id}`)
  const command = [packetLine("command=fetch"), packetLine(AGENT), DELIMITER]
  return [...command, ...[...lines, "done"].map((line) => packetLine(`${line}\n`)), FLUSH]
}

/** In version 1 nothing is said of what is here: its answer would be of another shape for little gain. */
function fetchRequest1(request: FetchRequest, features: ServerFeatures): Uint8Array[] {
  const capabilities = `side-band-64k ofs-delta no-progress ${features.filter ? "filter " : ""}${AGENT}`
  const wants = request.wants.map((id, i) => `want ${id}${i === 0 ? ` ${capabilities}` : ""}`)
  const lines = [...wants, ...limits(request, features)].map((line) => packetLine(`${line}\n`))
  return [...lines, FLUSH, packetLine("done\n")]
}

function limits(request: FetchRequest, features: ServerFeatures): string[] {
  const lines: string[] = []
  if (request.depth !== undefined && features.shallow) lines.push(`deepen ${request.depth}`)
  if (request.filter !== undefined && features.filter) lines.push(`filter ${request.filter}`)
  return lines
}

async function readRefs(reader: ByteReader): Promise<Branch[]> {
  try {
    const branches: Branch[] = []
    const count = countRefs()
    for (;;) {
      const packet = await readPacket(reader)
      if (packet.kind === "flush") break
      if (packet.kind === "eof") throw endedEarly()
      if (packet.kind !== "data") throw notGit()
      count(packet.bytes)
      const branch = parseRef(packetText(packet.bytes))
      if (branch !== undefined) branches.push(branch)
    }
    await reader.drain()
    return branches
  } finally {
    await reader.close()
  }
}

async function readFetched(
  reader: ByteReader,
  git: GitPrimitives,
  version: 1 | 2,
  request: FetchRequest,
  onObject: (object: GitObject) => Promise<void>,
): Promise<PackOutcome> {
  try {
    await skipToPack(reader, version)
    const band = createByteReader(readSideBand(reader))
    const outcome = await readPack(band, git, request, onObject)
    await band.drain()
    await reader.drain()
    return outcome
  } finally {
    await reader.close()
  }
}

/** Version 2: sections, the last of them `packfile`. Version 1: shallow lines and a flush, then `NAK`. */
async function skipToPack(reader: ByteReader, version: 1 | 2): Promise<void> {
  const last = version === 2 ? "packfile" : "NAK"
  for (;;) {
    const packet = await readPacket(reader)
    if (packet.kind === "eof") throw endedEarly()
    if (packet.kind !== "data") continue
    if (packetText(packet.bytes) === last) return
  }
}
