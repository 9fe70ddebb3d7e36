/**
 * Two machines that edit, sync and compact in any order: they come to agree,
 * nothing that somebody wrote last is lost, and every version that was to be
 * kept holds what it held before.
 */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type MemoryMachine, pair } from "../support/memoryMachine.ts"

type Step =
  | { readonly kind: "write"; readonly who: 0 | 1; readonly path: string }
  | { readonly kind: "remove"; readonly who: 0 | 1; readonly path: string }
  | { readonly kind: "sync"; readonly who: 0 | 1 }
  /** Right before the next time that the other one commits, if `meanwhile`; else now. */
  | { readonly kind: "compact"; readonly who: 0 | 1; readonly versions: number; readonly meanwhile: boolean }

const who = fc.constantFrom(0 as const, 1 as const)
const path = fc.constantFrom("a", "b", "c", "d/e")
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("write" as const), who, path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), who, path }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("sync" as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("compact" as const),
      who,
      versions: fc.integer({ min: 1, max: 4 }),
      meanwhile: fc.boolean(),
    }),
  },
)

/** Lets something happen right before this machine's next commit. */
function interruptible(machine: MemoryMachine): { next: (() => Promise<void>) | null } {
  const interruption: { next: (() => Promise<void>) | null } = { next: null }
  const { openStore } = machine.host
  Object.assign(machine.host, {
    async openStore(...how: Parameters<typeof openStore>) {
      const store = await openStore(...how)
      const commit: typeof store.commit = async (...args) => {
        const { next } = interruption
        interruption.next = null
        await next?.()
        return store.commit(...args)
      }
      return { ...store, commit }
    },
  })
  return interruption
}

const OPTIONS = { onConflict: "keep-both", allowMassDelete: true } as const

/** The files of each version that can be gone back to, as text, by its number. */
async function historyOf(machine: MemoryMachine): Promise<Map<string, string>> {
  const contents = new Map<string, string>()
  for (const { path, sequence, change } of await machine.session((open) => open.log(null))) {
    if (change === "deleted") continue
    let text = ""
    const take = (bytes: Uint8Array): void => {
      text += new TextDecoder().decode(bytes)
    }
    await machine.session((open) => open.content(path, { sequence }, take))
    contents.set(`${sequence} ${path}`, text)
  }
  return contents
}

async function filesOf(machine: MemoryMachine): Promise<Record<string, string | null>> {
  const files: Record<string, string | null> = {}
  for (const { path } of await machine.session((open) => open.log(null))) files[path] = await machine.read(path)
  return files
}

async function compactAndCheck(machine: MemoryMachine, versions: number): Promise<void> {
  const before = await historyOf(machine)
  const { oldest, versionsAfter } = await machine.session((open) => open.compact({ keep: { versions } }))
  expect(versionsAfter).toBeGreaterThanOrEqual(1)
  const after = await historyOf(machine)
  for (const [key, text] of before) {
    if (Number(key.split(" ")[0]) > oldest.sequence) expect([key, after.get(key)]).toEqual([key, text])
  }
}

describe("compactions at any moment", () => {
  it("leave machines equal, and what is kept as it was", { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
        const { a, b } = await pair({ kept: "kept" })
        const machines = [a, b] as const
        const interruptions = machines.map(interruptible)
        const written = new Set(["kept"])
        for (const [i, each] of steps.entries()) {
          const machine = machines[each.who]
          if (each.kind === "write") {
            const text = `${machine.name} ${i}`
            const old = await machine.read(each.path)
            // What is overwritten on purpose need not be anywhere.
            if (old !== null) written.delete(old)
            written.add(text)
            await machine.write(each.path, text)
          } else if (each.kind === "remove") {
            const old = await machine.read(each.path)
            if (old === null) continue
            written.delete(old)
            await machine.remove(each.path)
          } else if (each.kind === "sync") await machine.sync(OPTIONS)
          else if (!each.meanwhile) await compactAndCheck(machine, each.versions)
          else {
            const other = interruptions[1 - each.who] as (typeof interruptions)[number]
            const own = interruptions[each.who] as (typeof interruptions)[number]
            other.next = () => {
              // The other one is at work, and waited for.
              own.next = null
              return compactAndCheck(machine, each.versions)
            }
          }
        }
        for (const interruption of interruptions) interruption.next = null
        for (const machine of [a, b, a, b]) await machine.sync(OPTIONS)
        const files = await filesOf(a)
        expect(await filesOf(b)).toEqual(files)
        const there = new Set(Object.values(files))
        expect([...written].filter((text) => !there.has(text))).toEqual([])
        for (const machine of machines) {
          expect((await machine.session((open) => open.verify())).problems).toEqual([])
        }
      }),
      { numRuns: 12 },
    )
  })
})
