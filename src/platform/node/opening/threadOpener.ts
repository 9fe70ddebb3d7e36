/**
 * Opens chunks on a thread of its own (`openingThread.ts`): the main thread
 * writes a file while that one opens the next. Worth its start for many chunks only.
 *
 * @module
 */
import { StorageError, type StorageErrorCode } from "../../../../storage/errors.ts"
import type { Keyring } from "../../../../storage/keys.ts"
import { type PackOpener, toColumns } from "../../../../storage/packOpener.ts"
import { findThread, startThread } from "../threads.ts"
import type { Answer, EpochKey, Request } from "./messages.ts"

/** Plaintext that is asked for at once, unless a single chunk is longer; and how many such slices are on their way. */
const SLICE_BYTES = 512 * 1024
const AHEAD = 6

/** With the thread that was built with this; `undefined` if none was. */
export function openElsewhere(keyring: Keyring): PackOpener | undefined {
  const script = findThread("./opening/openingThread.ts")
  return script === null ? undefined : createThreadOpener(script, keyring)
}

interface Waiting {
  readonly resolve: (bytes: Uint8Array<ArrayBuffer>) => void
  readonly reject: (error: unknown) => void
}

/**
 * @param script - Of the thread.
 * @param keyring - Its keys are copied to the thread, which wipes them when it is closed.
 */
export function createThreadOpener(script: URL, keyring: Keyring): PackOpener {
  const worker = startThread(script)
  const waiting: Waiting[] = []
  let fault: unknown = null

  function fail(error: unknown): void {
    fault ??= error
    for (const { reject } of waiting.splice(0)) reject(fault)
  }
  worker.on("message", (answer: Answer) => {
    const first = waiting.shift()
    if (answer.kind === "plain") first?.resolve(answer.bytes)
    else first?.reject(errorOf(answer))
  })
  worker.on("error", fail)
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", () => {
      fail(new Error("the opening thread has ended"))
      resolve()
    })
  })

  const tell = (request: Request, moved: readonly ArrayBuffer[] = []): void => worker.postMessage(request, [...moved])
  /** Buffers that came and were taken from: new ones each time would cost their pages, and wait to be collected. */
  const spare: Uint8Array<ArrayBuffer>[] = []
  function ask({ from, to, bytes }: Slice): Promise<Uint8Array<ArrayBuffer>> {
    const answer = new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
      if (fault === null) waiting.push({ resolve, reject })
      else reject(fault)
    })
    // Whoever awaits it hears of it; if an earlier one failed, nobody does.
    answer.catch(() => {})
    const last = spare.pop()
    const into = last !== undefined && last.length >= bytes ? last : null
    tell({ kind: "slice", from, to, into }, into === null ? [] : [into.buffer])
    return answer
  }
  giveKeys(keyring, tell)

  return {
    async open(pack, refs, take) {
      const given = ownBuffer(pack)
      tell({ kind: "pack", pack: given, refs: toColumns(refs) }, [given.buffer])
      const slices = slicesOf(refs)
      const answers: Promise<Uint8Array<ArrayBuffer>>[] = []
      let asked = 0
      for (const [number, { from, to }] of slices.entries()) {
        for (; asked < Math.min(slices.length, number + AHEAD); asked++) {
          answers.push(ask(slices[asked] as Slice))
        }
        const bytes = (await answers.shift()) as Uint8Array<ArrayBuffer>
        let at = 0
        for (const ref of refs.slice(from, to)) {
          const plain = bytes.subarray(at, at + ref.plainBytes)
          at += ref.plainBytes
          await take(ref, plain)
        }
        spare.push(bytes)
      }
    },
    async close() {
      tell({ kind: "end" })
      await ended
    },
  }
}

type Tell = (request: Request, moved: readonly ArrayBuffer[]) => void

function giveKeys(keyring: Keyring, tell: Tell): void {
  const keys: EpochKey[] = []
  let workspace = ""
  for (const epoch of keyring.epochs) {
    const held = keyring.get(epoch)
    if (held === undefined) continue
    workspace = held.workspace
    // Moved below, so that the copy is the thread's alone.
    keys.push({ epoch, key: held.key.expose().slice() })
  }
  tell(
    { kind: "keys", workspace, keys },
    keys.map(({ key }) => key.buffer as ArrayBuffer),
  )
}

interface Slice {
  readonly from: number
  readonly to: number
  /** Of plaintext. */
  readonly bytes: number
}

function slicesOf(refs: readonly { readonly plainBytes: number }[]): readonly Slice[] {
  const slices: Slice[] = []
  let from = 0
  let bytes = 0
  for (const [i, { plainBytes }] of refs.entries()) {
    bytes += plainBytes
    if (bytes < SLICE_BYTES && i < refs.length - 1) continue
    slices.push({ from, to: i + 1, bytes })
    from = i + 1
    bytes = 0
  }
  return slices
}

/** A buffer that nothing else lies in, to be moved. */
function ownBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer
  return whole ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice()
}

function errorOf({ code, reason }: Extract<Answer, { kind: "fault" }>): Error {
  return code === null ? new Error(reason) : new StorageError(code as StorageErrorCode, reason)
}
