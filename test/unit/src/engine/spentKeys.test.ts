import { describe, expect, it } from "vitest"
import { decodeEnvelope, decodePayload, signBytes } from "../../../../storage/format/envelope.ts"
import type { MachineRecord } from "../../../../storage/format/machine.ts"
import { rekeyStatement } from "../../../../storage/format/trustEntry.ts"
import { createMemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { joinRequestCodec } from "../../../../storage/format/joinRequest.ts"
import { enter } from "../../../../src/sync/sync.ts"
import { publishChange } from "../../../../src/trust/change.ts"
import { MARKER } from "../../../../src/tree/stateFolder.ts"
import { createContext } from "../../../../src/vault/refresh.ts"
import { createIdentity, type Identity, signersOf } from "../../../../src/vault/identity.ts"
import { createMemory } from "../../../../src/vault/memory.ts"
import { createMemoryMachine, found, type MemoryMachine, STORE_URL } from "../../../support/memoryMachine.ts"

const joining = { root: "", storeUrl: STORE_URL, machineName: "C", remember: true }

async function trio() {
  const store = createMemoryStore()
  const names = ["A", "B", "C"] as const
  const [a, b, c] = await Promise.all(names.map((name) => createMemoryMachine(name, store)))
  if (a === undefined || b === undefined || c === undefined) throw new Error("no machines")
  await found(a, b)
  await a.sync()
  await b.sync()
  const asked = await c.engine.join(joining)

  /** The record in the one request there is. */
  async function askedRecord(): Promise<MachineRecord> {
    const branches = (await store.branches("")).filter(({ name }) => name.includes("/join/"))
    expect(branches).toHaveLength(1)
    const id = (await store.snapshot(branches[0]?.head ?? "")).get("join.json") ?? ""
    let record: MachineRecord | null = null
    await store.read([id], (_, bytes) => {
      record = decodePayload(joinRequestCodec, decodeEnvelope("join", bytes)).record
    })
    if (record === null) throw new Error("no request")
    return record
  }
  return { a, b, c, asked, askedRecord }
}

/** A trusted machine that gives itself new keys with another's sealing key, of which it has no private half. */
async function takeSealingKey({ host, session }: MemoryMachine, { sealing }: MachineRecord): Promise<void> {
  const id = await session(async ({ workspace }) => workspace)
  const config = await createMemory(host.openState(id)).config()
  if (config === null) throw new Error("not set up")
  const context = await createContext(host, config, await host.openStore(config.store, { create: false }))
  const { head } = await enter(context, {})
  const old = context.identity as Identity
  const made = await createIdentity(host.crypto, ["ed25519"], old.id)
  const next = { ...made, record: { ...made.record, sealing } }
  const change = {
    async entry(place: Parameters<Parameters<typeof publishChange>[2]["entry"]>[0]) {
      const statement = rekeyStatement(host.crypto, config.workspace, old.id, place.previous, next.record)
      const proof = await signBytes(host.crypto, statement, signersOf(next))
      return { ...place, kind: "rekey" as const, writer: old.id, record: next.record, proof }
    },
    signers: signersOf(old),
    headerIdentity: next,
    opensEpoch: false,
  }
  await publishChange(context, head, change, {})
}

describe("a trusted machine that brings a joiner's sealing key into the log", () => {
  it("keeps nobody out: the joiner asks with new keys, under another id, with other words", async () => {
    const { a, b, c, asked, askedRecord } = await trio()
    await takeSealingKey(b, await askedRecord())
    // Nobody can let in a key that the log has had, whosever it is.
    expect((await a.session((open) => open.machines())).filter(({ status }) => status === "pending")).toEqual([])

    const status = await c.session((open) => open.status())
    expect(status.machine).toMatchObject({ status: "pending", name: "C" })
    expect(status.machine.id).not.toBe(asked.machine.id)
    expect(status.fingerprints).not.toEqual(asked.fingerprints)
    await askedRecord()
    // Once, not at every look.
    expect((await c.session((open) => open.status())).machine.id).toBe(status.machine.id)

    await a.write("shared", "shared")
    await a.sync()
    await a.session((open) => open.approve(status.machine.id))
    await c.sync()
    expect(await c.read("shared")).toBe("shared")
  })

  it("keeps nobody out who joins again from the start, either", async () => {
    const { a, b, c, asked, askedRecord } = await trio()
    await takeSealingKey(b, await askedRecord())
    // As after a join that was cut short before the folder was marked.
    await c.remove(MARKER)
    Object.assign(c.host, { workspaces: async () => [...c.states.keys()] })
    const again = await c.engine.join(joining)
    expect(again.machine.id).not.toBe(asked.machine.id)
    await a.session((open) => open.approve(again.machine.id))
    expect((await c.sync()).kind).toMatch(/synced|in-sync/)
  })

  it("is gone on with where the change of keys was cut short", async () => {
    const { a, b, c, askedRecord } = await trio()
    await takeSealingKey(b, await askedRecord())
    const [id] = [...c.states.keys()]
    const before = c.states
      .get(id ?? "")
      ?.values.get("config")
      ?.slice() as Uint8Array
    const changed = await c.session((open) => open.status())
    // The new keys are there, their id is not.
    for (const { values } of c.states.values()) values.set("config", before).delete("join-request")
    const status = await c.session((open) => open.status())
    expect(status.machine.id).toBe(changed.machine.id)
    await a.session((open) => open.approve(status.machine.id))
    expect((await c.sync()).kind).toMatch(/synced|in-sync/)
  })
})
