/**
 * A Git host that the attacker runs, behind the Store port. Every machine has a
 * door of its own and is shown what the host likes: another history, an older
 * one, objects that are missing, changed or out of order, a push that was
 * answered and never made. It forgets nothing. It has no key: what it cannot do
 * here it cannot do at all, but for what a proxy can do to the bytes on the wire
 * (`wire.node.ts`). Deterministic: what it does, it does when told.
 *
 * @module
 */
import { StoreError } from "../../../storage/errors.ts"
import { createMemoryStore, type MemoryStore } from "../../../storage/remote/memoryStore.ts"
import type { Branch, Commit, CommitResult, ObjectId, Snapshot, Store } from "../../../storage/remote/store.ts"

/** The store that the host really keeps, and its power over the refs. A {@link MemoryStore} is one. */
export type Ground = Pick<MemoryStore, Exclude<keyof MemoryStore, "replaceObject" | "setHead">> & {
  setHead(branch: string, head: ObjectId | null): void | Promise<void>
}

/** The heads of one world's branches at one moment. */
export type Picture = ReadonlyMap<string, ObjectId>

/** The objects of a tree, or ids of those that stay as they are. */
export type Tree = Map<string, Uint8Array | ObjectId>

/** What a host does to the answers that one machine gets. What is not said is passed on as it is. */
export interface Tampering {
  branches?(branches: readonly Branch[]): readonly Branch[]
  snapshot?(snapshot: Snapshot): Snapshot
  /** The order in which objects are sent. */
  order?(ids: readonly ObjectId[]): readonly ObjectId[]
  /** null: it is not there any more. */
  object?(bytes: Uint8Array, id: ObjectId): Uint8Array | null
  /** `lose`: answered as done, and never made. `refuse`: as if somebody else had been first. */
  commit?(commit: Commit): "make" | "lose" | "refuse"
  /** What happens while a push is on its way. */
  beforeCommit?(): Promise<void>
}

export interface HostileHost {
  /** The host as this machine is shown it. */
  door(machine: string): Store
  tamper(machine: string, tampering: Tampering | null): void

  /** What the branches of a world are now. */
  picture(world?: string): Promise<Picture>
  /** The branches as they were then, and no others. */
  rollBack(picture: Picture, world?: string): Promise<void>
  /** A second history: begins as the other world is now, goes its own way from there. */
  split(world: string, from?: string): Promise<void>
  /** This machine lives in that world from now on. */
  place(machine: string, world: string): void
  /** The next answers about heads are of that moment; what the machine pushes reaches the present. */
  freeze(machine: string, picture: Picture, answers?: number): void
  thaw(machine: string): void

  /** The one vault's main branch. */
  main(world?: string): Promise<Branch>
  /** Its commits, newest first. */
  history(world?: string): Promise<readonly ObjectId[]>
  /** All bytes of a version; the newest unless told. */
  objects(commit?: ObjectId, world?: string): Promise<Map<string, Uint8Array>>
  /** A version of the host's own in place of the newest: same parent, other objects. Ids fit, of course. */
  forge(change: (tree: Tree) => void | Promise<void>, how?: Forging): Promise<ObjectId>
}

export interface Forging {
  readonly world?: string
  /** On top of the newest instead of in its place. */
  readonly onTop?: boolean
}

const REAL = ""

export function createHostileHost(ground: Ground = createMemoryStore()): HostileHost {
  const worlds = new Map<string, string>()
  const frozen = new Map<string, { readonly picture: Picture; left: number }>()
  const tamperings = new Map<string, Tampering>()
  const at = (world: string, branch: string): string => (world === REAL ? branch : `${world}/${branch}`)

  async function heads(world: string, prefix: string): Promise<readonly Branch[]> {
    const skip = at(world, "").length
    const found = await ground.branches(at(world, prefix))
    const own = found.map(({ name, head }) => ({ name: name.slice(skip), head }))
    return own.filter(({ name }) => name.startsWith("sessyn/"))
  }

  async function main(world = REAL): Promise<Branch> {
    const branch = (await heads(world, "")).find(({ name }) => name.endsWith("/main"))
    if (branch === undefined) throw new Error("no main branch")
    return branch
  }

  const picture = async (world = REAL): Promise<Picture> =>
    new Map((await heads(world, "")).map(({ name, head }) => [name, head]))

  async function rollBack(to: Picture, world = REAL): Promise<void> {
    for (const { name } of await heads(world, "")) if (!to.has(name)) await ground.setHead(at(world, name), null)
    for (const [name, head] of to) await ground.setHead(at(world, name), head)
  }

  function door(machine: string): Store {
    const world = () => worlds.get(machine) ?? REAL
    const tampering = () => tamperings.get(machine) ?? {}
    return {
      ...ground,

      async branches(prefix, options) {
        options?.signal?.throwIfAborted()
        const cold = frozen.get(machine)
        const isFrozen = cold !== undefined && cold.left-- > 0
        const shown = isFrozen ? toBranches(cold.picture, prefix) : await heads(world(), prefix)
        return tampering().branches?.(shown) ?? shown
      },

      async snapshot(commit, options) {
        const snapshot = await ground.snapshot(commit, options)
        return tampering().snapshot?.(snapshot) ?? snapshot
      },

      async read(ids, onObject, options) {
        const { order = (each) => each, object = (bytes) => bytes } = tampering()
        const take = async (id: ObjectId, bytes: Uint8Array): Promise<void> => {
          const shown = object(bytes, id)
          if (shown === null) throw new StoreError("STORE_OBJECT_MISSING", "the store lacks an object")
          await onObject(id, shown)
        }
        await ground.read(order([...new Set(ids)]), take, options)
      },

      async commit(commit, options): Promise<CommitResult> {
        await tampering().beforeCommit?.()
        const what = tampering().commit?.(commit) ?? "make"
        if (what === "refuse") return { kind: "moved" }
        const branch = at(world(), commit.branch)
        const deleteBranches = commit.deleteBranches?.map(({ name, head }) => ({ name: at(world(), name), head })) ?? []
        const result = await ground.commit({ ...commit, branch, deleteBranches }, options)
        if (what === "lose") await ground.setHead(branch, commit.parent)
        return result
      },

      deleteBranch: ({ name, head }, options) => ground.deleteBranch({ name: at(world(), name), head }, options),
      reclaim: async () => false,
      close: async () => {},
    }
  }

  return {
    door,
    tamper(machine, tampering) {
      if (tampering === null) tamperings.delete(machine)
      else tamperings.set(machine, tampering)
    },
    picture,
    rollBack,
    split: async (world, from = REAL) => rollBack(await picture(from), world),
    place: (machine, world) => void worlds.set(machine, world),
    freeze: (machine, picture, answers = Number.POSITIVE_INFINITY) =>
      void frozen.set(machine, { picture, left: answers }),
    thaw: (machine) => void frozen.delete(machine),
    main,

    history: async (world) => ground.history((await main(world)).head, 100),

    async objects(commit, world) {
      const snapshot = await ground.snapshot(commit ?? (await main(world)).head)
      const bytesById = new Map<ObjectId, Uint8Array>()
      await ground.read([...snapshot.values()], (id, bytes) => void bytesById.set(id, bytes))
      return new Map([...snapshot].map(([path, id]) => [path, bytesById.get(id) as Uint8Array]))
    },

    async forge(change, { world = REAL, onTop = false } = {}) {
      const { name, head } = await main(world)
      const tree: Tree = new Map(await ground.snapshot(head))
      await change(tree)
      const branch = at(world, name)
      const parent = onTop ? head : ((await ground.history(head, 2))[1] ?? null)
      if (!onTop) await ground.setHead(branch, parent)
      const result = await ground.commit({ branch, parent, snapshot: tree })
      if (result.kind === "moved") throw new Error("the host cannot be refused by itself")
      return result.head
    },
  }
}

function toBranches(picture: Picture, prefix: string): readonly Branch[] {
  const shown = [...picture].filter(([name]) => name.startsWith(prefix)).map(([name, head]) => ({ name, head }))
  return shown.sort((a, b) => (a.name < b.name ? -1 : 1))
}
