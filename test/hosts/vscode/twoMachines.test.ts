/**
 * Two machines, each with a VS Code of its own, and a vault in a folder that
 * both can reach: set up, join, approve, sync, and disagree.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest"
import { startBrowser } from "./driver.ts"
import { type Machine, startMachine } from "./machine.ts"

const PASSPHRASE = "correct horse battery staple, and a lighthouse"
const EIGHT_WORDS = /^([a-z]+ ){7}[a-z]+$/m
const SECRET = "DATABASE_PASSWORD=never-on-the-wire-4711"

let browser: Browser
let laptop: Machine
let desktop: Machine
let store: string
let words: string

beforeAll(async () => {
  browser = await startBrowser()
  store = join(mkdtempSync(join(tmpdir(), "sy-store-")), "vault")
  mkdirSync(store)
  laptop = await startMachine(browser)
  desktop = await startMachine(browser)
  writeFileSync(join(laptop.folder, ".env"), `${SECRET}\n`, { mode: 0o600 })
  writeFileSync(join(laptop.folder, "notes.md"), "first\n")
})

afterAll(async () => {
  await laptop?.stop()
  await desktop?.stop()
  await browser?.close()
  rmSync(dirname(store), { recursive: true, force: true })
})

let failed: string | null = null

/** The steps build on each other: the first that fails shows both windows, the rest are not tried. */
function step(name: string, run: () => Promise<void>): void {
  test(name, async () => {
    if (failed !== null) throw new Error(`not tried, because this failed: ${failed}`)
    onTestFailed(async () => {
      failed ??= name
      console.error(await laptop.keepEvidence("laptop"), await desktop.keepEvidence("desktop"))
    })
    await run()
  })
}

async function startWizard({ editor }: Machine, name: string): Promise<void> {
  await editor.runCommand("Sessyn: Setup Wizard")
  await editor.pick("Sessyn: Setup (1/3)", "Folder")
  await editor.chooseFolder(store)
  await editor.type("Sessyn: Setup (2/3)", name)
  await editor.pick("Sessyn: Setup (3/3)", "Remember on This Device")
}

async function syncNow({ editor }: Machine, outcome: string | RegExp): Promise<string> {
  await editor.clearNotifications()
  await editor.runCommand("Sessyn: Sync Now")
  return editor.notification(outcome)
}

step("a folder that is not set up says so", async () => {
  await syncNow(laptop, "not set up for syncing yet")
})

step("the first machine makes the vault", async () => {
  await startWizard(laptop, "laptop")
  await laptop.editor.pick("Choose a Passphrase", "Use a passphrase of my own")
  await laptop.editor.type("Choose a Passphrase", PASSPHRASE)
  await laptop.editor.type("Choose a Passphrase", PASSPHRASE)
  await laptop.editor.notification("laptop is the first machine of this vault")
  await syncNow(laptop, /Synced: \d+ changes sent/)
})

step("the second machine asks to join, and waits", async () => {
  await startWizard(desktop, "desktop")
  await desktop.editor.type("Sessyn: Unlock", PASSPHRASE)
  const waiting = await desktop.editor.dialog("desktop is waiting for approval")
  expect(waiting).toMatch(EIGHT_WORDS)
  words = EIGHT_WORDS.exec(waiting)?.[0] as string
  await desktop.editor.answerDialog(/OK|Cancel|Close/)
  await syncNow(desktop, "not approved yet")
  expect(readdirSync(desktop.folder).filter((name) => name !== ".sessyn")).toEqual([])
})

step("the first machine approves it, and both screens show the same words", async () => {
  await laptop.editor.runCommand("Sessyn: Approve Machine")
  await laptop.editor.pick("Approve Machine", "desktop")
  expect(await laptop.editor.dialog("Approve this machine?")).toContain(words)
  await laptop.editor.answerDialog("Approve")
  await laptop.editor.notification("desktop is approved")
})

step("the second machine has every file, the secret ones closed to others", async () => {
  await desktop.editor.clearNotifications()
  await desktop.editor.runCommand("Sessyn: Sync Now")
  expect(await desktop.editor.dialog("Do both screens show these words?")).toContain(words)
  await desktop.editor.answerDialog("They Are the Same")
  await desktop.editor.notification(/changes received/)
  expect(readFileSync(join(desktop.folder, ".env"), "utf8")).toBe(`${SECRET}\n`)
  expect(statSync(join(desktop.folder, ".env")).mode & 0o777).toBe(0o600)
  expect(readFileSync(join(desktop.folder, "notes.md"), "utf8")).toBe("first\n")
})

step("an edit travels back", async () => {
  writeFileSync(join(desktop.folder, "notes.md"), "second\n")
  await syncNow(desktop, "1 change sent")
  await syncNow(laptop, "1 change received")
  expect(readFileSync(join(laptop.folder, "notes.md"), "utf8")).toBe("second\n")
})

step("two edits of one file are a question, and both can be kept", async () => {
  writeFileSync(join(laptop.folder, "notes.md"), "from the laptop\n")
  await syncNow(laptop, "1 change sent")
  writeFileSync(join(desktop.folder, "notes.md"), "from the desktop\n")
  await desktop.editor.clearNotifications()
  await desktop.editor.runCommand("Sessyn: Sync Now")
  await desktop.editor.pick("Resolve Conflict", "Keep Both")
  await desktop.editor.notification("Synced")
  expect(readFileSync(join(desktop.folder, "notes.md"), "utf8")).toBe("from the desktop\n")
  expect(readFileSync(join(desktop.folder, "notes.remote.md"), "utf8")).toBe("from the laptop\n")
})

step("the store holds no word of it", async () => {
  const git = ["--git-dir", store, "cat-file", "--batch", "--batch-all-objects"]
  const objects = execFileSync("git", git, { maxBuffer: 256 * 1024 * 1024 }).toString("latin1")
  expect(objects.length).toBeGreaterThan(10_000)
  for (const plain of [SECRET, "DATABASE", ".env", "notes.md", "laptop", PASSPHRASE, "from the desktop"]) {
    expect(objects.includes(plain), `“${plain}” in the store`).toBe(false)
  }
})
