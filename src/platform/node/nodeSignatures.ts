/**
 * Signatures by node:crypto. ML-DSA-87 came with Node 24.6 and is missing in
 * Node 22 and in some builds of Electron: there the portable one runs.
 *
 * Keys go in as the smallest DER that holds them, made from fixed prefixes.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto"
import { concatBytes, fromHex } from "../../../crypto/bytes.ts"
import type { Awaitable, Crypto, SignatureAlgorithm } from "../../../crypto/crypto.ts"
import type { Secret } from "../../../crypto/secret.ts"
import { checkSigningSeed, isSignatureForm, SIGNATURE_LENGTHS, withLowS } from "../../../crypto/signatureForm.ts"

interface Der {
  readonly type: "pkcs8" | "sec1"
  /** What surrounds the seed in a private key, and precedes the key in a SubjectPublicKeyInfo. */
  readonly beforeSeed: Uint8Array
  readonly afterSeed: Uint8Array
  readonly beforePublicKey: Uint8Array
}

const DER: Readonly<Record<SignatureAlgorithm, Der>> = {
  /* RFC 8410 sections 4 and 7 */
  ed25519: {
    type: "pkcs8",
    beforeSeed: fromHex("302e020100300506032b657004220420"),
    afterSeed: new Uint8Array(0),
    beforePublicKey: fromHex("302a300506032b6570032100"),
  },
  /* RFC 5915 without the optional public key; RFC 5480 */
  "ecdsa-p256": {
    type: "sec1",
    beforeSeed: fromHex("30310201010420"),
    afterSeed: fromHex("a00a06082a8648ce3d030107"),
    beforePublicKey: fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
  },
  /* RFC 9881 sections 4 and 6, the seed form */
  "ml-dsa-87": {
    type: "pkcs8",
    beforeSeed: fromHex("3034020100300b060960864801650304031304228020"),
    afterSeed: new Uint8Array(0),
    beforePublicKey: fromHex("30820a32300b060960864801650304031303820a2100"),
  },
}

type Signatures = Pick<Crypto, "signingPublicKey" | "sign" | "verify">

export function createNodeSignatures(randomBytes: Crypto["randomBytes"]): Signatures {
  const isNative = (algorithm: SignatureAlgorithm): boolean => algorithm !== "ml-dsa-87" || hasMlDsa()
  return {
    signingPublicKey(algorithm, seed): Awaitable<Uint8Array> {
      checkSigningSeed(algorithm, seed)
      if (isNative(algorithm)) return nativePublicKey(algorithm, seed.expose())
      return portable().then((noble) => noble.portablePublicKey(algorithm, seed.expose()))
    },
    sign(algorithm, seed, message): Awaitable<Uint8Array> {
      checkSigningSeed(algorithm, seed)
      if (isNative(algorithm)) return nativeSign(algorithm, seed, message)
      return portable().then((noble) => noble.portableSign(algorithm, seed.expose(), message, () => randomBytes(32)))
    },
    verify(algorithm, publicKey, message, signature): Awaitable<boolean> {
      if (!isSignatureForm(algorithm, publicKey, signature)) return false
      if (isNative(algorithm)) return nativeVerify(algorithm, publicKey, message, signature)
      return portable().then((noble) => noble.portableVerify(algorithm, publicKey, message, signature))
    },
  }
}

const portable = () => import("../../../crypto/portableSignatures.ts")

let mlDsa: boolean | undefined

/** Whether a key can be made from a seed, tried once: neither version nor OpenSSL's name says it. */
function hasMlDsa(): boolean {
  mlDsa ??= tryMlDsa()
  return mlDsa
}

function tryMlDsa(): boolean {
  try {
    return nativePublicKey("ml-dsa-87", new Uint8Array(32)).length === SIGNATURE_LENGTHS["ml-dsa-87"].publicKey
  } catch {
    return false
  }
}

function nativePublicKey(algorithm: SignatureAlgorithm, seed: Uint8Array): Uint8Array {
  const spki = createPublicKey(privateKeyOf(algorithm, seed)).export({ format: "der", type: "spki" })
  return new Uint8Array(spki.subarray(spki.length - SIGNATURE_LENGTHS[algorithm].publicKey))
}

function nativeSign(algorithm: SignatureAlgorithm, seed: Secret, message: Uint8Array): Uint8Array {
  const key = privateKeyOf(algorithm, seed.expose())
  if (algorithm === "ecdsa-p256") return withLowS(sign("sha256", message, { key, dsaEncoding: "ieee-p1363" }))
  return new Uint8Array(sign(null, message, key))
}

function nativeVerify(
  algorithm: SignatureAlgorithm,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const der = concatBytes(DER[algorithm].beforePublicKey, publicKey)
    const key = createPublicKey({ key: der as Buffer, format: "der", type: "spki" })
    if (algorithm === "ecdsa-p256") return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature)
    return verify(null, message, key, signature)
  } catch {
    return false // not a point of the curve
  }
}

function privateKeyOf(algorithm: SignatureAlgorithm, seed: Uint8Array): KeyObject {
  const { type, beforeSeed, afterSeed } = DER[algorithm]
  const der = Buffer.concat([beforeSeed, seed, afterSeed])
  const key = createPrivateKey({ key: der, format: "der", type })
  der.fill(0)
  return key
}
