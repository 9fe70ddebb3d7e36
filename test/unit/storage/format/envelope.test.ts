import { beforeAll, describe, expect, it } from "vitest"
import { fromUtf8, toHex, utf8 } from "../../../../crypto/bytes.ts"
import type { Crypto } from "../../../../crypto/crypto.ts"
import { Secret } from "../../../../crypto/secret.ts"
import { object, uint } from "../../../../storage/format/codec.ts"
import {
  areSignedBy,
  decodeEnvelope,
  decodePayload,
  type Envelope,
  encodeEnvelope,
  envelopeHash,
  preAuthEncoding,
  signEnvelope,
  type VerificationKey,
} from "../../../../storage/format/envelope.ts"
import { createTestCrypto, newMachine, type TestMachine } from "../../../support/trustLog.ts"

const codec = object({ number: uint(0) })
const macKey = new Secret(new Uint8Array(32).fill(7))

let crypto: Crypto
let pair: TestMachine
let keys: readonly VerificationKey[]
let envelope: Envelope

beforeAll(async () => {
  crypto = await createTestCrypto(4)
  pair = await newMachine(crypto, "ed25519", "ml-dsa-87")
  keys = pair.record.signing.map((each) => ({ keyid: each.algorithm, ...each }))
  envelope = await signEnvelope(crypto, "relay", codec, { number: 5 }, pair.signers, macKey)
})

it("signs and hashes the encoding that DSSE prescribes", () => {
  const pae = fromUtf8(preAuthEncoding("relay", utf8('{"number":5}')))
  expect(pae).toBe('DSSEv1 33 application/vnd.sessyn.relay+json 12 {"number":5}')
  expect(fromUtf8(envelope.signed)).toBe(pae)
  expect(toHex(envelopeHash(crypto, envelope))).toBe(toHex(crypto.sha256(utf8(pae))))
  expect(envelope.mac).toEqual(crypto.hmacSha256(macKey, utf8(pae)))
})

it("comes back from its bytes", () => {
  const read = decodeEnvelope("relay", encodeEnvelope(envelope))
  expect(read).toEqual(envelope)
  expect(decodePayload(codec, read)).toEqual({ number: 5 })
})

describe("reading refuses", () => {
  it("another kind, even of the same content", () => {
    expect(() => decodeEnvelope("trust", encodeEnvelope(envelope))).toThrow("another payload type")
  })

  it("a field it does not know, as newer", () => {
    const text = fromUtf8(encodeEnvelope(envelope)).replace('{"mac"', '{"hint":1,"mac"')
    expect(() => decodeEnvelope("relay", utf8(text))).toThrow(expect.objectContaining({ code: "FORMAT_NEWER" }))
  })

  it("an algorithm it does not know, as newer", () => {
    const text = fromUtf8(encodeEnvelope(envelope)).replace('"ed25519"', '"ed448"')
    expect(() => decodeEnvelope("relay", utf8(text))).toThrow(expect.objectContaining({ code: "FORMAT_NEWER" }))
  })

  it("more than four signatures", () => {
    const [signature] = envelope.signatures
    const many = { ...envelope, signatures: Array(5).fill(signature) }
    expect(() => encodeEnvelope(many)).toThrow(expect.objectContaining({ code: "FORMAT_LIMIT_EXCEEDED" }))
  })
})

describe("signatures", () => {
  const signed = (over: Partial<Envelope>, by = keys) =>
    areSignedBy(crypto, (over.signed ?? envelope.signed) as Uint8Array, over.signatures ?? envelope.signatures, by)

  it("are good by exactly these keys in this order", async () => {
    const [first, second] = envelope.signatures
    expect(await signed({})).toBe(true)
    expect(await signed({ signatures: [first!] })).toBe(false)
    expect(await signed({ signatures: [second!, first!] })).toBe(false)
    expect(await signed({ signatures: [first!, second!, first!] })).toBe(false)
    expect(await signed({ signatures: [first!, first!] })).toBe(false)
    expect(await signed({}, keys.slice(0, 1))).toBe(false)
    expect(await signed({}, keys.toReversed())).toBe(false)
  })

  it("by no key at all are never good", async () => expect(await signed({ signatures: [] }, [])).toBe(false))

  it("are over every byte", async () => {
    for (let i = 0; i < envelope.signed.length; i++) {
      const changed = envelope.signed.slice()
      changed[i] = (changed[i] as number) ^ 0x80
      expect(await signed({ signed: changed }), `byte ${i}`).toBe(false)
    }
  })

  it("have the length of their algorithm", async () => {
    const [first, second] = envelope.signatures
    const long = { keyid: first!.keyid, sig: new Uint8Array([...first!.sig, 0]) }
    expect(await signed({ signatures: [long, second!] })).toBe(false)
  })
})
