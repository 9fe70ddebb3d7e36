/**
 * {@link Crypto} over WebCrypto, for browsers and web workers: AES-GCM, ECDSA P-256
 * and, where the browser has it, Ed25519 are native; the rest is the portable one's.
 *
 * WebCrypto costs 0.1 to 0.2 ms a call whatever the size: let calls overlap.
 *
 * @module
 */
import { concatBytes, fromHex, toBase64 } from "./bytes.ts"
import type { Crypto, CryptoOptions } from "./crypto.ts"
import { TAG_BYTES } from "./crypto.ts"
import { CryptoError } from "./errors.ts"
import { canBeSealed, checkAeadKey, openFailed } from "./inputs.ts"
import { createPortableCrypto } from "./portableCrypto.ts"
import { createSealing } from "./sealing.ts"
import type { Secret } from "./secret.ts"
import { checkSigningSeed, isSignatureForm, withLowS } from "./signatureForm.ts"

type Aead = Pick<Crypto, "seal" | "open">
type Signatures = Pick<Crypto, "signingPublicKey" | "sign" | "verify">

/** @throws {CryptoError} `CRYPTO_UNSUPPORTED` if there is no WebCrypto (a page not from https) or no WebAssembly. */
export async function createWebCrypto(options: CryptoOptions = {}): Promise<Crypto> {
  const subtle = globalThis.crypto?.subtle
  if (subtle === undefined) throw new CryptoError("CRYPTO_UNSUPPORTED", "no WebCrypto here")
  const portable = await createPortableCrypto(options)
  const aead = createAead(subtle)
  return {
    ...portable,
    name: "webcrypto",
    ...aead,
    ...createSignatures(subtle, portable, await hasEd25519(subtle)),
    ...createSealing({ ...portable, ...aead }),
  }
}

function createAead(subtle: SubtleCrypto): Aead {
  /* A file's chunks share one key: importing it once halves the calls. */
  const imported = new WeakMap<Secret, Promise<CryptoKey>>()
  const keyOf = (secret: Secret): Promise<CryptoKey> => {
    let key = imported.get(secret)
    if (key === undefined) {
      key = subtle.importKey("raw", source(secret.expose()), "AES-GCM", false, ["encrypt", "decrypt"])
      imported.set(secret, key)
    }
    return key
  }
  const parameters = (nonce: Uint8Array, associatedData: Uint8Array): AesGcmParams => ({
    name: "AES-GCM",
    iv: source(nonce),
    additionalData: source(associatedData),
    tagLength: 8 * TAG_BYTES,
  })
  return {
    async seal(key, nonce, associatedData, plaintext) {
      checkAeadKey(key, nonce)
      const sealed = subtle.encrypt(parameters(nonce, associatedData), await keyOf(key), source(plaintext))
      return new Uint8Array(await sealed)
    },
    async open(key, nonce, associatedData, sealed) {
      if (!canBeSealed(key, nonce, sealed)) throw openFailed()
      const aesKey = await keyOf(key)
      try {
        return new Uint8Array(await subtle.decrypt(parameters(nonce, associatedData), aesKey, source(sealed)))
      } catch {
        throw openFailed()
      }
    },
  }
}

function createSignatures(subtle: SubtleCrypto, portable: Signatures, nativeEd25519: boolean): Signatures {
  return {
    async signingPublicKey(algorithm, seed) {
      checkSigningSeed(algorithm, seed)
      if (algorithm === "ed25519" && nativeEd25519) return ed25519PublicKey(subtle, seed)
      return portable.signingPublicKey(algorithm, seed)
    },
    async sign(algorithm, seed, message) {
      checkSigningSeed(algorithm, seed)
      if (algorithm === "ecdsa-p256") {
        const key = await importP256(subtle, seed, await portable.signingPublicKey(algorithm, seed))
        return withLowS(new Uint8Array(await subtle.sign(ECDSA, key, source(message))))
      }
      if (algorithm === "ed25519" && nativeEd25519) {
        return new Uint8Array(await subtle.sign("Ed25519", await importEd25519(subtle, seed, false), source(message)))
      }
      return portable.sign(algorithm, seed, message)
    },
    async verify(algorithm, publicKey, message, signature) {
      if (!isSignatureForm(algorithm, publicKey, signature)) return false
      if (algorithm === "ecdsa-p256") return verifyNatively(subtle, P256, ECDSA, publicKey, message, signature)
      if (algorithm === "ed25519" && nativeEd25519) {
        return verifyNatively(subtle, "Ed25519", "Ed25519", publicKey, message, signature)
      }
      return portable.verify(algorithm, publicKey, message, signature)
    },
  }
}

const P256: EcKeyImportParams = { name: "ECDSA", namedCurve: "P-256" }
const ECDSA: EcdsaParams = { name: "ECDSA", hash: "SHA-256" }

/** RFC 8410 section 7: a private key with nothing but its seed. */
const ED25519_PKCS8_PREFIX = fromHex("302e020100300506032b657004220420")

async function importEd25519(subtle: SubtleCrypto, seed: Secret, extractable: boolean): Promise<CryptoKey> {
  const pkcs8 = concatBytes(ED25519_PKCS8_PREFIX, seed.expose())
  const key = await subtle.importKey("pkcs8", source(pkcs8), "Ed25519", extractable, ["sign"])
  pkcs8.fill(0)
  return key
}

/** WebCrypto has no way to ask for a public key but to export the private one. */
async function ed25519PublicKey(subtle: SubtleCrypto, seed: Secret): Promise<Uint8Array> {
  const { x = "" } = await subtle.exportKey("jwk", await importEd25519(subtle, seed, true))
  const binary = atob(x.replaceAll("-", "+").replaceAll("_", "/"))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

/** Browsers differ in whether they take a P-256 private key without its public key; all take a JWK with both. */
function importP256(subtle: SubtleCrypto, seed: Secret, publicKey: Uint8Array): Promise<CryptoKey> {
  const jwk: JsonWebKey = {
    kty: "EC",
    crv: "P-256",
    x: toBase64Url(publicKey.subarray(1, 33)),
    y: toBase64Url(publicKey.subarray(33, 65)),
    d: toBase64Url(seed.expose()),
  }
  return subtle.importKey("jwk", jwk, P256, false, ["sign"])
}

async function verifyNatively(
  subtle: SubtleCrypto,
  keyParameters: EcKeyImportParams | "Ed25519",
  parameters: EcdsaParams | "Ed25519",
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    const key = await subtle.importKey("raw", source(publicKey), keyParameters, false, ["verify"])
    return await subtle.verify(parameters, key, source(signature), source(message))
  } catch {
    return false // not a point of the curve
  }
}

/** Whether this browser knows Ed25519: by name, some do without being able to. */
async function hasEd25519(subtle: SubtleCrypto): Promise<boolean> {
  try {
    const key = await subtle.generateKey("Ed25519", true, ["sign", "verify"])
    if (!("privateKey" in key)) return false
    await subtle.exportKey("jwk", key.privateKey)
    return true
  } catch {
    return false
  }
}

function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
}

/** WebCrypto's types refuse memory shared between threads; Sessyn has none. */
function source(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}
