/**
 * Every byte of every object of a small vault, changed one at a time, and every object cut at every length. The host
 * recomputes Git's ids, so they fit; what refuses is the vault's own: hashes, tags, signatures, one encoding of everything.
 * Each layer has its turn by itself: the hash that the header states, and, as if that were not there, the seal below it.
 *
 * A client that knows the log up to an entry reads the entries after it; so each entry is damaged for somebody who does not
 * know it yet. Where a whole client per byte would be too slow, `exchange.long.test.ts` takes a sample through one.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { toHex, utf8 } from "../../../crypto/bytes.ts"
import { verifyJoinRequest } from "../../../storage/verify/joinRequest.ts"
import { openKeyBox, openPreviousKeys } from "../../../storage/format/keyBox.ts"
import { openName } from "../../../storage/format/machineName.ts"
import { decodeVaultFile } from "../../../storage/format/vaultFile.ts"
import { createKeyring, type EpochKeys } from "../../../storage/keys.ts"
import { HEADER_PATH, JOIN_PATH, packsOf, shardPath, trustPath, VAULT_FILE_PATH } from "../../../storage/layout.ts"
import { openChunk } from "../../../storage/packReader.ts"
import { openShard } from "../../../storage/shardSeal.ts"
import { isMacGood } from "../../../storage/verify/macs.ts"
import { chunksOf, type VaultIndex } from "../../../src/vault/vaultIndex.ts"
import type { Identity } from "../../../src/vault/identity.ts"
import { STORE_URL } from "../../support/memoryMachine.ts"
import { flipped, kindOf, masks } from "../../support/adversary/mischief.ts"
import { arrive } from "../../support/adversary/machines.ts"
import {
  believeAs,
  createSpecimen,
  indexOf,
  type Objects,
  outcomeOf,
  type Reading,
  readFilesIn,
  readShardOf,
  type Specimen,
} from "../../support/adversary/specimen.node.ts"
import { createTally, REASONS } from "../../support/adversary/tally.ts"

const SEED = 20_260_101

let specimen: Specimen
let index: VaultIndex
const tally = createTally()

beforeAll(async () => {
  specimen = await createSpecimen("one")
  index = await indexOf(specimen)
})

afterAll(() => tally.print("every byte, every length:"))

type Read = (bytes: Uint8Array) => Promise<Reading>

/** Changes every byte, cuts at every length, and adds one; counts what comes of it. */
async function damage(kind: string, bytes: Uint8Array, read: Read): Promise<void> {
  const whole = await read(bytes)
  if (whole.kind !== "read") throw new Error(`${kind} is refused as it is: ${whole.code}`)
  const mask = masks(SEED, bytes)
  for (let at = 0; at < bytes.length; at++) {
    tally.count(`${kind}, flipped`, await read(flipped(bytes, at, mask[at])), whole.digest)
  }
  for (let length = 0; length < bytes.length; length++) {
    tally.count(`${kind}, cut`, await read(bytes.slice(0, length)), whole.digest)
  }
  tally.count(`${kind}, longer`, await read(new Uint8Array([...bytes, 0])), whole.digest)
}

/** All of the damage was refused by a named reason, but for so much. */
function expectRefused(
  kind: string,
  bytes: number,
  withoutEffect: { flipped?: number; cut?: number; longer?: number } = {},
) {
  const totals = { flipped: bytes, cut: bytes, longer: 1 }
  for (const how of ["flipped", "cut", "longer"] as const) {
    const { "no effect": none = 0, ...refused } = tally.of(`${kind}, ${how}`)
    expect(none, `${kind}, ${how}`).toBe(withoutEffect[how] ?? 0)
    expect(REASONS).toEqual(expect.arrayContaining(Object.keys(refused)))
    expect(Object.values(refused).reduce((sum, n) => sum + n, none)).toBe(totals[how])
  }
  expect(tally.accepted).toEqual([])
}

const withObject = (path: string, bytes: Uint8Array): Objects => new Map(specimen.objects).set(path, bytes)
const objectAt = (path: string): Uint8Array => specimen.objects.get(path) as Uint8Array
const pathsOf = (kind: string): readonly string[] =>
  [...specimen.objects.keys()].filter((path) => kindOf(path) === kind)
const bytesIn = (paths: readonly string[]): number => paths.reduce((sum, path) => sum + objectAt(path).length, 0)

describe("what must be believed first", () => {
  it("the header", async () => {
    const all = specimen.head.trust.length
    await damage("header", objectAt(HEADER_PATH), (bytes) => believeAs(specimen, withObject(HEADER_PATH, bytes), all))
    expectRefused("header", objectAt(HEADER_PATH).length)
  })

  it("the key boxes, by the digest that the header states", async () => {
    const all = specimen.head.trust.length
    const read: Read = (bytes) => believeAs(specimen, withObject(VAULT_FILE_PATH, bytes), all)
    await damage("key boxes", objectAt(VAULT_FILE_PATH), read)
    expectRefused("key boxes", objectAt(VAULT_FILE_PATH).length)
    expect(Object.keys(tally.of("key boxes, flipped"))).toEqual(["HASH_MISMATCH"])
  })

  it("each entry of the trust log, by whoever does not know it yet", async () => {
    const { length } = specimen.head.trust
    for (let sequence = 1; sequence <= length; sequence++) {
      const path = trustPath(sequence)
      await damage("trust log", objectAt(path), (bytes) => believeAs(specimen, withObject(path, bytes), sequence - 1))
    }
    const bytes = bytesIn(pathsOf("trust"))
    for (const how of ["flipped", "cut"]) {
      const { "no effect": none = 0, ...refused } = tally.of(`trust log, ${how}`)
      expect([how, none]).toEqual([how, 0])
      expect(Object.values(refused).reduce((sum, n) => sum + n, 0)).toBe(bytes)
    }
    expect(tally.accepted).toEqual([])
  })

  it("each entry of the trust log has no effect on who knows it: not one byte of it is read again", async () => {
    const { length } = specimen.head.trust
    const whole = await believeAs(specimen, specimen.objects, length)
    for (const path of pathsOf("trust")) {
      expect(await believeAs(specimen, withObject(path, utf8("anything")), length)).toEqual(whole)
    }
  })
})

describe("what the header names", () => {
  it("the index, by hash", async () => {
    const paths = pathsOf("index")
    for (const [number, path] of paths.entries()) {
      const read: Read = (bytes) => readShardOf(specimen, withObject(path, bytes), index, number)
      await damage("index, hashed", objectAt(path), read)
    }
    expect(Object.keys(tally.of("index, hashed, flipped"))).toEqual(["HASH_MISMATCH"])
    expect(tally.of("index, hashed, flipped")).toEqual({ HASH_MISMATCH: bytesIn(paths) })
    expect(tally.of("index, hashed, longer")).toEqual({ HASH_MISMATCH: paths.length })
    expect(tally.accepted).toEqual([])
  })

  it("the packs, by their names", async () => {
    const paths = pathsOf("packs")
    for (const path of paths) {
      await damage("packs, hashed", objectAt(path), (bytes) =>
        readFilesIn(specimen, withObject(path, bytes), index, path),
      )
    }
    expect(tally.of("packs, hashed, flipped")).toEqual({ HASH_MISMATCH: bytesIn(paths) })
    expect(tally.of("packs, hashed, cut")).toEqual({ HASH_MISMATCH: bytesIn(paths) })
    expect(tally.of("packs, hashed, longer")).toEqual({ HASH_MISMATCH: paths.length })
    expect(tally.accepted).toEqual([])
  })

  it("README and attributes have no effect: nobody reads them", async () => {
    const { length } = specimen.head.trust
    for (const path of ["README.md", ".gitattributes"]) {
      await damage("constant files", objectAt(path), (bytes) => believeAs(specimen, withObject(path, bytes), length))
    }
    const bytes = objectAt("README.md").length + objectAt(".gitattributes").length
    expect(tally.of("constant files, flipped")).toEqual({ "no effect": bytes })
  })
})

describe("what is sealed, as if no hash were there", () => {
  it("a shard: every byte counts, its padding too", async () => {
    const { crypto, compressor } = specimen.context.host
    const { index: refs, epoch } = specimen.head.verified.header
    const keys = specimen.context.keyring.get(epoch) as EpochKeys
    const [path, number] = [shardPath(1), 1]
    const read: Read = (bytes) =>
      outcomeOf(async () => {
        const shard = await openShard(crypto, keys, { number, count: refs.length }, bytes, compressor.decompress)
        return JSON.stringify(shard, (_, value) => (value instanceof Uint8Array ? toHex(value) : value))
      })
    await damage("shard seal", objectAt(path), read)
    expectRefused("shard seal", objectAt(path).length)
  })

  it("a pack: every byte but its padding, which no chunk reaches", async () => {
    const { host, keyring } = specimen.context
    for (const [pack, path] of [...packsOf(new Map([...specimen.objects.keys()].map((path) => [path, path])))]) {
      const refs = [...chunksOf(index.entries.values())].filter((ref) => ref.pack === pack)
      const read: Read = (bytes) =>
        outcomeOf(async () => {
          let text = ""
          for (const ref of refs) text += toHex(await openChunk(host.crypto, keyring, bytes, ref))
          return text
        })
      await damage(`chunk seals ${pack.slice(0, 4)}`, objectAt(path), read)
      const used = 8 + refs.reduce((sum, { sealedBytes }) => sum + sealedBytes, 0)
      const unused = objectAt(path).length - used
      expectRefused(`chunk seals ${pack.slice(0, 4)}`, objectAt(path).length, {
        flipped: unused,
        cut: unused,
        longer: 1,
      })
    }
  })

  it("the key boxes: one's own and the older keys, whoever else's are damaged", async () => {
    const { context, head } = specimen
    const { crypto } = context.host
    const identity = context.identity as Identity
    const real = decodeVaultFile(objectAt(VAULT_FILE_PATH))
    const read: Read = (bytes) =>
      outcomeOf(async () => {
        const file = decodeVaultFile(bytes)
        const keys = await openKeyBox(crypto, head.trust, file, identity.id, identity.sealingSeed)
        const ring = createKeyring()
        ring.add(keys)
        await openPreviousKeys(crypto, head.trust, file, keys, ring)
        return ring.epochs.map((epoch) => toHex(ring.get(epoch)?.key.expose() as Uint8Array)).join()
      })
    await damage("key box seals", objectAt(VAULT_FILE_PATH), read)
    const { "no effect": none = 0, ...refused } = tally.of("key box seals, flipped")
    expect(REASONS).toEqual(expect.arrayContaining(Object.keys(refused)))
    // Those of the other machine and of the passphrase are for others to open.
    const others = real.boxes.filter(({ recipient }) => recipient !== identity.id)
    const sealedText = Math.ceil((others[0]?.sealed.length ?? 0) / 3) * 4
    expect(none).toBeLessThanOrEqual(others.length * (sealedText + 52))
    expect(none).toBeGreaterThan(sealedText / 2)
    expect(tally.of("key box seals, cut")).toEqual({ FORMAT_INVALID: objectAt(VAULT_FILE_PATH).length })
    expect(tally.accepted).toEqual([])
  })

  it("a request to be let in: none but the machine's own is shown", async () => {
    const joiner = await arrive(specimen.host, "D")
    await joiner.engine.join({ root: "", storeUrl: STORE_URL, machineName: "D", remember: true })
    const branches = await specimen.host.picture()
    const [, head = ""] = [...branches].find(([name]) => name.includes("/join/")) ?? []
    const request = (await specimen.host.objects(head)).get(JOIN_PATH) as Uint8Array
    const { crypto } = specimen.context.host
    const keys = specimen.context.keyring.current as EpochKeys
    const read: Read = (bytes) =>
      outcomeOf(async () => {
        const { envelope, machine, request } = await verifyJoinRequest(crypto, bytes, specimen.head.trust)
        if (!isMacGood(crypto, envelope, keys.mac)) return refuse("HEADER_INVALID")
        return `${machine} ${await openName(crypto, keys.key, machine, request.name)}`
      })
    await damage("join request", request, read)
    expectRefused("join request", request.length)
  })
})

/** As `pendingMachines` passes it over. */
function refuse(code: string): never {
  throw Object.assign(new Error("passed over"), { code })
}
