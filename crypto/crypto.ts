/**
 * What the rest of Sessyn needs of cryptography: one interface, implemented
 * natively where the platform can (`src/platform/node/nodeCrypto.ts` over
 * node:crypto, `crypto/webCrypto.ts` over WebCrypto) and portably elsewhere
 * (`crypto/portableCrypto.ts`). Every implementation runs the same vectors.
 *
 * Hashing and key derivation are synchronous everywhere, because they run on
 * small inputs between other work; whatever may go to another thread or to
 * WebCrypto is {@link Awaitable}, so that a native platform pays no promise.
 *
 * @module
 */
import type { Secret } from "./secret.ts"

/** A value, or the promise of one. Callers `await`; a synchronous platform pays one microtask. */
export type Awaitable<T> = T | Promise<T>

/** Length in bytes of SHA-256 and HMAC-SHA256 outputs, of AES-256 keys and of X-Wing, Ed25519 and ML-DSA seeds. */
export const HASH_BYTES = 32
/** Length in bytes of an AES-GCM nonce. */
export const NONCE_BYTES = 12
/** Length in bytes by which a sealed text is longer than its plaintext (the GCM tag). */
export const TAG_BYTES = 16

/** A running SHA-256 (FIPS 180-4). */
export interface Hasher {
  /** Adds bytes; they are not kept. */
  update(bytes: Uint8Array): void
  /** The digest of all that was added. Call once. */
  digest(): Uint8Array
}

/** Argon2id costs (RFC 9106): memory in KiB, passes, lanes. */
export interface Argon2Params {
  readonly memoryKiB: number
  readonly passes: number
  readonly lanes: number
}

/** Signature algorithms. A key's algorithm comes from the record that holds it, never from the message. */
export type SignatureAlgorithm = "ed25519" | "ecdsa-p256" | "ml-dsa-87"

/** What a factory of {@link Crypto} takes. */
export interface CryptoOptions {
  /**
   * Where random bytes come from, for tests that repeat themselves; by default the platform's generator. Every
   * byte that {@link Crypto.randomBytes} and {@link Crypto.sealTo} use is drawn here.
   */
  readonly randomBytes?: (length: number) => Uint8Array
}

export interface Crypto {
  /** For diagnostics: `node`, `webcrypto` or `portable`. */
  readonly name: string

  /** Fresh random bytes. Injected so that tests can repeat themselves. */
  randomBytes(length: number): Uint8Array

  /** SHA-256 over the concatenation of `parts`. */
  sha256(...parts: readonly Uint8Array[]): Uint8Array
  createSha256(): Hasher

  /** HMAC-SHA256 (RFC 2104) over the concatenation of `parts`. */
  hmacSha256(key: Secret, ...parts: readonly Uint8Array[]): Uint8Array

  /**
   * HKDF-SHA256 (RFC 5869), extract then expand.
   *
   * @param length - Bytes wanted, 1 to 8,160.
   */
  hkdf(ikm: Secret, salt: Uint8Array, info: Uint8Array, length: number): Secret

  /**
   * AES-256-GCM with a 96-bit nonce and a 128-bit tag (NIST SP 800-38D).
   * The caller guarantees that a key and nonce meet once.
   *
   * @returns ciphertext || tag, {@link TAG_BYTES} longer than `plaintext`; a new buffer.
   */
  seal(key: Secret, nonce: Uint8Array, associatedData: Uint8Array, plaintext: Uint8Array): Awaitable<Uint8Array>

  /**
   * Opens what {@link seal} made.
   *
   * @returns The plaintext in a new buffer.
   * @throws {CryptoError} `CRYPTO_OPEN_FAILED`, whatever the reason.
   */
  open(key: Secret, nonce: Uint8Array, associatedData: Uint8Array, sealed: Uint8Array): Awaitable<Uint8Array>

  /**
   * Argon2id version 0x13 (RFC 9106), without secret and associated data. Takes as long as its costs say.
   *
   * @param password - At least one byte.
   * @param salt - At least 8 bytes.
   * @param length - Bytes wanted, 4 to 1,024.
   * @throws {CryptoError} `CRYPTO_INVALID_INPUT` for anything else, and for costs that RFC 9106 does not allow.
   */
  argon2id(password: Secret, salt: Uint8Array, params: Argon2Params, length: number): Promise<Secret>

  /**
   * The public key of a 32-byte private seed: Ed25519 32 bytes (RFC 8032), ECDSA
   * P-256 65 bytes uncompressed (SEC 1), ML-DSA-87 2,592 bytes (FIPS 204). For
   * P-256 the seed is the private scalar, big-endian, in [1, n-1].
   *
   * @throws {CryptoError} `CRYPTO_INVALID_INPUT` if the seed is not a key (a P-256 scalar out of range).
   */
  signingPublicKey(algorithm: SignatureAlgorithm, seed: Secret): Awaitable<Uint8Array>

  /**
   * Signs a message: Ed25519 pure (64 bytes), ECDSA P-256 with SHA-256 (r || s, 64
   * bytes, low s), ML-DSA-87 pure with an empty context (4,627 bytes).
   */
  sign(algorithm: SignatureAlgorithm, seed: Secret, message: Uint8Array): Awaitable<Uint8Array>

  /**
   * Whether a signature is good. Strict, and the same answer on every platform: Ed25519 by RFC 8032 without
   * the cofactor, with canonical encodings, neither key nor R of small order; ECDSA only with r and s in range
   * and s low. Malformed input is `false`, never an exception.
   */
  verify(
    algorithm: SignatureAlgorithm,
    publicKey: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
  ): Awaitable<boolean>

  /**
   * The X-Wing public key (1,216 bytes) of a 32-byte private seed (draft-connolly-cfrg-xwing-kem).
   *
   * @throws {CryptoError} `CRYPTO_INVALID_INPUT` if the seed is not 32 bytes.
   */
  sealingPublicKey(seed: Secret): Awaitable<Uint8Array>

  /**
   * HPKE base mode (RFC 9180), single shot: X-Wing (KEM 0x647a), HKDF-SHA256, AES-256-GCM.
   * Anybody can seal to a public key: what is opened says nothing about who sealed it.
   *
   * @returns enc (1,120 bytes) || ciphertext || tag.
   * @throws {CryptoError} `CRYPTO_INVALID_INPUT` if the public key is none.
   */
  sealTo(publicKey: Uint8Array, info: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array>

  /** @throws {CryptoError} `CRYPTO_OPEN_FAILED`, whatever the reason. */
  openFrom(seed: Secret, info: Uint8Array, sealed: Uint8Array): Promise<Secret>
}
