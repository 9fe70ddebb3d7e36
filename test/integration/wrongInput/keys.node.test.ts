import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { plant } from "../../support/files.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, type Machine, PASSPHRASE, pair } from "../cli/command.ts"
import { expectRefusal, refsOf, surroundings } from "./refusal.ts"

const folders = createTemporaryFolders()
let folder: string
let store: string
let laptop: Machine
let desk: Machine

const WRONG = "orchard pencil quantum ribbon saddle timber"
const VERBS = [
  ["sync"],
  ["sync", "--dry-run"],
  ["machines"],
  ["machines", "approve", "desk"],
  ["machines", "revoke", "desk"],
  ["unlock"],
  ["passphrase"],
  ["log"],
  ["restore", "a.txt"],
  ["verify"],
  ["repair", "--yes"],
]

beforeAll(async () => {
  folder = folders.make()
  store = join(folder, "vault.git")
  laptop = createMachine(folder, "laptop")
  desk = createMachine(folder, "desk")
  plant(laptop.root, { "a.txt": "a", ".env": "SECRET" })
  await pair(laptop, desk, store)
  plant(laptop.root, { "a.txt": "edited", "new.txt": "new" })
})

afterAll(folders.remove)

describe("a passphrase that is", () => {
  test.each(VERBS.map((verb) => [verb] as const))("wrong opens nothing: sessyn %j", async (verb) => {
    const env = { SESSYN_PASSPHRASE: WRONG, SESSYN_NEW_PASSPHRASE: PASSPHRASE }
    const err = await expectRefusal(laptop, verb, { code: "WRONG_PASSPHRASE", status: 5, env, store })
    expect(err).not.toContain(WRONG)
  })

  test.each([
    ["not given", undefined],
    ["empty", ""],
  ])("%s leaves the vault locked", async (_, SESSYN_PASSPHRASE) => {
    for (const verb of [["sync"], ["log"], ["machines"], ["verify"]]) {
      await expectRefusal(laptop, verb, { code: "LOCKED", status: 5, env: { SESSYN_PASSPHRASE }, store })
    }
  })

  test("another only by case, by a blank, or by how it is spelt in a way that counts, is wrong", async () => {
    for (const other of [PASSPHRASE.toUpperCase(), ` ${PASSPHRASE}`, PASSPHRASE.replace(" ", "  ")]) {
      const env = { SESSYN_PASSPHRASE: other }
      await expectRefusal(laptop, ["unlock"], { code: "WRONG_PASSPHRASE", status: 5, env, store })
    }
  })

  test("in a file that is not there, empty, too long, no text, or a folder", async () => {
    const file = (name: string, content: string | Uint8Array) => {
      writeFileSync(join(folder, name), content, { mode: 0o600 })
      return join(folder, name)
    }
    mkdirSync(join(folder, "a folder"))
    const files = [
      [join(folder, "none"), /ENOENT/],
      [file("empty", ""), /empty/],
      [file("blank first line", `\n${PASSPHRASE}\n`), /empty/],
      [file("long", "x".repeat(5000)), /too long/],
      [file("no text", Uint8Array.of(0xff, 0xfe, 0x0a)), /UTF-8/],
      [join(folder, "a folder"), /EISDIR/],
    ] as const
    for (const [path, says] of files) {
      const args = ["--passphrase-file", path, "sync"]
      await expectRefusal(laptop, args, { code: "PASSPHRASE_FILE", status: 2, says, store })
    }
    const open = file("open to others", `${WRONG}\n`)
    chmodSync(open, 0o644)
    const args = ["--passphrase-file", open, "sync"]
    await expectRefusal(laptop, args, { code: "WRONG_PASSPHRASE", status: 5, says: /chmod 600/, store })
  })

  test.each(["password", "letmein123", "aaaaaaaaaaaaaaaa", "qwertyuiop[]", "12345678901234567890", "abandon abandon"])(
    "easy to guess makes no vault and changes none: %s",
    async (weak) => {
      const fresh = createMachine(folders.make(), "fresh")
      const weakly = { code: "WEAK_PASSPHRASE", status: 2 } as const
      await expectRefusal(fresh, ["init"], { ...weakly, env: { SESSYN_PASSPHRASE: weak } })
      await expectRefusal(laptop, ["passphrase"], { ...weakly, env: { SESSYN_NEW_PASSPHRASE: weak }, store })
    },
  )

  test("missing makes no vault, either", async () => {
    const fresh = createMachine(folders.make(), "fresh")
    for (const SESSYN_PASSPHRASE of [undefined, ""]) {
      await expectRefusal(fresh, ["init"], { code: "NEEDS_CONFIRMATION", status: 2, env: { SESSYN_PASSPHRASE } })
    }
    await expectRefusal(laptop, ["passphrase"], { code: "NEEDS_CONFIRMATION", status: 2, store })
  })
})

describe("a machine that is", () => {
  test("pending may do nothing", async () => {
    const phone = createMachine(folder, "phone")
    plant(phone.root, { "own.txt": "own" })
    await phone.ok(["join", "--store", store, "--name", "phone"])
    for (const verb of VERBS.filter(([first]) => first !== "unlock")) {
      const env = { SESSYN_NEW_PASSPHRASE: WRONG }
      await expectRefusal(phone, verb, { code: "PENDING", status: 4, env, store })
    }
    // Its status is not an error; it says so, with the words to compare.
    const status = await phone.run(["status"])
    expect([status.status, status.out]).toEqual([4, expect.stringContaining("pending")])
    await laptop.ok(["machines", "delete", "phone"])
  })

  test("revoked may do nothing, whichever passphrase it has", async () => {
    const phone = createMachine(folder, "phone2")
    await phone.ok(["join", "--store", store, "--name", "phone2", "--remember"])
    await laptop.ok(["machines", "approve", "phone2", "--yes"])
    await phone.ok(["sync", "--yes"])
    await laptop.ok(["machines", "revoke", "phone2", "--yes", "--keep-passphrase"])
    for (const verb of VERBS.filter(([first]) => first !== "unlock")) {
      for (const SESSYN_PASSPHRASE of [PASSPHRASE, undefined]) {
        const env = { SESSYN_PASSPHRASE, SESSYN_NEW_PASSPHRASE: WRONG }
        await expectRefusal(phone, verb, { code: "REVOKED", status: 4, env, store })
      }
    }
    expect((await phone.run(["status"])).status).toBe(4)
  })

  test.each([
    "",
    "two\nlines",
    "\u001b[31mred",
    "x".repeat(300),
    "\u0007",
    "\u009b31m",
    "\u202egnal-rotide",
    "a\u200bb",
    " a",
  ])("named %j makes no vault and asks for nothing", async (name) => {
    const fresh = createMachine(folders.make(), "fresh")
    for (const verb of [["init"], ["join", "--store", store]]) {
      const outcome = await fresh.run([...verb, "--name", name])
      expect([outcome.status, outcome.err]).toEqual([2, expect.stringMatching(/machine's name has 1 to \d+ bytes/)])
    }
    expect(surroundings(fresh, store)).toEqual({ files: {}, refs: refsOf(store) })
  })
})

test("a watch ends, with the same words, where it could go on only with another passphrase", async () => {
  const { status, err } = await laptop.run(["watch"], { SESSYN_PASSPHRASE: WRONG })
  expect([status, err]).toEqual([5, expect.stringContaining("The passphrase does not open this vault.")])
})
