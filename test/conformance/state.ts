/**
 * What every adapter of the state port must do.
 *
 * @module
 */
import { beforeEach, describe, expect, it } from "vitest"
import type { State } from "../../src/ports/state.ts"

export interface StateFixture {
  readonly state: State
  /** The same state as another process sees it. */
  readonly other: State
}

const bytes = (text: string) => new TextEncoder().encode(text)

export function describeState(name: string, setUp: () => Promise<StateFixture>): void {
  describe(`state port: ${name}`, () => {
    let state: State
    let other: State

    beforeEach(async () => {
      ;({ state, other } = await setUp())
    })

    it("reads what was written, null for what was not", async () => {
      expect(await state.read("base")).toBeNull()
      await state.write("base", bytes("one"))
      expect(await other.read("base")).toEqual(bytes("one"))
      await other.write("base", bytes("two"))
      expect(await state.read("base")).toEqual(bytes("two"))
    })

    it("keeps an empty value apart from none", async () => {
      await state.write("a", new Uint8Array())
      expect(await state.read("a")).toEqual(new Uint8Array())
    })

    it("hands out buffers that belong to the caller, and keeps none", async () => {
      const mine = bytes("abc")
      await state.write("a", mine)
      mine.fill(0)
      const read = (await state.read("a")) as Uint8Array
      read.fill(1)
      expect(await state.read("a")).toEqual(bytes("abc"))
    })

    it("removes, also what is not there", async () => {
      await state.write("a", bytes("x"))
      await state.remove("a")
      await state.remove("a")
      await state.remove("folder/b")
      expect(await state.read("a")).toBeNull()
    })

    it("lists names by prefix, sorted, a name beside its own folder", async () => {
      expect(await state.list("")).toEqual([])
      for (const name of ["journal/2", "journal/10", "journal", "base", "jo"]) await state.write(name, bytes(name))
      expect(await other.list("journal/")).toEqual(["journal/10", "journal/2"])
      expect(await state.list("jo")).toEqual(["jo", "journal", "journal/10", "journal/2"])
      expect(await state.list("")).toEqual(["base", "jo", "journal", "journal/10", "journal/2"])
      expect(await state.read("journal")).toEqual(bytes("journal"))
    })

    it("refuses names that could lead elsewhere", async () => {
      for (const name of ["", "..", "../a", "/a", "a/", "a//b", "A", "a.b", "a\0", "ü"]) {
        await expect(state.write(name, bytes("x"))).rejects.toThrow(TypeError)
        await expect(state.read(name)).rejects.toThrow(TypeError)
      }
    })

    it("shows old or new, never a mixture, to whoever reads meanwhile", async () => {
      const values = [new Uint8Array(100_000).fill(1), new Uint8Array(50_000).fill(2)] as const
      await state.write("a", values[0])
      const writing = (async () => {
        for (let i = 1; i <= 20; i++) await state.write("a", values[(i % 2) as 0 | 1])
      })()
      for (let i = 0; i < 40; i++) {
        const seen = (await other.read("a")) as Uint8Array
        expect(seen).toHaveLength(seen[0] === 1 ? 100_000 : 50_000)
        expect(seen.every((byte) => byte === seen[0])).toBe(true)
      }
      await writing
    })

    it("gives the lock to one at a time", async () => {
      const lock = await state.lock()
      expect(lock).not.toBeNull()
      expect(await other.lock()).toBeNull()
      expect(await state.lock()).toBeNull()
      await lock?.release()
      const next = await other.lock()
      expect(next).not.toBeNull()
      // Releasing twice takes the lock from nobody.
      await lock?.release()
      expect(await state.lock()).toBeNull()
      await next?.release()
    })

    it("gives the lock to exactly one of many that ask at once", async () => {
      const locks = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? state : other).lock()))
      const held = locks.filter((lock) => lock !== null)
      expect(held).toHaveLength(1)
      await held[0]?.release()
    })
  })
}
