import { beforeAll, describe, expect, it } from "vitest"
import { fromHex, toHex, utf8 } from "../../../crypto/bytes.ts"
import type { Crypto } from "../../../crypto/crypto.ts"
import { createPortableCrypto } from "../../../crypto/portableCrypto.ts"
import { Secret } from "../../../crypto/secret.ts"
import { areSignedBy, decodeEnvelope, encodeEnvelope, envelopeHash } from "../../../storage/format/envelope.ts"
import { fingerprint, fingerprintNumbers } from "../../../storage/format/fingerprint.ts"
import { openKeyBox, openPreviousKeys, requireRecipients } from "../../../storage/format/keyBox.ts"
import { openName } from "../../../storage/format/machineName.ts"
import { leavesRoom, type TrustEntry } from "../../../storage/format/trustEntry.ts"
import { decodeVaultFile } from "../../../storage/format/vaultFile.ts"
import { createEpochKeys, createKeyring, type Keyring } from "../../../storage/keys.ts"
import { compareLogs } from "../../../storage/verify/forks.ts"
import { verifyHeader, verifyHeaderAlone } from "../../../storage/verify/header.ts"
import { verifyJoinRequest } from "../../../storage/verify/joinRequest.ts"
import { isMacGood, verifyHeaderMac, verifyTrustMacs } from "../../../storage/verify/macs.ts"
import { verifyTrustLog } from "../../../storage/verify/trustLog.ts"
import { trustedMachines } from "../../../storage/verify/trustState.ts"
import envelopeVectors from "../../vectors/envelope-v1.json" with { type: "json" }
import headerVectors from "../../vectors/header-v1.json" with { type: "json" }
import joinVectors from "../../vectors/join-v1.json" with { type: "json" }
import trustVectors from "../../vectors/trust-log-v1.json" with { type: "json" }
import vaultVectors from "../../vectors/vault-file-v1.json" with { type: "json" }

let crypto: Crypto
beforeAll(async () => {
  crypto = await createPortableCrypto()
})

const verifyLog = (texts: readonly string[]) => verifyTrustLog(crypto, texts.map(utf8))

function ringOf(workspace: string, keys: Readonly<Record<string, string>>): Keyring {
  const ring = createKeyring()
  for (const [epoch, hex] of Object.entries(keys)) {
    ring.add(createEpochKeys(crypto, workspace, Number(epoch), new Secret(fromHex(hex))))
  }
  return ring
}

const expected = ({ code, reason }: { readonly code: string; readonly reason: string }) =>
  expect.objectContaining({ code, reason })

describe("envelope-v1.json", () => {
  const vectors = envelopeVectors

  it("is signed, MACed and hashed as stated", async () => {
    const envelope = decodeEnvelope("relay", utf8(vectors.envelope))
    const key = { keyid: "ed25519", algorithm: "ed25519", publicKey: fromHex(vectors.publicKey) } as const
    expect(encodeEnvelope(envelope)).toEqual(utf8(vectors.envelope))
    expect(envelope.signed).toEqual(utf8(vectors.signed))
    expect(toHex(envelopeHash(crypto, envelope))).toBe(vectors.hash)
    expect(await areSignedBy(crypto, envelope.signed, envelope.signatures, [key])).toBe(true)
    expect(isMacGood(crypto, envelope, new Secret(fromHex(vectors.macKey)))).toBe(true)
  })

  for (const wrong of vectors.refused) {
    it(`refuses: ${wrong.name}`, () => {
      expect(() => decodeEnvelope("relay", utf8(wrong.envelope))).toThrow(expected(wrong))
    })
  }
})

describe("trust-log-v1.json", () => {
  const vectors = trustVectors

  it("says what is stated, and every MAC is good", async () => {
    const state = await verifyLog(vectors.log)
    expect({
      workspace: state.workspace,
      head: toHex(state.head),
      hashes: state.entries.map(({ hash }) => toHex(hash)),
      epoch: state.epoch.epoch,
      passphraseSince: state.passphraseSince,
      trusted: trustedMachines(state).map(({ id }) => id),
      policy: state.policy.signatures,
    }).toEqual(vectors.expect)
    const ring = ringOf(state.workspace, vectors.keys)
    verifyTrustMacs(crypto, state, (epoch) => ring.get(epoch)?.mac)
  })

  for (const wrong of vectors.refused) {
    it(`refuses: ${wrong.name}`, async () => {
      const good = await verifyLog([...vectors.log.slice(0, wrong.after), ...wrong.entries.slice(0, -1)])
      const last = utf8(wrong.entries.at(-1) as string)
      await expect(verifyTrustLog(crypto, [last], good)).rejects.toThrow(expected(wrong))
    })
  }

  it("keeps room for revocations as stated", () => {
    for (const { kind, fits, ...extent } of vectors.room) {
      expect([kind, extent, leavesRoom(kind as TrustEntry["kind"], extent)]).toEqual([kind, extent, fits])
    }
  })

  for (const { name, common, a, b, kind, answer } of vectors.parted) {
    it(`compares: ${name}`, async () => {
      const prefix = await verifyLog(vectors.log.slice(0, common))
      const left = await verifyTrustLog(crypto, a.map(utf8), prefix)
      const right = await verifyTrustLog(crypto, b.map(utf8), prefix)
      const result = compareLogs(left, right)
      expect(result.kind).toBe(kind)
      if (result.kind === "wins") expect(result.winner).toBe(answer)
      if (result.kind === "question") expect(result.reason).toBe(answer)
      if (result.kind === "extends") expect(result.longer).toBe(answer)
    })
  }
})

describe("header-v1.json", () => {
  const vectors = headerVectors
  const headers: Readonly<Record<string, string>> = vectors.headers
  const hashes: Readonly<Record<string, string>> = vectors.hashes

  /** The header of that name, and the log it stands on. */
  async function sound(name: string) {
    const encoded = utf8(headers[name] as string)
    const { trust } = JSON.parse(new TextDecoder().decode(decodeEnvelope("header", encoded).payload)) as {
      trust: { length: number }
    }
    const log = await verifyLog(vectors.log.slice(0, trust.length))
    return { encoded, log, verified: await verifyHeaderAlone(crypto, encoded, log.workspace, log) }
  }

  for (const name of Object.keys(headers)) {
    it(`is sound, and has the hash and MAC stated: ${name}`, async () => {
      const { verified, log } = await sound(name)
      expect(toHex(verified.hash)).toBe(hashes[name])
      const ring = ringOf(log.workspace, vectors.keys)
      verifyHeaderMac(crypto, verified, (epoch) => ring.get(epoch)?.mac)
    })
  }

  for (const wrong of vectors.refused) {
    it(`refuses: ${wrong.name}`, async () => {
      const log = await verifyLog(vectors.log)
      const attempt = verifyHeaderAlone(crypto, utf8(wrong.header), log.workspace, log)
      await expect(attempt).rejects.toThrow(expected(wrong))
    })
  }

  for (const { seen, shown, ownCounter, verdict, doubt } of vectors.relations) {
    it(`who has seen ${seen} says ${verdict} to ${shown}`, async () => {
      const before = seen === null ? null : await sound(seen)
      const now = await sound(shown)
      const self = ownCounter === null ? null : { id: now.verified.header.writer, counter: ownCounter }
      const memory = { seen: before?.verified ?? null, trust: before?.log ?? null, self }
      const result = await verifyHeader(crypto, now.encoded, now.log.workspace, now.log, memory)
      expect([result.kind, "doubt" in result ? result.doubt : null]).toEqual([verdict, doubt])
    })
  }
})

describe("header-v1.json, step by step", () => {
  for (const { seen, shown, ...refusal } of headerVectors.steps) {
    it(`who has seen ${seen} ${"code" in refusal ? "refuses" : "follows"} ${shown}`, async () => {
      const texts: Readonly<Record<string, string>> = headerVectors.headers
      const log = await verifyLog(headerVectors.log)
      const encoded = (name: string): Uint8Array => utf8(texts[name] as string)
      const before = await verifyHeaderAlone(crypto, encoded(seen), log.workspace, log)
      const memory = { seen: before, trust: log, self: null }
      const attempt = verifyHeader(crypto, encoded(shown), log.workspace, log, memory)
      if (refusal.code === undefined) expect((await attempt).kind).toBe("newer")
      else await expect(attempt).rejects.toThrow(expect.objectContaining(refusal))
    })
  }
})

describe("join-v1.json", () => {
  const vectors = joinVectors

  it("is a good request with the fingerprint stated", async () => {
    const log = await verifyLog(vectors.log)
    const { request, hash, machine, envelope } = await verifyJoinRequest(crypto, utf8(vectors.request), log)
    expect([machine, toHex(hash)]).toEqual([vectors.machine, vectors.hash])
    const { mac } = ringOf(log.workspace, vectors.keys).get(1)!
    expect(isMacGood(crypto, envelope, mac)).toBe(true)
    const numbers = fingerprintNumbers(crypto, request, hash, vectors.approver)
    expect(numbers).toEqual(vectors.fingerprint.numbers)
    expect(await fingerprint(crypto, request, hash, vectors.approver)).toEqual(vectors.fingerprint.words)
  })

  for (const wrong of vectors.refused) {
    it(`refuses: ${wrong.name}`, async () => {
      const log = await verifyLog(vectors.log)
      await expect(verifyJoinRequest(crypto, utf8(wrong.request), log)).rejects.toThrow(expected(wrong))
    })
  }
})

describe("vault-file-v1.json", () => {
  const vectors = vaultVectors

  async function open(text: string, recipient: string, seed: string): Promise<Keyring> {
    const log = await verifyLog(vectors.log)
    const file = decodeVaultFile(utf8(text))
    const ring = createKeyring()
    const current = await openKeyBox(crypto, log, file, recipient, new Secret(fromHex(seed)))
    await openPreviousKeys(crypto, log, file, current, ring)
    ring.add(current)
    return ring
  }

  it("gives each recipient every key", async () => {
    for (const [recipient, seed] of Object.entries(vectors.recipients)) {
      const ring = await open(vectors.vault, recipient, seed)
      for (const [epoch, hex] of Object.entries(vectors.keys)) {
        expect(toHex(ring.get(Number(epoch))!.key.expose())).toBe(hex)
      }
    }
    expect(toHex(crypto.sha256(utf8(vectors.vault)))).toBe(vectors.sha256)
  })

  it("opens the name that the log holds", async () => {
    const log = await verifyLog(vectors.log)
    const { key } = ringOf(log.workspace, vectors.keys).get(1)!
    expect(await openName(crypto, key, vectors.second, log.machines.get(vectors.second)!.name)).toBe(vectors.secondName)
  })

  it("is sealed to those whom the log trusts", async () => {
    requireRecipients(await verifyLog(vectors.log), decodeVaultFile(utf8(vectors.vault)))
  })

  for (const wrong of vectors.misdirected) {
    it(`refuses: ${wrong.name}`, async () => {
      const log = await verifyLog(vectors.log)
      expect(() => requireRecipients(log, decodeVaultFile(utf8(wrong.vault)))).toThrow(expected(wrong))
    })
  }

  for (const wrong of vectors.refused) {
    it(`refuses: ${wrong.name}`, async () => {
      const seed = (vectors.recipients as Readonly<Record<string, string>>)[vectors.second] as string
      await expect(open(wrong.vault, vectors.second, seed)).rejects.toThrow(expected(wrong))
    })
  }
})
