/**
 * What every adapter of the Store port must do. An adapter's test file calls
 * {@link storeSuite} with a fixture; the memory store must pass before it may
 * stand in for the others.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { utf8 } from "../../crypto/bytes.ts"
import type { Branch, Commit, CommitResult, ObjectId, Snapshot, Store } from "../../storage/remote/store.ts"

/** One empty store, and as many clients of it as a test wants. */
export interface StoreFixture {
  open(): Promise<Store>
  /** Looks at the store by other means, after each test. Throws if it is damaged. */
  audit?(): Promise<void>
  /** What the host has been sent so far. Without it, what went over the wire counts, in both directions. */
  uploadedBytes?(): number
  dispose(): Promise<void>
}

const MAIN = "sessyn/aaaa/main"
const MIB = 1024 * 1024

export function storeSuite(name: string, createFixture: () => Promise<StoreFixture>): void {
  describe(`store: ${name}`, () => {
    let fixture: StoreFixture
    let store: Store

    beforeEach(async () => {
      fixture = await createFixture()
      store = await fixture.open()
    })

    afterEach(async () => {
      await fixture.audit?.()
      await fixture.dispose()
    })

    const add = async (
      parent: ObjectId | null,
      files: Record<string, Uint8Array | ObjectId>,
      more: Partial<Commit> = {},
    ) => {
      const result = await store.commit({ branch: MAIN, parent, snapshot: new Map(Object.entries(files)), ...more })
      return committed(result)
    }

    it("shows no branch when it is empty", async () => {
      expect(await store.branches("sessyn/")).toEqual([])
    })

    it("gives back what was committed, to another client as well", async () => {
      const files = {
        "manifest.json": utf8("{}"),
        "packs/ab/abcd": random(1, 70_000),
        "trust/000001.json": utf8("1"),
        empty: utf8(""),
      }
      const { head } = await add(null, files)
      const other = await fixture.open()
      expect(await other.branches("sessyn/aaaa/")).toEqual([{ name: MAIN, head }])
      const snapshot = await other.snapshot(head)
      expect([...snapshot.keys()].sort()).toEqual(Object.keys(files).sort())
      expectFiles(await readAll(other, snapshot), files)
    })

    it("names equal bytes once", async () => {
      const { snapshot } = await add(null, { a: utf8("same"), "b/c": utf8("same") })
      expect(snapshot.get("a")).toBe(snapshot.get("b/c"))
      expectFiles(await readAll(store, snapshot), { a: utf8("same"), "b/c": utf8("same") })
    })

    it("lists branches by prefix, sorted", async () => {
      const { head } = await add(null, { a: utf8("1") })
      for (const branch of ["sessyn/aaaa/join/m2", "sessyn/aaaa/join/m1", "sessyn/bbbb/main", "sessyn/aaaa-x/main"]) {
        committed(await store.commit({ branch, parent: null, snapshot: new Map([["a", utf8(branch)]]) }))
      }
      const names = async (prefix: string) => (await store.branches(prefix)).map((branch) => branch.name)
      expect(await names("sessyn/aaaa/")).toEqual(["sessyn/aaaa/join/m1", "sessyn/aaaa/join/m2", MAIN])
      expect(await names("sessyn/aaaa/join/m1")).toEqual(["sessyn/aaaa/join/m1"])
      expect(await names("sessyn/cccc/")).toEqual([])
      expect((await store.branches(MAIN))[0]?.head).toBe(head)
    })

    it("takes over objects by id, and only uploads the rest", async () => {
      const big = random(2, MIB)
      const first = await add(null, { "packs/aa/1": big, keep: utf8("k"), gone: utf8("g") })
      const kept = first.snapshot.get("packs/aa/1") as ObjectId
      const other = await fixture.open()
      let sent = 0
      const snapshot = new Map<string, Uint8Array | ObjectId>([
        ["packs/aa/2", kept],
        ["new", utf8("n")],
      ])
      const second = committed(
        await other.commit(
          { branch: MAIN, parent: first.head, snapshot },
          {
            onBytes: (bytes) => {
              sent += bytes
            },
          },
        ),
      )
      expect(sent).toBeLessThan(10_000)
      expectFiles(await readAll(store, await store.snapshot(second.head)), { "packs/aa/2": big, new: utf8("n") })
    })

    it("does not upload again what the parent has", async () => {
      const files = { "packs/aa/1": random(3, MIB), "packs/bb/2": random(4, MIB) }
      const first = await add(null, files)
      const other = await fixture.open()
      await other.snapshot(first.head)
      let bytes = 0
      const snapshot = new Map<string, Uint8Array>(Object.entries({ ...files, more: utf8("m") }))
      await other.commit(
        { branch: MAIN, parent: first.head, snapshot },
        {
          onBytes: (n) => {
            bytes += n
          },
        },
      )
      expect(bytes).toBeLessThan(10_000)
    })

    it("gives big objects back", async () => {
      const files = {
        "packs/aa/1": random(5, 20 * MIB),
        "packs/aa/2": random(6, 8 * MIB),
        "packs/aa/3": random(7, 8 * MIB - 1),
      }
      const { head } = await add(null, files)
      const other = await fixture.open()
      const back = await readAll(other, await other.snapshot(head))
      expectFiles(back, files)
    })

    it("gives back big objects of many commits", async () => {
      let head: ObjectId | null = null
      const files: Record<string, Uint8Array> = {}
      for (let i = 0; i < 6; i++) {
        files[`packs/0${i}/x`] = random(20 + i, 2 * MIB)
        head = (await add(head, files)).head
      }
      const other = await fixture.open()
      const back = await readAll(other, await other.snapshot(head as ObjectId))
      expectFiles(back, files)
    })

    it("gives back thousands of small objects", async () => {
      const files: Record<string, Uint8Array> = {}
      for (let i = 0; i < 3000; i++)
        files[`packs/${hexByte(i)}/${i}`] = utf8(`object number ${i} `.repeat(1 + (i % 40)))
      const { head } = await add(null, files)
      const other = await fixture.open()
      const snapshot = await other.snapshot(head)
      expect(snapshot.size).toBe(3000)
      expectFiles(await readAll(other, snapshot), files)
    })

    it("refuses a parent that is not the head, and changes nothing", async () => {
      const first = await add(null, { a: utf8("1") })
      const second = await add(first.head, { a: utf8("2") })
      const stale = await store.commit({ branch: MAIN, parent: first.head, snapshot: new Map([["a", utf8("3")]]) })
      expect(stale).toEqual({ kind: "moved" })
      expect(await store.branches("sessyn/")).toEqual([{ name: MAIN, head: second.head }])
      expectFiles(await readAll(store, await store.snapshot(second.head)), { a: utf8("2") })
    })

    it("refuses to make a branch that exists, and to extend one that does not", async () => {
      const first = await add(null, { a: utf8("1") })
      const other = await fixture.open()
      expect(await other.commit({ branch: MAIN, parent: null, snapshot: new Map([["a", utf8("x")]]) })).toEqual({
        kind: "moved",
      })
      const elsewhere = { branch: "sessyn/bbbb/main", parent: first.head, snapshot: new Map([["a", utf8("x")]]) }
      expect(await other.commit(elsewhere)).toEqual({ kind: "moved" })
      expect(await store.branches("sessyn/")).toEqual([{ name: MAIN, head: first.head }])
    })

    it("lets exactly one of two writers win, again and again", async () => {
      const other = await fixture.open()
      let parent: ObjectId | null = null
      for (let round = 0; round < 5; round++) {
        const attempt = (who: Store, text: string): Promise<CommitResult> =>
          who.commit({
            branch: MAIN,
            parent,
            snapshot: new Map([
              ["a", utf8(text)],
              ["packs/aa/1", random(round, 50_000)],
            ]),
          })
        const results = await Promise.all([attempt(store, `store ${round}`), attempt(other, `other ${round}`)])
        const winner = results.find((result) => result.kind === "committed")
        expect(results.map((result) => result.kind).sort()).toEqual(["committed", "moved"])
        parent = winner?.kind === "committed" ? winner.head : null
        expect((await store.branches(MAIN))[0]?.head).toBe(parent)
      }
    })

    it("tells beforehand what the commit will be", async () => {
      const told: unknown[] = []
      const result = await add(null, { a: utf8("1") }, { onPrepared: (prepared) => told.push(prepared) })
      expect(told).toEqual([{ head: result.head, snapshot: result.snapshot }])
    })

    it("replaces history by an orphan, and only from the head that was named", async () => {
      const first = await add(null, { a: utf8("1"), big: random(8, 100_000) })
      const second = await add(first.head, { a: utf8("2"), big: first.snapshot.get("big") as ObjectId })
      const orphan = {
        branch: MAIN,
        ancestors: [],
        snapshot: new Map([["big", first.snapshot.get("big") as ObjectId]]),
      }
      expect(await store.commit({ ...orphan, parent: first.head })).toEqual({ kind: "moved" })
      const third = committed(await store.commit({ ...orphan, parent: second.head }))
      expect(await store.history(third.head, 10)).toEqual([third.head])
      expect([...(await store.snapshot(third.head)).keys()]).toEqual(["big"])
    })

    it("makes the commits that stay again, without what came before them, and uploads nothing twice", async () => {
      const big = random(14, MIB)
      const heads: ObjectId[] = []
      for (let i = 0; i < 5; i++) {
        const files = { a: utf8(`${i}`), [`packs/0${i}/x`]: random(40 + i, 100_000), "packs/aa/1": big }
        heads.unshift((await add(heads[0] ?? null, files)).head)
      }
      const [newest, second] = heads as [ObjectId, ObjectId]
      const kept = [second, newest]
      const other = await fixture.open()
      const before = await other.snapshot(newest)
      let wire = 0
      // A host without filters sends more than it is asked for.
      const sent = () => fixture.uploadedBytes?.() ?? wire
      const snapshot = new Map<string, Uint8Array | ObjectId>([...before, ["b", utf8("b")]])
      const replacing = { branch: MAIN, parent: newest, ancestors: kept, snapshot }
      const count = (bytes: number): void => {
        wire += bytes
      }
      const sentBefore = sent()
      const top = committed(await other.commit(replacing, { onBytes: count }))
      expect(sent() - sentBefore).toBeLessThan(20_000)
      const third = await fixture.open()
      expect((await third.branches(MAIN))[0]?.head).toBe(top.head)
      const history = await third.history(top.head, 100)
      expect(history).toHaveLength(3)
      const trees = await Promise.all(history.map((commit) => third.snapshot(commit)))
      expect(trees[1]).toEqual(before)
      const texts = await Promise.all(trees.map(async (tree) => (await readAll(third, tree))["a"]))
      expect(texts).toEqual([utf8("4"), utf8("4"), utf8("3")])
      expect(await store.commit({ ...replacing, snapshot: before })).toEqual({ kind: "moved" })
      // The next one goes on from there, whoever makes it.
      await add(top.head, { a: utf8("5") })
    })

    it("refuses to keep a commit that the head does not lead to", async () => {
      const first = await add(null, { a: utf8("1") })
      const nobody = "1234567890".repeat(4)
      const replacing = { branch: MAIN, parent: first.head, ancestors: [nobody], snapshot: new Map([["a", utf8("2")]]) }
      const missing = expect.objectContaining({ code: "STORE_OBJECT_MISSING" })
      await expect(store.commit(replacing)).rejects.toEqual(missing)
      expect((await store.branches(MAIN))[0]?.head).toBe(first.head)
    })

    it("gives back the room of what is not needed any more, and of nothing else", async () => {
      const upload = "sessyn/aaaa/upload/m1"
      const [dropped, kept, staged] = [random(15, 4 * MIB), random(16, MIB), random(17, MIB)]
      const first = await add(null, { "packs/aa/1": dropped, "packs/bb/2": kept })
      committed(await store.commit({ branch: upload, parent: null, snapshot: new Map([["packs/cc/3", staged]]) }))
      const second = await add(first.head, { "packs/bb/2": kept }, { ancestors: [] })
      const before = await store.sizeBytes()
      if (!(await store.reclaim())) return expect(before).toBeNull()
      const after = (await store.sizeBytes()) as number
      expect((before as number) - after).toBeGreaterThan(3 * MIB)
      for (const client of [store, await fixture.open()]) {
        const branches = await client.branches("sessyn/")
        expect(branches.map((branch) => branch.name)).toEqual([MAIN, upload])
        expectFiles(await readAll(client, await client.snapshot(second.head)), { "packs/bb/2": kept })
        const head = branches[1]?.head as ObjectId
        expectFiles(await readAll(client, await client.snapshot(head)), { "packs/cc/3": staged })
      }
      await add(second.head, { "packs/bb/2": kept, more: utf8("m") })
      expect(await store.reclaim()).toBe(true)
    })

    it("goes back along the history", async () => {
      const heads: ObjectId[] = []
      for (let i = 0; i < 6; i++)
        heads.unshift((await add(heads[0] ?? null, { a: utf8(`${i}`), b: random(9, 10_000) })).head)
      const other = await fixture.open()
      expect(await other.history(heads[0] as ObjectId, 100)).toEqual(heads)
      expect(await other.history(heads[0] as ObjectId, 3)).toEqual(heads.slice(0, 3))
      expect(await other.history(heads[2] as ObjectId, 2)).toEqual(heads.slice(2, 4))
      expectFiles(await readAll(other, await other.snapshot(heads[5] as ObjectId)), {
        a: utf8("0"),
        b: random(9, 10_000),
      })
    })

    it("deletes a branch by compare-and-swap", async () => {
      const first = await add(null, { a: utf8("1") })
      const second = await add(first.head, { a: utf8("2") })
      expect(await store.deleteBranch({ name: MAIN, head: first.head })).toBe(false)
      expect(await store.branches("sessyn/")).toHaveLength(1)
      expect(await store.deleteBranch({ name: MAIN, head: second.head })).toBe(true)
      expect(await store.branches("sessyn/")).toEqual([])
      expect(await store.deleteBranch({ name: MAIN, head: second.head })).toBe(true)
    })

    it("takes over an upload branch and deletes it with the commit", async () => {
      const upload = "sessyn/aaaa/upload/m1"
      const pack = random(10, 300_000)
      const staged = committed(
        await store.commit({ branch: upload, parent: null, snapshot: new Map([["packs/aa/1", pack]]) }),
      )
      const id = staged.snapshot.get("packs/aa/1") as ObjectId
      const stale: Branch = { name: "sessyn/aaaa/upload/m2", head: staged.head }
      const result = await add(
        null,
        { "packs/aa/1": id },
        { deleteBranches: [{ name: upload, head: staged.head }, stale] },
      )
      expect((await store.branches("sessyn/")).map((branch) => branch.name)).toEqual([MAIN])
      expect(same((await readAll(store, result.snapshot))["packs/aa/1"], pack)).toBe(true)
    })

    it("keeps an upload branch that moved", async () => {
      const upload = "sessyn/aaaa/upload/m1"
      const stage = async (parent: ObjectId | null, text: string) =>
        committed(await store.commit({ branch: upload, parent, snapshot: new Map([["p", utf8(text)]]) })).head
      const first = await stage(null, "1")
      const second = await stage(first, "2")
      await add(null, { a: utf8("1") }, { deleteBranches: [{ name: upload, head: first }] })
      expect((await store.branches(upload))[0]?.head).toBe(second)
    })

    it("says which object it lacks by a code", async () => {
      const { head, snapshot } = await add(null, { a: utf8("1") })
      const nobody = "1234567890".repeat(4)
      const missing = expect.objectContaining({ code: "STORE_OBJECT_MISSING" })
      await expect(store.read([nobody], () => {})).rejects.toEqual(missing)
      await expect(store.read([snapshot.get("a") as ObjectId, nobody], () => {})).rejects.toEqual(missing)
      await expect(store.snapshot(nobody)).rejects.toEqual(missing)
      await expect(store.history(nobody, 5)).rejects.toEqual(missing)
      await expect(add(head, { a: nobody })).rejects.toEqual(missing)
      expect((await store.branches(MAIN))[0]?.head).toBe(head)
    })

    it("commits after a reference to a missing object was refused", async () => {
      const { head } = await add(null, { a: utf8("1") })
      await add(head, { a: "1234567890".repeat(4) }).catch(() => {})
      await add(head, { a: utf8("2") })
    })

    it("reads nothing when nothing is asked for, and each object once", async () => {
      const { snapshot } = await add(null, { a: utf8("1") })
      await store.read([], () => expect.unreachable())
      const id = snapshot.get("a") as ObjectId
      const got: ObjectId[] = []
      await store.read([id, id], (each) => void got.push(each))
      expect(got).toEqual([id])
    })

    it("waits for the receiver, one object at a time, and throws what it throws", async () => {
      const files: Record<string, Uint8Array> = {}
      for (let i = 0; i < 700; i++) files[`f${i}`] = utf8(`content ${i}`)
      const { snapshot } = await add(null, files)
      let inside = 0
      let most = 0
      const ids = [...snapshot.values()]
      await store.read(ids, async () => {
        most = Math.max(most, ++inside)
        await Promise.resolve()
        inside--
      })
      expect(most).toBe(1)
      await expect(store.read(ids, () => Promise.reject(new Error("receiver")))).rejects.toThrow("receiver")
    })

    it("lets the receiver do as it likes with the bytes", async () => {
      const { snapshot } = await add(null, { a: utf8("abc") })
      const ids = [...snapshot.values()]
      await store.read(ids, (_, bytes) => void bytes.fill(0))
      expectFiles(await readAll(store, snapshot), { a: utf8("abc") })
    })

    it("answers many calls at a time", async () => {
      const files: Record<string, Uint8Array> = {}
      for (let i = 0; i < 20; i++) files[`packs/${hexByte(i)}/x`] = random(30 + i, 40_000)
      const { head, snapshot } = await add(null, files)
      const other = await fixture.open()
      const calls = [...snapshot.keys()].map((path) =>
        readAll(other, new Map([[path, snapshot.get(path) as ObjectId]])),
      )
      const [branches, flat, ...parts] = await Promise.all([other.branches("sessyn/"), other.snapshot(head), ...calls])
      expect(branches).toHaveLength(1)
      expect(flat).toEqual(snapshot)
      expectFiles(Object.assign({}, ...parts), files)
    })

    it("stops when it is told to, with the signal's reason", async () => {
      const { head, snapshot } = await add(null, { a: random(11, 2 * MIB), b: random(12, 2 * MIB) })
      const reason = new Error("enough")
      const signal = AbortSignal.abort(reason)
      await expect(store.branches("sessyn/", { signal })).rejects.toBe(reason)
      await expect(store.read([...snapshot.values()], () => {}, { signal })).rejects.toBe(reason)
      const next = { branch: MAIN, parent: head, snapshot: new Map([["a", utf8("2")]]) }
      await expect(store.commit(next, { signal })).rejects.toBe(reason)
      const control = new AbortController()
      const reading = store.read([...snapshot.values()], () => control.abort(reason), { signal: control.signal })
      await expect(reading).rejects.toBe(reason)
      expect((await store.branches(MAIN))[0]?.head).toBe(head)
    })

    it("counts bytes", async () => {
      let up = 0
      const { snapshot } = committed(
        await store.commit(
          { branch: MAIN, parent: null, snapshot: new Map([["a", random(13, MIB)]]) },
          {
            onBytes: (n) => {
              up += n
            },
          },
        ),
      )
      let down = 0
      await store.read([...snapshot.values()], () => {}, {
        onBytes: (n) => {
          down += n
        },
      })
      if (store.url !== "memory:") expect(up).toBeGreaterThan(MIB)
      expect(down).toBeGreaterThanOrEqual(MIB)
    })
  })
}

/** The same bytes for the same seed, without any pattern that a compressor sees. */
export function random(seed: number, length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  let state = (seed + 1) * 0x9e3779b9
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = state
  }
  return new Uint8Array(words.buffer, 0, length)
}

/** All objects of a snapshot by path. */
export async function readAll(store: Store, snapshot: Snapshot): Promise<Record<string, Uint8Array>> {
  const bytesById = new Map<ObjectId, Uint8Array>()
  await store.read([...snapshot.values()], (id, bytes) => void bytesById.set(id, bytes))
  return Object.fromEntries([...snapshot].map(([path, id]) => [path, bytesById.get(id) as Uint8Array]))
}

export function committed(result: CommitResult): Extract<CommitResult, { kind: "committed" }> {
  if (result.kind !== "committed") throw new Error("the commit was refused")
  return result
}

function expectFiles(found: Record<string, Uint8Array>, files: Record<string, Uint8Array>): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(files).sort())
  const different = Object.entries(files).filter(([path, bytes]) => !same(found[path], bytes))
  expect(different.map(([path]) => path)).toEqual([])
}

/** Whether the bytes are equal; comparing megabytes with `toEqual` is slow. */
export function same(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i])
}

function hexByte(value: number): string {
  return (value & 0xff).toString(16).padStart(2, "0")
}
