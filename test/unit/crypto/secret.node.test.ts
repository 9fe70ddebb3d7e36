import { format, inspect } from "node:util"
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads"
import { describe, expect, it } from "vitest"
import { Secret } from "../../../crypto/secret.ts"

const secret = new Secret(Uint8Array.of(0xde, 0xad, 0xbe, 0xef))
const SPELT = /222|173|190|239|dead|beef|de ad|3q2\+7w/i

describe("a secret in Node", () => {
  it.each([
    ["inspect", inspect(secret)],
    ["inspect, with all that is hidden", inspect({ deep: [secret] }, { showHidden: true, depth: 9, getters: true })],
    ["inspect without custom functions", inspect(secret, { customInspect: false, showHidden: true })],
    ["format", format("%s %o %O %j", secret, secret, secret, secret)],
    ["an error with it as cause", inspect(new Error("failed", { cause: secret }))],
  ])("is not printed by %s", (_, printed) => {
    expect(printed).not.toMatch(SPELT)
  })

  it("does not go through a message port", () => {
    const { port1, port2 } = new MessageChannel()
    port1.postMessage(secret)
    expect(inspect(receiveMessageOnPort(port2), { showHidden: true, depth: 9 })).not.toMatch(SPELT)
    port1.close()
  })
})
