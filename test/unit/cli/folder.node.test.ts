import { mkdir, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { findFolder, pathInFolder, requireFolder } from "../../../cli/folder.ts"
import { makeFolder, WORKSPACE } from "./harness.ts"

let root: string
let remove: () => Promise<void>

beforeEach(async () => {
  ;({ root, remove } = await makeFolder())
})
afterEach(() => remove())

describe("findFolder", () => {
  it("finds the folder itself, from deep inside, and through a link", async () => {
    await mkdir(join(root, "a/b"), { recursive: true })
    await symlink(join(root, "a"), join(root, "link"))
    for (const from of [root, join(root, "a/b"), join(root, "link/b")]) {
      expect(await findFolder(from)).toEqual({ root, workspace: WORKSPACE })
    }
  })

  it.each(["", "short\n", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", `${"a".repeat(26)}\nmore`, "a".repeat(10_000)])(
    "takes no marker that says %j",
    async (text) => {
      await writeFile(join(root, ".sessyn/workspace"), text)
      expect(await findFolder(root)).toBeNull()
    },
  )
})

it("tells a folder that is not set up from one that is not there", async () => {
  await rm(join(root, ".sessyn"), { recursive: true })
  await expect(requireFolder(root)).rejects.toMatchObject({ code: "NOT_SET_UP" })
  await expect(requireFolder(join(root, "gone"))).rejects.toMatchObject({ code: "ROOT_MISSING" })
})

describe("pathInFolder", () => {
  it("takes paths as typed in the current folder", async () => {
    await mkdir(join(root, "a"))
    expect(await pathInFolder(root, join(root, "a"), "x.txt")).toBe("a/x.txt")
    expect(await pathInFolder(root, join(root, "a"), "../..x")).toBe("..x")
    expect(await pathInFolder(root, root, join(root, "a", "b"))).toBe("a/b")
    expect(await pathInFolder(root, root, ".")).toBe("")
  })

  it.each(["..", "../x", "/", "/etc/passwd", "a/../../x"])("refuses %s", async (typed) => {
    await expect(pathInFolder(root, root, typed)).rejects.toMatchObject({ code: "OUTSIDE_FOLDER" })
  })
})

it("knows a folder without its marker by what was set up on this machine, and takes the closest", async () => {
  const inner = join(root, "inner")
  await mkdir(join(inner, "deep"), { recursive: true })
  expect(await requireFolder(join(inner, "deep"), [inner, join(root, "inne")])).toBe(inner)
  expect(await requireFolder(join(inner, "deep"), [join(root, "other")])).toBe(root)
  expect(await requireFolder(root, [inner])).toBe(root)
})
