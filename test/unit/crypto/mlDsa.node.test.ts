import { createPublicKey, verify } from "node:crypto"
import { ml_dsa87 } from "@noble/post-quantum/ml-dsa.js"
import { describe, expect, it } from "vitest"
import { concatBytes, fromHex } from "../../../crypto/bytes.ts"
import { bytesOf, CRYPTO_VECTORS } from "../../support/cryptoVectors.ts"

/** RFC 9881 section 4: what precedes the key in a SubjectPublicKeyInfo. */
const BEFORE_PUBLIC_KEY = fromHex("30820a32300b060960864801650304031303820a2100")

const IMPLEMENTATIONS = {
  noble: (publicKey, message, signature, context) => ml_dsa87.verify(signature, message, publicKey, { context }),
  node(publicKey, message, signature, context) {
    const der = concatBytes(BEFORE_PUBLIC_KEY, publicKey)
    const key = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" })
    return verify(null, message, { key, context }, signature)
  },
} satisfies Record<string, (...parts: [Uint8Array, Uint8Array, Uint8Array, Uint8Array]) => boolean>

const cases = (CRYPTO_VECTORS.get("ml-dsa-87-verify-acvp.json")?.testGroups ?? []).flatMap((group) =>
  group.tests.map((test) => ({ name: `${test.tcId}, ${test.comment}`, group, test })),
)

// The vectors' contexts are refused by our own interface: here is what lies below it.
describe.each(Object.entries(IMPLEMENTATIONS))("ML-DSA-87 by %s", (_, verifies) => {
  it.each(cases)("agrees with NIST on case $name", ({ group, test }) => {
    const [message, signature, context] = ["msg", "sig", "ctx"].map((name) => bytesOf(test, name)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    expect(verifies(bytesOf(group, "publicKey"), message, signature, context)).toBe(test.result === "valid")
  })
})
