/**
 * Small changes to bytes and trees, of which attacks are made. Pure; what is
 * chosen is chosen by a seed.
 *
 * @module
 */
import { seededRandom } from "../seededRandom.ts"

/** The same bytes, but for one. */
export function flipped(bytes: Uint8Array, at: number, mask = 1): Uint8Array {
  // A copy: the slice of a Buffer is none.
  const changed = new Uint8Array(bytes)
  changed[at] = (changed[at] as number) ^ mask
  return changed
}

const BASE64 = new TextEncoder().encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

/**
 * For each byte what to change in it: never nothing, and not always the same bit. In a document a letter becomes another
 * letter: what fails to decode would never come to what checks it.
 */
export function masks(seed: number, bytes: Uint8Array): Uint8Array {
  const random = seededRandom(seed)(bytes.length)
  const isDocument = bytes[0] === 0x7b
  return new Uint8Array(bytes).map((byte, at) => {
    const drawn = random[at] as number
    if (!isDocument || !BASE64.includes(byte)) return drawn || 1
    const other = BASE64[(BASE64.indexOf(byte) + 1 + (drawn % 63)) % 64] as number
    return byte ^ other
  })
}

/** `count` different places of `length`, in order. */
export function places(seed: number, length: number, count: number): readonly number[] {
  const chosen = new Set<number>()
  const random = seededRandom(seed)
  while (chosen.size < Math.min(count, length)) {
    chosen.add(new DataView(random(4).buffer).getUint32(0) % length)
  }
  return [...chosen].sort((a, b) => a - b)
}

/** The same things in another order. */
export function shuffled<T>(seed: number, things: readonly T[]): readonly T[] {
  const random = seededRandom(seed)
  const keyed = things.map((thing) => [new DataView(random(4).buffer).getUint32(0), thing] as const)
  return keyed.sort(([a], [b]) => a - b).map(([, thing]) => thing)
}

/** What kind of object lies at a path of a vault. */
export function kindOf(path: string): string {
  return path.includes("/") ? (path.split("/")[0] as string) : path
}
