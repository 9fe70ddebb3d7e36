import { beforeAll, expect, it } from "vitest"
import type { Crypto } from "../../../../crypto/crypto.ts"
import { Secret } from "../../../../crypto/secret.ts"
import { isMachineName, isPlainName, openName, sealName } from "../../../../storage/format/machineName.ts"
import { createTestCrypto } from "../../../support/trustLog.ts"

let crypto: Crypto
const key = new Secret(new Uint8Array(32).fill(3))
const MACHINE = "a".repeat(52)

beforeAll(async () => {
  crypto = await createTestCrypto(6)
})

it("comes back, and shows nothing of its length", async () => {
  for (const name of ["x", "Ann's laptop", "ラップトップ", "é".repeat(31), "y".repeat(63)]) {
    const sealed = await sealName(crypto, 2, key, MACHINE, name)
    expect(sealed.sealed).toHaveLength(80)
    expect(await openName(crypto, key, MACHINE, sealed)).toBe(name)
  }
})

it("must fit, and be fit to print", () => {
  for (const name of ["", "z".repeat(64), "é".repeat(32), "a\nb", "\u0000", "a\u2028b", "\ud800", "\u001b[31m"]) {
    expect(isMachineName(name), JSON.stringify(name)).toBe(false)
  }
  expect(isMachineName("z".repeat(63))).toBe(true)
})

it("is made and shown only if nothing in it hides or reorders", () => {
  for (const name of ["x", "Ann's laptop", "ラップトップ", "👨‍👩‍👧", "❤️ desk", "می‌خواهم", "e\u0301"]) {
    expect(isPlainName(name), JSON.stringify(name)).toBe(true)
  }
  const wrong = [
    "a\u202eb",
    "a\u2066b",
    "\u200fa",
    "a\u200bb",
    "a\u00adb",
    "\u200dx",
    " a",
    "a ",
    "a  b",
    "a\u3000b",
    "\u2800",
    "",
  ]
  for (const name of wrong) expect(isPlainName(name), JSON.stringify(name)).toBe(false)
})

it("is not sealed if it is no name", async () => {
  await expect(sealName(crypto, 1, key, MACHINE, "")).rejects.toMatchObject({ code: "FORMAT_LIMIT_EXCEEDED" })
})

it("opens for its machine, epoch, salt and key only", async () => {
  const name = await sealName(crypto, 1, key, MACHINE, "laptop")
  const wrong = [
    () => openName(crypto, key, "b".repeat(52), name),
    () => openName(crypto, key, MACHINE, { ...name, epoch: 2 }),
    () => openName(crypto, key, MACHINE, { ...name, salt: new Uint8Array(32) }),
    () => openName(crypto, new Secret(new Uint8Array(32)), MACHINE, name),
  ]
  for (const attempt of wrong) await expect(attempt()).rejects.toMatchObject({ code: "SEAL_BROKEN" })
})

it("is refused if what is inside was not padded as it should be", async () => {
  const tooLong = new Uint8Array(64)
  tooLong[0] = 64
  const trailing = new Uint8Array(64).fill(1)
  const notUtf8 = new Uint8Array(64)
  notUtf8.set([1, 0xff])
  const empty = new Uint8Array(64)
  for (const padded of [tooLong, trailing, notUtf8, empty]) {
    const name = await sealName(crypto, 1, key, MACHINE, "x")
    const inside = { ...crypto, open: () => padded }
    await expect(openName(inside, key, MACHINE, name)).rejects.toMatchObject({ code: "FORMAT_INVALID" })
  }
})
