/**
 * Finds any of many byte strings in bytes, in one pass: a rolling hash over a
 * window as long as the shortest string, a bitmap that turns most places away,
 * a table of what starts so, and a comparison. A million strings take some
 * ten megabytes besides their own bytes.
 *
 * @module
 */

export interface NeedleSet {
  /** Distinct strings. */
  readonly size: number
  /** @returns The string's number: the same for the same bytes. */
  add(bytes: Uint8Array): number
  bytes(needle: number): Uint8Array
  /** Calls `found` for each place where one of them starts. */
  search(haystack: Uint8Array, found: (needle: number, at: number) => void): void
}

const FACTOR = 0x01000193
const FIRST_CAPACITY = 1 << 12
const NONE = -1

/** @param window - No string is shorter. */
export function createNeedleSet(window: number): NeedleSet {
  let arena = new Uint8Array(1 << 16)
  let arenaLength = 0
  let starts = new Uint32Array(FIRST_CAPACITY)
  let hashes = new Uint32Array(FIRST_CAPACITY)
  let next = new Int32Array(FIRST_CAPACITY)
  let size = 0
  let heads = new Int32Array(FIRST_CAPACITY * 2).fill(NONE)
  /** 16 bits for each place in `heads`. */
  let bitmap = new Uint8Array(heads.length * 2)

  /** What the byte that leaves the window has become by then. */
  let leaving = 1
  for (let i = 0; i < window; i++) leaving = Math.imul(leaving, FACTOR)

  const hashOf = (bytes: Uint8Array, at: number): number => {
    let hash = 0
    for (let i = at; i < at + window; i++) hash = (Math.imul(hash, FACTOR) + (bytes[i] as number)) | 0
    return hash
  }
  /** Spreads the rolling hash, whose low bits know only the last bytes. */
  const spread = (hash: number): number => {
    const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    return (mixed ^ (mixed >>> 13)) >>> 0
  }
  const lengthOf = (needle: number): number => (starts[needle + 1] as number) - (starts[needle] as number)

  const isAt = (needle: number, bytes: Uint8Array, at: number): boolean => {
    const start = starts[needle] as number
    const length = lengthOf(needle)
    if (at + length > bytes.length) return false
    for (let i = 0; i < length; i++) if (arena[start + i] !== bytes[at + i]) return false
    return true
  }

  const enter = (needle: number): void => {
    const hash = hashes[needle] as number
    const place = hash & (heads.length - 1)
    next[needle] = heads[place] as number
    heads[place] = needle
    const bit = hash & (bitmap.length * 8 - 1)
    bitmap[bit >>> 3] = (bitmap[bit >>> 3] as number) | (1 << (bit & 7))
  }

  const grow = (): void => {
    starts = enlarged(starts)
    hashes = enlarged(hashes)
    const links = new Int32Array(next.length * 2)
    next = links
    heads = new Int32Array(heads.length * 2).fill(NONE)
    bitmap = new Uint8Array(heads.length * 2)
    for (let needle = 0; needle < size; needle++) enter(needle)
  }

  return {
    get size() {
      return size
    },

    add(bytes) {
      if (bytes.length < window) throw new RangeError("shorter than the window")
      const hash = spread(hashOf(bytes, 0))
      for (let needle = heads[hash & (heads.length - 1)] as number; needle !== NONE; needle = next[needle] as number) {
        if (hashes[needle] === hash && lengthOf(needle) === bytes.length && isAt(needle, bytes, 0)) return needle
      }
      if (size + 1 >= starts.length) grow()
      while (arenaLength + bytes.length > arena.length) arena = enlarged(arena)
      arena.set(bytes, arenaLength)
      arenaLength += bytes.length
      const needle = size++
      hashes[needle] = hash
      starts[needle + 1] = arenaLength
      enter(needle)
      return needle
    },

    bytes: (needle) => arena.slice(starts[needle], starts[needle + 1]),

    search(haystack, found) {
      if (size === 0 || haystack.length < window) return
      const bits = bitmap.length * 8 - 1
      const places = heads.length - 1
      let rolling = hashOf(haystack, 0)
      for (let at = 0; ; at++) {
        const hash = spread(rolling)
        const bit = hash & bits
        if (((bitmap[bit >>> 3] as number) >>> (bit & 7)) & 1) {
          for (let needle = heads[hash & places] as number; needle !== NONE; needle = next[needle] as number) {
            if (hashes[needle] === hash && isAt(needle, haystack, at)) found(needle, at)
          }
        }
        if (at + window >= haystack.length) return
        const entering = haystack[at + window] as number
        const left = Math.imul(haystack[at] as number, leaving)
        rolling = (Math.imul(rolling, FACTOR) + entering - left) | 0
      }
    },
  }
}

function enlarged<T extends Uint8Array | Uint32Array>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(array.length * 2)
  larger.set(array)
  return larger
}
