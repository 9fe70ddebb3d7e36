/**
 * What the vectors of signed documents share: a crypto that repeats itself, the
 * logs they stand on, and the shape of a case. Envelopes are given as the text
 * they are.
 *
 * @module
 */
import { fromUtf8, toHex } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { createPortableCrypto } from "../../crypto/portableCrypto.ts"
import type { Keyring } from "../../storage/keys.ts"
import { seededRandom } from "../../test/support/seededRandom.ts"
import { newMachine, startLog, type TestLog, type TestMachine } from "../../test/support/trustLog.ts"

export function createVectorCrypto(seed: number): Promise<Crypto> {
  return createPortableCrypto({ randomBytes: seededRandom(seed) })
}

/** Two machines: `first`, with Ed25519, has approved `second`, with ECDSA P-256. */
export async function twoMachineLog(
  crypto: Crypto,
): Promise<{ log: TestLog; first: TestMachine; second: TestMachine }> {
  const log = await startLog(crypto)
  const second = await newMachine(crypto, "ecdsa-p256")
  await log.approve(log.first, second)
  return { log, first: log.first, second }
}

/** How a reader must refuse. */
export interface Refusal {
  readonly code: string
  readonly reason: string
}

/** What `attempt` throws; it must throw, and nothing but a coded error. */
export async function refusalOf(name: string, attempt: () => unknown): Promise<Refusal> {
  try {
    await attempt()
  } catch (error) {
    const { code, reason } = error as Partial<Refusal>
    if (code !== undefined && reason !== undefined) return { code, reason }
    throw error
  }
  throw new Error(`not refused: ${name}`)
}

export function texts(encoded: readonly Uint8Array[]): readonly string[] {
  return encoded.map(fromUtf8)
}

/** Workspace keys in hex, by epoch. */
export function keysInHex(keyring: Keyring): Readonly<Record<string, string>> {
  return Object.fromEntries(keyring.epochs.map((epoch) => [epoch, toHex(keyring.get(epoch)?.key.expose() ?? NOTHING)]))
}

const NOTHING = new Uint8Array(0)
