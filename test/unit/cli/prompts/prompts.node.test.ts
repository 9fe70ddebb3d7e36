import { describe, expect, it } from "vitest"
import { createPrompts, type PromptsOptions } from "../../../../cli/prompts/prompts.ts"
import { createStyle } from "../../../../cli/output/style.ts"
import { fromUtf8 } from "../../../../crypto/bytes.ts"
import type { Confirmation } from "../../../../src/ports/prompts.ts"
import { scripted } from "./scripted.ts"

const words = "one two three four five six seven eight"

function make(options: Partial<PromptsOptions> = {}) {
  const notes: string[] = []
  const prompts = createPrompts({
    asker: null,
    env: {},
    yes: false,
    given: { file: undefined, variable: "SESSYN_PASSPHRASE" },
    givenNew: { file: undefined, variable: "SESSYN_NEW_PASSPHRASE" },
    fingerprint: undefined,
    columns: 80,
    style: createStyle(process.stderr),
    note: (line) => notes.push(line),
    ...options,
  })
  return { prompts, notes }
}

const question = (code: Confirmation["code"]): Confirmation => ({ code, lines: ["It has these words:", words] })

describe("confirm", () => {
  it.each(["approve", "fingerprint-matches", "revoke", "delete-machine", "remember-in-file", "repair"] as const)(
    "%s is answered by --yes",
    async (code) => {
      expect(await make({ yes: true }).prompts.confirm(question(code))).toBe(true)
    },
  )

  it.each(["mass-delete", "mass-revert", "follow-recovery", "outward-link"] as const)(
    "%s is not answered by --yes, only by a person",
    async (code) => {
      const { prompts } = make({ yes: true })
      expect(await prompts.confirm(question(code))).toBeNull()
      expect(prompts.unanswered()).toBe(true)
      expect(await make({ yes: true, asker: scripted([true]) }).prompts.confirm(question(code))).toBe(true)
    },
  )

  it("shows hostile text as text", async () => {
    const asker = scripted([false])
    const { prompts } = make({ asker })
    expect(await prompts.confirm({ code: "revoke", lines: ["\u001b[2Jlaptop"] })).toBe(false)
    expect(asker.told[0]).toBe("\\e[2Jlaptop")
    expect(prompts.unanswered()).toBe(false)
  })
})

describe("--fingerprint", () => {
  it.each([words, words.toUpperCase(), ` ${words.replaceAll(" ", "\n")} `, words.replaceAll(" ", "-")])(
    "%j matches, and nothing is asked",
    async (fingerprint) => {
      expect(await make({ fingerprint }).prompts.confirm(question("approve"))).toBe(true)
    },
  )

  it.each([words.replace("eight", "nine"), "one three two four five six seven eight"])(
    "%j does not",
    async (fingerprint) => {
      await expect(make({ fingerprint, yes: true }).prompts.confirm(question("approve"))).rejects.toMatchObject({
        code: "FINGERPRINT_DIFFERS",
      })
    },
  )

  it("is not found in a name, which somebody else chose", async () => {
    const { prompts } = make({ fingerprint: words })
    const lines = [`${words} (abcdefgh) asks to be let in. Its screen must show these words:`, "other words"]
    await expect(prompts.confirm({ code: "approve", lines })).rejects.toMatchObject({ code: "FINGERPRINT_DIFFERS" })
  })

  it.each(["one two", "", `${words} nine`])("%j is no fingerprint", async (fingerprint) => {
    await expect(make({ fingerprint }).prompts.confirm(question("approve"))).rejects.toMatchObject({ code: "USAGE" })
  })

  it("answers no other question", async () => {
    expect(await make({ fingerprint: words }).prompts.confirm(question("revoke"))).toBeNull()
  })
})

describe("passphrases", () => {
  it("gives a wrong one only once", async () => {
    const { prompts } = make({ env: { SESSYN_PASSPHRASE: "secret" }, asker: scripted([]) })
    expect(fromUtf8((await prompts.passphrase(false))?.expose() ?? new Uint8Array())).toBe("secret")
    expect(await prompts.passphrase(true)).toBeNull()
  })

  it("has none where nobody sits and nothing was given", async () => {
    expect(await make().prompts.passphrase(false)).toBeNull()
    await expect(make().prompts.newPassphrase("six words")).rejects.toMatchObject({ code: "NEEDS_CONFIRMATION" })
  })

  it("never takes the old one for the new one", async () => {
    const { prompts } = make({ env: { SESSYN_PASSPHRASE: "old", SESSYN_NEW_PASSPHRASE: "new" } })
    expect(fromUtf8((await prompts.newPassphrase(""))?.expose() ?? new Uint8Array())).toBe("new")
  })
})
