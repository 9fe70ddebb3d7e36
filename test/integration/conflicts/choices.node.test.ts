import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { utf8 } from "../../../crypto/bytes.ts"
import type { ConflictQuestion } from "../../../src/ports/prompts.ts"
import type { Conflict, Resolution } from "../../../src/tree/plan/plan.ts"
import { at, type Item, plant, quarantineOf, treeOf } from "../../support/files.node.ts"
import { createPair, type TestMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
let a: TestMachine
let b: TestMachine
let number = 0

beforeAll(async () => {
  ;({ a, b } = await createPair(folders.make()))
})

/** Whatever was chosen, both sides are the same in the end, and stay so. */
afterEach(async () => {
  for (const machine of [b, a, b]) await machine.sync({ onConflict: "keep-local", allowMassDelete: true })
  expect(treeOf(a.root)).toEqual(treeOf(b.root))
  expect((await a.sync()).kind).toBe("in-sync")
})

afterAll(folders.remove)

/** What both had, what A made of it, what B made of it. */
interface Case {
  readonly base: Item
  readonly theirs: Item
  readonly ours: Item
}

const CASES = {
  "create-create": { base: null, theirs: "theirs", ours: "ours" },
  "delete-edit": { base: "base", theirs: "theirs", ours: null },
  "edit-delete": { base: "base", theirs: null, ours: "ours" },
  "edit-edit": { base: "base", theirs: "theirs", ours: "ours" },
  "type-type": { base: "base", theirs: { link: "theirs" }, ours: "ours" },
} satisfies Record<Conflict["kind"], Case>
const KINDS = Object.keys(CASES) as Conflict["kind"][]
const FLAGS = ["keep-local", "keep-remote", "keep-both", "skip"] as const

/** Both sides part in every way there is, in a folder that only this test uses; answers with it. */
async function part(): Promise<string> {
  const folder = `case-${++number}`
  const side = (of: keyof Case) => Object.fromEntries(KINDS.map((kind) => [`${folder}/${kind}.txt`, CASES[kind][of]]))
  plant(a.root, { [`${folder}/calm.txt`]: "calm", ...side("base") })
  await a.sync()
  await b.sync()
  plant(a.root, side("theirs"))
  await a.sync()
  plant(b.root, side("ours"))
  return folder
}

function shown(item: Item): string | null {
  return item !== null && typeof item === "object" && "link" in item ? `→ ${item.link}` : (item as string | null)
}

/** What must lie at the path and beside it on both machines. */
function outcome(kind: Conflict["kind"], choice: Resolution["choice"]): readonly [string | null, string | null] {
  const { theirs, ours }: Case = CASES[kind]
  switch (choice) {
    case "keep-local":
    case "skip":
      return [shown(ours), null]
    case "keep-remote":
      return [shown(theirs), null]
    case "keep-both":
      // Of a deletion and an edit, the edit is what there is to keep.
      return ours === null || theirs === null ? [shown(ours ?? theirs), null] : [shown(ours), shown(theirs)]
    case "merged":
      return ["by hand", null]
  }
}

async function expectOutcome(folder: string, choice: Resolution["choice"]): Promise<void> {
  const lies = ({ root }: TestMachine) =>
    KINDS.map((kind) => [kind, at(root, `${folder}/${kind}.txt`), at(root, `${folder}/${kind}.remote.txt`)])
  const wanted = KINDS.map((kind) => [kind, ...outcome(kind, choice)])
  expect(lies(b)).toEqual(wanted)
  const kept = quarantineOf(b.root)
  for (const kind of KINDS) {
    // B's own version is never gone: it lies here, or in quarantine.
    const ours = shown(CASES[kind].ours)
    const [here] = outcome(kind, choice)
    if (ours !== null && here !== ours) expect(kept[`${folder}/${kind}.txt`]).toBe(ours)
  }
  await a.sync()
  expect(lies(a)).toEqual(choice === "skip" ? KINDS.map((kind) => [kind, shown(CASES[kind].theirs), null]) : wanted)
}

function views(folder: string, choice: Resolution["choice"]) {
  return KINDS.map((kind) => ({ path: `${folder}/${kind}.txt`, kind, machine: "Machine A", choice }))
}

function answer(choice: Resolution["choice"]): Resolution {
  return choice === "merged" ? { choice, content: utf8("by hand") } : { choice }
}

describe("conflicts of every kind", () => {
  test.each(FLAGS)("are decided by the flag %s", async (onConflict) => {
    const folder = await part()
    const report = await b.sync({ onConflict })
    expect(report.conflicts).toEqual(views(folder, onConflict))
    expect(report.kind).toBe(onConflict === "skip" ? "conflicts" : "synced")
    await expectOutcome(folder, onConflict)
  })

  test.each([...FLAGS, "merged"] as const)("are decided by a person who says %s to all", async (choice) => {
    const folder = await part()
    const asked: ConflictQuestion[] = []
    b.person.resolve = (questions) => {
      asked.push(...questions)
      return new Map(questions.map(({ conflict }) => [conflict.path, answer(choice)]))
    }
    const report = await b.sync()
    const heard = asked.map(({ conflict, machine }) => ({ path: conflict.path, kind: conflict.kind, machine, choice }))
    expect(heard).toEqual(views(folder, choice))
    expect(report.conflicts).toEqual(views(folder, choice))
    await expectOutcome(folder, choice)
  })

  test("are decided one by one, each as it was said", async () => {
    const folder = await part()
    const choices = ["keep-local", "keep-remote", "keep-both", "merged", "skip"] as const
    b.person.resolve = (questions) =>
      new Map(questions.map(({ conflict }, i) => [conflict.path, answer(choices[i % choices.length] as "skip")]))
    const report = await b.sync()
    expect(report.kind).toBe("conflicts")
    expect(report.conflicts.map(({ choice }) => choice)).toEqual(choices)
    for (const [i, kind] of KINDS.entries()) {
      const [here, beside] = outcome(kind, choices[i] as "skip")
      expect([kind, at(b.root, `${folder}/${kind}.txt`)]).toEqual([kind, here])
      expect([kind, at(b.root, `${folder}/${kind}.remote.txt`)]).toEqual([kind, beside])
    }
  })

  test("are left as they are, and asked about again, when nobody answers", async () => {
    const folder = await part()
    let asked = 0
    b.person.resolve = (questions) => {
      asked += questions.length
      return new Map()
    }
    for (const round of [1, 2]) {
      const report = await b.sync()
      expect([report.kind, report.conflicts, asked]).toEqual(["conflicts", views(folder, "skip"), KINDS.length * round])
      for (const kind of KINDS) expect(at(b.root, `${folder}/${kind}.txt`)).toBe(shown(CASES[kind].ours))
    }
  })

  test("show a person both versions, and the one they came from", async () => {
    const folder = await part()
    const loading: Promise<readonly (string | null)[]>[] = []
    b.person.resolve = (questions) => {
      loading.push(...questions.map(readAll))
      return new Map()
    }
    await b.session(async (session) => {
      await session.sync({ onConflict: "ask" })
      const files = (item: Item): Item => (typeof item === "string" ? item : null)
      expect(await Promise.all(loading)).toEqual(
        KINDS.map((kind) => [`${folder}/${kind}.txt`, ...Object.values(CASES[kind]).map(files)]),
      )
    })
  })
})

/** Path, base, remote, local; null for what is no file. */
async function readAll({ conflict, contents }: ConflictQuestion): Promise<readonly (string | null)[]> {
  const { base, remote, local } = contents
  const text = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes))
  return [conflict.path, text(await base()), text(await remote()), text(await local())]
}
