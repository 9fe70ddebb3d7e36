import { beforeAll, describe, expect, test } from "vitest"
import { concatBytes, toHex, utf8 } from "../../../crypto/bytes.ts"
import type { Crypto } from "../../../crypto/crypto.ts"
import { LABEL_FILE, LABEL_SHARD } from "../../../crypto/labels.ts"
import { createPortableCrypto } from "../../../crypto/portableCrypto.ts"
import { Secret } from "../../../crypto/secret.ts"
import { createEpochKeys, createKeyring, type EpochKeys, keyCommitment } from "../../../storage/keys.ts"

const WORKSPACE = "abcdefghijklmnopqrstuvwxyz"
const OTHER_WORKSPACE = "bbcdefghijklmnopqrstuvwxyz"
const SALT = new Uint8Array(32).fill(5)

let crypto: Crypto
beforeAll(async () => {
  crypto = await createPortableCrypto()
})

function keysOf(epoch = 1, workspace = WORKSPACE, fill = 1): EpochKeys {
  return createEpochKeys(crypto, workspace, epoch, new Secret(new Uint8Array(32).fill(fill)))
}

function allOf(keys: EpochKeys): string[] {
  const objects = ([LABEL_FILE, LABEL_SHARD] as const).map((label) => keys.objectKey(SALT, label))
  const secrets = [keys.mac, keys.path, keys.machineKeys, keys.previousEpochs, ...objects]
  return [toHex(keys.commitment), ...secrets.map((secret) => toHex(secret.expose()))]
}

describe("keys of an epoch", () => {
  test("differ by purpose, epoch, workspace and workspace key", () => {
    const all = [keysOf(), keysOf(2), keysOf(1, OTHER_WORKSPACE), keysOf(1, WORKSPACE, 2)].flatMap(allOf)
    // One less: the commitment is not bound to the workspace, whose id is the hash of an entry that holds the first one.
    expect(new Set(all).size).toBe(4 * 7 - 1)
  })

  test("have the commitment that can be had before the workspace has an id", () => {
    const key = new Secret(new Uint8Array(32).fill(1))
    expect(keysOf(3).commitment).toEqual(keyCommitment(crypto, 3, key))
  })

  test("are the same each time", () => {
    expect(allOf(keysOf())).toEqual(allOf(keysOf()))
  })

  test("follow the page: HKDF over label, zero, workspace id and epoch", () => {
    const info = concatBytes(
      utf8("sessyn/v1/object/file"),
      Uint8Array.of(0),
      utf8(WORKSPACE),
      Uint8Array.of(0, 0, 1, 2),
    )
    const expected = crypto.hkdf(new Secret(new Uint8Array(32).fill(1)), SALT, info, 32)
    expect(keysOf(0x102).objectKey(SALT, LABEL_FILE).expose()).toEqual(expected.expose())
  })

  test("of one object differ by its salt", () => {
    const keys = keysOf()
    const other = new Uint8Array(32).fill(6)
    expect(keys.objectKey(SALT, LABEL_FILE).expose()).not.toEqual(keys.objectKey(other, LABEL_FILE).expose())
  })

  test("cannot be derived once wiped, not even as the key of nothing", () => {
    const keys = keysOf()
    const { mac } = keys
    keys.wipe()
    expect(mac.length).toBe(0)
    expect(() => keys.objectKey(SALT, LABEL_FILE)).toThrow(expect.objectContaining({ code: "CRYPTO_INVALID_INPUT" }))
    expect(() => keys.previousEpochs).toThrow(expect.objectContaining({ code: "CRYPTO_INVALID_INPUT" }))
    expect(keys.commitment).toEqual(keysOf().commitment)
  })

  test.each([
    ["a short workspace id", () => keysOf(1, "abc")],
    ["an upper-case workspace id", () => keysOf(1, WORKSPACE.toUpperCase())],
    ["epoch 0", () => keysOf(0)],
    ["epoch 2^32", () => keysOf(2 ** 32)],
    ["a fractional epoch", () => keysOf(1.5)],
    ["a short key", () => createEpochKeys(crypto, WORKSPACE, 1, new Secret(new Uint8Array(16)))],
    ["a short salt", () => keysOf().objectKey(new Uint8Array(31), LABEL_FILE)],
  ])("are refused for %s", (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: "CRYPTO_INVALID_INPUT" }))
  })
})

describe("the keyring", () => {
  test("finds keys by epoch; the newest is the current one, in whatever order they came", () => {
    const ring = createKeyring()
    expect(ring.current).toBeUndefined()
    for (const epoch of [2, 10, 1]) ring.add(keysOf(epoch))
    expect(ring.epochs).toEqual([1, 2, 10])
    expect(ring.current?.epoch).toBe(10)
    expect(ring.get(2)?.epoch).toBe(2)
    expect(ring.get(3)).toBeUndefined()
  })

  test("keeps what it has when the same key comes again, and refuses another for that epoch", () => {
    const ring = createKeyring()
    const first = keysOf()
    ring.add(first)
    ring.add(keysOf())
    expect(ring.get(1)).toBe(first)
    expect(() => ring.add(keysOf(1, WORKSPACE, 2))).toThrow(expect.objectContaining({ code: "CRYPTO_INVALID_INPUT" }))
  })

  test("is empty after a wipe, and its keys are gone", () => {
    const ring = createKeyring()
    const keys = keysOf()
    ring.add(keys)
    ring.wipe()
    expect(ring.current).toBeUndefined()
    expect(keys.key.length).toBe(0)
  })
})
