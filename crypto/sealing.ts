/**
 * HPKE for a {@link Crypto}, loaded on first use: `crypto/hpke.ts` brings ML-KEM
 * and the curves, some 50 ms that most commands can do without.
 *
 * @module
 */
import type { Hpke, HpkePrimitives } from "./hpke.ts"

export function createSealing(primitives: HpkePrimitives): Hpke {
  let loading: Promise<Hpke> | undefined
  const load = (): Promise<Hpke> => {
    loading ??= import("./hpke.ts").then(({ createHpke }) => createHpke(primitives))
    return loading
  }
  return {
    sealingPublicKey: async (seed) => (await load()).sealingPublicKey(seed),
    sealTo: async (publicKey, info, plaintext) => (await load()).sealTo(publicKey, info, plaintext),
    openFrom: async (seed, info, sealed) => (await load()).openFrom(seed, info, sealed),
  }
}
