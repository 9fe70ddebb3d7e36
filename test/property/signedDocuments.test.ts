import fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import { utf8 } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import { decodeDocument } from "../../storage/format/canonicalJson.ts"
import { decodeEnvelope, decodePayload, type EnvelopeKind, preAuthEncoding } from "../../storage/format/envelope.ts"
import { headerCodec } from "../../storage/format/header.ts"
import { joinRequestCodec } from "../../storage/format/joinRequest.ts"
import { sealVaultFile } from "../../storage/format/keyBox.ts"
import { trustEntryCodec } from "../../storage/format/trustEntry.ts"
import { decodeVaultFile, encodeVaultFile } from "../../storage/format/vaultFile.ts"
import {
  createTestCrypto,
  headerAfter,
  joinRequestOf,
  newMachine,
  startLog,
  type TestLog,
} from "../support/trustLog.ts"

const CODED = /^FORMAT_(INVALID|NEWER|LIMIT_EXCEEDED)$/

/** Every reader of a document that comes from the store. */
const readers: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  trust: (bytes) => decodeDocument(trustEntryCodec, bytes, 65_536),
  header: (bytes) => decodeDocument(headerCodec, bytes, 65_536),
  join: (bytes) => decodeDocument(joinRequestCodec, bytes, 65_536),
  vault: decodeVaultFile,
  envelope: (bytes) => decodeEnvelope("trust", bytes),
}

/** Reads, or throws a coded error; anything else fails the test. */
function attempt(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch (error) {
    expect((error as { code?: string }).code).toMatch(CODED)
    return false
  }
}

let crypto: Crypto
let log: TestLog
let samples: Readonly<Record<string, Uint8Array>>

beforeAll(async () => {
  crypto = await createTestCrypto(9)
  log = await startLog(crypto)
  const encoded = {
    trust: log.envelopes[0] as Uint8Array,
    header: await headerAfter(log, log.first, null),
    join: await joinRequestOf(log, await newMachine(crypto)),
  }
  samples = {
    trust: decodeEnvelope("trust", encoded.trust).payload,
    header: decodeEnvelope("header", encoded.header).payload,
    join: decodeEnvelope("join", encoded.join).payload,
    vault: encodeVaultFile(await sealVaultFile(crypto, log.state, log.keyring)),
    envelope: encoded.trust,
  }
})

describe("only coded errors", () => {
  for (const [name, read] of Object.entries(readers)) {
    it(`come of any bytes read as ${name}`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
          attempt(() => read(bytes))
        }),
      )
    })

    it(`come of any JSON read as ${name}`, () => {
      fc.assert(
        fc.property(fc.json({ maxDepth: 4 }), (json) => {
          attempt(() => read(utf8(json)))
        }),
      )
    })

    it(`come of a good ${name} with some JSON in place of one of its values`, () => {
      const good = JSON.parse(new TextDecoder().decode(samples[name])) as Record<string, unknown>
      const keys = Object.keys(good)
      fc.assert(
        fc.property(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 3 }), (key, value) => {
          const sorted = JSON.stringify({ ...good, [key]: value })
          attempt(() => read(utf8(sorted)))
        }),
      )
    })

    it(`come of a good ${name} cut short or with a byte changed, and none of it is read as something else`, () => {
      const good = samples[name] as Uint8Array
      expect(attempt(() => read(good))).toBe(true)
      fc.assert(
        fc.property(fc.nat(good.length - 1), (length) => {
          expect(attempt(() => read(good.subarray(0, length)))).toBe(false)
        }),
        { numRuns: 60 },
      )
      fc.assert(
        fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
          const changed = good.slice()
          changed[at] = (changed[at] as number) ^ mask
          attempt(() => read(changed))
        }),
        { numRuns: 60 },
      )
    })
  }
})

it("the signed bytes tell any two kinds and payloads apart", () => {
  const kinds: readonly EnvelopeKind[] = ["trust", "header", "join", "relay", "inbox"]
  const part = fc.record({ kind: fc.constantFrom(...kinds), payload: fc.uint8Array({ maxLength: 40 }) })
  const key = (bytes: Uint8Array) => bytes.join()
  fc.assert(
    fc.property(part, part, (a, b) => {
      const same = a.kind === b.kind && key(a.payload) === key(b.payload)
      const encoded = [preAuthEncoding(a.kind, a.payload), preAuthEncoding(b.kind, b.payload)].map(key)
      expect(encoded[0] === encoded[1]).toBe(same)
    }),
  )
})

it("whatever is read is written as the same bytes", () => {
  const envelope = decodeEnvelope("trust", log.envelopes[0] as Uint8Array)
  const numbers = fc.record({ time: fc.nat(), epoch: fc.integer({ min: 1, max: 4096 }) })
  fc.assert(
    fc.property(numbers, (fields) => {
      const entry = { ...decodePayload(trustEntryCodec, envelope), ...fields }
      const json = JSON.parse(JSON.stringify(trustEntryCodec.encode(entry)))
      expect(trustEntryCodec.decode(json)).toEqual(entry)
    }),
    { numRuns: 50 },
  )
})
