import { readFileSync } from "node:fs"
import { beforeAll, expect, test } from "vitest"
import { concatBytes, fromHex, toHex, utf8 } from "../../../crypto/bytes.ts"
import {
  LABEL_COMMITMENT,
  LABEL_FILE,
  LABEL_MAC,
  LABEL_MACHINE_KEYS,
  LABEL_PATH,
  LABEL_PREVIOUS_EPOCHS,
  LABEL_SHARD,
} from "../../../crypto/labels.ts"
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
  const infoOf = (label: string, ...rest: Uint8Array[]): Uint8Array =>
    concatBytes(utf8(label), Uint8Array.of(0), ...rest, Uint8Array.of(0, 0, 0, 1))
  const derive = (info: Uint8Array): string => toHex(crypto.hkdf(keys.key, new Uint8Array(0), info, 32).expose())
  const macInfo = infoOf(LABEL_MAC, utf8(WORKSPACE))
  const commitmentInfo = infoOf(LABEL_COMMITMENT)
  expect([derive(macInfo), derive(commitmentInfo)]).toEqual([toHex(keys.mac.expose()), toHex(keys.commitment)])
  expect(valuesOf("keys.md")).toEqual({
    "info of the MAC key": toHex(macInfo),
    "info of the commitment": toHex(commitmentInfo),
    commitment: toHex(keys.commitment),
    "MAC key": toHex(keys.mac.expose()),
    "path key": toHex(keys.path.expose()),
    "machine-keys key": toHex(keys.machineKeys.expose()),
    "previous-epochs key": toHex(keys.previousEpochs.expose()),
    "object key, file": toHex(keys.objectKey(SALT, LABEL_FILE).expose()),
    "object key, shard": toHex(keys.objectKey(SALT, LABEL_SHARD).expose()),
  })
})

test("keys.md lists the labels in use", () => {
  const page = readFileSync(new URL("../../../docs/spec/keys.md", import.meta.url), "utf8")
  const listed = [...page.matchAll(/\| `(sessyn\/v1\/[a-z0-9/-]+)` \|/g)].map(([, label]) => label)
  expect(listed).toEqual([
    LABEL_COMMITMENT,
    LABEL_MAC,
    LABEL_PATH,
    LABEL_MACHINE_KEYS,
    LABEL_PREVIOUS_EPOCHS,
    LABEL_FILE,
    LABEL_SHARD,
  ])
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
