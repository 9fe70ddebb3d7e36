/**
 * The intake's thread: takes batches of files in while the main one lists
 * folders, or takes others in.
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads"
import { TAG_BYTES } from "../../../../crypto/crypto.ts"
import { Secret } from "../../../../crypto/secret.ts"
import { createEpochKeys, type EpochKeys } from "../../../../storage/keys.ts"
import { createNodeCompressor } from "../nodeCompressor.ts"
import { createNodeCrypto } from "../nodeCrypto.ts"
import { createAnswer, decodeBatch, type Request } from "./messages.ts"
import { createTaker } from "./taker.ts"

const port = parentPort
if (port === null) throw new Error("runs as a thread only")
const crypto = createNodeCrypto()
const taker = createTaker({ root: workerData as string, crypto, compressor: createNodeCompressor() })
const held: EpochKeys[] = []
/** One after the other, whatever awaits in between. */
let turn: Promise<void> = Promise.resolve()

port.on("message", (request: Request) => {
  turn = turn.then(() => handle(request))
})

async function handle(request: Request): Promise<void> {
  switch (request.kind) {
    case "keys": {
      const keys = createEpochKeys(crypto, request.workspace, request.epoch, new Secret(request.key))
      held.push(keys)
      return taker.sealUnder(keys)
    }
    case "batch":
      return takeBatch(request)
    case "end":
      for (const keys of held) keys.wipe()
      taker.close()
      port?.close()
  }
}

async function takeBatch(batch: Extract<Request, { kind: "batch" }>): Promise<void> {
  const files = decodeBatch(batch)
  const capacity = batch.keeps ? files.reduce((sum, { listed }) => sum + listed.size + TAG_BYTES, 0) : 0
  const answer = createAnswer(files.length, capacity)
  for (const [i, { path, listed }] of files.entries()) answer.set(i, await taker.takeIn(path, listed, batch.keeps))
  const done = answer.finish()
  const { kinds, hashes, salts, lengths, bytes } = done
  port?.postMessage(
    done,
    [kinds, hashes, salts, lengths, bytes].map(({ buffer }) => buffer),
  )
}
