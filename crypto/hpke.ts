/**
 * HPKE (RFC 9180), base mode, single shot: KEM X-Wing (0x647a, draft-connolly-cfrg-xwing-kem),
 * KDF HKDF-SHA256 (0x0001), AEAD AES-256-GCM (0x0002). Specified in `docs/spec/crypto.md`.
 *
 *     sealed = enc[1120] || ciphertext || tag[16]
 *
 * The key schedule is the library's, X-Wing is noble's, the rest is whatever the
 * platform's {@link Crypto} has. Private keys are 32-byte X-Wing seeds; HPKE's
 * DeriveKeyPair is refused, because two documents define it differently.
 *
 * Loaded on first use only: the libraries take some 50 ms.
 *
 * @module
 */
import { ml_kem768_x25519 as xWing } from "@noble/post-quantum/hybrid.js"
import { type AEADFactory, CipherSuite, type KDFFactory, type KEM, type Key } from "hpke"
import { concatBytes } from "./bytes.ts"
import type { Crypto } from "./crypto.ts"
import { CryptoError } from "./errors.ts"
import { hkdfExpand } from "./hmac.ts"
import { checkSeed, invalidInput, openFailed } from "./inputs.ts"
import { Secret } from "./secret.ts"

/** Bytes of an X-Wing public key. */
export const SEALING_PUBLIC_KEY_BYTES = 1216
/** Bytes of the encapsulated key before every sealed text. */
export const ENCAPSULATED_KEY_BYTES = 1120

/** What HPKE needs of the platform. */
export type HpkePrimitives = Pick<Crypto, "randomBytes" | "sha256" | "hmacSha256" | "seal" | "open">

export type Hpke = Pick<Crypto, "sealingPublicKey" | "sealTo" | "openFrom">

export function createHpke(primitives: HpkePrimitives): Hpke {
  const suite = createSuite(primitives, createXWing(primitives.randomBytes))
  return {
    sealingPublicKey(seed) {
      checkSeed(seed)
      return xWing.getPublicKey(seed.expose())
    },
    async sealTo(publicKey, info, plaintext) {
      if (publicKey.length !== SEALING_PUBLIC_KEY_BYTES) throw invalidInput("X-Wing public key length")
      try {
        const key = await suite.DeserializePublicKey(publicKey)
        const { encapsulatedSecret, ciphertext } = await suite.Seal(key, plaintext, { info })
        return concatBytes(encapsulatedSecret, ciphertext)
      } catch (cause) {
        throw new CryptoError("CRYPTO_INVALID_INPUT", "not an X-Wing public key", { cause })
      }
    },
    async openFrom(seed, info, sealed) {
      const enc = sealed.subarray(0, ENCAPSULATED_KEY_BYTES)
      const ciphertext = sealed.subarray(ENCAPSULATED_KEY_BYTES)
      try {
        const key = await suite.DeserializePrivateKey(seed.expose())
        return new Secret(await suite.Open(key, enc, ciphertext, { info }))
      } catch {
        throw openFailed()
      }
    },
  }
}

/** The cipher suite over any KEM and AEAD: published vectors have others, and run through this same key schedule. */
export function createSuite<K extends Key>(
  primitives: HpkePrimitives,
  kem: KEM<K>,
  aead: AEADFactory = aes256Gcm(primitives),
): CipherSuite<K> {
  return new CipherSuite(() => kem, hkdfSha256(primitives), aead)
}

/** A key as the library wants it. The bytes of a private one are the caller's secret: not kept beyond the call. */
export interface XWingKey extends Key {
  readonly bytes: Uint8Array
}

/** X-Wing as the library wants a KEM, private keys being seeds. */
export function createXWing(randomBytes: Crypto["randomBytes"]): KEM<XWingKey> {
  const keyOf = (type: "public" | "private", bytes: Uint8Array): XWingKey => ({
    type,
    bytes,
    extractable: true,
    algorithm: { name: "X-Wing" },
  })
  return {
    id: 0x647a,
    type: "KEM",
    name: "X-Wing",
    Nsecret: 32,
    Nenc: ENCAPSULATED_KEY_BYTES,
    Npk: SEALING_PUBLIC_KEY_BYTES,
    Nsk: 32,
    DeriveKeyPair: refuseKeyGeneration,
    GenerateKeyPair: refuseKeyGeneration,
    SerializePublicKey: async (key) => key.bytes,
    DeserializePublicKey: async (bytes) => keyOf("public", bytes),
    SerializePrivateKey: async (key) => key.bytes,
    DeserializePrivateKey: async (bytes) => keyOf("private", bytes),
    async Encap(key) {
      const { sharedSecret, cipherText } = xWing.encapsulate(key.bytes, randomBytes(64))
      return { shared_secret: sharedSecret, enc: cipherText }
    },
    Decap: async (enc, key) => xWing.decapsulate(enc, key.bytes),
  }
}

async function refuseKeyGeneration(): Promise<never> {
  throw new CryptoError("CRYPTO_UNSUPPORTED", "keys are made from seeds, never by HPKE")
}

function hkdfSha256({ sha256, hmacSha256 }: HpkePrimitives): KDFFactory {
  return () => ({
    id: 0x0001,
    type: "KDF",
    name: "HKDF-SHA256",
    Nh: 32,
    stages: 2,
    Extract: async (salt, ikm) => hmacSha256(new Secret(salt.slice()), ikm),
    Expand: async (prk, info, length) => hkdfExpand(sha256, prk, info, length),
    async Derive() {
      throw new CryptoError("CRYPTO_UNSUPPORTED", "HKDF has two stages")
    },
  })
}

function aes256Gcm({ seal, open }: HpkePrimitives): AEADFactory {
  return () => ({
    id: 0x0002,
    type: "AEAD",
    name: "AES-256-GCM",
    Nk: 32,
    Nn: 12,
    Nt: 16,
    Seal: async (key, nonce, associatedData, plaintext) =>
      seal(new Secret(key.slice()), nonce, associatedData, plaintext),
    Open: async (key, nonce, associatedData, sealed) => open(new Secret(key.slice()), nonce, associatedData, sealed),
  })
}
