import { beforeAll, describe, expect, it } from "vitest"
import type { Crypto } from "../../../../crypto/crypto.ts"
import type { EpochKeys } from "../../../../storage/keys.ts"
import { sealName } from "../../../../storage/format/machineName.ts"
import type { MachineState, TrustState } from "../../../../storage/verify/trustState.ts"
import { namesakes, namesOf } from "../../../../src/trust/names.ts"
import type { Context } from "../../../../src/vault/context.ts"
import { createTestCrypto, newMachine, startLog, type TestLog } from "../../../support/trustLog.ts"

let crypto: Crypto
let log: TestLog
let context: Context

beforeAll(async () => {
  crypto = await createTestCrypto(21)
  log = await startLog(crypto)
  for (let i = 0; i < 2; i++) await log.approve(log.first, await newMachine(crypto))
  const third = await newMachine(crypto)
  await log.approve(log.first, third)
  await log.retire(log.first, third)
  context = { host: { crypto }, keyring: log.keyring } as unknown as Context
})

/** The log's three trusted machines and a revoked one under these names, whatever a client would let anybody be called. */
async function called(...names: readonly string[]): Promise<{ trust: TrustState; ids: readonly string[] }> {
  const ids = [...log.state.machines.keys()]
  const { key } = log.keyring.get(1) as EpochKeys
  const machines = new Map<string, MachineState>()
  for (const [i, id] of ids.entries()) {
    const name = await sealName(crypto, 1, key, id, names[i] ?? `machine ${i}`)
    machines.set(id, { ...(log.state.machines.get(id) as MachineState), name })
  }
  return { trust: { ...log.state, machines }, ids }
}

const short = (id: string | undefined): string => (id ?? "").slice(0, 8)

describe("the names that people see", () => {
  it("are those that machines gave themselves, each by itself", async () => {
    const { trust, ids } = await called("Ann's laptop", "desk", "💻", "old desk")
    const names = await namesOf(context, trust)
    expect(ids.map(names)).toEqual(["Ann's laptop", "desk", "💻", "old desk"])
    expect(names("nobody has this id")).toBe("nobody h")
  })

  it.each([
    ["desk"],
    ["Desk"],
    ["d\u0435sk".replace("\u0435", "e\u0301")],
    ["ｄｅｓｋ"],
    ["desk."],
    ["desk (12345678)"],
    ["desk （12345678"],
  ])("come with ids where %j is trusted beside desk", async (like) => {
    const { trust, ids } = await called("desk", like, "laptop", "desk")
    const names = await namesOf(context, trust)
    expect(ids.map(names)).toEqual([
      `desk (${short(ids[0])})`,
      `${like} (${short(ids[1])})`,
      "laptop",
      `desk (${short(ids[3])})`,
    ])
    const alike = await namesakes(context, trust, "DESK")
    expect(alike.toSorted()).toEqual([`desk (${short(ids[0])})`, `${like} (${short(ids[1])})`].toSorted())
  })

  it("are not taken from the one who stays by one that was put out", async () => {
    const { trust, ids } = await called("desk", "laptop", "phone", "desk")
    expect(ids.map(await namesOf(context, trust))).toEqual(["desk", "laptop", "phone", `desk (${short(ids[3])})`])
    expect(await namesakes(context, trust, "tablet")).toEqual([])
  })

  it.each([
    ["desk\u202e"],
    ["de\u200bsk"],
    [" desk"],
    ["desk "],
    ["de  sk"],
    ["desk\u00a0"],
    ["\u3164"],
    ["\u2800"],
    ["\u2066desk"],
  ])("are ids where the name %j would hide something", async (hostile) => {
    const { trust, ids } = await called("desk", hostile)
    expect((await namesOf(context, trust))(ids[1] ?? "")).toBe(short(ids[1]))
  })
})
