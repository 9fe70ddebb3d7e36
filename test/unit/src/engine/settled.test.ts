import { beforeEach, describe, expect, it } from "vitest"
import type { MemoryStateDisk } from "../../../../src/platform/memory/memoryState.ts"
import { createMemoryStore, type MemoryStore } from "../../../../storage/remote/memoryStore.ts"
import { createMemoryMachine, found, type MemoryMachine } from "../../../support/memoryMachine.ts"

/** Requests made of a store, by verb. */
function counted(store: MemoryStore): { readonly store: MemoryStore; readonly asked: string[] } {
  const asked: string[] = []
  const spy = <A extends readonly unknown[], R>(verb: string, run: (...args: A) => R) => {
    return (...args: A): R => {
      asked.push(verb)
      return run(...args)
    }
  }
  const { branches, snapshot, read, commit } = store
  return {
    asked,
    store: {
      ...store,
      branches: spy("branches", branches),
      snapshot: spy("snapshot", snapshot),
      read: spy("read", read),
      commit: spy("commit", commit),
    },
  }
}

const diskOf = ({ states }: MemoryMachine): MemoryStateDisk => [...states.values()][0] as MemoryStateDisk

describe("a machine on which nothing has changed since all was equal", () => {
  let asked: string[]
  let a: MemoryMachine
  let b: MemoryMachine

  let shared: MemoryStore

  beforeEach(async () => {
    shared = createMemoryStore()
    const spied = counted(shared)
    asked = spied.asked
    a = await createMemoryMachine("A", spied.store)
    b = await createMemoryMachine("B", shared)
    await found(a, b)
    await a.write("file", "old")
    await a.write("in/folder", "old")
    await a.workspace.makeLink("link", "file")
    await a.sync()
    await b.sync()
    // What was written just now is looked at once more.
    await a.sync()
    await a.sync()
    asked.length = 0
  })

  it("makes one request, and leaves what it remembers of the tree alone", async () => {
    const base = diskOf(a).values.get("base")
    diskOf(a).values.delete("shards")
    expect(await a.sync()).toMatchObject({ kind: "in-sync", sent: [], received: [], conflicts: [], skipped: [] })
    expect(asked).toEqual(["branches"])
    expect(diskOf(a).values.get("base")).toBe(base)
  })

  it("reads nothing of what it remembers of the vault, and says when it looked last", async () => {
    const seen = diskOf(a).values.get("seen")
    a.clock.advance(60_000)
    expect(await a.sync({ dryRun: true })).toMatchObject({ kind: "dry-run", sequence: 3 })
    expect((await a.session((open) => open.status())).lastSyncMs).toBeLessThan(a.clock.now())
    expect(await a.sync()).toMatchObject({ kind: "in-sync", sequence: 3 })
    expect(diskOf(a).values.get("seen")).toBe(seen)
    expect((await a.session((open) => open.status())).lastSyncMs).toBe(a.clock.now())
  })

  it("keeps house once a day", async () => {
    const seen = diskOf(a).values.get("seen")
    a.clock.advance(24 * 60 * 60 * 1000)
    await a.sync()
    expect(diskOf(a).values.get("seen")).not.toBe(seen)
  })

  it("asks for the passphrase if it was locked", async () => {
    await a.session((open) => open.lock())
    a.person.passphrase = null
    await expect(a.sync()).rejects.toMatchObject({ code: "LOCKED" })
  })

  it.each(["config", "seen", "counter", "identity", "base", "presence"])(
    "looks closely if what it remembers as %s is damaged or gone",
    async (name) => {
      const { values } = diskOf(a)
      const kept = values.get(name) as Uint8Array
      const seen = values.get("seen")
      for (const damaged of [kept.map((byte, i) => (i === 20 ? byte ^ 1 : byte)), null]) {
        if (damaged === null) values.delete(name)
        else values.set(name, damaged)
        const synced = await a.sync().catch((error: { code: string }) => error.code)
        // Mended, or said; but never passed over.
        if (typeof synced !== "string") expect(values.get("seen")).not.toBe(seen)
        values.set(name, kept)
      }
    },
  )

  it("looks closely if its note is damaged, of another build, or gone", async () => {
    const { values } = diskOf(a)
    const note = values.get("footprint") as Uint8Array
    for (const at of [0, 33, 40, 50, 120, note.length - 1, null]) {
      const seen = values.get("seen")
      if (at === null) values.delete("footprint")
      else
        values.set(
          "footprint",
          note.map((byte, i) => (i === at ? byte ^ 1 : byte)),
        )
      a.clock.advance(1)
      expect(await a.sync()).toMatchObject({ kind: "in-sync" })
      expect(values.get("seen")).not.toBe(seen)
    }
    for (const note of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(200)]) {
      values.set("footprint", note)
      expect(await a.sync()).toMatchObject({ kind: "in-sync" })
    }
  })

  it("hears of a machine that asks to be let in", async () => {
    const c = await createMemoryMachine("C", shared)
    await c.engine.join({ root: "", storeUrl: "memory:", machineName: "C", remember: true })
    const seen = diskOf(a).values.get("seen")
    await a.sync()
    expect(diskOf(a).values.get("seen")).not.toBe(seen)
  })

  it("notices that it was put out", async () => {
    const { machine } = await a.session((open) => open.status())
    await b.session((open) => open.revoke(machine.id))
    await expect(a.sync()).rejects.toMatchObject({ code: "REVOKED" })
  })

  it("waits for what comes next, whichever process synced last", async () => {
    const stop = new AbortController()
    // A clock that runs at once would leave nobody else a turn.
    Object.assign(a.clock, { sleep: () => new Promise((resolve) => setTimeout(resolve)) })
    await a.session(async (open) => {
      await open.sync({ onConflict: "ask" })
      await b.write("file", "from B")
      await b.sync()
      await a.sync()
      await a.sync()
      expect((await open.sync({ onConflict: "ask" })).kind).toBe("in-sync")
      asked.length = 0
      const waiting = open.waitForRemote({ pollMs: 1000, signal: stop.signal }).then(() => "moved")
      while (asked.length < 5)
        await Promise.race([waiting.then(() => Promise.reject(new Error("moved"))), a.clock.sleep(0)])
      await b.write("file", "from B again")
      await b.sync()
      expect(await waiting).toBe("moved")
      expect(asked.length).toBeGreaterThan(5)
    })
  })

  it("notices another folder in its place", async () => {
    await a.workspace.rename(".sessyn/workspace", "elsewhere", { replace: false })
    await a.workspace.removeFile("elsewhere")
    expect((await a.session((open) => open.sync({ onConflict: "ask" })).catch((error) => error.code)) as string).toBe(
      "NOT_SET_UP",
    )
  })

  const edits: readonly (readonly [string, string, () => Promise<unknown>])[] = [
    ["an edit", "file", () => a.write("file", "new")],
    ["an edit of the same length", "file", () => a.write("file", "OLD")],
    ["a new file", "new", () => a.write("new", "new")],
    ["a new folder", "empty", () => a.workspace.makeFolder("empty")],
    ["a deleted file", "file", () => a.remove("file")],
    ["other permissions of a file", "file", () => a.workspace.setMode("file", 0o755)],
    ["other permissions of a folder", "in", () => a.workspace.setMode("in", 0o750)],
    [
      "a link that leads elsewhere",
      "link",
      async () => {
        await a.remove("link")
        await a.workspace.makeLink("link", "in")
      },
    ],
    [
      "a link in place of a file",
      "file",
      async () => {
        await a.remove("file")
        await a.workspace.makeLink("file", "in")
      },
    ],
  ]
  it.each(edits)("sends %s", async (_, path, edit) => {
    await edit()
    const { sent } = await a.sync()
    expect(sent.map((change) => change.path)).toContain(path)
    await b.sync()
    expect(await b.read(path)).toBe(await a.read(path))
    expect((await b.workspace.stat(path)).ok).toBe((await a.workspace.stat(path)).ok)
  })

  it("gets what the other machine changed", async () => {
    await b.write("file", "from B")
    await b.sync()
    expect((await a.sync()).received).toMatchObject([{ path: "file" }])
    expect(await a.read("file")).toBe("from B")
  })

  it("heeds new rules, and rules that are gone", async () => {
    await a.write(".syncignore", "file\n")
    await a.sync()
    await a.sync()
    await a.write("file", "ignored")
    expect((await a.sync()).sent).toEqual([])
    await a.remove(".syncignore")
    expect((await a.sync()).kind).not.toBe("in-sync")
    await b.sync()
    expect(await b.read("file")).toBe(await a.read("file"))
  })

  it("heeds rules that leave out themselves", async () => {
    const write = async (rules: string) => {
      const writer = await a.workspace.create(".syncignore", { resume: true })
      if (!writer.ok) throw new Error(writer.refusal)
      await writer.value.write(0, new TextEncoder().encode(rules))
      await writer.value.close()
    }
    await a.write("held-back", "x")
    await write(".syncignore\nheld-back\n")
    for (let time = 0; time < 3; time++) await a.sync()
    await write(".syncignore\nother-one\n")
    expect((await a.sync()).sent).toMatchObject([{ path: "held-back" }])
  })

  it("asks again for a conflict that was left open", async () => {
    await b.write("file", "by B")
    await b.sync()
    await a.write("file", "by A")
    for (let time = 0; time < 3; time++) {
      expect(await a.sync({ onConflict: "skip" })).toMatchObject({ kind: "conflicts", conflicts: [{ path: "file" }] })
    }
  })

  it("does not believe a note that was made of another base, or none at all", async () => {
    const { values } = diskOf(a)
    const [base, settled] = [values.get("base"), values.get("settled")] as [Uint8Array, Uint8Array]
    await b.write("file", "from B")
    await b.sync()
    await a.sync()
    // A base from a backup, with the newest note.
    values.set("base", base)
    expect(await a.sync()).toMatchObject({ kind: "in-sync" })
    expect(await a.read("file")).toBe("from B")
    const now = values.get("settled") as Uint8Array
    for (const note of [settled, new Uint8Array(0), new Uint8Array(1000), now.slice(0, 70), null]) {
      if (note === null) values.delete("settled")
      else values.set("settled", note)
      expect(await a.sync()).toMatchObject({ kind: "in-sync" })
      expect(values.get("settled")).toEqual(now)
    }
  })
})
