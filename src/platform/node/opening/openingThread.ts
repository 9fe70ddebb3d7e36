/**
 * The thread that opens chunks: keys, seals, inflating and hashes, while the main one
 * writes files. It is told what to open, slice by slice, so never runs ahead of
 * what memory is for.
 *
 * @module
 */
import { parentPort } from "node:worker_threads"
import { Secret } from "../../../../crypto/secret.ts"
import { StorageError } from "../../../../storage/errors.ts"
import { createEpochKeys, createKeyring } from "../../../../storage/keys.ts"
import { type RefColumns, refAt } from "../../../../storage/packOpener.ts"
import { openChunk } from "../../../../storage/packReader.ts"
import { createNodeCompressor } from "../nodeCompressor.ts"
import { createNodeCrypto } from "../nodeCrypto.ts"
import { type Answer, BUFFER_BYTES, type Request } from "./messages.ts"

const port = parentPort
if (port === null) throw new Error("runs as a thread only")
const crypto = createNodeCrypto()
const { decompress } = createNodeCompressor()
const keyring = createKeyring()
let current: { readonly pack: Uint8Array; readonly refs: RefColumns } | null = null
/** One after the other, whatever awaits in between. */
let turn: Promise<void> = Promise.resolve()

port.on("message", (request: Request) => {
  turn = turn.then(() => handle(request))
})

async function handle(request: Request): Promise<void> {
  switch (request.kind) {
    case "keys":
      for (const { epoch, key } of request.keys) {
        keyring.add(createEpochKeys(crypto, request.workspace, epoch, new Secret(key)))
      }
      return
    case "pack":
      current = request
      return
    case "slice":
      return answer(await openSlice(request).catch(faultOf))
    case "end":
      keyring.wipe()
      port?.close()
  }
}

function answer(message: Answer): void {
  port?.postMessage(message, message.kind === "plain" ? [message.bytes.buffer] : [])
}

async function openSlice({ from, to, into }: Extract<Request, { kind: "slice" }>): Promise<Answer> {
  if (current === null) throw new Error("a slice of no pack")
  const { pack, refs } = current
  const slice = Array.from({ length: to - from }, (_, i) => refAt(refs, from + i))
  const length = slice.reduce((sum, { plainBytes }) => sum + plainBytes, 0)
  const bytes = into ?? new Uint8Array(Math.max(length, BUFFER_BYTES))
  let at = 0
  for (const ref of slice) {
    bytes.set(await openChunk(crypto, keyring, pack, ref, decompress), at)
    at += ref.plainBytes
  }
  return { kind: "plain", bytes }
}

function faultOf(error: unknown): Answer {
  if (error instanceof StorageError) return { kind: "fault", code: error.code, reason: error.reason }
  return { kind: "fault", code: null, reason: error instanceof Error ? error.message : "unknown" }
}
