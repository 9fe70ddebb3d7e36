import { describe, expect, it } from "vitest"
import { StoreError } from "../../../../storage/errors.ts"
import { createMemoryStore, type MemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { createMemoryMachine, found, type MemoryMachine, STORE_URL } from "../../../support/memoryMachine.ts"

const NEW_PASSPHRASE = "velvet orchard lantern sturdy maple cousin"

/** A store that carries out the next commit, and whose answer to it is lost, when told so. */
function createForgetfulStore(): MemoryStore & { loseAnswer: boolean } {
  const store = createMemoryStore()
  const forgetful = {
    ...store,
    loseAnswer: false,
    async commit(...args: Parameters<MemoryStore["commit"]>) {
      const result = await store.commit(...args)
      if (!forgetful.loseAnswer) return result
      forgetful.loseAnswer = false
      throw new StoreError("STORE_UNREACHABLE", "the connection broke", { transient: true })
    },
  }
  return forgetful
}

type Work = (a: MemoryMachine) => Promise<unknown>

const OPERATIONS: Readonly<Record<string, Work>> = {
  sync: (a) => a.sync(),
  "a revocation": (a) => a.session((open) => open.revoke("C")),
  "a retirement": (a) => a.session((open) => open.revoke("C", { keepPassphrase: true })),
  "a new passphrase": (a) => a.session((open) => open.changePassphrase()),
  "new keys": (a) => a.session((open) => open.rekey(["ed25519", "ml-dsa-87"])),
  "an approval": (a) => a.session((open) => open.approve("D")),
  "a repair": (a) => a.session((open) => open.repair()),
}

describe("when the answer to a commit is lost", () => {
  for (const [name, work] of Object.entries(OPERATIONS)) {
    for (const isRemembered of [true, false]) {
      it(`${name} is taken up as it came out, the key ${isRemembered ? "" : "not "}remembered`, async () => {
        const store = createForgetfulStore()
        const [a, b, c, d] = [
          await createMemoryMachine("A", store),
          await createMemoryMachine("B", store),
          await createMemoryMachine("C", store),
          await createMemoryMachine("D", store),
        ]
        await found(a, b, c)
        await b.sync()
        await d.engine.join({ root: "", storeUrl: STORE_URL, machineName: "D", remember: true })
        if (!isRemembered) await a.session((open) => open.lock())
        await a.write("one", "1")
        a.person.newPassphrase = NEW_PASSPHRASE
        store.loseAnswer = true
        await expect(work(a)).rejects.toMatchObject({ code: "STORE_UNREACHABLE" })

        if (name === "a revocation" || name === "a new passphrase") a.person.passphrase = NEW_PASSPHRASE
        await a.write("two", "2")
        await a.sync()
        await b.write("three", "3")
        await b.sync()
        await a.sync()
        for (const machine of [a, b]) {
          expect(await Promise.all(["one", "two", "three"].map(machine.read))).toEqual(["1", "2", "3"])
        }
        expect((await b.session((open) => open.verify())).problems).toEqual([])
        if (isRemembered) {
          a.person.passphrase = null
          await a.sync()
        }
      })
    }
  }
})
