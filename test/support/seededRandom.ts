/**
 * Random bytes that repeat themselves, by seed. For tests only: xorshift128, seeded by a multiplicative hash.
 *
 * @module
 */
export function seededRandom(seed: number): (length: number) => Uint8Array {
  const state = Uint32Array.from([1, 2, 3, 4], (n) => Math.imul(seed + n, 0x9e3779b1) | 1)
  const next = (): number => {
    let t = state[3] as number
    const s = state[0] as number
    t ^= t << 11
    t ^= t >>> 8
    state.copyWithin(1, 0, 3)
    state[0] = t ^ s ^ (s >>> 19)
    return state[0] as number
  }
  for (let i = 0; i < 32; i++) next()
  return (length) => Uint8Array.from({ length }, () => next() >>> 24)
}
