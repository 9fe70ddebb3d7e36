/**
 * Compresses files on another core while this one goes on reading: they lie in
 * line until the worker takes a batch of them, newest first, or until somebody
 * needs one, oldest first, and compresses it here. So both cores work until the
 * line is empty, and neither waits for more than a batch.
 *
 * The worker starts when there is enough for it. Without one, or if it fails,
 * everything is compressed here.
 *
 * @module
 */
import type { Worker } from "node:worker_threads"
import type { Compressed, CompressAhead, Compressing } from "../../../storage/compress.ts"
import type { Batch, CompressedBatch, WorkerCodec } from "./compressWorker.ts"
import { findThread, startThread } from "./threads.ts"

/** Enough that the trip there and back does not count, little enough that nobody waits long for it. */
const BATCH_BYTES = 256 * 1024
/** Two, so that the worker has the next one at hand when it is through with the first. */
const BATCHES_AWAY = 2
/** Starting a worker costs some 30 ms of a core. */
const START_BYTES = 1024 * 1024

export interface AheadOptions {
  /** Compresses here. */
  readonly compress: (bytes: Uint8Array) => Compressed
  /** What the worker is to use. */
  readonly codec: WorkerCodec
  /** The worker's program; `null`: none. For tests; by default the one that was built with this. */
  readonly program?: URL | null
}

/** One file. Has its bytes until they are compressed. */
interface Job extends Compressing {
  plain: Uint8Array | undefined
  done: Compressed | undefined
  away: Away | undefined
}

/** A batch that the worker has. */
interface Away {
  readonly jobs: readonly Job[]
  /** Fulfilled when all of its jobs are done. */
  readonly back: Promise<void>
  readonly isBack: () => void
}

export function createCompressAhead({
  compress,
  codec,
  program = findThread("./compressWorker.ts"),
}: AheadOptions): CompressAhead {
  const line: Job[] = []
  let lineBytes = 0
  let away: Away[] = []
  let worker: Worker | null = null
  let usable = program !== null

  function compressHere(job: Job): Compressed {
    const plain = job.plain as Uint8Array
    job.plain = undefined
    job.done = compress(plain)
    return job.done
  }

  /** The newest of the line, as many as make a batch. */
  function takeBatch(): Job[] {
    const batch: Job[] = []
    for (let bytes = 0; bytes < BATCH_BYTES; ) {
      const job = line.pop()
      if (job === undefined) break
      // Already compressed by whoever needed it.
      if (job.plain === undefined) continue
      bytes += job.plain.length
      batch.push(job)
    }
    return batch
  }

  function feed(): void {
    if (!usable || (worker === null && lineBytes < START_BYTES)) return
    while (away.length < BATCHES_AWAY) {
      const jobs = takeBatch()
      if (jobs.length === 0) return
      worker ??= start(program as URL)
      let isBack: () => void = () => {}
      const back = new Promise<void>((resolve) => {
        isBack = resolve
      })
      const batch = { jobs, back, isBack }
      away.push(batch)
      for (const job of jobs) job.away = batch
      const packed = pack(jobs)
      worker.postMessage(packed, [packed.bytes.buffer])
    }
  }

  function stop(): void {
    const stopped = worker
    worker = null
    stopped?.removeAllListeners()
    void stopped?.terminate()
  }

  function start(file: URL): Worker {
    const started = startThread(file, codec)
    started.on("message", (batch: CompressedBatch) => {
      arrive(away.shift() as Away, batch)
      feed()
    })
    started.on("error", fail)
    started.on("exit", fail)
    return started
  }

  function arrive({ jobs, isBack }: Away, { bytes, lengths, codecs }: CompressedBatch): void {
    let at = 0
    for (const [i, job] of jobs.entries()) {
      const end = at + (lengths[i] as number)
      // Views: files that lie together are needed together.
      job.done = { codec: codecs[i] as Compressed["codec"], bytes: bytes.subarray(at, end) }
      job.plain = undefined
      at = end
    }
    isBack()
  }

  function fail(): void {
    usable = false
    const lost = away
    away = []
    stop()
    for (const { jobs, isBack } of lost) {
      for (const job of jobs) compressHere(job)
      isBack()
    }
  }

  return {
    add(plain) {
      const job: Job = {
        plain,
        done: undefined,
        away: undefined,
        get heldBytes() {
          return (job.plain ?? job.done?.bytes)?.length ?? 0
        },
        result: () => job.done ?? job.away?.back.then(() => job.done as Compressed) ?? compressHere(job),
      }
      if (usable) line.push(job)
      lineBytes += plain.length
      feed()
      return job
    },
    close() {
      line.length = 0
      fail()
    },
  }
}

function pack(jobs: readonly Job[]): Batch {
  const lengths = jobs.map(({ plain }) => (plain as Uint8Array).length)
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0))
  let at = 0
  for (const { plain } of jobs) {
    bytes.set(plain as Uint8Array, at)
    at += (plain as Uint8Array).length
  }
  return { bytes, lengths }
}
