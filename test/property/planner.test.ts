import fc from "fast-check"
import { describe, expect, test } from "vitest"
import type { Conflict, HoldReason, Resolution } from "../../src/tree/plan/plan.ts"
import { plan } from "../../src/tree/plan/planner.ts"
import {
  type Action,
  act,
  type Chooser,
  file,
  Log,
  Machine,
  type MachineOptions,
  picture,
  type SyncResult,
  Vault,
} from "../support/simulation.ts"

const RUNS = 300

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom(
    "create",
    "create",
    "folder",
    "link",
    "edit",
    "edit",
    "copy",
    "delete",
    "rename",
    "chmod",
    "replace",
  ),
  pick: fc.nat(30),
  name: fc.nat(30),
  value: fc.nat(30),
})

/** What happens to machine number `machine`: its user does something, or it syncs, or worse. */
type Event =
  | { readonly kind: "act"; readonly machine: number; readonly action: Action }
  | { readonly kind: "sync"; readonly machine: number; readonly choice: number }
  | { readonly kind: "sync, interrupted"; readonly machine: number; readonly choice: number; readonly every: number }
  | { readonly kind: "lose base"; readonly machine: number }
  | { readonly kind: "toggle ignore"; readonly machine: number }

const machine = fc.nat(2)
const doing = fc.record({ kind: fc.constant("act" as const), machine, action })
const syncing = fc.record({ kind: fc.constant("sync" as const), machine, choice: fc.nat(50) })
const calm: fc.Arbitrary<Event> = fc.oneof({ weight: 3, arbitrary: doing }, { weight: 1, arbitrary: syncing })
const wild: fc.Arbitrary<Event> = fc.oneof(
  { weight: 12, arbitrary: calm },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("sync, interrupted" as const),
      machine,
      choice: fc.nat(50),
      every: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose base" as const), machine }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("toggle ignore" as const), machine }) },
)

const CHOICES: readonly (Resolution | null)[] = [
  { choice: "keep-local" },
  { choice: "keep-remote" },
  { choice: "keep-both" },
  { choice: "merged", content: new Uint8Array() },
  { choice: "skip" },
  null,
]

function chooser(seed: number): Chooser {
  let step = seed
  return () => CHOICES[step++ % CHOICES.length] as Resolution | null
}

/** Leaves no conflict open; a merge of what cannot be merged is taken as keeping both. */
function decided(seed: number): Chooser {
  let step = seed
  return ({ local, remote }: Conflict) => {
    const choice = CHOICES[step++ % 4] as Resolution
    const folder = local?.type === "folder" || remote?.type === "folder"
    return choice.choice === "merged" && folder ? { choice: "keep-both" } : choice
  }
}

interface World {
  readonly vault: Vault
  readonly machines: readonly Machine[]
  readonly log: Log
}

/** Machines that share a small tree already, so that what they do next meets. */
function createWorld(count: number, options: readonly MachineOptions[] = []): World {
  const vault = new Vault()
  const machines = Array.from({ length: count }, (_, i) => new Machine(`m${i}`, vault, options[i]))
  const log = new Log()
  const first = machines[0] as Machine
  for (const path of ["a/", "a/b/", "a/b/.env", "a/b/d", "a/c.txt", "d/", "d/ign/", "d/ign/a", ".env", "b"]) {
    const folder = path.endsWith("/")
    first.put(folder ? path.slice(0, -1) : path, folder ? { type: "folder", mode: 0o755 } : file(log.fresh()))
  }
  for (const each of machines) each.sync(() => null, log)
  return { vault, machines, log }
}

function happen({ machines, log }: World, event: Event): void {
  const here = machines[event.machine % machines.length] as Machine
  switch (event.kind) {
    case "act":
      return act(here, event.action, log)
    case "sync":
      here.sync(chooser(event.choice), log)
      return
    case "sync, interrupted": {
      let count = 0
      here.sync(chooser(event.choice), log, () => ++count % event.every === 0)
      return
    }
    case "lose base":
      here.base = new Map()
      here.dormant = new Set()
      here.baseLost = true
      return
    case "toggle ignore":
      here.ignoring = !here.ignoring
  }
}

/** Syncs everybody, deciding everything, until nothing is left to do. */
function comeToRest({ machines, log }: World, choice: number): void {
  for (const each of machines) each.ignoring = false
  for (let round = 0; round < 12; round++) {
    const results = machines.map((each) => each.sync(decided(choice + round), log))
    if (results.every(isAtRest)) return
  }
  throw new Error("the machines do not come to rest")
}

/** Nothing to do, and nothing open but what is held back here whatever is decided. */
function isAtRest({ plan: { operations, held }, skipped }: SyncResult): boolean {
  const paths = new Set(held.map(({ path }) => path))
  return operations.length === 0 && skipped.every((path) => paths.has(path))
}

describe("two and three machines", () => {
  test.each([
    ["who only sync and work", calm, RUNS],
    ["who are interrupted, lose their base and change what they ignore", wild, 2 * RUNS],
  ])("%s end up equal, with nothing lost", (_, event, numRuns) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 3 }),
        fc.array(event, { maxLength: 60, size: "max" }),
        fc.nat(50),
        (count, events, choice) => {
          const world = createWorld(count)
          for (const each of events) happen(world, each)
          expect(world.log.lost(world.machines, world.vault)).toEqual([])
          comeToRest(world, choice)
          expect(world.log.lost(world.machines, world.vault)).toEqual([])
          for (const each of world.machines) expect(picture(each.disk)).toEqual(picture(world.vault.entries))
        },
      ),
      { numRuns },
    )
  })

  test("lose nothing and write nothing over another name where a disk folds case", () => {
    fc.assert(
      fc.property(fc.array(wild, { maxLength: 60, size: "max" }), fc.nat(50), (events, choice) => {
        const world = createWorld(3, [{ caseInsensitive: true }])
        for (const each of events) happen(world, each)
        comeToRest(world, choice)
        expect(world.log.lost(world.machines, world.vault)).toEqual([])
        const [folding, ...others] = world.machines as [Machine, Machine, Machine]
        for (const each of others) expect(picture(each.disk)).toEqual(picture(world.vault.entries))
        const all = new Set(picture(world.vault.entries))
        expect(picture(folding.disk).filter((line) => !all.has(line))).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })

  test("have no conflict while only one of them works", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40, size: "max" }), fc.nat(8), (actions, every) => {
        const world = createWorld(2)
        const [working, watching] = world.machines as [Machine, Machine]
        const never: Chooser = ({ path }) => expect.unreachable(`a conflict at ${path}`)
        actions.forEach((each, i) => {
          act(working, each, world.log)
          if (i % (every + 1) !== 0) return
          working.sync(never, world.log)
          watching.sync(never, world.log)
        })
        working.sync(never, world.log)
        watching.sync(never, world.log)
        expect(picture(watching.disk)).toEqual(picture(working.disk))
      }),
      { numRuns: RUNS },
    )
  })

  test("have nothing to do in a second sync", () => {
    fc.assert(
      fc.property(fc.array(wild, { maxLength: 40, size: "max" }), fc.nat(2), fc.nat(50), (events, which, choice) => {
        const world = createWorld(3)
        for (const each of events) happen(world, each)
        const here = world.machines[which] as Machine
        const first = here.sync(decided(choice), world.log)
        const second = here.sync(() => null, world.log)
        expect(second.plan.operations).toEqual([])
        // What is open is what could not be done as decided, such as to put a file where an ignored one lies in a folder.
        expect(second.skipped).toEqual(first.skipped)
      }),
      { numRuns: RUNS },
    )
  })
})

describe("a machine", () => {
  test("that is new only adds, empty or not", () => {
    fc.assert(
      fc.property(
        fc.array(wild, { maxLength: 40, size: "max" }),
        fc.array(action, { maxLength: 10 }),
        (events, actions) => {
          const world = createWorld(3)
          for (const each of events) happen(world, each)
          const joining = new Machine("new", world.vault)
          for (const each of actions) act(joining, each, world.log)
          const kinds = new Set(plan(joining.input()).operations.map(({ kind }) => kind))
          expect(kinds.has("delete") || kinds.has("bury")).toBe(false)
          const before = picture(world.vault.entries)
          const empty = new Machine("empty", world.vault)
          empty.sync(() => null, world.log)
          expect(picture(world.vault.entries)).toEqual(before)
          expect(picture(empty.disk)).toEqual(before)
        },
      ),
      { numRuns: RUNS },
    )
  })

  test("that lost its base deletes only what has its tombstone, and buries nothing", () => {
    fc.assert(
      fc.property(fc.array(wild, { maxLength: 60, size: "max" }), fc.nat(2), (events, which) => {
        const world = createWorld(3)
        for (const each of events) happen(world, each)
        happen(world, { kind: "lose base", machine: which })
        const here = world.machines[which] as Machine
        for (const operation of plan(here.input()).operations) {
          expect(operation.kind).not.toBe("bury")
          if (operation.kind !== "delete" || here.input().remote.has(operation.path)) continue
          expect(world.vault.tombstones.has(operation.path)).toBe(true)
        }
      }),
      { numRuns: RUNS },
    )
  })

  test("plans the same whatever the order of its maps", () => {
    fc.assert(
      fc.property(fc.array(wild, { maxLength: 40, size: "max" }), (events) => {
        const world = createWorld(3)
        for (const each of events) happen(world, each)
        const input = (world.machines[0] as Machine).input()
        const turned = {
          ...input,
          base: new Map([...input.base].reverse()),
          local: new Map([...input.local].reverse()),
          remote: new Map([...input.remote].reverse()),
        }
        expect(plan(turned)).toEqual(plan(input))
      }),
      { numRuns: RUNS },
    )
  })

  test("whose vault forgets without a tombstone deletes nothing", () => {
    fc.assert(
      fc.property(fc.array(calm, { maxLength: 40, size: "max" }), fc.nat(2), (events, which) => {
        const world = createWorld(3)
        for (const each of events) happen(world, each)
        world.vault.entries.clear()
        world.vault.tombstones.clear()
        const kinds = plan((world.machines[which] as Machine).input()).operations.map(({ kind }) => kind)
        expect(kinds.filter((kind) => kind !== "upload" && kind !== "agree")).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })
})

describe("a plan that passes over what is settled", () => {
  test("is the plan of every path, whatever is held, ignored or torn out of its folder", () => {
    const events = fc.array(wild, { maxLength: 12 })
    const some = fc.array(fc.nat(40), { maxLength: 4 })
    fc.assert(
      fc.property(events, machine, some, some, fc.boolean(), (happened, who, holding, losing, dormant) => {
        const world = createWorld(3)
        for (const event of happened) happen(world, event)
        const input = (world.machines[who] as Machine).input()
        const local = new Map(input.local)
        const held = new Map<string, HoldReason>()
        for (const [path] of pick(local, holding)) {
          held.set(path, "unreadable")
          // The caller may hold what the scan has seen.
          if (path.length % 3 === 0) continue
          for (const each of local.keys()) if (each === path || each.startsWith(`${path}/`)) local.delete(each)
        }
        const remote = new Map(input.remote)
        // A vault need not list the folders of what it lists, and may call them what they are not.
        for (const [path, entry] of pick(remote, losing)) {
          if (entry.type !== "folder") continue
          if (path.length % 2 === 0) remote.delete(path)
          else remote.set(path, { ...entry, type: "link", target: "x" })
        }
        const most = dormant ? new Set([...input.base.keys()].filter((_, i) => i % 3 === 0)) : input.dormant
        const wildest = { ...input, local, held, remote, ...(most !== undefined && { dormant: most }) }
        expect(plan(wildest)).toEqual(plan(wildest, true))
      }),
      { numRuns: 2 * RUNS },
    )
  })
})

function pick<T>(from: ReadonlyMap<string, T>, numbers: readonly number[]): readonly (readonly [string, T])[] {
  const all = [...from]
  return numbers.flatMap((number) => {
    const found = all[number % Math.max(1, all.length)]
    return found === undefined ? [] : [found]
  })
}
