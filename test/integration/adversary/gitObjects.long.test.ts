/**
 * Every byte of the commit and of the trees of a small vault, changed one at a time: in a real repository, with the
 * objects above made anew so that all ids fit; and, cut at every length too, as a host would send them that is not Git and
 * looks at nothing itself. What a client ends up with is byte for byte what it was (author, message, modes, times, the
 * names of what nobody reads), or it is refused by name.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { mainBranch } from "../../../storage/layout.ts"
import { parseCommit, parseTree } from "../../../storage/remote/git/objects.ts"
import { flattenTrees } from "../../../storage/remote/git/snapshots.ts"
import { openLocalGitStore } from "../../../storage/remote/node/localGitStore.ts"
import { createLooseObjects, type LooseObjects } from "../../support/adversary/looseObjects.node.ts"
import { flipped, masks } from "../../support/adversary/mischief.ts"
import {
  createSpecimen,
  outcomeOf,
  readAs,
  type Reading,
  type Specimen,
} from "../../support/adversary/specimen.node.ts"
import { createTally, REASONS } from "../../support/adversary/tally.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const SEED = 20_260_104
const STORE_REASONS = ["STORE_MALFORMED", "STORE_OBJECT_MISSING", "STORE_UNREACHABLE", "STORE_FAILED", "VAULT_MISSING"]

const folders = createTemporaryFolders()
const tally = createTally()
let specimen: Specimen
let path: string
let branch: string
let loose: LooseObjects
let commit: string
let expected = ""

/** A tree by its path ("" is the root), with the ids of those on the way to it. */
interface Place {
  readonly name: string
  readonly id: string
  readonly above: readonly string[]
}

beforeAll(async () => {
  specimen = await createSpecimen("one")
  path = `${folders.make()}/vault.git`
  branch = mainBranch(specimen.context.config.workspace)
  const store = await openLocalGitStore({ path, create: true })
  const made = await store.commit({ branch, parent: null, snapshot: specimen.objects })
  if (made.kind !== "committed") throw new Error("moved")
  await store.close()
  commit = made.head
  loose = createLooseObjects(path)
  expected = digestOf(await read())
})

afterAll(() => {
  tally.print("Git's own objects, every byte, every length:")
  folders.remove()
})

function digestOf(reading: Reading): string {
  if (reading.kind === "read") return reading.digest
  throw new Error(reading.code)
}

/** What a newcomer makes of the repository. */
async function read(): Promise<Reading> {
  const store = await openLocalGitStore({ path, create: false })
  try {
    const fetched = new Map<string, Uint8Array>()
    const outcome = await outcomeOf(async () => {
      const main = (await store.branches(branch)).find(({ name }) => name === branch)
      if (main === undefined) throw Object.assign(new Error("no branch"), { code: "VAULT_MISSING" })
      await store.history(main.head, 10)
      const snapshot = await store.snapshot(main.head)
      await store.read([...snapshot.values()], (id, bytes) => {
        for (const [each, object] of snapshot) if (object === id) fetched.set(each, bytes)
      })
      return ""
    })
    if (outcome.kind === "refused") return outcome
    const isSame = [...specimen.objects].every(
      ([each, bytes]) => Buffer.compare(fetched.get(each) ?? NONE, bytes) === 0,
    )
    return isSame && expected !== "" ? { kind: "read", digest: expected } : readAs(specimen, fetched, 0)
  } finally {
    await store.close()
  }
}

const NONE = new Uint8Array(0)

const flips = (body: Buffer): readonly Uint8Array[] => {
  const mask = masks(SEED, body)
  return Array.from(body, (_, at) => flipped(body, at, mask[at]))
}
const cuts = (body: Buffer): readonly Uint8Array[] => Array.from(body, (_, length) => body.subarray(0, length))

async function damage(
  kind: string,
  versions: readonly Uint8Array[],
  readWith: (changed: Uint8Array) => Promise<Reading>,
): Promise<void> {
  for (const version of versions) tally.count(kind, await readWith(version), expected)
  expect(tally.accepted).toEqual([])
  const { "no effect": _, ...refused } = tally.of(kind)
  expect([...REASONS, ...STORE_REASONS]).toEqual(expect.arrayContaining(Object.keys(refused)))
}

describe("through Git", () => {
  it("the commit", async () => {
    const body = loose.read("commit", commit)
    await damage("commit", flips(body), (changed) => {
      loose.point(branch, loose.write("commit", changed))
      return read()
    })
    // The tree's id is read, and each byte of it counts; author, message and times are nobody's business.
    const { "no effect": none = 0 } = tally.of("commit")
    expect(none).toBeGreaterThan(body.length / 2)
    expect(none).toBeLessThan(body.length - "tree ".length - 40)
  })

  it("each tree", async () => {
    for (const { name, id, above } of places()) {
      await damage(`tree ${name}`, flips(loose.read("tree", id)), (changed) => {
        let [below, now] = [id, loose.write("tree", changed)]
        for (const parent of above) {
          const remade = exchange(loose.read("tree", parent), below, now)
          ;[below, now] = [parent, loose.write("tree", remade)]
        }
        const text = loose.read("commit", commit).toString("latin1").replace(below, now)
        loose.point(branch, loose.write("commit", Buffer.from(text, "latin1")))
        return read()
      })
    }
  })
})

describe("as a host would send them that is not Git", () => {
  it("the commit", async () => {
    const body = loose.read("commit", commit)
    const { tree } = parseCommit(body)
    await damage("commit, sent", [...flips(body), ...cuts(body)], (changed) =>
      outcomeOf(async () => {
        if (parseCommit(changed).tree !== tree)
          throw Object.assign(new Error("no such tree"), { code: "STORE_OBJECT_MISSING" })
        return expected
      }),
    )
    expect(tally.of("commit, sent")["STORE_MALFORMED"]).toBeGreaterThan(40)
  })

  it("each tree", async () => {
    const bodies = new Map(places().map(({ id }) => [id, loose.read("tree", id)]))
    for (const [, id] of allFolders(root())) bodies.set(id, loose.read("tree", id))
    const byId = new Map([...flattenWith(bodies)].map(([each, id]) => [id, specimen.objects.get(each) as Uint8Array]))
    for (const { name, id } of places()) {
      const body = bodies.get(id) as Buffer
      await damage(`tree ${name}, sent`, [...flips(body), ...cuts(body)], async (changed) => {
        const fetched = new Map<string, Uint8Array>()
        const outcome = await outcomeOf(async () => {
          for (const [each, object] of flattenWith(new Map<string, Uint8Array>(bodies).set(id, changed))) {
            const bytes = byId.get(object)
            if (bytes !== undefined) fetched.set(each, bytes)
          }
          return ""
        })
        return outcome.kind === "refused" ? outcome : readAs(specimen, fetched, 0)
      })
    }
    expect(tally.of("tree /, sent")["STORE_MALFORMED"]).toBeGreaterThan(100)
  })
})

function flattenWith(bodies: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, string> {
  return flattenTrees(root(), (id) => {
    const body = bodies.get(id)
    return body === undefined ? undefined : parseTree(body)
  })
}

function root(): string {
  return parseCommit(loose.read("commit", commit)).tree
}

/** Every folder below a tree: name and id. */
function* allFolders(tree: string): Generator<readonly [name: string, id: string]> {
  const body = loose.read("tree", tree)
  for (const [, name, at] of folderEntries(body)) {
    const id = body.subarray(at, at + 20).toString("hex")
    yield [name, id]
    yield* allFolders(id)
  }
}

function exchange(tree: Buffer, from: string, to: string): Buffer {
  const at = tree.indexOf(Buffer.from(from, "hex"))
  if (at < 0) throw new Error("no such entry")
  return Buffer.concat([tree.subarray(0, at), Buffer.from(to, "hex"), tree.subarray(at + 20)])
}

/** The root, and one tree of each kind below it. */
function places(): readonly Place[] {
  const found: Place[] = [{ name: "/", id: root(), above: [] }]
  const visit = (id: string, name: string, above: readonly string[]): void => {
    const body = loose.read("tree", id)
    for (const [, entry = "", at] of folderEntries(body)) {
      const below = body.subarray(at, at + 20).toString("hex")
      const isAlike = found.some((place) => place.name.startsWith("packs/") && name === "packs/")
      if (!isAlike) {
        found.push({ name: `${name}${entry.length === 2 ? "00" : entry}/`, id: below, above: [id, ...above] })
        visit(below, `${name}${entry}/`, [id, ...above])
      }
    }
  }
  visit(root(), "", [])
  return found
}

/** Mode, name and the place of the id of each folder in a tree. */
function* folderEntries(body: Buffer): Generator<readonly [mode: string, name: string, at: number]> {
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf(0, at)
    const [mode = "", name = ""] = body.subarray(at, end).toString().split(" ")
    if (mode === "40000") yield [mode, name, end + 1]
    at = end + 21
  }
}
