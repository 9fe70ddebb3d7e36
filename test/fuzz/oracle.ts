/**
 * Says of one input whether a target bore it: only its coded errors came out,
 * and neither memory nor time were out of proportion to the input.
 *
 * @module
 */
import { CodedError } from "../../crypto/errors.ts"
import type { Target } from "./target.ts"

export type FaultKind = "error" | "memory" | "time" | "hang"

export interface Fault {
  readonly kind: FaultKind
  /** The same for the same fault, whatever the input: where it was thrown, for one. */
  readonly signature: string
}

const BASE_TIME_MS = 150
const DEFAULT_MICROSECONDS_PER_BYTE = 20
const DEFAULT_MEMORY = { base: 32 * 1024 * 1024, factor: 1024 }
/** A pause of the collector or of the machine is not the decoder's; the best of so many runs is. */
const TIMED_RUNS = 3

/** @returns `null` if all is well. */
export async function judge(target: Target, input: Uint8Array): Promise<Fault | null> {
  const first = await measured(target, input)
  if (first.fault !== null) return first.fault
  if (first.bytes > allowedBytes(target, input.length) && (await again(target, input)).bytes !== null) {
    return { kind: "memory", signature: "allocates out of proportion" }
  }
  if (first.ms > allowedMs(target, input.length) && (await again(target, input)).ms !== null) {
    return { kind: "time", signature: "takes time out of proportion" }
  }
  return null
}

interface Measured {
  readonly fault: Fault | null
  readonly ms: number
  readonly bytes: number
}

export async function measured(target: Target, input: Uint8Array): Promise<Measured> {
  const own = input.slice()
  const before = process.memoryUsage()
  const [started, worked] = [performance.now(), cpuMs()]
  const fault = await outcome(target, own)
  // On a busy machine it waits, with its other threads it works, longer than it takes.
  const ms = Math.min(performance.now() - started, cpuMs() - worked)
  const after = process.memoryUsage()
  // A collection meanwhile only ever makes it look like less.
  const bytes = Math.max(0, after.arrayBuffers - before.arrayBuffers) + Math.max(0, after.heapUsed - before.heapUsed)
  return { fault, ms, bytes }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** What is out of proportion in every one of some more runs. */
async function again(target: Target, input: Uint8Array): Promise<{ ms: number | null; bytes: number | null }> {
  let ms = Infinity
  let bytes = Infinity
  for (let run = 0; run < TIMED_RUNS; run++) {
    const next = await measured(target, input)
    ms = Math.min(ms, next.ms)
    bytes = Math.min(bytes, next.bytes)
  }
  return {
    ms: ms > allowedMs(target, input.length) ? ms : null,
    bytes: bytes > allowedBytes(target, input.length) ? bytes : null,
  }
}

export function allowedBytes({ memory = DEFAULT_MEMORY }: Target, length: number): number {
  return memory.base + memory.factor * length
}

export function allowedMs({ microsecondsPerByte = DEFAULT_MICROSECONDS_PER_BYTE }: Target, length: number): number {
  return BASE_TIME_MS + (microsecondsPerByte * length) / 1000
}

async function outcome(target: Target, input: Uint8Array): Promise<Fault | null> {
  try {
    await target.run(input)
    return null
  } catch (error) {
    if (error instanceof CodedError && target.codes.includes(error.code)) return null
    return { kind: "error", signature: signatureOf(error) }
  }
}

/** Name, message without its numbers, and the first place of ours in the stack. */
function signatureOf(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${typeof error}`
  const code = error instanceof CodedError ? ` ${error.code}` : ""
  const place = /\/((?:storage|src|crypto|cli)\/[^:]+):(\d+)/.exec(error.stack ?? "")
  const where = place === null ? "" : ` at ${place[1]}:${place[2]}`
  return `${error.name}${code}: ${error.message.slice(0, 120).replaceAll(/\d+/g, "#")}${where}`
}
