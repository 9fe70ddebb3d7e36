/**
 * Makes an input that shows a fault as short and plain as it gets.
 *
 * @module
 */
import { splice } from "./mutate.ts"

const MAX_TRIALS = 2000
/** What takes long for one input takes very long for thousands. */
const MAX_MS = 10_000
const NOTHING = new Uint8Array(0)

/** @param stillShows - Whether a smaller input shows the same. */
export async function minimise(
  input: Uint8Array,
  stillShows: (candidate: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input
  const until = performance.now() + MAX_MS
  let trials = 0
  const take = async (candidate: Uint8Array): Promise<boolean> => {
    if (trials++ > MAX_TRIALS || performance.now() > until || !(await stillShows(candidate))) return false
    best = candidate
    return true
  }
  for (let piece = best.length >>> 1; piece >= 1; piece >>>= 1) {
    for (let at = 0; at < best.length; ) if (!(await take(splice(best, at, piece, NOTHING)))) at += piece
  }
  for (let at = 0; at < best.length; at++) {
    if (best[at] !== 0x30) await take(splice(best, at, 1, Uint8Array.of(0x30)))
  }
  return best
}
