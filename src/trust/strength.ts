/**
 * Whether a passphrase can stand an offline attack: the estimate of zxcvbn
 * (Wheeler, USENIX Security 2016), in guesses. Loaded only when a passphrase
 * is chosen, for its dictionaries are large.
 *
 * @module
 */
import type { Secret } from "../../crypto/secret.ts"
import { fromUtf8 } from "../../crypto/bytes.ts"
import { SyncError } from "../errors.ts"

/** Fewest guesses, as a power of ten, that a passphrase must withstand: 2^40. */
const MIN_GUESSES_LOG10 = 40 * Math.log10(2)
/** More adds nothing to the estimate and costs quadratic time. */
const MAX_RATED_CHARACTERS = 100

/** @throws {SyncError} `WEAK_PASSPHRASE` if it is estimated to fall within 2^40 guesses. */
export async function requireStrongPassphrase(passphrase: Secret): Promise<void> {
  const [{ ZxcvbnFactory }, common, english] = await Promise.all([
    import("@zxcvbn-ts/core"),
    import("@zxcvbn-ts/language-common"),
    import("@zxcvbn-ts/language-en"),
  ])
  const estimator = new ZxcvbnFactory({
    dictionary: { ...common.dictionary, ...english.dictionary },
    graphs: common.adjacencyGraphs,
  })
  const text = fromUtf8(passphrase.expose()).slice(0, MAX_RATED_CHARACTERS)
  const { guessesLog10 } = estimator.check(text)
  if (guessesLog10 < MIN_GUESSES_LOG10) {
    throw new SyncError("WEAK_PASSPHRASE", "this passphrase could be guessed", {
      guessesLog2: Math.floor(guessesLog10 / Math.log10(2)),
    })
  }
}
