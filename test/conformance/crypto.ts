/**
 * What every implementation of Crypto must do, on whatever platform: agree with the
 * vectors, give the same answers to hostile input, keep its hands off what it is given.
 *
 * @module
 */
import fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import { concatBytes, toHex, utf8 } from "../../crypto/bytes.ts"
import type { Crypto, SignatureAlgorithm } from "../../crypto/crypto.ts"
import { CryptoError, type CryptoErrorCode } from "../../crypto/errors.ts"
import { Secret } from "../../crypto/secret.ts"
import { SIGNATURE_LENGTHS } from "../../crypto/signatureForm.ts"
import { CRYPTO_VECTORS } from "../support/cryptoVectors.ts"
import { type CryptoFactory, runVectorFile } from "./cryptoVectors.ts"

const ALGORITHMS: readonly SignatureAlgorithm[] = ["ed25519", "ecdsa-p256", "ml-dsa-87"]
const NOTHING = new Uint8Array(0)
const P256_ORDER = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

export function cryptoConformance(name: string, create: CryptoFactory): void {
  describe(`${name}: vectors`, () => {
    for (const [file, vectors] of CRYPTO_VECTORS) {
      it(`agrees with ${file}`, { timeout: 60_000 }, async () => {
        expect(await runVectorFile(vectors, create)).toEqual({ failures: [], run: vectors.numberOfTests })
      })
    }
  })
  describe(`${name}: behaviour`, () => {
    let crypto: Crypto
    beforeAll(async () => {
      crypto = await create()
    })
    const key = (fill = 7) => new Secret(new Uint8Array(32).fill(fill))
    const nonce = new Uint8Array(12).fill(3)

    describe("random bytes", () => {
      it("come in any number", () => {
        for (const length of [0, 1, 32, 65_536, 70_001]) expect(crypto.randomBytes(length)).toHaveLength(length)
      })
      it("differ from call to call, to the last byte of a long run", () => {
        const [a, b] = [crypto.randomBytes(70_000), crypto.randomBytes(70_000)]
        expect(toHex(a.subarray(-16))).not.toBe(toHex(b.subarray(-16)))
      })
      it("come from the source that was given", async () => {
        const repeating = await create({ randomBytes: (length) => new Uint8Array(length).fill(5) })
        expect(toHex(repeating.randomBytes(3))).toBe("050505")
      })
    })

    describe("hashes", () => {
      it("take a message in parts", () => {
        fc.assert(
          fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (parts) => {
            const whole = concatBytes(...parts)
            const running = crypto.createSha256()
            for (const part of parts) running.update(part)
            const digest = toHex(crypto.sha256(whole))
            expect(toHex(crypto.sha256(...parts))).toBe(digest)
            expect(toHex(running.digest())).toBe(digest)
            expect(toHex(crypto.hmacSha256(key(), ...parts))).toBe(toHex(crypto.hmacSha256(key(), whole)))
          }),
        )
      })
      it("run side by side", () => {
        const [a, b] = [crypto.createSha256(), crypto.createSha256()]
        a.update(utf8("he"))
        b.update(utf8("wor"))
        const between = crypto.sha256(utf8("between"))
        a.update(utf8("llo"))
        b.update(utf8("ld"))
        expect(toHex(b.digest())).toBe(toHex(crypto.sha256(utf8("world"))))
        expect(toHex(a.digest())).toBe(toHex(crypto.sha256(utf8("hello"))))
        expect(toHex(between)).toBe(toHex(crypto.sha256(utf8("between"))))
      })
      it("do not keep the bytes they were given", () => {
        const bytes = utf8("first")
        const running = crypto.createSha256()
        running.update(bytes)
        bytes.fill(0)
        expect(toHex(running.digest())).toBe(toHex(crypto.sha256(utf8("first"))))
      })
    })

    describe("sealing with a key", () => {
      it("opens to the same bytes, and adds nothing but the tag", async () => {
        const triple = fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 40 }))
        await fc.assert(
          fc.asyncProperty(triple, async ([plaintext, associatedData]) => {
            const sealed = await crypto.seal(key(), nonce, associatedData, plaintext)
            expect(sealed).toHaveLength(plaintext.length + 16)
            expect(toHex(await crypto.open(key(), nonce, associatedData, sealed))).toBe(toHex(plaintext))
          }),
          { numRuns: 50 },
        )
      })
      it("takes a megabyte, and views into larger buffers", async () => {
        const whole = new Uint8Array((1 << 20) + 7).map((_, i) => i * 31)
        const plaintext = whole.subarray(5, whole.length - 1)
        const sealed = await crypto.seal(key(), nonce, NOTHING, plaintext)
        const opened = await crypto.open(key(), nonce, NOTHING, concatBytes(NOTHING, sealed).subarray(0))
        expect(toHex(crypto.sha256(opened))).toBe(toHex(crypto.sha256(plaintext)))
      })
      it("leaves its input as it was, and returns memory of its own", async () => {
        const plaintext = utf8("unchanged")
        const sealed = await crypto.seal(key(), nonce, NOTHING, plaintext)
        const before = toHex(sealed)
        const opened = await crypto.open(key(), nonce, NOTHING, sealed)
        expect(toHex(sealed)).toBe(before)
        for (const bytes of [sealed, opened, crypto.sha256(plaintext), crypto.sha256(plaintext, plaintext)]) {
          expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
          expect(bytes.buffer.byteLength).toBe(bytes.byteLength)
        }
        opened.fill(0)
        expect([toHex(plaintext), toHex(sealed)]).toEqual([toHex(utf8("unchanged")), before])
      })
      it("refuses every single altered bit", async () => {
        const sealed = await crypto.seal(key(), nonce, utf8("about"), utf8("bits"))
        for (let bit = 0; bit < sealed.length * 8; bit++) {
          const altered = Uint8Array.from(sealed)
          altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7))
          expect(await codeOf(() => crypto.open(key(), nonce, utf8("about"), altered))).toBe("CRYPTO_OPEN_FAILED")
        }
      })
      it("opens with nothing but the same key, nonce and associated data", async () => {
        const sealed = await crypto.seal(key(), nonce, utf8("about"), utf8("text"))
        const otherNonce = new Uint8Array(12).fill(4)
        const attempts = [
          () => crypto.open(key(8), nonce, utf8("about"), sealed),
          () => crypto.open(key(), otherNonce, utf8("about"), sealed),
          () => crypto.open(key(), nonce, utf8("abouT"), sealed),
          () => crypto.open(key(), nonce, utf8("about"), sealed.subarray(1)),
          () => crypto.open(key(), nonce, utf8("about"), NOTHING),
          () => crypto.open(new Secret(new Uint8Array(31)), nonce, utf8("about"), sealed),
          () => crypto.open(key(), nonce.subarray(1), utf8("about"), sealed),
        ]
        for (const attempt of attempts) expect(await codeOf(attempt)).toBe("CRYPTO_OPEN_FAILED")
      })
      it("refuses keys and nonces of other lengths", async () => {
        const short = () => crypto.seal(new Secret(new Uint8Array(16)), nonce, NOTHING, NOTHING)
        const long = () => crypto.seal(key(), new Uint8Array(16), NOTHING, NOTHING)
        for (const attempt of [short, long]) expect(await codeOf(attempt)).toBe("CRYPTO_INVALID_INPUT")
      })
      it("is of no use with a secret that was wiped", async () => {
        const wiped = key()
        const sealed = await crypto.seal(wiped, nonce, NOTHING, utf8("text"))
        wiped.wipe()
        expect(await codeOf(() => crypto.open(wiped, nonce, NOTHING, sealed))).toBe("CRYPTO_OPEN_FAILED")
      })
    })

    describe.each(ALGORITHMS)("signing with %s", (algorithm) => {
      it("is verified by its public key, for its message only", async () => {
        const publicKey = await crypto.signingPublicKey(algorithm, key())
        const signature = await crypto.sign(algorithm, key(), utf8("message"))
        expect(publicKey).toHaveLength(SIGNATURE_LENGTHS[algorithm].publicKey)
        expect(signature).toHaveLength(SIGNATURE_LENGTHS[algorithm].signature)
        expect(await crypto.verify(algorithm, publicKey, utf8("message"), signature)).toBe(true)
        expect(await crypto.verify(algorithm, publicKey, utf8("messagE"), signature)).toBe(false)
        const other = await crypto.signingPublicKey(algorithm, key(9))
        expect(await crypto.verify(algorithm, other, utf8("message"), signature)).toBe(false)
      })
      it("answers any bytes with false, never with an error", async () => {
        const { publicKey, signature } = SIGNATURE_LENGTHS[algorithm]
        const likely = (length: number) =>
          fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ minLength: length, maxLength: length }))
        await fc.assert(
          fc.asyncProperty(likely(publicKey), likely(signature), async (aKey, aSignature) => {
            expect(await crypto.verify(algorithm, aKey, utf8("message"), aSignature)).toBe(false)
          }),
          { numRuns: 30 },
        )
      })
      it("refuses a seed that is no key", async () => {
        const seeds: Uint8Array[] = [new Uint8Array(31), new Uint8Array(33), NOTHING]
        if (algorithm === "ecdsa-p256") seeds.push(new Uint8Array(32), hex(P256_ORDER), new Uint8Array(32).fill(0xff))
        for (const seed of seeds) {
          const publicKey = () => crypto.signingPublicKey(algorithm, new Secret(seed.slice()))
          const sign = () => crypto.sign(algorithm, new Secret(seed.slice()), NOTHING)
          expect([toHex(seed), await codeOf(publicKey)]).toEqual([toHex(seed), "CRYPTO_INVALID_INPUT"])
          expect([toHex(seed), await codeOf(sign)]).toEqual([toHex(seed), "CRYPTO_INVALID_INPUT"])
        }
      })
    })

    it("signs with low s under P-256, with the largest scalar as well", async () => {
      const largest = new Secret(hex(`${P256_ORDER.slice(0, -1)}0`))
      const publicKey = await crypto.signingPublicKey("ecdsa-p256", largest)
      for (let i = 0; i < 16; i++) {
        const signature = await crypto.sign("ecdsa-p256", largest, Uint8Array.of(i))
        expect((signature[32] as number) < 0x80).toBe(true)
        expect(await crypto.verify("ecdsa-p256", publicKey, Uint8Array.of(i), signature)).toBe(true)
      }
    })

    describe("sealing to a public key", () => {
      it("opens for its owner, differently sealed each time", async () => {
        const publicKey = await crypto.sealingPublicKey(key())
        const one = await crypto.sealTo(publicKey, utf8("purpose"), utf8("secret"))
        const two = await crypto.sealTo(publicKey, utf8("purpose"), utf8("secret"))
        expect(one).toHaveLength(1120 + 6 + 16)
        expect(toHex(one)).not.toBe(toHex(two))
        expect(toHex((await crypto.openFrom(key(), utf8("purpose"), two)).expose())).toBe(toHex(utf8("secret")))
      })
      it("refuses what is no public key", async () => {
        const publicKeys = [NOTHING, new Uint8Array(1215), new Uint8Array(1217), new Uint8Array(1216).fill(0xff)]
        for (const publicKey of publicKeys) {
          expect(await codeOf(() => crypto.sealTo(publicKey, NOTHING, NOTHING))).toBe("CRYPTO_INVALID_INPUT")
        }
        expect(await codeOf(() => crypto.sealingPublicKey(new Secret(NOTHING)))).toBe("CRYPTO_INVALID_INPUT")
      })
      it("answers any bytes with one error", async () => {
        const lengths = [0, 15, 1119, 1120, 1135, 1136, 1200]
        for (const length of lengths) {
          const sealed = new Uint8Array(length).map((_, i) => i * 7 + length)
          expect(await codeOf(() => crypto.openFrom(key(), NOTHING, sealed))).toBe("CRYPTO_OPEN_FAILED")
        }
      })
    })
  })
}

async function codeOf(attempt: () => unknown): Promise<CryptoErrorCode | "no error"> {
  try {
    await attempt()
    return "no error"
  } catch (error) {
    if (error instanceof CryptoError) return error.code
    throw error
  }
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
