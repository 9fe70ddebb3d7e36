import { readFileSync } from "node:fs"
import { beforeAll, expect, test } from "vitest"
import { concatBytes, fromHex, toHex, utf8 } from "../../../crypto/bytes.ts"
import { LABEL_COMMITMENT, LABEL_FILE, LABEL_SHARD } from "../../../crypto/labels.ts"
import { Secret } from "../../../crypto/secret.ts"
import { createNodeCrypto } from "../../../src/platform/node/nodeCrypto.ts"
import { chunkAssociatedData, chunkNonce } from "../../../storage/format/pack.ts"
import { createEpochKeys, type EpochKeys } from "../../../storage/keys.ts"
import chunker from "../../vectors/chunker-v1.json" with { type: "json" }
import shards from "../../vectors/index-shard-v1.json" with { type: "json" }

const crypto = createNodeCrypto()
const WORKSPACE = "abcdefghijklmnopqrstuvwxyz"
const SALT = fromHex("5a".repeat(32))

let keys: EpochKeys
beforeAll(() => {
  keys = createEpochKeys(crypto, WORKSPACE, 1, new Secret(fromHex("0b".repeat(32))))
})

/** The worked example of a page. */
function exampleOf(page: string): string {
  const text = readFileSync(new URL(`../../../docs/spec/${page}`, import.meta.url), "utf8")
  return text.split("## Worked example\n")[1]!.split("\n## ")[0]!
}

/** The values of an example's table by their names. */
function valuesOf(page: string): Record<string, string> {
  const rows = exampleOf(page).matchAll(/^\| (.+) \| `([0-9a-f]+)` \|$/gm)
  return Object.fromEntries([...rows].map(([, name, value]) => [name, value]))
}

test("keys.md shows the keys that are derived", () => {
  expect(valuesOf("keys.md")).toEqual({
    "info of the commitment": toHex(
      concatBytes(utf8(LABEL_COMMITMENT), Uint8Array.of(0), utf8(WORKSPACE), Uint8Array.of(0, 0, 0, 1)),
    ),
    commitment: toHex(keys.commitment),
    "MAC key": toHex(keys.mac.expose()),
    "path key": toHex(keys.path.expose()),
    "machine-keys key": toHex(keys.machineKeys.expose()),
    "previous-epochs key": toHex(keys.previousEpochs.expose()),
    "object key, file": toHex(keys.objectKey(SALT, LABEL_FILE).expose()),
    "object key, shard": toHex(keys.objectKey(SALT, LABEL_SHARD).expose()),
  })
})

test("pack.md shows a chunk as it is sealed", async () => {
  const key = keys.objectKey(SALT, LABEL_FILE)
  const ad = chunkAssociatedData(WORKSPACE, 1, "none", 0)
  const plaintext = utf8("TOKEN=correct horse battery staple\n")
  expect(valuesOf("pack.md")).toEqual({
    key: toHex(key.expose()),
    nonce: toHex(chunkNonce(0)),
    ad: toHex(ad),
    plaintext: toHex(plaintext),
    "sealed chunk": toHex(await crypto.seal(key, chunkNonce(0), ad, plaintext)),
    hash: toHex(crypto.sha256(plaintext)),
  })
})

test("chunker.md shows the table and the cuts of a vector", () => {
  const vector = chunker.cases.find(({ name }) => name === "random, 16 MiB")!
  const example = exampleOf("chunker.md")
  const cuts = example
    .match(/^ {4}[\d ]+$/gm)!
    .join(" ")
    .trim()
    .split(/\s+/)
  expect(cuts.map(Number)).toEqual(vector.cuts)
  const gear = [...example.matchAll(/`([0-9a-f]{8})`/g)].map(([, hex]) => Number.parseInt(hex!, 16))
  expect(gear).toEqual(vector.gearFirst)
})

test("index.md shows a payload, byte for byte", () => {
  const lines = exampleOf("index.md").matchAll(/^ {4}((?:[0-9a-f]{2})+(?: (?:[0-9a-f]{2})+)*)(?: {2,}.*)?$/gm)
  const payload = [...lines].map(([, hex]) => hex!.replaceAll(" ", "")).join("")
  expect(payload).toBe(shards.payloads.find(({ name }) => name === "of every kind one")!.payloadHex)
})
