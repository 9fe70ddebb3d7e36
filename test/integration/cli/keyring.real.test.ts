/**
 * The system's keychain where CI has one: GNOME Keyring, the Secret Service of
 * most Linux desktops, on a session bus of its own for each command. What it
 * keeps lies in a file of its own, encrypted under a password.
 *
 * @module
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { hasProgram, launch, type Outcome, PASSPHRASE, SOURCE, type Variables } from "./command.ts"

const folders = createTemporaryFolders()
afterAll(() => folders.remove())

const isThere = ["dbus-run-session", "gnome-keyring-daemon"].every(hasProgram)

/** Starts a bus and a keyring daemon for one command; with another password than the first, the keyring stays closed. */
const inSession = (password: string): readonly string[] => [
  "--",
  "sh",
  "-c",
  `printf ${password} | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; "$@"`,
  "sh",
]
const NO_PASSPHRASE = { SESSYN_PASSPHRASE: undefined }

/** A computer with a keyring, and two machines on it. From the source: a bundle does not find the native module. */
function createComputer() {
  const folder = folders.make()
  const [home, data, runtime] = ["home", "home/data", "run"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  mkdirSync(data, { recursive: true })
  mkdirSync(runtime, { mode: 0o700 })
  const createMachine = (name: string) => {
    const root = join(folder, name)
    mkdirSync(root)
    const own = { HOME: home, XDG_DATA_HOME: data, XDG_RUNTIME_DIR: runtime, SESSYN_HOME: join(folder, `${name}-home`) }
    return {
      home: own.SESSYN_HOME,
      run(args: readonly string[], more: Variables = {}, password = "login"): Promise<Outcome> {
        const env: Variables = {
          ...process.env,
          ...own,
          SESSYN_KEYCHAIN: undefined,
          SESSYN_PASSPHRASE: PASSPHRASE,
          ...more,
        }
        return launch("dbus-run-session", [...inSession(password), process.execPath, SOURCE, ...args], root, env).ended
      },
    }
  }
  const keyring = (): string => {
    const place = join(data, "keyrings")
    return readdirSync(place)
      .map((name) => readFileSync(join(place, name), "latin1"))
      .join("\n")
  }
  return { laptop: createMachine("laptop"), other: createMachine("other"), keyring }
}

it("is there in CI", () => {
  expect(isThere || process.env["CI"] === undefined).toBe(true)
})

describe.runIf(isThere)("a desktop's keyring", () => {
  it("keeps the key instead of a file, gives it to this machine alone, and loses it with lock", async () => {
    const { laptop, other, keyring } = createComputer()
    const made = await laptop.run(["init", "--remember", "--json"])
    expect(made).toMatchObject({ status: 0, err: expect.not.stringContaining("no keychain here") })
    expect(existsSync(join(laptop.home, "keys"))).toBe(false)
    expect(keyring()).not.toBe("")

    const { store } = JSON.parse(made.out) as { store: string }
    expect((await other.run(["join", "--store", store, "--name", "other"])).status).toBe(0)
    expect((await other.run(["sync"], NO_PASSPHRASE)).status).toBe(5)

    expect((await laptop.run(["sync"], NO_PASSPHRASE)).status).toBe(0)
    const unlocked = await laptop.run(["unlock", "--remember", "--json"], NO_PASSPHRASE)
    expect(JSON.parse(unlocked.out)).toEqual({ rememberedIn: "the desktop's keyring" })
    expect((await laptop.run(["machines", "rotate-key"], NO_PASSPHRASE)).status).toBe(0)
    expect((await laptop.run(["sync"], NO_PASSPHRASE)).status).toBe(0)
    expect((await laptop.run(["lock"], NO_PASSPHRASE)).status).toBe(0)
    expect((await laptop.run(["sync"], NO_PASSPHRASE)).status).toBe(5)
  })

  it("that stays closed is none: the key goes to a file, after that was said", async () => {
    const { laptop } = createComputer()
    expect((await laptop.run(["init"])).status).toBe(0)
    const unlocked = await laptop.run(["unlock", "--remember", "--json"], {}, "wrong")
    expect(unlocked).toMatchObject({ status: 0, err: expect.stringContaining("no keychain here") })
    expect(JSON.parse(unlocked.out)).toEqual({ rememberedIn: join(laptop.home, "keys") })
    expect((await laptop.run(["sync"], NO_PASSPHRASE, "wrong")).status).toBe(0)
    // Once it opens again the file is of use still, and lock forgets both.
    expect((await laptop.run(["sync"], NO_PASSPHRASE)).status).toBe(0)
    expect((await laptop.run(["lock"], NO_PASSPHRASE)).status).toBe(0)
    expect((await laptop.run(["sync"], NO_PASSPHRASE)).status).toBe(5)
  })
})
