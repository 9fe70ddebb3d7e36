/**
 * {@link Crypto} over node:crypto: native where Node has it, from Node 22.15 (VS
 * Code's Electron) on; what an older one lacks runs portably. Specified in
 * `docs/spec/crypto.md`.
 *
 * AES-GCM is synchronous here on purpose: WebCrypto costs 0.1 to 0.2 ms a call,
 * and most files are small. HPKE and the portable parts load on first use.
 *
 * @module
 */
import * as node from "node:crypto"
import type { Argon2Params, Crypto, CryptoOptions, Hasher } from "../../../crypto/crypto.ts"
import { TAG_BYTES } from "../../../crypto/crypto.ts"
import { hkdf, hmac } from "../../../crypto/hmac.ts"
import { canBeSealed, checkAeadKey, checkArgon2, openFailed } from "../../../crypto/inputs.ts"
import { createSealing } from "../../../crypto/sealing.ts"
import { Secret } from "../../../crypto/secret.ts"
import { createNodeSignatures } from "./nodeSignatures.ts"

export function createNodeCrypto(options: CryptoOptions = {}): Crypto {
  const randomBytes = options.randomBytes ?? createRandomBytes()
  const primitives = {
    randomBytes,
    sha256,
    hmacSha256: (key: Secret, ...parts: readonly Uint8Array[]) => hmac(sha256, key.expose(), ...parts),
    seal,
    open,
  }
  return {
    name: "node",
    ...primitives,
    ...createNodeSignatures(randomBytes),
    createSha256,
    hkdf: (ikm, salt, info, length) => new Secret(hkdf(sha256, ikm.expose(), salt, info, length)),
    argon2id,
    ...createSealing(primitives),
  }
}

const POOL_BYTES = 4096
const MAX_POOLED_BYTES = 64

/** Draws for many salts at once: a call costs ten times what its 32 bytes do. What was given out is wiped in the pool. */
function createRandomBytes(): (length: number) => Uint8Array {
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  return (length) => {
    if (length > MAX_POOLED_BYTES) return node.randomFillSync(new Uint8Array(length))
    if (used + length > POOL_BYTES) {
      node.randomFillSync(pool)
      used = 0
    }
    const bytes = pool.slice(used, used + length)
    pool.fill(0, used, used + length)
    used += length
    return bytes
  }
}

/** For parts to be hashed as one: longer than those of any key derivation. Wiped after each, as it may hold the pad of a key. */
const joined = new Uint8Array(1024)

/** In one call where it can be: a running hash is three objects of Node's, and costs three times as much. */
function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return oneHash(parts[0] as Uint8Array)
  let length = 0
  for (const part of parts) length += part.length
  if (length > joined.length) return runningHash(parts)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  const hash = oneHash(joined.subarray(0, length))
  joined.fill(0, 0, length)
  return hash
}

function oneHash(bytes: Uint8Array): Uint8Array {
  return plain(node.hash("sha256", bytes, "buffer"))
}

function runningHash(parts: readonly Uint8Array[]): Uint8Array {
  const running = node.createHash("sha256")
  for (const part of parts) running.update(part)
  return plain(running.digest())
}

function createSha256(): Hasher {
  const running = node.createHash("sha256")
  return {
    update: (bytes) => void running.update(bytes),
    digest: () => plain(running.digest()),
  }
}

/** A cipher takes bytes, too, but Node 24 spends 15 µs on finding out that they are no key object. */
function keyObject(key: Secret): node.KeyObject {
  return node.createSecretKey(key.expose())
}

function seal(key: Secret, nonce: Uint8Array, associatedData: Uint8Array, plaintext: Uint8Array): Uint8Array {
  checkAeadKey(key, nonce)
  const cipher = node.createCipheriv("aes-256-gcm", keyObject(key), nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(associatedData)
  const sealed = new Uint8Array(plaintext.length + TAG_BYTES)
  sealed.set(cipher.update(plaintext))
  cipher.final()
  sealed.set(cipher.getAuthTag(), plaintext.length)
  return sealed
}

function open(key: Secret, nonce: Uint8Array, associatedData: Uint8Array, sealed: Uint8Array): Uint8Array {
  if (!canBeSealed(key, nonce, sealed)) throw openFailed()
  const end = sealed.length - TAG_BYTES
  const decipher = node.createDecipheriv("aes-256-gcm", keyObject(key), nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(associatedData)
  decipher.setAuthTag(sealed.subarray(end))
  const plaintext = decipher.update(sealed.subarray(0, end))
  try {
    decipher.final()
  } catch {
    plaintext.fill(0)
    throw openFailed()
  }
  return plain(plaintext)
}

/**
 * Native from Node 24.7 on, off the main thread. Older ones have no such function, and in builds with
 * BoringSSL or an older OpenSSL it only throws: both run it portably.
 */
async function argon2id(password: Secret, salt: Uint8Array, params: Argon2Params, length: number): Promise<Secret> {
  checkArgon2(password, salt, params, length)
  try {
    return await nativeArgon2id(password, salt, params, length)
  } catch {
    const { portableArgon2id } = await import("../../../crypto/portableArgon2.ts")
    return portableArgon2id(password, salt, params, length)
  }
}

function nativeArgon2id(password: Secret, salt: Uint8Array, params: Argon2Params, length: number): Promise<Secret> {
  const parameters = {
    message: password.expose(),
    nonce: salt,
    memory: params.memoryKiB,
    passes: params.passes,
    parallelism: params.lanes,
    tagLength: length,
  }
  return new Promise((resolve, reject) => {
    node.argon2("argon2id", parameters, (error, bytes) => (error ? reject(error) : resolve(new Secret(plain(bytes)))))
  })
}

/** The bytes as a plain array that shares its memory with nothing, as the interface promises. */
function plain(bytes: Buffer): Uint8Array {
  if (bytes.byteLength !== bytes.buffer.byteLength) return new Uint8Array(bytes)
  return new Uint8Array(bytes.buffer, 0, bytes.byteLength)
}
