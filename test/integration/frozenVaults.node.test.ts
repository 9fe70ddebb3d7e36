import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { createMachine } from "../support/machine.node.ts"
import { createTemporaryFolders } from "../support/temporaryFolders.node.ts"

const vaults = join(import.meta.dirname, "..", "vaults")
const folders = createTemporaryFolders()
afterAll(() => folders.remove())

/** A machine that joins the frozen vault by the recovery key: no machine of it is left. */
async function open(name: string) {
  const folder = folders.make()
  const repository = join(folder, "vault.git")
  execFileSync("git", ["clone", "--quiet", "--mirror", join(vaults, `${name}.bundle`), repository])
  const machine = createMachine({ name: "reader", folder })
  const joinAlone = () =>
    machine.engine.join({
      root: machine.root,
      storeUrl: pathToFileURL(repository).href,
      machineName: "Reader",
      recover: true,
      remember: true,
    })
  return { machine, joinAlone }
}

function tree(root: string, folder = ""): readonly string[] {
  return readdirSync(join(root, folder))
    .sort()
    .filter((name) => name !== ".sessyn" && name !== ".syncignore")
    .flatMap((name) => {
      const path = folder === "" ? name : `${folder}/${name}`
      const stat = lstatSync(join(root, path))
      const mode = (stat.mode & 0o777).toString(8)
      if (stat.isDirectory()) return [`${mode} ${path}/`, ...tree(root, path)]
      if (stat.isSymbolicLink()) return [`link ${path} -> ${readlinkSync(join(root, path))}`]
      const hash = createHash("sha256")
        .update(readFileSync(join(root, path)))
        .digest("hex")
      return [`${mode} ${path} ${stat.size} ${hash.slice(0, 16)}`]
    })
}

describe("a vault of format 1", () => {
  it("opens with its passphrase, gives back every file, and verifies", async () => {
    const { machine, joinAlone } = await open("v1-small")
    await joinAlone()
    await machine.sync()
    expect(tree(machine.root)).toMatchInlineSnapshot(`
      [
        "600 .env 13 02a82d9cdf098b4b",
        "755 bin/",
        "755 bin/run 10 a8076d3d28d21e02",
        "644 empty 0 e3b0c44298fc1c14",
        "755 empty-folder/",
        "644 large.txt 2800000 15443230c5190dee",
        "link link -> src/a.ts",
        "755 src/",
        "644 src/a.ts 19 1df3032e75cb45e5",
        "755 src/日本語/",
        "644 src/日本語/ü.md 5 833ccbb1d6927a69",
      ]
    `)
    const report = await machine.session((session) => session.verify())
    expect(report.problems).toEqual([])
    const versions = await machine.session((session) => session.log("gone"))
    expect(versions.map(({ change }) => change)).toEqual(["deleted", "new"])
  })

  it("opens with many files, chunks, shards, epochs and kinds of keys", async () => {
    const { machine, joinAlone } = await open("v1-rich")
    await joinAlone()
    await machine.sync()
    const listed = tree(machine.root)
    expect(listed.filter((line) => !/ (?:many|moved)\//.test(line))).toMatchInlineSnapshot(`
      [
        "644 of c.txt 38 60f7b3a0394c89bf",
        "600 secret.key 5084 11df89f4e1b5224c",
        "644 words.txt 2420091 e0b60629cefba5f8",
      ]
    `)
    expect(listed.length).toBe(903)
    expect(createHash("sha256").update(listed.join("\n")).digest("hex")).toMatchInlineSnapshot(
      `"634c3f18f7c73a184bca6b120543c29849b271ecca582cd7f5fb09a10253c6ff"`,
    )
    const report = await machine.session((session) => session.verify())
    expect(report.problems).toEqual([])
    expect(report.versions).toBe(16)
    const machines = await machine.session((session) => session.machines())
    expect(machines.map(({ name, algorithms }) => `${name}: ${algorithms.join("+")}`).sort()).toMatchInlineSnapshot(`
      [
        "Machine A: ed25519+ml-dsa-87",
        "Machine B: ml-dsa-87",
        "Reader: ed25519+ml-dsa-87",
      ]
    `)
  })

  it.each([
    ["v1-pack-missing", "no such pack in the tree"],
    ["v1-pack-damaged", "pack hash"],
  ])("%s: says what is wrong, and gives nothing that is not right", async (name, reason) => {
    const { machine, joinAlone } = await open(name)
    await joinAlone()
    await expect(machine.sync()).rejects.toMatchObject({ reason })
    const { problems } = await machine.session((session) => session.verify())
    expect(problems.map((problem) => problem.reason)).toEqual([reason])
    expect(problems[0]?.files.length).toBeGreaterThan(0)
  })

  it.each([
    ["v1-index-of-before", { code: "HASH_MISMATCH" }],
    ["v1-boxes-of-nobody", { code: "HASH_MISMATCH" }],
  ])("%s: is not believed at all", async (name, error) => {
    const { machine, joinAlone } = await open(name)
    await expect(joinAlone()).rejects.toMatchObject(error)
    expect(readdirSync(machine.root).filter((entry) => entry !== ".sessyn")).toEqual([])
  })
})
