/**
 * {@link Crypto} for any platform with WebAssembly: SHA-256 and Argon2id by
 * hash-wasm, the rest by noble. Slow where it counts (AES-GCM about 24 MB/s), so a
 * platform's own comes first; `crypto/webCrypto.ts` takes from here what it lacks.
 *
 * @module
 */
import { createSHA256, type IHasher } from "hash-wasm"
import type { Crypto, CryptoOptions, Hasher } from "./crypto.ts"
import { CryptoError } from "./errors.ts"
import { hkdf, hmac } from "./hmac.ts"
import { canBeSealed, checkAeadKey, checkArgon2, openFailed } from "./inputs.ts"
import { createSealing } from "./sealing.ts"
import { Secret } from "./secret.ts"
import { checkSigningSeed, isSignatureForm } from "./signatureForm.ts"

/** Most bytes that one call of `getRandomValues` gives. */
const MAX_RANDOM_BYTES = 65_536

/** @throws {CryptoError} `CRYPTO_UNSUPPORTED` if there is no WebAssembly. */
export async function createPortableCrypto(options: CryptoOptions = {}): Promise<Crypto> {
  const randomBytes = options.randomBytes ?? platformRandomBytes
  const { sha256, createSha256 } = createHashes(await loadSha256())
  const primitives = {
    randomBytes,
    sha256,
    hmacSha256: (key: Secret, ...parts: readonly Uint8Array[]) => hmac(sha256, key.expose(), ...parts),
    seal,
    open,
  }
  return {
    name: "portable",
    ...primitives,
    ...createSealing(primitives),
    createSha256,
    hkdf: (ikm, salt, info, length) => new Secret(hkdf(sha256, ikm.expose(), salt, info, length)),
    async argon2id(password, salt, params, length) {
      checkArgon2(password, salt, params, length)
      const { portableArgon2id } = await import("./portableArgon2.ts")
      return portableArgon2id(password, salt, params, length)
    },
    async signingPublicKey(algorithm, seed) {
      checkSigningSeed(algorithm, seed)
      return (await signatures()).portablePublicKey(algorithm, seed.expose())
    },
    async sign(algorithm, seed, message) {
      checkSigningSeed(algorithm, seed)
      return (await signatures()).portableSign(algorithm, seed.expose(), message, () => randomBytes(32))
    },
    async verify(algorithm, publicKey, message, signature) {
      if (!isSignatureForm(algorithm, publicKey, signature)) return false
      return (await signatures()).portableVerify(algorithm, publicKey, message, signature)
    },
  }
}

const signatures = () => import("./portableSignatures.ts")

async function loadSha256(): Promise<IHasher> {
  try {
    return await createSHA256()
  } catch (cause) {
    throw new CryptoError("CRYPTO_UNSUPPORTED", "no WebAssembly here", { cause })
  }
}

/**
 * Any number of running hashes over one instance of the WebAssembly module: each keeps
 * its state of about 100 bytes, and puts it in for as long as it works.
 */
function createHashes(wasm: IHasher): Pick<Crypto, "sha256" | "createSha256"> {
  const empty = wasm.init().save()
  return {
    sha256(...parts) {
      wasm.init()
      for (const part of parts) wasm.update(part)
      return wasm.digest("binary")
    },
    createSha256(): Hasher {
      let state = empty
      return {
        update(bytes) {
          state = wasm.load(state).update(bytes).save()
        },
        digest: () => wasm.load(state).digest("binary"),
      }
    },
  }
}

async function seal(
  key: Secret,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  plaintext: Uint8Array,
): Promise<Uint8Array> {
  checkAeadKey(key, nonce)
  const { gcm } = await import("@noble/ciphers/aes.js")
  return gcm(key.expose(), nonce, associatedData).encrypt(plaintext)
}

async function open(
  key: Secret,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  sealed: Uint8Array,
): Promise<Uint8Array> {
  if (!canBeSealed(key, nonce, sealed)) throw openFailed()
  const { gcm } = await import("@noble/ciphers/aes.js")
  try {
    return gcm(key.expose(), nonce, associatedData).decrypt(sealed)
  } catch {
    throw openFailed()
  }
}

function platformRandomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += MAX_RANDOM_BYTES) {
    globalThis.crypto.getRandomValues(bytes.subarray(at, at + MAX_RANDOM_BYTES))
  }
  return bytes
}
