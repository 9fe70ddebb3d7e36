import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, expect, it } from "vitest"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, hasProgram, launch, PASSPHRASE, SOURCE } from "./command.ts"

const folders = createTemporaryFolders()
afterAll(() => folders.remove())

/** Notes the URL of every module that is loaded. */
const SPY = `import { registerHooks } from "node:module"
import { appendFileSync } from "node:fs"
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.LOADED, url + "\\n")
    return next(url, context)
  },
})`

it("loads only what a command needs", async () => {
  const folder = folders.make()
  const machine = createMachine(folder, "laptop")
  await machine.ok(["init"])
  const spy = join(folder, "spy.mjs")
  writeFileSync(spy, SPY)
  const loaded = async (args: string[]): Promise<string> => {
    const log = join(folder, `loaded-${args.join("-")}`)
    const env = {
      ...process.env,
      SESSYN_HOME: machine.home,
      SESSYN_KEYCHAIN: "file",
      SESSYN_PASSPHRASE: PASSPHRASE,
      LOADED: log,
    }
    const argv = ["--import", pathToFileURL(spy).href, SOURCE, ...args]
    expect((await launch(process.execPath, argv, machine.root, env).ended).status).toBe(0)
    return readFileSync(log, "utf8")
  }
  expect(await loaded(["--version"])).not.toMatch(
    /src\/engine|@inquirer|zxcvbn|node_modules\/diff\/|keyring|isomorphic-git/,
  )
  const status = await loaded(["status"])
  expect(status).toContain("src/engine.ts")
  expect(status).not.toMatch(/@inquirer|zxcvbn|keyring/)
})

it("says what it needs on an older Node, and does nothing", async () => {
  const folder = folders.make()
  const old = join(folder, "old.mjs")
  writeFileSync(old, 'Object.defineProperty(process.versions, "node", { value: "20.19.0" })')
  const argv = ["--import", pathToFileURL(old).href, SOURCE, "init"]
  const { status, err, out } = await launch(process.execPath, argv, folder, { ...process.env }).ended
  expect({ status, err, out }).toEqual({
    status: 1,
    err: "Sessyn needs Node 22.15 or newer; this is Node 20.19.0.\n",
    out: "",
  })
})

const hasScript = process.platform === "linux" && hasProgram("script")

it.runIf(hasScript)("talks to a person in a terminal: passphrase twice, review, question, Ctrl-C", async () => {
  const folder = folders.make()
  const machine = createMachine(folder, "laptop")
  writeFileSync(join(machine.root, "a.txt"), "x")
  const env = {
    ...process.env,
    SESSYN_HOME: machine.home,
    SESSYN_KEYCHAIN: "file",
    SESSYN_PASSPHRASE: undefined,
    NO_COLOR: "1",
    TERM: "xterm",
  }
  const inTerminal = (command: string) =>
    launch("script", ["-qefc", `"${process.execPath}" "${SOURCE}" ${command}`, "/dev/null"], machine.root, env)

  const init = inTerminal("init --remember")
  await init.says("New passphrase")
  init.child.stdin?.write("password1\r")
  await init.says("too easy to guess")
  // What is typed before the prompt is there again, the terminal itself would show.
  await init.says("New passphrase", { next: true })
  init.child.stdin?.write(`${PASSPHRASE}\r`)
  await init.says("Once more")
  init.child.stdin?.write(`${PASSPHRASE}\r`)
  const made = await init.ended
  expect(made).toMatchObject({ status: 0, out: expect.stringContaining("The vault is made") })
  expect(made.out).not.toContain(PASSPHRASE)

  const stopped = inTerminal("sync")
  await stopped.says("Sync now?")
  stopped.child.stdin?.write("\u0003")
  expect((await stopped.ended).status).toBe(130)

  const synced = inTerminal("sync")
  await synced.says("Sync now?")
  synced.child.stdin?.write("\r")
  const { status, out } = await synced.ended
  expect(status).toBe(0)
  expect(out).toMatch(/To send[\s\S]*a\.txt/)
  expect(out).toContain("In sync")
})
