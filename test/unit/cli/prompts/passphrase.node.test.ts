import { execFileSync, spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { fromUtf8 } from "../../../../crypto/bytes.ts"
import { askNewPassphrase, createPassphrasePrompt, readGiven } from "../../../../cli/prompts/passphrase.ts"
import { scripted } from "./scripted.ts"

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sessyn-pass-"))
  file = join(folder, "pass")
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const given = (path?: string) => ({ file: path, variable: "SESSYN_PASSPHRASE" })
const read = async (bytes: string | Uint8Array, warnings: string[] = [], mode = 0o600) => {
  await writeFile(file, bytes, { mode })
  const secret = await readGiven(given(file), {}, (line) => warnings.push(line))
  return secret === null ? null : fromUtf8(secret.expose())
}

describe("a passphrase file", () => {
  it.each([
    ["one\ntwo\n", "one"],
    ["one", "one"],
    ["one\r\n", "one"],
    ["\ufeffone\n", "one"],
    [" spaces count \n", " spaces count "],
    ["pässwörd 日本\n", "pässwörd 日本"],
  ])("%j gives %j", async (text, passphrase) => {
    expect(await read(text)).toBe(passphrase)
  })

  it.each([
    ["", "empty"],
    ["\nsecond\n", "empty"],
    [Uint8Array.of(0x70, 0xe4, 0x0a), "not UTF-8"],
    ["x".repeat(5000), "too long"],
  ])("%j is refused", async (bytes, why) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: "PASSPHRASE_FILE", message: expect.stringContaining(why) })
  })

  it("warns if others can read it", async () => {
    const warnings: string[] = []
    await read("one", warnings)
    expect(warnings).toEqual([])
    await rm(file)
    await read("one", warnings, 0o644)
    expect(warnings).toHaveLength(1)
  })

  it("may be a pipe", async () => {
    execFileSync("mkfifo", [file])
    const writer = spawn("sh", ["-c", `echo from-a-pipe > ${file}`])
    const secret = await readGiven(given(file), {}, () => {})
    expect(secret === null ? null : fromUtf8(secret.expose())).toBe("from-a-pipe")
    writer.kill()
  })

  it("names no path when it is missing", async () => {
    await expect(readGiven(given(file), {}, () => {})).rejects.toMatchObject({ message: "cannot read it: ENOENT" })
  })

  it("comes before the environment, which comes before nothing", async () => {
    await writeFile(file, "from file")
    const env = { SESSYN_PASSPHRASE: "from env" }
    const text = async (path?: string, e = env) => {
      const secret = await readGiven(given(path), e, () => {})
      return secret && fromUtf8(secret.expose())
    }
    expect(await text(file)).toBe("from file")
    expect(await text()).toBe("from env")
    expect(await text(undefined, { SESSYN_PASSPHRASE: "" })).toBeNull()
  })
})

describe("asking for the passphrase", () => {
  it("gives up after three wrong ones", async () => {
    const asker = scripted(["a", "b", "c"])
    const ask = createPassphrasePrompt(asker)
    expect((await ask(false))?.length).toBe(1)
    expect((await ask(true))?.length).toBe(1)
    expect((await ask(true))?.length).toBe(1)
    expect(await ask(true)).toBeNull()
  })
})

describe("asking for a new passphrase", () => {
  const six = "tulip orbit crane velvet sugar anchor"
  const chosen = async (answers: string[]) => {
    const asker = scripted(answers)
    const secret = await askNewPassphrase(asker, six)
    expect(asker.left()).toBe(0)
    return { text: fromUtf8(secret.expose()), told: asker.told.join("\n") }
  }

  it("proposes six words and takes them when they are typed back", async () => {
    const { text, told } = await chosen(["", six])
    expect(text).toBe(six)
    expect(told).toContain(six)
  })

  it("asks until both entries are the same", async () => {
    const own = "a long sentence of my very own, 1987"
    expect((await chosen([own, "typo", own, own])).text).toBe(own)
  })

  it("refuses what is easy to guess, before asking for it again", async () => {
    const { text, told } = await chosen(["password123", "", six])
    expect(text).toBe(six)
    expect(told).toContain("too easy to guess")
  })
})
