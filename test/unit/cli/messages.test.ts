import { expect, it } from "vitest"
import { exitCodes } from "../../../cli/exitCodes.ts"
import { messages } from "../../../cli/messages.ts"

it.each(Object.entries(messages))("%s is said in whole sentences", (_, { message, action }) => {
  expect(message).toMatch(/^[A-Z].*\.$/)
  expect(action).toMatch(/^[A-Z].*[.]$/)
})

it("gives the documented exit status to the outcomes that scripts branch on", () => {
  expect(exitCodes).toMatchObject({
    STORE_UNREACHABLE: 1,
    NEEDS_CONFIRMATION: 2,
    PENDING: 4,
    REVOKED: 4,
    LOCKED: 5,
    WRONG_PASSPHRASE: 5,
    MASS_DELETE: 6,
    HASH_MISMATCH: 7,
    VAULT_WENT_BACK: 7,
  })
  expect(new Set(Object.keys(exitCodes))).toEqual(new Set(Object.keys(messages)))
})

it.each(["VAULT_WENT_BACK", "VAULT_FORKED", "VAULT_VANISHED", "TRUST_FORKED"] as const)(
  "%s shows the way out",
  (code) => {
    expect(messages[code].action).toContain("sessyn repair")
  },
)
