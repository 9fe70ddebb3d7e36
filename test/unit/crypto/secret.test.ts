import { describe, expect, it } from "vitest"
import { Secret } from "../../../crypto/secret.ts"

const BYTES = [0xde, 0xad, 0xbe, 0xef]
const secret = () => new Secret(Uint8Array.from(BYTES))

/** Any of the ways in which the four bytes could be spelt. */
const SPELT = /222|173|190|239|dead|beef|3q2\+7w/i

describe("a secret", () => {
  it("gives its bytes to who asks for them", () => {
    expect([...secret().expose()]).toEqual(BYTES)
    expect(secret().length).toBe(4)
  })

  it("leaves nothing with who made it", () => {
    const bytes = Uint8Array.from(BYTES)
    const taken = new Secret(bytes)
    expect([...bytes]).toEqual([0, 0, 0, 0])
    expect([...taken.expose()]).toEqual(BYTES)
  })

  it.each([
    ["String", (it: Secret) => String(it)],
    ["a template", (it: Secret) => `${it}`],
    ["JSON", (it: Secret) => JSON.stringify({ it, list: [it] })],
    ["its own properties", (it: Secret) => JSON.stringify([...Reflect.ownKeys(it), ...Object.entries(it)])],
    ["spreading", (it: Secret) => JSON.stringify({ ...it })],
    ["an error's message", (it: Secret) => new Error(`bad key ${it}`).message],
    ["a join", (it: Secret) => [it, it].join()],
  ])("is not printed by %s", (_, print) => {
    expect(print(secret())).not.toMatch(SPELT)
  })

  it("does not travel to another thread", () => {
    let clone: unknown
    try {
      clone = structuredClone(secret())
    } catch {
      return
    }
    expect(JSON.stringify(clone)).not.toMatch(SPELT)
    expect(clone).not.toBeInstanceOf(Secret)
    expect(Object.keys(clone as object)).toEqual([])
  })

  it("is gone once wiped, for those too who hold its bytes", () => {
    const wiped = secret()
    const held = wiped.expose()
    wiped.wipe()
    expect([...held]).toEqual([0, 0, 0, 0])
    expect(wiped.length).toBe(0)
  })
})
