/**
 * How the vectors of each algorithm are run on an implementation of Crypto, and where
 * `docs/spec/crypto.md` is stricter than their authors.
 *
 * @module
 */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js"
import { type AEADFactory, KEM_DHKEM_X25519_HKDF_SHA256 } from "hpke"
import { concatBytes, equalBytes } from "../../crypto/bytes.ts"
import type { Crypto, CryptoOptions, SignatureAlgorithm } from "../../crypto/crypto.ts"
import { CryptoError, type CryptoErrorCode } from "../../crypto/errors.ts"
import { createSuite, createXWing } from "../../crypto/hpke.ts"
import { Secret } from "../../crypto/secret.ts"
import { bytesOf, numberOf, type VectorFile, type VectorGroup, type VectorTest } from "../support/cryptoVectors.ts"

export type CryptoFactory = (options?: CryptoOptions) => Crypto | Promise<Crypto>

interface Case {
  readonly crypto: Crypto
  readonly create: CryptoFactory
  readonly group: VectorGroup
  readonly test: VectorTest
}

interface Runner {
  /** Whether the implementation agrees with every value of the case. Throws only what no caller should ever see. */
  accepts(vector: Case): Promise<boolean>
  /** Why Sessyn refuses a case that the vector calls valid. */
  readonly stricter?: (group: VectorGroup, test: VectorTest) => boolean
}

/** Runs a file. Returns a line for each case that went wrong, and the number of cases run. */
export async function runVectorFile(
  file: VectorFile,
  create: CryptoFactory,
): Promise<{ readonly failures: readonly string[]; readonly run: number }> {
  const runner = RUNNERS[file.algorithm]
  if (runner === undefined) throw new Error(`no runner for ${file.algorithm}`)
  const crypto = await create()
  const failures: string[] = []
  let run = 0
  for (const group of file.testGroups) {
    for (const test of group.tests) {
      run++
      const expected = test.result === "valid" && !runner.stricter?.(group, test)
      const accepted = await runner.accepts({ crypto, create, group, test }).catch((error: unknown) => error)
      if (accepted !== expected && test.result !== "acceptable") {
        failures.push(`${test.tcId} ${test.comment}: ${String(accepted)} instead of ${expected}`)
      }
    }
  }
  return { failures, run }
}

const RUNNERS: Readonly<Record<string, Runner>> = {
  "SHA-256": {
    async accepts({ crypto, test }) {
      const message = bytesOf(test, "msg")
      const running = crypto.createSha256()
      for (const byte of message) running.update(Uint8Array.of(byte))
      return agree(bytesOf(test, "digest"), crypto.sha256(message), running.digest())
    },
  },
  HMACSHA256: {
    async accepts({ crypto, test }) {
      return agree(bytesOf(test, "tag"), crypto.hmacSha256(secretOf(test, "key"), bytesOf(test, "msg")))
    },
  },
  "HKDF-SHA-256": {
    accepts: ({ crypto, test }) =>
      agreesUnlessRefused(bytesOf(test, "okm"), () =>
        crypto.hkdf(secretOf(test, "ikm"), bytesOf(test, "salt"), bytesOf(test, "info"), numberOf(test, "size")),
      ),
  },
  "AES-GCM": {
    accepts: runAead,
    stricter: (group) => group["ivSize"] !== 96,
  },
  ARGON2ID: {
    async accepts({ crypto, test }) {
      const params = {
        memoryKiB: numberOf(test, "memoryKiB"),
        passes: numberOf(test, "passes"),
        lanes: numberOf(test, "lanes"),
      }
      return agreesUnlessRefused(bytesOf(test, "tag"), () =>
        crypto.argon2id(secretOf(test, "password"), bytesOf(test, "salt"), params, numberOf(test, "length")),
      )
    },
  },
  EDDSA: {
    accepts: (vector) => runSignature("ed25519", publicKeyOf(vector.group, "pk"), vector),
  },
  ECDSA: {
    accepts: (vector) => runSignature("ecdsa-p256", publicKeyOf(vector.group, "uncompressed"), vector),
    stricter: (_, test) => hasHighS(bytesOf(test, "sig")),
  },
  "ML-DSA-87": {
    accepts: (vector) => runSignature("ml-dsa-87", bytesOf(vector.group, "publicKey"), vector),
    stricter: (_, test) => test["ctx"] !== undefined && test["ctx"] !== "",
  },
  "ML-DSA-87-KEYGEN": {
    accepts: async ({ crypto, test }) =>
      agree(bytesOf(test, "pk"), await crypto.signingPublicKey("ml-dsa-87", secretOf(test, "seed"))),
  },
  "X-WING": { accepts: runXWing },
  HPKE: { accepts: runHpke },
  "HPKE-KEY-SCHEDULE": { accepts: runKeySchedule },
}

async function runAead({ crypto, test }: Case): Promise<boolean> {
  const [key, nonce, associatedData] = [secretOf(test, "key"), bytesOf(test, "iv"), bytesOf(test, "aad")]
  const [message, expected] = [bytesOf(test, "msg"), concatBytes(bytesOf(test, "ct"), bytesOf(test, "tag"))]
  const opens = await refused("CRYPTO_OPEN_FAILED", async () =>
    agree(message, await crypto.open(key, nonce, associatedData, expected)),
  )
  const seals = await refused("CRYPTO_INVALID_INPUT", async () =>
    agree(expected, await crypto.seal(key, nonce, associatedData, message)),
  )
  if (opens !== seals) throw new Error(`open says ${opens}, seal says ${seals}`)
  return opens
}

/** Verifies; where the group has the private seed, that key and a signature of its own must fit as well. */
async function runSignature(algorithm: SignatureAlgorithm, publicKey: Uint8Array, vector: Case): Promise<boolean> {
  const { crypto, group, test } = vector
  const [message, signature] = [bytesOf(test, "msg"), bytesOf(test, "sig")]
  const good = await crypto.verify(algorithm, publicKey, message, signature)
  if (!good || group["privateSeed"] === undefined) return good
  const seed = secretOf(group, "privateSeed")
  const own = await crypto.sign(algorithm, seed, message)
  if (algorithm === "ed25519" && !agree(signature, own)) return false
  if (!(await crypto.verify(algorithm, publicKey, message, own))) return false
  return agree(publicKey, await crypto.signingPublicKey(algorithm, seed))
}

async function runXWing({ crypto, test }: Case): Promise<boolean> {
  const kem = createXWing(() => bytesOf(test, "eseed"))
  const [seed, publicKey, sharedSecret] = [bytesOf(test, "seed"), bytesOf(test, "pk"), bytesOf(test, "ss")]
  const privateKey = await kem.DeserializePrivateKey(seed, true)
  const received = await kem.Decap(bytesOf(test, "ct"), privateKey, undefined).catch(() => new Uint8Array(0))
  if (!agree(sharedSecret, received)) return false
  const sent = await kem.Encap(await kem.DeserializePublicKey(publicKey))
  if (!agree(sharedSecret, sent.shared_secret) || !agree(bytesOf(test, "ct"), sent.enc)) return false
  return agree(publicKey, await crypto.sealingPublicKey(new Secret(seed)))
}

async function runHpke({ crypto, create, test }: Case): Promise<boolean> {
  const [seed, info, sealed] = [secretOf(test, "seed"), bytesOf(test, "info"), bytesOf(test, "sealed")]
  const opens = await refused("CRYPTO_OPEN_FAILED", async () =>
    agree(bytesOf(test, "msg"), (await crypto.openFrom(seed, info, sealed)).expose()),
  )
  if (!opens || test.result !== "valid") return opens
  const repeating = await create({ randomBytes: () => bytesOf(test, "encapsulationRandomness") })
  const publicKey = bytesOf(test, "publicKey")
  if (!agree(publicKey, await crypto.sealingPublicKey(seed))) return false
  return agree(sealed, await repeating.sealTo(publicKey, info, bytesOf(test, "msg")))
}

/** Published vectors of other suites, through the key schedule that `sealTo` and `openFrom` use. */
async function runKeySchedule({ crypto, test }: Case): Promise<boolean> {
  const isXWing = test["kem_id"] === 0x647a
  const kem = isXWing ? createXWing(() => bytesOf(test, "ikmE")) : KEM_DHKEM_X25519_HKDF_SHA256()
  const suite = createSuite(crypto, kem as ReturnType<typeof createXWing>, CHACHA20_POLY1305)
  const [info, enc] = [bytesOf(test, "info"), bytesOf(test, "enc")]
  const privateKey = await suite.DeserializePrivateKey(bytesOf(test, "skRm"), true)
  const recipient = await suite.SetupRecipient(privateKey, enc, { info })
  const publicKey = await suite.DeserializePublicKey(bytesOf(test, "pkRm"))
  const sender = isXWing ? await suite.SetupSender(publicKey, { info }) : undefined
  if (sender !== undefined && !agree(enc, sender.encapsulatedSecret)) return false
  for (const encryption of test["encryptions"] as readonly Record<string, unknown>[]) {
    const [aad, text, sealed] = [bytesOf(encryption, "aad"), bytesOf(encryption, "pt"), bytesOf(encryption, "ct")]
    if (!agree(text, await recipient.Open(sealed, aad))) return false
    if (sender !== undefined && !agree(sealed, await sender.ctx.Seal(text, aad))) return false
  }
  return true
}

const CHACHA20_POLY1305: AEADFactory = () => ({
  id: 0x0003,
  type: "AEAD",
  name: "ChaCha20Poly1305",
  Nk: 32,
  Nn: 12,
  Nt: 16,
  Seal: async (key, nonce, associatedData, text) => chacha20poly1305(key, nonce, associatedData).encrypt(text),
  Open: async (key, nonce, associatedData, sealed) => chacha20poly1305(key, nonce, associatedData).decrypt(sealed),
})

/** For derivations: where nothing is expected, the parameters must be refused. */
async function agreesUnlessRefused(expected: Uint8Array, derive: () => Secret | Promise<Secret>): Promise<boolean> {
  return refused("CRYPTO_INVALID_INPUT", async () => {
    const derived = await derive()
    if (expected.length === 0) throw new Error("derived from parameters that are not allowed")
    return agree(expected, derived.expose())
  })
}

/** False if `run` throws the one error that it may. */
async function refused(code: CryptoErrorCode, run: () => Promise<boolean>): Promise<boolean> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof CryptoError && error.code === code) return false
    throw error
  }
}

function agree(expected: Uint8Array, ...found: readonly Uint8Array[]): boolean {
  return found.every((bytes) => equalBytes(expected, bytes))
}

function secretOf(fields: Readonly<Record<string, unknown>>, name: string): Secret {
  return new Secret(bytesOf(fields, name))
}

function publicKeyOf(group: VectorGroup, name: string): Uint8Array {
  return bytesOf(group["publicKey"] as Record<string, unknown>, name)
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

function hasHighS(signature: Uint8Array): boolean {
  const s = signature.slice(32, 64).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
  return 2n * s > P256_ORDER
}
