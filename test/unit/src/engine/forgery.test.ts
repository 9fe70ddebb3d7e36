import { describe, expect, it } from "vitest"
import { decodeEnvelope, decodePayload, encodeEnvelope, signEnvelope } from "../../../../storage/format/envelope.ts"
import { recoverySigners } from "../../../../storage/format/machine.ts"
import { sealName } from "../../../../storage/format/machineName.ts"
import { type GenesisEntry, trustEntryCodec } from "../../../../storage/format/trustEntry.ts"
import { createEpochKeys } from "../../../../storage/keys.ts"
import { createMemoryStore, type MemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { verifyTrustLog } from "../../../../storage/verify/trustLog.ts"
import { utf8 } from "../../../../crypto/bytes.ts"
import { Secret } from "../../../../crypto/secret.ts"
import { firstCommitment, newWorkspaceKey } from "../../../../src/trust/change.ts"
import { noteFounding, publishFounded } from "../../../../src/trust/found.ts"
import { createPassphraseEntry } from "../../../../src/trust/passphrase.ts"
import { createContext } from "../../../../src/vault/refresh.ts"
import { createIdentity, signersOf } from "../../../../src/vault/identity.ts"
import { createMemoryMachine, found, STORE_URL } from "../../../support/memoryMachine.ts"

const code = (expected: string) => expect.objectContaining({ code: expected })

/** The genesis entry of the one vault in a store. */
async function genesisOf(store: MemoryStore): Promise<GenesisEntry> {
  const [main] = await store.branches("")
  const id = (await store.snapshot(main?.head ?? "")).get("trust/000001.json") ?? ""
  let entry: GenesisEntry | null = null
  await store.read([id], (_, bytes) => {
    entry = decodePayload(trustEntryCodec, decodeEnvelope("trust", bytes)) as GenesisEntry
  })
  if (entry === null) throw new Error("no genesis")
  return entry
}

describe("a host that makes up a vault of its own", () => {
  it("does not pass for one of the passphrase by copying its public recipient", async () => {
    const [real, forged] = [createMemoryStore(), createMemoryStore()]
    const [a, host, b] = [
      await createMemoryMachine("A", real),
      await createMemoryMachine("host", forged),
      await createMemoryMachine("B", forged),
    ]
    await found(a)
    const { passphrase: known } = await genesisOf(real)
    const { crypto } = host

    // All that is public of the passphrase, with recovery keys of the host's own.
    const own = await createPassphraseEntry(crypto, new Secret(utf8("whatever the host likes")))
    const passphrase = { ...known, recovery: own.entry.recovery }
    const key = newWorkspaceKey(crypto)
    const identity = await createIdentity(crypto, ["ed25519"])
    const genesis: GenesisEntry = {
      format: 1,
      kind: "genesis",
      sequence: 1,
      previous: null,
      workspace: null,
      epoch: 1,
      writer: identity.id,
      time: 0,
      machine: { record: identity.record, name: await sealName(crypto, 1, key, identity.id, "A") },
      passphrase,
      commitment: firstCommitment(crypto, key),
      policy: { signatures: "classical", format: 1 },
    }
    const signers = [...signersOf(identity), ...recoverySigners(own.keys.recovery)]
    const unnamed = await signEnvelope(crypto, "trust", trustEntryCodec, genesis, signers, key)
    const { workspace } = await verifyTrustLog(crypto, [encodeEnvelope(unnamed)])
    const keys = createEpochKeys(crypto, workspace, 1, key)
    const trust = await verifyTrustLog(crypto, [
      encodeEnvelope({ ...unnamed, mac: crypto.hmacSha256(keys.mac, unnamed.signed) }),
    ])
    const config = {
      format: 1 as const,
      workspace,
      root: "",
      store: STORE_URL,
      machine: identity.id,
      machineName: "A",
      phase: "confirmed" as const,
    }
    const context = await createContext(host.host, config, forged)
    context.identity = identity
    context.keyring.add(keys)
    await publishFounded(context, await noteFounding(context, { trust, keys, identity }), {})

    const join = (recover: boolean) => b.engine.join({ root: "", storeUrl: STORE_URL, machineName: "B", recover })
    await expect(join(false)).rejects.toEqual(code("WRONG_PASSPHRASE"))
    await expect(join(true)).rejects.toEqual(code("WRONG_PASSPHRASE"))
  })
})
