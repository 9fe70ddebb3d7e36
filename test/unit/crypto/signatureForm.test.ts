import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { concatBytes, fromHex, toHex } from "../../../crypto/bytes.ts"
import { isSignatureForm, withLowS } from "../../../crypto/signatureForm.ts"

const { Point } = ed25519
const anyKey = Point.BASE.multiply(5n).toBytes()
const anyR = Point.BASE.multiply(7n).toBytes()
const anyS = new Uint8Array(32).fill(1)
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

describe("the form of an Ed25519 signature", () => {
  it("admits points of full order", () => {
    expect(isSignatureForm("ed25519", anyKey, concatBytes(anyR, anyS))).toBe(true)
  })

  it.each(ED25519_TORSION_SUBGROUP)("refuses %s, of small order, as key and as R, with either sign", (hex) => {
    const point = fromHex(hex)
    const otherSign = Uint8Array.from(point, (byte, i) => (i === 31 ? byte ^ 0x80 : byte))
    for (const small of [point, otherSign]) {
      expect(isSignatureForm("ed25519", small, concatBytes(anyR, anyS))).toBe(false)
      expect(isSignatureForm("ed25519", anyKey, concatBytes(small, anyS))).toBe(false)
    }
  })

  it("refuses y from the prime up, of which a lax reader makes a point", () => {
    for (let y = 2n ** 255n - 19n; y < 2n ** 255n; y++) {
      for (const sign of [0n, 1n]) {
        const point = fromHex((y | (sign << 255n)).toString(16).padStart(64, "0")).reverse()
        expect([toHex(point), isSignatureForm("ed25519", point, concatBytes(anyR, anyS))]).toEqual([
          toHex(point),
          false,
        ])
      }
    }
  })
})

describe("low s", () => {
  it("is s or n - s, whichever is smaller, and r stays", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.bigInt(1n, P256_ORDER - 1n), (r, s) => {
        const low = withLowS(concatBytes(r, fromHex(s.toString(16).padStart(64, "0"))))
        const found = BigInt(`0x${toHex(low.subarray(32))}`)
        expect([s, P256_ORDER - s]).toContain(found)
        expect(2n * found <= P256_ORDER).toBe(true)
        expect(toHex(low.subarray(0, 32))).toBe(toHex(r))
      }),
    )
  })
})
