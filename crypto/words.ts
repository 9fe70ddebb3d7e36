/**
 * Words that people read aloud and type: for fingerprints and for passphrases.
 * The list is BIP39's English one: 2,048 common words of 3 to 8 letters, no two
 * with the same first four, so that misheard and mistyped words stand out.
 * Loaded when first asked for: most runs need none of it.
 *
 * @module
 */
import type { Crypto } from "./crypto.ts"

/** Words of a generated passphrase: 66 bits. */
export const PASSPHRASE_WORDS = 6

/** All 2,048 words, in alphabetical order. */
export async function passphraseWords(): Promise<readonly string[]> {
  return (await import("@scure/bip39/wordlists/english.js")).wordlist
}

/** Every second word, 1,024 in all: alphabetical neighbours sound alike, and every word left differs from its neighbour more. */
export async function fingerprintWords(): Promise<readonly string[]> {
  return (await passphraseWords()).filter((_, i) => i % 2 === 0)
}

/**
 * A passphrase of random words with single spaces between them, 11 bits a word.
 *
 * @returns A secret that a person must see once: do not log or keep it.
 */
export async function generatePassphrase(
  crypto: Pick<Crypto, "randomBytes">,
  words = PASSPHRASE_WORDS,
): Promise<string> {
  const list = await passphraseWords()
  const random = crypto.randomBytes(2 * words)
  const chosen: string[] = []
  // 2,048 divides 65,536: the remainder is uniform.
  for (let i = 0; i < random.length; i += 2) {
    chosen.push(list[(((random[i] as number) << 8) | (random[i + 1] as number)) % list.length] as string)
  }
  random.fill(0)
  return chosen.join(" ")
}
