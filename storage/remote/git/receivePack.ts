/**
 * Moves one ref of a Git server by compare-and-swap, with the objects that it
 * needs (gitprotocol-pack(5)). The old id is part of the command, so the
 * server itself refuses a swap from another; no discovery is needed.
 *
 * @module
 */
import { concatBytes } from "../../../crypto/bytes.ts"
import { StoreError } from "../../errors.ts"
import type { CallOptions, ObjectId } from "../store.ts"
import { type ByteReader, createByteReader, endedEarly } from "./byteReader.ts"
import { NO_OBJECT } from "./objects.ts"
import { FLUSH, notGit, packetLine, packetText, readPacket, readSideBand } from "./pktLine.ts"
import { faultOfMessage, type RefRefusal, refusalOfReason } from "./serverFaults.ts"
import type { GitTransport } from "./transport.ts"

/** From `from` to `to`; `null` means that the branch does not exist. */
export interface RefUpdate {
  readonly branch: string
  readonly from: ObjectId | null
  readonly to: ObjectId | null
}

export type UpdateOutcome = { readonly kind: "done" } | Exclude<RefRefusal, { readonly kind: "fault" }>

const CAPABILITIES = "report-status side-band-64k delete-refs agent=sessyn"
const MAX_REPORT_LINES = 100

/**
 * @param pack - The pieces of a pack with what the server lacks; not used for a deletion.
 * @throws {StoreError} whatever the server says that is not about the ref having moved.
 */
export async function updateRef(
  transport: GitTransport,
  update: RefUpdate,
  pack: () => Iterable<Uint8Array>,
  options: CallOptions,
): Promise<UpdateOutcome> {
  const ref = `refs/heads/${update.branch}`
  const command = packetLine(`${update.from ?? NO_OBJECT} ${update.to ?? NO_OBJECT} ${ref}\0 ${CAPABILITIES}`)
  function* body(): Generator<Uint8Array, void> {
    yield concatBytes(command, FLUSH)
    if (update.to !== null) yield* pack()
  }
  const answer = await transport.exchange("git-receive-pack", body, { ...options, version2: false })
  const reader = createByteReader(answer)
  try {
    const report = await readReport(reader)
    // It stands, whatever becomes of the connection. Half a push is tidied up before the answer ends, if it may.
    await reader.drain().catch(() => {})
    // A server that was hung up on may still say that half a pack came.
    if (!isUnpacked(report)) options.signal?.throwIfAborted()
    return outcomeOf(report, ref)
  } finally {
    await reader.close()
  }
}

interface Report {
  readonly lines: readonly string[]
  /** What the server says to people. */
  readonly said: string
}

async function readReport(reader: ByteReader): Promise<Report> {
  const remarks: string[] = []
  const band = readSideBand(reader, (text) => remarks.push(text))
  const lines = await readLines(createByteReader(band))
  return { lines, said: remarks.join(" ").trim() }
}

function isUnpacked({ lines }: Report): boolean {
  return lines[0] === "unpack ok"
}

function outcomeOf(report: Report, ref: string): UpdateOutcome {
  const { lines, said } = report
  const unpack = lines[0] ?? ""
  if (!unpack.startsWith("unpack ")) throw notGit()
  if (!isUnpacked(report)) throw faultOfMessage(`${unpack} ${said}`)
  const line = lines.find((each) => each === `ok ${ref}` || each.startsWith(`ng ${ref} `))
  if (line === undefined) throw new StoreError("STORE_MALFORMED", "the store does not say whether it moved the branch")
  if (line.startsWith("ok ")) return { kind: "done" }
  const refusal = refusalOfReason(line.slice(`ng ${ref} `.length), said)
  if (refusal.kind === "fault") throw refusal.error
  return refusal
}

async function readLines(reader: ByteReader): Promise<string[]> {
  const lines: string[] = []
  for (;;) {
    const packet = await readPacket(reader)
    if (packet.kind === "flush") break
    if (packet.kind === "eof") throw endedEarly()
    if (packet.kind !== "data" || lines.length > MAX_REPORT_LINES) throw notGit()
    lines.push(packetText(packet.bytes))
  }
  await reader.drain()
  return lines
}
