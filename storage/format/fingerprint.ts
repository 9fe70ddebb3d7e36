/**
 * The fingerprint of a joining: eight words that are equal on both screens if
 * both machines mean the same request, log, header and approver. Normative
 * text: `docs/spec/join.md`, "Fingerprint".
 *
 *     SHA-256(label || 0x00 || request hash[32] || trust head[32] || header hash[32] || approver id[52])
 *     first 80 bits, 10 bits a word, most significant first
 *
 * Trust head and header are those that the request itself names, so that all
 * but the approver was fixed before anybody answered: who wants two different
 * requests to look alike must find a second preimage, not just a collision.
 *
 * @module
 */
import { utf8 } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { LABEL_FINGERPRINT } from "../../crypto/labels.ts"
import { fingerprintWords } from "../../crypto/words.ts"
import type { JoinRequest } from "./joinRequest.ts"

/** Words in a fingerprint. */
export const FINGERPRINT_WORDS = 8
const BITS_PER_WORD = 10

/**
 * The words that the approver's screen and the joiner's must both show.
 *
 * @param request - The joiner's: its own; the approver's: the verified one.
 * @param hash - Of that request's envelope.
 * @param approver - Id of the machine that approves, or has approved.
 */
export async function fingerprint(
  crypto: Crypto,
  request: JoinRequest,
  hash: Uint8Array,
  approver: string,
): Promise<readonly string[]> {
  const words = await fingerprintWords()
  return fingerprintNumbers(crypto, request, hash, approver).map((number) => words[number] as string)
}

/** The fingerprint as numbers from 0 to 1,023. */
export function fingerprintNumbers(
  crypto: Crypto,
  request: JoinRequest,
  hash: Uint8Array,
  approver: string,
): readonly number[] {
  const label = utf8(`${LABEL_FINGERPRINT}\0`)
  const digest = crypto.sha256(label, hash, request.trust.head, request.header, utf8(approver))
  const numbers: number[] = []
  for (let bit = 0; bit < FINGERPRINT_WORDS * BITS_PER_WORD; bit += BITS_PER_WORD) {
    const pair = ((digest[bit >> 3] as number) << 8) | (digest[(bit >> 3) + 1] as number)
    numbers.push((pair >> (16 - BITS_PER_WORD - (bit & 7))) & (2 ** BITS_PER_WORD - 1))
  }
  return numbers
}
