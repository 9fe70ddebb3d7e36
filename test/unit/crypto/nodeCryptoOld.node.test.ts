/**
 * Node 22 and builds with BoringSSL, as Electron's, have neither Argon2 nor ML-DSA: there
 * the portable ones must step in unseen. Here node:crypto is made to refuse them.
 */
import * as node from "node:crypto"
import { expect, it, vi } from "vitest"
import { createNodeCrypto } from "../../../src/platform/node/nodeCrypto.ts"
import { cryptoConformance } from "../../conformance/crypto.ts"

vi.mock("node:crypto", async (importOriginal) => {
  const original = await importOriginal<typeof import("node:crypto")>()
  const mlDsaOid = Buffer.from("0609608648016503040313", "hex")
  const refuseMlDsa = (input: unknown): void => {
    const der = (input as { readonly key?: unknown }).key
    if (der instanceof Uint8Array && Buffer.from(der).includes(mlDsaOid)) throw new Error("unsupported")
  }
  return {
    ...original,
    argon2: () => {
      throw new Error("unsupported")
    },
    createPrivateKey: (input: node.PrivateKeyInput) => {
      refuseMlDsa(input)
      return original.createPrivateKey(input)
    },
    createPublicKey: (input: node.PublicKeyInput) => {
      refuseMlDsa(input)
      return original.createPublicKey(input)
    },
  }
})

it("is an old Node that is tested here", () => {
  const pkcs8 = Buffer.concat([Buffer.from("3034020100300b060960864801650304031304228020", "hex"), Buffer.alloc(32)])
  const parameters = { message: "", nonce: "saltsalt", memory: 8, passes: 1, parallelism: 1, tagLength: 4 }
  expect(() => node.argon2("argon2id", parameters, () => {})).toThrow("unsupported")
  expect(() => node.createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" })).toThrow("unsupported")
})

cryptoConformance("node without Argon2 and ML-DSA", createNodeCrypto)
