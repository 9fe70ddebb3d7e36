/**
 * Machines that lend the host their keys: one that was revoked, one that was never let in. What they sign is refused by
 * all who can know, leaves no trace, and no repair of an innocent machine undoes what put them out.
 */
import { describe, expect, it } from "vitest"
import { utf8 } from "../../../../../crypto/bytes.ts"
import { createIdentity } from "../../../../../src/vault/identity.ts"
import { sealName } from "../../../../../storage/format/machineName.ts"
import { HEADER_PATH, trustPath } from "../../../../../storage/layout.ts"
import { STORE_URL } from "../../../../support/memoryMachine.ts"
import { insider, plantEntry, plantHeader } from "../../../../support/adversary/insider.ts"
import {
  admit,
  arrive,
  besiege,
  code,
  expectPeace,
  FRESH_PASSPHRASE,
  refusedWithoutTrace,
} from "../../../../support/adversary/machines.ts"

const MINUTE = 60 * 1000

describe("a revoked machine", () => {
  async function revoked() {
    const { host, machines } = await besiege(["A", "B", "C"])
    const [a, b, c] = machines
    await b.write("by-b", "b")
    await b.sync()
    const before = await host.picture()
    const mole = await insider(b)
    await a.session((open) => open.revoke("B"))
    return { host, machines, a, b, c, before, mole }
  }

  it("has its last header replayed: older for whoever saw the revocation", async () => {
    const { host, machines, a, before } = await revoked()
    await host.rollBack(before)
    await refusedWithoutTrace(host, machines, "STORE_BEHIND", () => a.sync())
    a.clock.advance(6 * MINUTE)
    await refusedWithoutTrace(host, machines, "VAULT_WENT_BACK", () => a.sync())
    await a.session((open) => open.repair())
    await expect(machines[1].sync()).rejects.toEqual(code("REVOKED"))
    machines[2].person.passphrase = FRESH_PASSPHRASE
    await expectPeace([a, machines[2]], { kept: "kept", "by-b": "b" })
  })

  it("signs on from there: another history for whoever saw the revocation", async () => {
    const { host, machines, a, c, before, mole } = await revoked()
    const after = await host.picture()
    await host.rollBack(before)
    await plantHeader(host, await mole.header())
    await refusedWithoutTrace(host, machines, "VAULT_FORKED", () => a.sync())
    // C saw neither, and follows, until it is shown the revocation. Its repair does not take that back.
    await c.sync()
    await host.rollBack(after)
    await refusedWithoutTrace(host, machines, "VAULT_FORKED", () => c.sync())
    await c.session((open) => open.repair())
    await refusedWithoutTrace(host, machines, "REVOKED", () => machines[1].sync())
    await expectPeace([a, c], { kept: "kept", "by-b": "b" })
  })

  it("pushes garbage on top of its own revocation: no repair takes that back", async () => {
    const { host, machines, a, c } = await revoked()
    await a.write("after", "after")
    await a.sync()
    await host.forge((tree) => void tree.clear(), { onTop: true })
    await host.forge((tree) => void tree.set(HEADER_PATH, utf8("garbage")), { onTop: true })
    await refusedWithoutTrace(host, machines, "OBJECT_MISSING", () => c.sync())
    await c.session((open) => open.repair())
    await refusedWithoutTrace(host, machines, "REVOKED", () => machines[1].sync())
    await expectPeace([a, c], { kept: "kept", "by-b": "b", after: "after" })
    expect(a.person.asked.filter((question) => question.code === "repair")).toEqual([])
  })

  it("signs on top of its own revocation: refused by all, and built over", async () => {
    const { host, machines, a, c, mole } = await revoked()
    await a.write("after", "after")
    await a.sync()
    const seen = await insider(a)
    // Of the new epoch it has no key; the host cannot tell, and neither is it let to matter.
    const planted = await mole.header(seen.head)
    await plantHeader(host, planted)
    for (const machine of [a, c]) {
      await refusedWithoutTrace(host, machines, "HEADER_INVALID", () => machine.sync())
    }
    await a.session((open) => open.repair())
    await expectPeace([a, c], { kept: "kept", "by-b": "b", after: "after" })
    expect((await host.objects()).get(HEADER_PATH)).not.toEqual(planted)
  })

  it("approves another machine on top of its own revocation: refused by all, and built over", async () => {
    const { host, machines, a, c, mole } = await revoked()
    const { trust } = (await insider(a)).head
    const { crypto } = a
    const friend = await createIdentity(crypto, ["ed25519"])
    const name = await sealName(crypto, mole.keys.epoch, mole.keys.key, friend.id, "friend")
    const hash = new Uint8Array(32)
    const entry = await mole.entry(trust, {
      kind: "approve",
      machine: { record: friend.record, name },
      request: hash,
      header: hash,
    })
    const sequence = trust.length + 1
    const header = await mole.header((await insider(a)).head, (fields) => ({
      ...fields,
      kind: "trust",
      trust: { length: sequence, head: `${"A".repeat(43)}=` },
    }))
    await plantEntry(host, sequence, entry, header)
    for (const machine of [a, c]) {
      await refusedWithoutTrace(host, machines, "TRUST_LOG_INVALID", () => machine.sync())
    }
    await a.session((open) => open.repair())
    await expectPeace([a, c], { kept: "kept", "by-b": "b" })
    expect((await host.objects()).has(trustPath(sequence))).toBe(false)
  })

  it("approves another where its revocation is not: that log loses by the rule, with all that came of it", async () => {
    const { host, machines, a, c, before } = await revoked()
    const after = await host.picture()
    await host.rollBack(before)
    const friend = await arrive(host, "friend")
    await admit(machines[1], friend)
    await friend.write("planted", "by a friend")
    await friend.sync()
    await c.sync()
    expect(await c.read("planted")).toBe("by a friend")
    await refusedWithoutTrace(host, machines, "VAULT_FORKED", () => a.sync())
    await host.rollBack(after)
    await c.sync()
    const trusted = (await a.session((open) => open.machines())).filter(({ status }) => status === "trusted")
    expect(trusted.map(({ name }) => name)).toEqual(["C"])
    await expect(friend.sync()).rejects.toThrow()
    // What C got by the other log is a file of its own disk now: nothing of it is taken away.
    await expectPeace([a, c], { kept: "kept", "by-b": "b", planted: "by a friend" })
  })
})

describe("a machine that is not let in yet", () => {
  it("has its header refused by all, though it has the passphrase and the MAC is good", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const d = await arrive(host, "D")
    await d.engine.join({ root: "", storeUrl: STORE_URL, machineName: "D", remember: true })
    const { header } = await insider(d)
    await plantHeader(host, await header())
    for (const machine of machines) {
      await refusedWithoutTrace(host, [...machines, d], "HEADER_INVALID", () => machine.sync())
    }
    await a.session((open) => open.repair())
    await expectPeace([a, b], { kept: "kept" })
    await expect(d.sync()).rejects.toEqual(code("PENDING"))
  })

  it("cannot approve itself", async () => {
    const { host, machines } = await besiege(["A", "B"])
    const [a, b] = machines
    const d = await arrive(host, "D")
    await d.engine.join({ root: "", storeUrl: STORE_URL, machineName: "D", remember: true })
    const { entry, header, head, identity, keys } = await insider(d)
    const name = await sealName(d.crypto, keys.epoch, keys.key, identity.id, "D")
    const hash = new Uint8Array(32)
    const approval = await entry(head.trust, {
      kind: "approve",
      machine: { record: identity.record, name },
      request: hash,
      header: hash,
    })
    const own = await header(head, (fields) => ({
      ...fields,
      kind: "trust",
      trust: { length: head.trust.length + 1, head: `${"A".repeat(43)}=` },
    }))
    await plantEntry(host, head.trust.length + 1, approval, own)
    for (const machine of machines) {
      await refusedWithoutTrace(host, [...machines, d], "TRUST_LOG_INVALID", () => machine.sync())
    }
    await b.session((open) => open.repair())
    await expectPeace([b, a], { kept: "kept" })
  })
})
