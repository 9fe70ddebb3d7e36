import { readdirSync, rmSync, writeFileSync } from "node:fs"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine } from "./command.ts"

const folders = createTemporaryFolders()
afterAll(() => folders.remove())

const git = (store: string, ...args: string[]) =>
  execFileSync("git", ["--git-dir", store, ...args], { encoding: "utf8" }).trim()

async function vault() {
  const folder = folders.make()
  const machine = createMachine(folder, "laptop")
  const store = join(folder, "vault.git")
  writeFileSync(join(machine.root, "a.txt"), "one")
  await machine.ok(["init", "--store", store])
  await machine.ok(["sync"])
  const main = git(store, "for-each-ref", "--format=%(refname)", "refs/heads/sessyn/*/main")
  return { machine, store, main }
}

it("a store that went back is an alarm, and repair is the way out", async () => {
  const { machine, store, main } = await vault()
  const old = git(store, "rev-parse", main)
  writeFileSync(join(machine.root, "b.txt"), "two")
  await machine.ok(["sync"])
  git(store, "update-ref", main, old)
  const behind = await machine.json<{ error: { code: string } }>(["sync"], 1)
  expect(behind.error.code).toBe("STORE_BEHIND")
  expect((await machine.run(["repair"])).status).toBe(2)
  await machine.ok(["repair", "--yes"])
  await machine.ok(["sync"])
  await machine.ok(["verify"])
})

it("a store that is gone is an alarm, not a new beginning", async () => {
  const { machine, store, main } = await vault()
  git(store, "update-ref", "-d", main)
  expect(await machine.json(["sync"], 7)).toMatchObject({ error: { code: "VAULT_VANISHED" } })
  expect(readdirSync(machine.root)).toContain("a.txt")
  await machine.ok(["repair", "--yes"])
  await machine.ok(["sync"])
  rmSync(store, { recursive: true })
  expect(await machine.json(["sync"], 1)).toMatchObject({ error: { code: "STORE_NOT_FOUND" } })
})

it("a damaged store does not verify: status 7, and the user's files that it touches", async () => {
  const { machine, store, main } = await vault()
  const tree = git(store, "ls-tree", "-r", main).split("\n")
  const pack = tree.find((line) => line.includes("\tpacks/")) as string
  const [mode, , object, path] = pack.split(/\s+/) as [string, string, string, string]
  const bytes = execFileSync("git", ["--git-dir", store, "cat-file", "blob", object])
  bytes[100] = (bytes[100] as number) ^ 1
  const blob = execFileSync("git", ["--git-dir", store, "hash-object", "-w", "--stdin"], {
    input: bytes,
    encoding: "utf8",
  })
  // The same names and header over other bytes: what a host could do.
  const index = { ...process.env, GIT_INDEX_FILE: join(store, "forged") }
  const forge = (...args: string[]) =>
    execFileSync("git", ["--git-dir", store, ...args], { env: index, encoding: "utf8" }).trim()
  forge("read-tree", main)
  forge("update-index", "--cacheinfo", `${mode},${blob.trim()},${path}`)
  const identity = ["-c", "user.name=x", "-c", "user.email=x"]
  git(store, "update-ref", main, forge(...identity, "commit-tree", "-m", "x", "-p", main, forge("write-tree")))
  const report = await machine.json<{ problems: { object: string; files: string[] }[] }>(["verify"], 7)
  expect(report.problems[0]).toMatchObject({ object: path, files: expect.arrayContaining(["a.txt"]) })
  expect((await machine.run(["verify"])).out).toContain("a.txt")
})
