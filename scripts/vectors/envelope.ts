/**
 * Vectors of envelopes: one that can be checked by hand, and malformed ones.
 *
 * @module
 */
import { fromUtf8, toHex } from "../../crypto/bytes.ts"
import { Secret } from "../../crypto/secret.ts"
import { object, uint } from "../../storage/format/codec.ts"
import { decodeEnvelope, encodeEnvelope, envelopeHash, signEnvelope } from "../../storage/format/envelope.ts"
import { createVectorCrypto, refusalOf } from "./signed.ts"

export async function envelopeVectors(): Promise<unknown> {
  const crypto = await createVectorCrypto(105)
  const seed = new Secret(new Uint8Array(32).fill(1))
  const macKey = new Secret(new Uint8Array(32).fill(2))
  const keys = [{ keyid: "ed25519", algorithm: "ed25519", seed }] as const
  const envelope = await signEnvelope(crypto, "relay", object({ number: uint(0) }), { number: 5 }, keys, macKey)
  const text = fromUtf8(encodeEnvelope(envelope))
  const changes: readonly (readonly [string, string])[] = [
    ["another payload type", text.replace("relay", "trust")],
    ["unknown field", text.replace('{"mac"', '{"hint":1,"mac"')],
    ["unknown algorithm", text.replace('"ed25519"', '"ed448"')],
    ["no MAC", text.replace(/"mac":"[^"]*",/, "")],
    ["MAC of 31 bytes", text.replace(/"mac":"[^"]*"/, `"mac":"${"A".repeat(40)}AA=="`)],
    ["empty payload", text.replace(/"payload":"[^"]*"/, '"payload":""')],
    ["URL-safe base64", text.replace(/"mac":"[^"]*"/, `"mac":"${"_".repeat(42)}8="`)],
    ["five signatures", text.replace(/\[(\{.*\})\]/, "[$1,$1,$1,$1,$1]")],
    ["signatures not a list", text.replace(/\[(\{.*\})\]/, "$1")],
    ["fields in another order", text.replace(/^\{("mac":"[^"]*"),("payload":"[^"]*")/, "{$2,$1")],
    ["white space", text.replace(",", ", ")],
    ["new line at the end", `${text}\n`],
    ["cut short", text.slice(0, -1)],
    ["nested too deep", "[".repeat(9)],
  ]
  const refused: unknown[] = []
  for (const [name, changed] of changes) {
    if (changed === text) throw new Error(`changes nothing: ${name}`)
    const bytes = new TextEncoder().encode(changed)
    refused.push({ name, envelope: changed, ...(await refusalOf(name, () => decodeEnvelope("relay", bytes))) })
  }
  return {
    format: "docs/spec/envelope.md",
    kind: "relay",
    seed: toHex(seed.expose()),
    publicKey: toHex(await crypto.signingPublicKey("ed25519", seed)),
    macKey: toHex(macKey.expose()),
    payload: fromUtf8(envelope.payload),
    signed: fromUtf8(envelope.signed),
    hash: toHex(envelopeHash(crypto, envelope)),
    mac: toHex(envelope.mac),
    signature: toHex(envelope.signatures[0]?.sig ?? new Uint8Array(0)),
    envelope: text,
    refused,
  }
}
