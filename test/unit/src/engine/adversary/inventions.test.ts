/**
 * What a host makes up: key boxes, passphrase parameters, logs, shards, files. None of it is believed, and none is carried
 * on into the next version that a real client makes.
 */
import { describe, expect, it } from "vitest"
import { toBase64, utf8 } from "../../../../../crypto/bytes.ts"
import type { Crypto } from "../../../../../crypto/crypto.ts"
import { Secret } from "../../../../../crypto/secret.ts"
import { encodeDocument, type Json } from "../../../../../storage/format/canonicalJson.ts"
import type { JsonCodec } from "../../../../../storage/format/codec.ts"
import {
  decodeEnvelope,
  encodeEnvelope,
  preAuthEncoding,
  signEnvelope,
} from "../../../../../storage/format/envelope.ts"
import { sealKeyBox } from "../../../../../storage/format/keyBox.ts"
import { decodeVaultFile, encodeVaultFile, PASSPHRASE_RECIPIENT } from "../../../../../storage/format/vaultFile.ts"
import { createEpochKeys } from "../../../../../storage/keys.ts"
import { HEADER_PATH, shardPath, trustPath, VAULT_FILE_PATH } from "../../../../../storage/layout.ts"
import { createIdentity, signersOf } from "../../../../../src/vault/identity.ts"
import { type MemoryMachine, STORE_URL } from "../../../../support/memoryMachine.ts"
import type { HostileHost, Tree } from "../../../../support/adversary/host.ts"
import { insider, plantHeader } from "../../../../support/adversary/insider.ts"
import { flipped, shuffled } from "../../../../support/adversary/mischief.ts"
import { arrive, besiege, expectPeace, refusedWithoutTrace } from "../../../../support/adversary/machines.ts"
import { seededBytes } from "../../../../support/vault.ts"

const asItIs: JsonCodec<Json> = { encode: (fields) => fields, decode: (json) => json as Json }

const joinAs = (machine: MemoryMachine) => () =>
  machine.engine.join({ root: "", storeUrl: STORE_URL, machineName: machine.name, remember: true })

/** An object of the newest version, changed. */
async function alter(host: HostileHost, path: string, change: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  const bytes = (await host.objects()).get(path)
  if (bytes === undefined) throw new Error("no such object")
  await host.forge((tree) => void tree.set(path, change(bytes)))
}

describe("key boxes of the host's own", () => {
  const own = async ({ crypto }: MemoryMachine) => {
    const identity = await createIdentity(crypto, ["ed25519"])
    return { id: identity.id, publicKey: identity.record.sealing.publicKey }
  }
  type Box = ReturnType<typeof decodeVaultFile>["boxes"][number]
  const sorted = (boxes: readonly Box[]) => [...boxes].sort((x, y) => (x.recipient < y.recipient ? -1 : 1))

  async function withBoxes(name: string, change: (boxes: readonly Box[], box: Box, machine: string) => readonly Box[]) {
    const { host, machines } = await besiege(["A", "B"])
    const [a] = machines
    const real = (await host.objects()).get(VAULT_FILE_PATH) as Uint8Array
    const file = decodeVaultFile(real)
    const { id, publicKey } = await own(a)
    const keys = createEpochKeys(a.crypto, file.workspace, file.epoch, new Secret(seededBytes(7, 32)))
    const member = (await insider(machines[1])).identity.id
    const recipient = { stranger: id, passphrase: PASSPHRASE_RECIPIENT, machine: member }[name] as string
    // To a machine that is there it is sealed by its public key, which everybody knows.
    const known = (await insider(a)).head.trust.machines.get(recipient)?.record.sealing.publicKey
    const box = await sealKeyBox(a.crypto, keys, recipient, known ?? publicKey)
    const forged = encodeVaultFile({ ...file, boxes: sorted(change(file.boxes, box, member)) })
    await host.forge((tree) => void tree.set(VAULT_FILE_PATH, forged))
    return { host, machines, real }
  }

  it.each([
    ["one more machine", "stranger", (boxes: readonly Box[], box: Box) => [...boxes, box]],
    ["another passphrase", "passphrase", (boxes: readonly Box[], box: Box) => [...boxes.filter(isNot(box)), box]],
    [
      "a key of the host's choosing for a machine",
      "machine",
      (boxes: readonly Box[], box: Box) => [...boxes.filter(isNot(box)), box],
    ],
    ["none for a machine", "machine", (boxes: readonly Box[], box: Box) => boxes.filter(isNot(box))],
  ] as const)("%s: refused by all, and not carried on", async (_, recipient, change) => {
    const { host, machines, real } = await withBoxes(recipient, change)
    const c = await arrive(host, "C")
    for (const machine of machines) await refusedWithoutTrace(host, machines, "HASH_MISMATCH", () => machine.sync())
    await refusedWithoutTrace(host, [...machines, c], "HASH_MISMATCH", joinAs(c))
    await machines[1].session((open) => open.repair())
    await expectPeace(machines, { kept: "kept" })
    expect((await host.objects()).get(VAULT_FILE_PATH)).toEqual(real)
  })

  function isNot(box: Box): (other: Box) => boolean {
    return ({ recipient }) => recipient !== box.recipient
  }

  it("those of a version before", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const old = (await host.objects()).get(VAULT_FILE_PATH) as Uint8Array
    await machines[0].session((open) => open.changePassphrase())
    await host.forge((tree) => void tree.set(VAULT_FILE_PATH, old))
    for (const machine of machines) await refusedWithoutTrace(host, machines, "HASH_MISMATCH", () => machine.sync())
  })
})

/** How often the machine derives keys from a passphrase from now on. */
function countDerivations({ host }: MemoryMachine): () => number {
  let derivations = 0
  const { crypto } = host
  const argon2id: Crypto["argon2id"] = (...how) => {
    derivations++
    return crypto.argon2id(...how)
  }
  Object.assign(host, { crypto: { ...crypto, argon2id } })
  return () => derivations
}

describe("passphrase parameters of the host's own", () => {
  /** The vault with other parameters in its genesis entry, properly signed by keys of the host's own as far as it can. */
  async function withParameters(parameters: Readonly<Record<string, Json>>) {
    const { host, machines } = await besiege(["A"])
    const [a] = machines
    const mole = await insider(a)
    const { envelope } = mole.head.trust.entries[0] as (typeof mole.head.trust.entries)[number]
    const fields = JSON.parse(new TextDecoder().decode(envelope.payload)) as { passphrase: Record<string, Json> }
    const changed = { ...fields, passphrase: { ...fields.passphrase, ...parameters } } as Json
    const payload = encodeDocument(asItIs, changed, 1 << 16)
    const genesis = encodeEnvelope({ ...envelope, payload, signed: preAuthEncoding("trust", payload) })
    await host.forge((tree) => void tree.set(trustPath(1), genesis))
    const c = await arrive(host, "C")
    return { host, c, derivations: countDerivations(c) }
  }

  it.each([
    ["weaker memory", { memoryKiB: 8 }, "FORMAT_INVALID"],
    ["fewer passes", { passes: 1 }, "FORMAT_INVALID"],
    ["no lanes", { lanes: 0 }, "FORMAT_INVALID"],
    ["enormous memory", { memoryKiB: 2 ** 31 }, "FORMAT_INVALID"],
    ["enormous passes", { passes: 2 ** 32 - 1 }, "FORMAT_INVALID"],
    ["a salt of no length", { salt: "" }, "FORMAT_INVALID"],
    ["dearer, within what is allowed", { memoryKiB: 1024 * 1024, passes: 10 }, "TRUST_LOG_INVALID"],
    ["another salt", { salt: toBase64(seededBytes(3, 16)) }, "TRUST_LOG_INVALID"],
  ] as const)("%s: refused before anything is derived", async (_, parameters, expected) => {
    const { host, c, derivations } = await withParameters(parameters)
    await refusedWithoutTrace(host, [c], expected, joinAs(c))
    expect(derivations()).toBe(0)
  })

  it("are counted where they are good", async () => {
    const { host, machines } = await besiege(["A"])
    const c = await arrive(host, "C")
    const derivations = countDerivations(c)
    await joinAs(c)()
    expect([derivations(), machines.length]).toEqual([1, 1])
  })
})

describe("a log that does not fit its header", () => {
  it("shorter, under a newer header: refused by whoever does not know the rest", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    await a.session((open) => open.changePassphrase())
    const { trust } = (await insider(a)).head
    await host.forge((tree) => void tree.delete(trustPath(trust.length)))
    await refusedWithoutTrace(host, machines, "OBJECT_MISSING", () => b.sync())
    const c = await arrive(host, "C")
    await refusedWithoutTrace(host, [...machines, c], "OBJECT_MISSING", joinAs(c))
    // A remembers all of it: what it publishes next has the whole log again.
    await a.write("new", "new")
    await expectPeace([a, b], { kept: "kept", new: "new" })
    expect((await host.objects()).has(trustPath(trust.length))).toBe(true)
  })

  it("with a damaged entry that members need not read: named by verify, and mended by the next repair", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const real = (await host.objects()).get(trustPath(1)) as Uint8Array
    await alter(host, trustPath(1), (bytes) => flipped(bytes, 40))
    expect((await a.sync()).kind).toBe("in-sync")
    const { problems } = await a.session((open) => open.verify())
    expect(problems.map(({ object }) => object)).toEqual([trustPath(1)])
    await b.session((open) => open.repair())
    await expectPeace([a, b], { kept: "kept" })
    expect((await host.objects()).get(trustPath(1))).toEqual(real)
    const c = await arrive(host, "C")
    expect((await joinAs(c)()).status).toBe("pending")
  })
})

describe("files that nobody asked for", () => {
  const PLANTED = [
    ".github/workflows/x.yml",
    ".gitmodules",
    "index/3ff",
    "trust/000003.json",
    "trust/000004.json",
    "trust/000099.json",
    "packs/zz",
    "inbox/somebody/00",
    "vault.json.bak",
  ]

  it.each(PLANTED)("%s is passed over, named by verify, and gone with the next version", async (path) => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    await host.forge((tree) => void tree.set(path, utf8("on: push")))
    for (const machine of machines) expect((await machine.sync()).kind).toBe("in-sync")
    const { problems } = await a.session((open) => open.verify())
    expect(problems).toMatchObject([{ kind: "unnamed", object: path, reason: "named by no header", files: [] }])
    const c = await arrive(host, "C")
    expect((await joinAs(c)()).status).toBe("pending")
    await a.write("new", "new")
    await expectPeace([a, b], { kept: "kept", new: "new" })
    expect((await host.objects()).has(path)).toBe(false)
  })

  it("a README and attributes of the host's own are set right by the next version", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const real = await host.objects()
    const constant = ["README.md", ".gitattributes"]
    await host.forge((tree) => {
      for (const path of constant) tree.set(path, utf8("packs/** filter=evil"))
    })
    await a.write("new", "new")
    await expectPeace([a, b], { kept: "kept", new: "new" })
    const now = await host.objects()
    for (const path of constant) expect(now.get(path)).toEqual(real.get(path))
  })

  it("a pack that no index names is never read, and leaves the tree", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const planted = seededBytes(9, 16 * 1024)
    const id = [...a.crypto.sha256(planted)].map((byte) => byte.toString(16).padStart(2, "0")).join("")
    const path = `packs/${id.slice(0, 2)}/${id}`
    await host.forge((tree) => void tree.set(path, planted))
    const { problems } = await b.session((open) => open.verify())
    expect(problems).toMatchObject([{ kind: "pack", object: path, files: [] }])
    for (const content of ["1", "2", "3", "4"]) {
      await a.write("new", content)
      await a.sync()
    }
    await expectPeace([a, b], { kept: "kept", new: "4" })
    expect((await host.objects()).has(path)).toBe(false)
  })
})

describe("answers that are not what was asked for", () => {
  const swapped = (tree: Tree, [x, y]: readonly [string, string]): void => {
    const [one, other] = [tree.get(x), tree.get(y)]
    if (one === undefined || other === undefined) throw new Error("no such objects")
    tree.set(x, other).set(y, one)
  }

  it("any order of objects will do", async () => {
    const { host, machines } = await besiege(["A", "B"], { one: "1", two: "2" })
    const [a, b] = machines
    host.tamper("B", { order: (ids) => shuffled(11, ids) })
    await a.write("large", "x".repeat(100_000))
    await expectPeace([a, b], { one: "1", two: "2", large: "x".repeat(100_000) })
  })

  it.each([
    ["nothing", () => null, "STORE_OBJECT_MISSING"],
    ["half of it", (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1), "FORMAT_INVALID"],
    ["none of its bytes", () => new Uint8Array(0), "FORMAT_INVALID"],
    ["noise of its length", (bytes: Uint8Array) => seededBytes(5, bytes.length), "FORMAT_INVALID"],
  ] as const)("%s in place of each object is no version of the vault", async (_, object, expected) => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    await a.write("new", "new")
    await a.sync()
    host.tamper("B", { object })
    await refusedWithoutTrace(host, machines, expected, () => b.sync())
    host.tamper("B", null)
    await expectPeace([b, a], { kept: "kept", new: "new" })
  })

  it.each([
    [HEADER_PATH, VAULT_FILE_PATH],
    [VAULT_FILE_PATH, shardPath(0)],
    [HEADER_PATH, trustPath(1)],
    [shardPath(0), trustPath(2)],
  ] as const)("%s and %s for each other", async (...paths) => {
    const { host, machines } = await besiege(["A", "B"])
    const c = await arrive(host, "C")
    const real = await host.picture()
    await host.forge((tree) => swapped(tree, paths))
    const refused = /^(FORMAT_(INVALID|NEWER|LIMIT_EXCEEDED)|HASH_MISMATCH)$/
    await expect(joinAs(c)()).rejects.toHaveProperty("code", expect.stringMatching(refused))
    await host.rollBack(real)
    await expectPeace(machines, { kept: "kept" })
  })
})

describe("a shard of another version", () => {
  it("is a newer vault to everybody, if a trusted machine signs for it; nothing is written over it", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const mole = await insider(b)
    const shard = flipped((await host.objects()).get(shardPath(0)) as Uint8Array, 7, 3)
    const ref = new Uint8Array([...a.crypto.sha256(shard), ...new Uint8Array(new Uint32Array([0]).buffer)])
    new DataView(ref.buffer).setUint32(32, shard.length)
    const header = await mole.header(mole.head, (fields) => ({ ...fields, index: { count: 1, shards: toBase64(ref) } }))
    await host.forge((tree) => void tree.set(HEADER_PATH, header).set(shardPath(0), shard), { onTop: true })
    await refusedWithoutTrace(host, machines, "FORMAT_NEWER", () => a.sync())
    await refusedWithoutTrace(host, machines, "FORMAT_NEWER", () => a.session((open) => open.repair()))
  })

  it("is refused if only the host says so", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    await a.write("new", "new")
    await a.sync()
    await alter(host, shardPath(0), (bytes) => flipped(bytes, 7, 3))
    await refusedWithoutTrace(host, machines, "HASH_MISMATCH", () => b.sync())
    await b.session((open) => open.repair())
    await expectPeace([a, b], { kept: "kept", new: "new" })
  })
})

describe("a header that a host makes up", () => {
  it("of a newer format is left alone by all, and the way to mend it is not to", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const mole = await insider(b)
    await plantHeader(host, await mole.header(mole.head, (fields) => ({ ...fields, format: 2 })))
    for (const machine of machines) await refusedWithoutTrace(host, machines, "FORMAT_NEWER", () => machine.sync())
    await refusedWithoutTrace(host, machines, "FORMAT_NEWER", () => a.session((open) => open.repair()))
  })

  const NEWER = ['{"x":1}', '{"mac":"","payload":"","payloadType":"","signatures":[],"x":1}', "[]"]

  it.each(NEWER)("of a newer format that nobody signed is damage, which repair mends: %s", async (text) => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    await b.write("new", "new")
    await host.forge((tree) => void tree.set(HEADER_PATH, utf8(text)), { onTop: true })
    const refused = text === "[]" ? "FORMAT_INVALID" : "HEADER_INVALID"
    for (const machine of machines) await refusedWithoutTrace(host, machines, refused, () => machine.sync())
    const { problems } = await a.session((open) => open.verify())
    expect(problems[0]).toMatchObject({ kind: "header", object: HEADER_PATH })
    await a.session((open) => open.repair())
    await expectPeace(machines, { kept: "kept", new: "new" })
  })

  it("of a newer format and signed by a stranger, or by a machine that was revoked, is damage, too", async () => {
    const { host, machines } = await besiege(["A", "B", "C"])
    const [a, b, c] = machines
    const mole = await insider(c)
    await a.session((open) => open.revoke("C", { keepPassphrase: true }))
    await b.sync()
    await plantHeader(host, await mole.header(mole.head, (fields) => ({ ...fields, format: 2 })))
    for (const machine of [a, b]) {
      await refusedWithoutTrace(host, machines, "HEADER_INVALID", () => machine.sync())
    }
    await b.session((open) => open.repair())
    await expectPeace([a, b], { kept: "kept" })
  })

  it("of a newer format by a machine that this one has not seen let in yet is believed to be newer", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const c = await arrive(host, "C")
    await joinAs(c)()
    await a.session((open) => open.approve("C"))
    await c.sync()
    const mole = await insider(c)
    await plantHeader(host, await mole.header(mole.head, (fields) => ({ ...fields, format: 2 })))
    await refusedWithoutTrace(host, [...machines, c], "FORMAT_NEWER", () => b.sync())
  })

  it("by a machine with keys of an algorithm that is not known yet is newer, too: nothing is touched", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const { head, identity, keys } = await insider(b)
    const { trust } = head
    const [signing, sealing] = [new Uint8Array(64), identity.record.sealing]
    const entry = {
      ...{ format: 1, kind: "rekey", sequence: trust.length + 1, previous: toBase64(trust.head), time: 0 },
      ...{ workspace: trust.workspace, epoch: keys.epoch, writer: identity.id, proof: [] },
      record: {
        format: 1,
        signing: [{ algorithm: "slh-dsa-256s", publicKey: toBase64(signing) }],
        sealing: { algorithm: "x-wing", publicKey: toBase64(sealing.publicKey) },
      },
    }
    const signed = await signEnvelope(a.crypto, "trust", asItIs, entry, signersOf(identity), keys.mac)
    const header = new TextDecoder().decode((await host.objects()).get(HEADER_PATH))
    await host.forge(
      (tree) =>
        void tree
          .set(trustPath(trust.length + 1), encodeEnvelope(signed))
          .set(HEADER_PATH, utf8(header.replace('"keyid":"ed25519"', '"keyid":"slh-dsa-256s"'))),
      { onTop: true },
    )
    await refusedWithoutTrace(host, machines, "FORMAT_NEWER", () => a.sync())
    await refusedWithoutTrace(host, machines, "FORMAT_NEWER", () => a.session((open) => open.repair()))
  })

  it("with an entry of a newer format that nobody trusted signed is damage; repair mends it", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    await a.session((open) => open.rotateKey())
    const { trust } = (await insider(a)).head
    await host.forge((tree) => void tree.set(trustPath(trust.length), utf8('{"x":1}')))
    await refusedWithoutTrace(host, machines, "TRUST_LOG_INVALID", () => b.sync())
    await a.session((open) => open.repair())
    await expectPeace([a, b], { kept: "kept" })
  })

  it("signed by keys of its own in a member's name is refused", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const { head, keys } = await insider(a)
    const real = decodeEnvelope("header", (await host.objects()).get(HEADER_PATH) as Uint8Array)
    const stranger = await createIdentity(a.crypto, ["ed25519"])
    const fields = JSON.parse(new TextDecoder().decode(real.payload)) as Record<string, Json>
    const signers = [{ keyid: "ed25519", algorithm: "ed25519", seed: stranger.signingSeeds[0] as Secret }] as const
    // Even with the MAC's key, which no host has.
    const forged = await signEnvelope(a.crypto, "header", asItIs, { ...fields, time: 1 }, signers, keys.mac)
    await host.forge((tree) => void tree.set(HEADER_PATH, encodeEnvelope(forged)))
    await refusedWithoutTrace(host, machines, "HEADER_INVALID", () => b.sync())
    expect(head.verified.header.sequence).toBeGreaterThan(0)
  })
})
