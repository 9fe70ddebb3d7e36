/**
 * Envelopes: the signed outside of every document that says who wrote it. DSSE
 * (Dead Simple Signing Envelope v1) in canonical JSON, with a MAC beside the
 * signatures. Normative text: `docs/spec/envelope.md`.
 *
 *     {"mac":…,"payload":…,"payloadType":"application/vnd.sessyn.<kind>+json","signatures":[{"keyid":…,"sig":…}]}
 *
 *     PAE = "DSSEv1" SP LEN(payloadType) SP payloadType SP LEN(payload) SP payload
 *
 * Signatures, MAC and every hash (chain, previous, vector, witness) are over
 * PAE, the signed bytes, never over the envelope. This module checks signatures
 * against keys that the caller took from a verified record; it believes nothing
 * that the envelope says of itself. MACs are checked in `storage/verify/macs.ts`.
 *
 * @module
 */
import { concatBytes, utf8 } from "../../crypto/bytes.ts"
import { type Crypto, HASH_BYTES, type SignatureAlgorithm } from "../../crypto/crypto.ts"
import type { Secret } from "../../crypto/secret.ts"
import { StorageError } from "../errors.ts"
import { decodeDocument, encodeDocument } from "./canonicalJson.ts"
import { array, bytes, type JsonCodec, object, oneOf } from "./codec.ts"

/** What a signed document is; part of what is signed, so that none can stand in for another. */
export type EnvelopeKind = "trust" | "header" | "join" | "relay" | "inbox"

/** Largest envelope of each kind, in bytes. A payload is at most three quarters of that. */
export const MAX_ENVELOPE_BYTES: Readonly<Record<EnvelopeKind, number>> = {
  trust: 64 * 1024,
  header: 1024 * 1024,
  join: 32 * 1024,
  relay: 64 * 1024,
  inbox: 1024 * 1024,
}

/**
 * Which key a signature is by. A bare algorithm is the writer's key of that algorithm, `recovery-` the recovery key of the
 * passphrase entry in force after a trust entry, `old-recovery-` that of the one it replaced (only in `recover`).
 * Compared with what the log expects at that place; nothing is looked up by it.
 */
export type KeyId = SignatureAlgorithm | `${"" | "old-"}recovery-${"ed25519" | "ml-dsa-87"}`

export interface Signature {
  readonly keyid: KeyId
  readonly sig: Uint8Array
}

/** One envelope. `signed` is the PAE of kind and payload. */
export interface Envelope {
  readonly kind: EnvelopeKind
  readonly payload: Uint8Array
  readonly signed: Uint8Array
  /** HMAC-SHA256 over `signed`. */
  readonly mac: Uint8Array
  /** In the order of the writer's record, then recovery keys. */
  readonly signatures: readonly Signature[]
}

/** A public key whose signature an envelope must carry. */
export interface VerificationKey {
  readonly keyid: KeyId
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
}

/** A private key that signs an envelope. */
export interface SigningKey {
  readonly keyid: KeyId
  readonly algorithm: SignatureAlgorithm
  readonly seed: Secret
}

/** Length in bytes of each algorithm's signature. */
export const SIGNATURE_BYTES: Readonly<Record<SignatureAlgorithm, number>> = {
  ed25519: 64,
  "ecdsa-p256": 64,
  "ml-dsa-87": 4627,
}

const keyIdCodec = oneOf(
  "ed25519",
  "ecdsa-p256",
  "ml-dsa-87",
  "recovery-ed25519",
  "recovery-ml-dsa-87",
  "old-recovery-ed25519",
  "old-recovery-ml-dsa-87",
)

/** One signature as JSON; used by envelopes and by the proof in a `rekey` entry. */
export const signatureCodec: JsonCodec<Signature> = object({ keyid: keyIdCodec, sig: bytes(64, 4627) })

const outerCodecs = {
  trust: outerCodec("trust"),
  header: outerCodec("header"),
  join: outerCodec("join"),
  relay: outerCodec("relay"),
  inbox: outerCodec("inbox"),
} satisfies Record<EnvelopeKind, unknown>

/** DSSE's pre-authentication encoding of a payload: the bytes that are signed, MACed and hashed. */
export function preAuthEncoding(kind: EnvelopeKind, payload: Uint8Array): Uint8Array {
  const type = payloadType(kind)
  return concatBytes(utf8(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload)
}

/**
 * Reads the outside of one envelope. Nothing in it is believed yet.
 *
 * @param kind - What it must be; an envelope of another kind is `FORMAT_INVALID`.
 * @throws {StorageError} `FORMAT_INVALID`, `FORMAT_NEWER` or `FORMAT_LIMIT_EXCEEDED`.
 */
export function decodeEnvelope(kind: EnvelopeKind, encoded: Uint8Array): Envelope {
  const { mac, payload, signatures } = decodeDocument(outerCodecs[kind], encoded, MAX_ENVELOPE_BYTES[kind])
  return { kind, payload, signed: preAuthEncoding(kind, payload), mac, signatures }
}

/** @throws {StorageError} `FORMAT_INVALID` or `FORMAT_LIMIT_EXCEEDED` if the envelope is not one of the format. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const { kind, mac, payload, signatures } = envelope
  const value = { mac, payload, payloadType: payloadType(kind), signatures }
  return encodeDocument(outerCodecs[kind], value, MAX_ENVELOPE_BYTES[kind])
}

/** Reads what an envelope holds. Throws as {@link decodeDocument}. */
export function decodePayload<T>(codec: JsonCodec<T>, envelope: Envelope): T {
  return decodeDocument(codec, envelope.payload, MAX_ENVELOPE_BYTES[envelope.kind])
}

/** The hash by which the rest of the vault names an envelope: SHA-256 over its signed bytes. */
export function envelopeHash(crypto: Crypto, envelope: Envelope): Uint8Array {
  return crypto.sha256(envelope.signed)
}

/** Encodes a document, signs it with each key in the order given, and MACs it. */
export async function signEnvelope<T>(
  crypto: Crypto,
  kind: EnvelopeKind,
  codec: JsonCodec<T>,
  document: T,
  keys: readonly SigningKey[],
  macKey: Secret,
): Promise<Envelope> {
  const payload = encodeDocument(codec, document, MAX_ENVELOPE_BYTES[kind])
  const signed = preAuthEncoding(kind, payload)
  const signatures = await signBytes(crypto, signed, keys)
  return { kind, payload, signed, mac: crypto.hmacSha256(macKey, signed), signatures }
}

/** One signature over `message` by each key, in order. */
export async function signBytes(
  crypto: Crypto,
  message: Uint8Array,
  keys: readonly SigningKey[],
): Promise<readonly Signature[]> {
  const signatures: Signature[] = []
  for (const { keyid, algorithm, seed } of keys) {
    signatures.push({ keyid, sig: await crypto.sign(algorithm, seed, message) })
  }
  return signatures
}

/**
 * Whether `signatures` over `message` are one good signature by each of `keys`, in that order, and no other.
 *
 * @param keys - At least one; from a verified record, never from the message.
 */
export async function areSignedBy(
  crypto: Crypto,
  message: Uint8Array,
  signatures: readonly Signature[],
  keys: readonly VerificationKey[],
): Promise<boolean> {
  if (keys.length === 0 || signatures.length !== keys.length) return false
  for (const [i, { keyid, algorithm, publicKey }] of keys.entries()) {
    const signature = signatures[i] as Signature
    if (signature.keyid !== keyid || signature.sig.length !== SIGNATURE_BYTES[algorithm]) return false
    if (!(await crypto.verify(algorithm, publicKey, message, signature.sig))) return false
  }
  return true
}

function payloadType(kind: EnvelopeKind): string {
  return `application/vnd.sessyn.${kind}+json`
}

function outerCodec(kind: EnvelopeKind) {
  const type: JsonCodec<string> = {
    decode(json) {
      if (json !== payloadType(kind)) throw new StorageError("FORMAT_INVALID", "another payload type")
      return json
    },
    encode: (value) => value,
  }
  const maxPayload = (MAX_ENVELOPE_BYTES[kind] / 4) * 3
  return object({
    mac: bytes(HASH_BYTES),
    payload: bytes(1, maxPayload),
    payloadType: type,
    signatures: array(signatureCodec, 4),
  })
}
