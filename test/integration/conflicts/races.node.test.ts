import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { openLocalGitStore } from "../../../storage/remote/node/localGitStore.ts"
import type { Resolution } from "../../../src/tree/plan/plan.ts"
import { utf8 } from "../../../crypto/bytes.ts"
import { at, plant, quarantineOf } from "../../support/files.node.ts"
import { createPair, type TestMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
let a: TestMachine
let b: TestMachine
let path: string
let number = 0
/** What happens in the vault just before the next commit there, once. */
let before: (() => Promise<unknown>) | null = null

beforeAll(async () => {
  ;({ a, b } = await createPair(folders.make(), {
    async openStore(url, create) {
      const store = await openLocalGitStore({ path: new URL(url).pathname, create })
      return {
        ...store,
        async commit(...args) {
          const happens = before
          before = null
          await happens?.()
          return store.commit(...args)
        },
      }
    },
  }))
})

beforeEach(() => {
  path = `notes-${++number}.txt`
  before = null
})

afterAll(folders.remove)

async function part(): Promise<void> {
  plant(a.root, { [path]: "base" })
  await a.sync()
  await b.sync()
  plant(a.root, { [path]: "theirs" })
  await a.sync()
  plant(b.root, { [path]: "ours" })
}

/** Notes what is asked, and answers with. */
function answering(...resolutions: readonly Resolution[]): string[] {
  const asked: string[] = []
  b.person.resolve = (questions) =>
    new Map(
      questions.map(({ conflict }) => {
        const resolution = resolutions[asked.length] ?? { choice: "skip" }
        const size = conflict.remote?.type === "file" ? conflict.remote.size : 0
        asked.push(`${conflict.path} ${size}`)
        return [conflict.path, resolution]
      }),
    )
  return asked
}

describe("a vault that moves while a conflict is being decided", () => {
  test.each(["keep-local", "keep-both"] as const)(
    "does not make a person decide the same conflict twice (%s)",
    async (choice) => {
      await part()
      const asked = answering({ choice })
      before = async () => {
        plant(a.root, { [`unrelated-${number}`]: "news" })
        await a.sync()
      }
      const report = await b.sync()
      expect([asked, report.kind]).toEqual([[`${path} 6`], "synced"])
      expect([at(b.root, path), at(b.root, `unrelated-${number}`)]).toEqual(["ours", "news"])
    },
  )

  test("asks again if it is another version now", async () => {
    await part()
    const asked = answering({ choice: "keep-local" }, { choice: "keep-both" })
    before = async () => {
      plant(a.root, { [path]: "theirs, longer" })
      await a.sync()
    }
    const report = await b.sync()
    expect([asked, report.kind]).toEqual([[`${path} 6`, `${path} 14`], "synced"])
    expect([at(b.root, path), at(b.root, path.replace(".txt", ".remote.txt"))]).toEqual(["ours", "theirs, longer"])
  })

  test("does not ask again if the conflict is gone", async () => {
    await part()
    const asked = answering({ choice: "keep-both" })
    before = async () => {
      plant(a.root, { [path]: "ours" })
      await a.sync()
    }
    const report = await b.sync()
    expect([asked, report.conflicts, report.kind]).toEqual([[`${path} 6`], [], "in-sync"])
    expect(at(b.root, path.replace(".txt", ".remote.txt"))).toBeNull()
  })

  test("takes a merge that was decided, if its versions still stand", async () => {
    await part()
    const asked = answering({ choice: "merged", content: utf8("by hand") })
    before = async () => {
      plant(a.root, { [`unrelated-${number}`]: "news" })
      await a.sync()
    }
    await b.sync()
    expect([asked.length, at(b.root, path)]).toEqual([1, "by hand"])
    await a.sync()
    expect(at(a.root, path)).toBe("by hand")
  })
})

describe("a file that is edited while its conflict is being decided", () => {
  test.each(["keep-local", "keep-remote", "keep-both", "merged"] as const)("is not lost (%s)", async (choice) => {
    await part()
    b.person.resolve = (questions) => {
      plant(b.root, { [path]: "edited just now" })
      const resolution: Resolution = choice === "merged" ? { choice, content: utf8("by hand") } : { choice }
      return new Map(questions.map(({ conflict }) => [conflict.path, resolution]))
    }
    const report = await b.sync()
    // What was decided for the vault is done; what would write over the new edit is not.
    const writes = choice === "keep-remote" || choice === "merged"
    expect(report.skipped).toEqual(writes ? [{ path, reason: "changed-meanwhile" }] : [])
    expect(at(b.root, path)).toBe("edited just now")
    b.person.resolve = () => new Map()
    await b.sync()
    expect(at(b.root, path)).toBe("edited just now")
    await b.sync({ onConflict: "keep-local" })
    await a.sync()
    expect(at(a.root, path)).toBe("edited just now")
  })
})

describe("two machines that decide one conflict at the same time", () => {
  test("both have all versions in the end", async () => {
    await part()
    // A has put "theirs" there; before B's decision arrives, A edits once more and syncs first.
    answering({ choice: "keep-remote" }, { choice: "keep-remote" })
    before = async () => {
      plant(a.root, { [path]: "theirs again" })
      await a.sync()
    }
    plant(b.root, { [`new-${number}`]: "so that there is a commit" })
    await b.sync()
    expect(at(b.root, path)).toBe("theirs again")
    expect(quarantineOf(b.root)[path]).toBe("ours")
  })
})
