import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { afterAll, expect, test } from "vitest"
import { at, plant, treeOf } from "../../support/files.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, launch, PASSPHRASE, pair } from "../cli/command.ts"

const MAIN = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url))
const DOWN = "\u001b[B"
const ENTER = "\r"

const folders = createTemporaryFolders()
afterAll(folders.remove)

function hasTerminals(): boolean {
  try {
    execFileSync("sh", ["-c", "command -v script"])
    return process.platform === "linux"
  } catch {
    return false
  }
}

const TEXT = Array.from({ length: 12 }, (_, i) => `line ${i}\n`).join("")

test.runIf(hasTerminals())("a person decides conflicts in a terminal, with the arrow keys", async () => {
  const folder = folders.make()
  const laptop = createMachine(folder, "laptop")
  const desk = createMachine(folder, "desk")
  const NAMES = ["1-remote.txt", "2-merge.txt", "3-both.txt", "4-rest.txt", "5-rest.txt"]
  plant(laptop.root, Object.fromEntries(NAMES.map((name) => [name, TEXT])))
  await pair(laptop, desk, `${folder}/vault.git`)
  const [theirs, ours] = [TEXT.replace("line 2\n", "theirs\n"), TEXT.replace("line 9\n", "ours\n")]
  plant(laptop.root, Object.fromEntries(NAMES.map((name) => [name, theirs])))
  await laptop.ok(["sync"])
  plant(desk.root, Object.fromEntries(NAMES.map((name) => [name, ours])))

  const env = {
    ...process.env,
    SESSYN_HOME: desk.home,
    SESSYN_KEYCHAIN: "file",
    SESSYN_PASSPHRASE: PASSPHRASE,
    NO_COLOR: "1",
    TERM: "xterm",
    COLUMNS: "100",
  }
  const command = `stty cols 100 rows 40; "${process.execPath}" "${MAIN}" sync`
  const terminal = launch("script", ["-qefc", command, "/dev/null"], desk.root, env)
  const type = (keys: string) => terminal.child.stdin?.write(keys)

  await terminal.says("Conflict 1 of 5: 1-remote.txt, changed on both sides")
  await terminal.says("by laptop")
  await terminal.says("What shall become of it?")
  type(DOWN + ENTER)
  await terminal.says("Conflict 2 of 5: 2-merge.txt")
  await terminal.says("and for the other 3, too")
  type(DOWN + DOWN + DOWN + ENTER)
  await terminal.says("Take the clean merge")
  type(ENTER)
  await terminal.says("Conflict 3 of 5: 3-both.txt")
  await terminal.says("and for the other 2, too")
  type(DOWN + DOWN + ENTER)
  await terminal.says("Conflict 4 of 5: 4-rest.txt")
  await terminal.says("and for the other one, too")
  // Past the five single choices and the line between: keep local, keep remote, for all that are left.
  type(DOWN.repeat(6) + ENTER)
  const { status, out } = await terminal.ended
  expect(out).toContain("In sync")
  expect(status).toBe(0)

  const merged = ours.replace("line 2\n", "theirs\n")
  expect(treeOf(desk.root)).toEqual({
    "1-remote.txt": theirs,
    "2-merge.txt": merged,
    "3-both.txt": ours,
    "3-both.remote.txt": theirs,
    "4-rest.txt": theirs,
    "5-rest.txt": theirs,
  })
  await laptop.ok(["sync"])
  expect(treeOf(laptop.root)).toEqual(treeOf(desk.root))
  expect(at(desk.root, "3-both.txt")).toBe(ours)
})
