/**
 * An intake on two cores: files lie in line until the thread takes a batch of
 * them, oldest first. When there are no more to come, this thread takes the
 * newest, so that neither waits for the other.
 *
 * The thread starts when there is enough for it. Without one, or if it fails,
 * everything is taken in here.
 *
 * @module
 */
import { once } from "node:events"
import { setImmediate as turn } from "node:timers/promises"
import type { Worker } from "node:worker_threads"
import type { EpochKeys } from "../../../../storage/keys.ts"
import type { Intake, IntakeOptions, TakenIn } from "../../../ports/intake.ts"
import { findThread, startThread } from "../threads.ts"
import { type Answer, decodeAnswer, encodeBatch, type ListedFile, type Request } from "./messages.ts"
import { createTaker, type Taker, type TakerOptions } from "./taker.ts"

/** A batch: so much that the trip there and back does not count, so little that nobody waits long for it. */
const BATCH_BYTES = 512 * 1024
const BATCH_FILES = 64
/** So that the thread has the next one at hand while the main one is busy. */
const BATCHES_AWAY = 3
/** Less is done here before a thread has started. */
const START_BYTES = 1024 * 1024
const START_FILES = 256
/** How long this thread works before it looks whether anything came, in milliseconds. */
const STRETCH_MS = 8
const MAX_HELD_BYTES = 32 * 1024 * 1024

export interface ThreadIntakeOptions extends IntakeOptions, TakerOptions {
  /** Bytes of content that are kept at most; by default 32 MiB. */
  readonly maxHeldBytes?: number
  /** The thread's program; `null`: none. For tests; by default the one that was built with this. */
  readonly program?: URL | null
}

interface Job extends ListedFile {
  readonly take: (taken: TakenIn | null) => void
}

/** A batch that the thread has. */
interface Away {
  readonly jobs: readonly Job[]
  readonly reservedBytes: number
}

export function createThreadIntake(options: ThreadIntakeOptions): Intake {
  const { maxHeldBytes = MAX_HELD_BYTES, program = findThread("./intake/intakeThread.ts") } = options
  const line: Job[] = []
  /** Those before it are gone. */
  let front = 0
  let lineBytes = 0
  const away: Away[] = []
  let worker: Worker | null = null
  let usable = program !== null
  let here: Taker | null = null
  let keys: EpochKeys | null = null
  let heldBytes = 0
  let wake: () => void = () => {}

  function takeBatch(): Job[] {
    const from = front
    for (let bytes = 0; front < line.length && front - from < BATCH_FILES && bytes < BATCH_BYTES; front++) {
      bytes += (line[front] as Job).listed.size
    }
    return line.slice(from, front)
  }

  const isEnough = (): boolean => lineBytes >= START_BYTES || line.length >= START_FILES

  function feed(): void {
    if (!usable || (worker === null && !isEnough())) return
    while (away.length < BATCHES_AWAY && front < line.length) {
      worker ??= start(program as URL)
      const jobs = takeBatch()
      const reservedBytes = reserve(jobs.reduce((sum, { listed }) => sum + listed.size, 0))
      away.push({ jobs, reservedBytes })
      const batch = encodeBatch(jobs)
      tell({ kind: "batch", keeps: reservedBytes > 0, ...batch }, [batch.sizes.buffer, batch.facts.buffer])
    }
  }

  /** Room for content that may be so long; 0 if it is not to be kept. */
  function reserve(bytes: number): number {
    if (!options.keeps || heldBytes + bytes > maxHeldBytes) return 0
    heldBytes += bytes
    return bytes
  }

  function tell(request: Request, moved: readonly ArrayBuffer[] = []): void {
    worker?.postMessage(request, [...moved])
  }

  function giveKeys({ workspace, epoch, key }: EpochKeys): void {
    if (worker === null) return
    // Moved, so that the copy is the thread's alone.
    const copy = key.expose().slice()
    tell({ kind: "keys", workspace, epoch, key: copy }, [copy.buffer])
  }

  function start(file: URL): Worker {
    const started = startThread(file, options.root)
    worker = started
    started.on("message", (answer: Answer) => arrive(answer))
    started.on("error", fail)
    started.on("exit", fail)
    if (keys !== null) giveKeys(keys)
    return started
  }

  function arrive(answer: Answer): void {
    const first = away.shift()
    if (first === undefined) return
    const { jobs, reservedBytes } = first
    const taken = decodeAnswer(answer)
    heldBytes += answer.bytes.length - reservedBytes
    for (const [i, job] of jobs.entries()) job.take(taken[i] ?? null)
    feed()
    wake()
  }

  /** What the thread had comes back to the line. */
  function fail(): void {
    usable = false
    worker = null
    for (const { jobs, reservedBytes } of away.splice(0)) {
      line.push(...jobs)
      heldBytes -= reservedBytes
    }
    wake()
  }

  async function takeHere({ path, listed, take }: Job): Promise<void> {
    here ??= openHere()
    const reservedBytes = reserve(listed.size)
    const taken = await here.takeIn(path, listed, reservedBytes > 0)
    const ready = taken?.ready ?? null
    heldBytes += (ready?.bytes.length ?? 0) - reservedBytes
    take(taken === null || ready === null ? taken : { ...taken, ready: { ...ready, bytes: ready.bytes.slice() } })
  }

  function openHere(): Taker {
    const taker = createTaker(options)
    if (keys !== null) taker.sealUnder(keys)
    return taker
  }

  return {
    add(path, listed, take) {
      line.push({ path, listed, take })
      lineBytes += listed.size
      feed()
    },
    sealUnder(given) {
      keys = given
      here?.sealUnder(given)
      giveKeys(given)
    },
    async drain(signal) {
      while (front < line.length || away.length > 0) {
        signal?.throwIfAborted()
        for (const until = performance.now() + STRETCH_MS; front < line.length && performance.now() < until; ) {
          await takeHere(line.pop() as Job)
        }
        if (front < line.length) await turn()
        else if (away.length > 0) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
      line.length = 0
      front = 0
    },
    async close() {
      line.length = 0
      front = 0
      away.length = 0
      here?.close()
      if (worker === null) return
      const ended = once(worker, "exit")
      tell({ kind: "end" })
      // One that failed has ended, too.
      await ended.catch(() => {})
    },
  }
}
