import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { execFileSync } from "node:child_process"
import { afterAll, describe, expect, it } from "vitest"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, PASSPHRASE } from "./command.ts"

const folders = createTemporaryFolders()
afterAll(() => folders.remove())

const NO_PASSPHRASE = { SESSYN_PASSPHRASE: undefined }

/** All files below a folder, as one text. */
function everything(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => readFileSync(join(item.parentPath, item.name), "latin1"))
    .join("\n")
}

describe("the passphrase", () => {
  it("is in no child's arguments or environment, no output and no file", async () => {
    const folder = folders.make()
    const bin = join(folder, "bin")
    const log = join(folder, "children.log")
    mkdirSync(bin)
    const git = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim()
    writeFileSync(join(bin, "git"), `#!/bin/sh\n{ echo "$0 $*"; env; } >> ${log}\nexec ${git} "$@"\n`)
    chmodSync(join(bin, "git"), 0o755)
    const machine = createMachine(folder, "laptop", { PATH: `${bin}${delimiter}${process.env.PATH}` })
    writeFileSync(join(machine.root, "plain-name.txt"), "plain content of a file")
    const outputs = []
    const store = join(folder, "vault.git")
    for (const args of [
      ["init", "--store", store],
      ["sync"],
      ["unlock", "--remember"],
      ["verify"],
      ["sync", "--nope"],
    ]) {
      const { out, err } = await machine.run(args, { SESSYN_DEBUG: "1", SESSYN_NEW_PASSPHRASE: "not this one either" })
      outputs.push(out, err)
    }
    const children = readFileSync(log, "utf8")
    expect(children).toContain("receive-pack")
    for (const text of [children, outputs.join(""), everything(machine.home), everything(join(folder, "vault.git"))]) {
      expect(text).not.toContain(PASSPHRASE)
      expect(text).not.toContain("not this one either")
    }
    expect(everything(join(folder, "vault.git"))).not.toMatch(/plain-name|plain content/)
  })

  it("comes from a file, with a warning if others can read that", async () => {
    const folder = folders.make()
    const machine = createMachine(folder, "laptop", NO_PASSPHRASE)
    const file = join(folder, "pass")
    writeFileSync(file, `${PASSPHRASE}\n`, { mode: 0o600 })
    const made = await machine.run(["init", "--passphrase-file", "../pass"])
    expect(made).toMatchObject({ status: 0, err: "" })
    chmodSync(file, 0o644)
    const synced = await machine.run(["sync", "--passphrase-file", file])
    expect(synced.status).toBe(0)
    expect(synced.err).toContain("other users can read")
  })

  it("is refused if it is weak, and missing without a terminal", async () => {
    const folder = folders.make()
    const machine = createMachine(folder, "laptop")
    expect(await machine.json(["init"], 2, { SESSYN_PASSPHRASE: "password1" })).toMatchObject({
      error: { code: "WEAK_PASSPHRASE" },
    })
    expect(await machine.json(["init"], 2, NO_PASSPHRASE)).toMatchObject({ error: { code: "NEEDS_CONFIRMATION" } })
    await machine.ok(["init"])
    expect(await machine.json(["sync"], 5, NO_PASSPHRASE)).toMatchObject({ error: { code: "LOCKED" } })
    expect(await machine.json(["sync"], 5, { SESSYN_PASSPHRASE: "some other words here" })).toMatchObject({
      error: { code: "WRONG_PASSPHRASE" },
    })
    expect((await machine.run(["status"], NO_PASSPHRASE)).status).toBe(5)
  })

  it("can be changed, and the old one opens nothing then", async () => {
    const folder = folders.make()
    const machine = createMachine(folder, "laptop")
    await machine.ok(["init"])
    const fresh = "orchard pencil quantum ribbon saddle timber"
    await machine.ok(["passphrase"], { SESSYN_NEW_PASSPHRASE: fresh })
    expect((await machine.run(["unlock"])).status).toBe(5)
    await machine.ok(["unlock"], { SESSYN_PASSPHRASE: fresh })
  })
})

it("unlock --remember keeps the key in a private file after saying so, and lock forgets it", async () => {
  const folder = folders.make()
  const machine = createMachine(folder, "laptop")
  await machine.ok(["init"])
  const unlocked = await machine.run(["unlock", "--remember", "--json"])
  expect(unlocked.err).toContain("no keychain here")
  const { rememberedIn } = JSON.parse(unlocked.out) as { rememberedIn: string }
  expect(rememberedIn).toBe(join(machine.home, "keys"))
  const [key] = readdirSync(rememberedIn)
  expect(statSync(join(rememberedIn, key as string)).mode & 0o777).toBe(0o600)
  await machine.ok(["sync"], NO_PASSPHRASE)
  await machine.ok(["lock"], NO_PASSPHRASE)
  expect(readdirSync(rememberedIn)).toEqual([])
  expect((await machine.run(["sync"], NO_PASSPHRASE)).status).toBe(5)
})

it("a second vault of the same folder name gets a place of its own", async () => {
  const folder = folders.make()
  const machine = createMachine(folder, "laptop")
  mkdirSync(join(machine.root, "x/work"), { recursive: true })
  mkdirSync(join(machine.root, "y/work"), { recursive: true })
  const stores = []
  for (const dir of ["x/work", "y/work"]) stores.push((await machine.json<{ store: string }>(["init", dir])).store)
  expect(new Set(stores).size).toBe(2)
  expect(existsSync(join(machine.home, "vaults"))).toBe(true)
})
