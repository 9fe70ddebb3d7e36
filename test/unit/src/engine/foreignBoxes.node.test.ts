import { describe, expect, it } from "vitest"
import type { KeyBox } from "../../../../storage/format/vaultFile.ts"
import { type Forgery, forge } from "../../../support/forger.node.ts"
import { type MemoryMachine, pair } from "../../../support/memoryMachine.ts"

async function idOf({ session }: MemoryMachine): Promise<string> {
  const machines = await session((open) => open.machines())
  return machines.find(({ status }) => status === "this")?.id ?? ""
}

const ascending = (boxes: readonly KeyBox[]): readonly KeyBox[] =>
  boxes.toSorted((x, y) => (x.recipient < y.recipient ? -1 : 1))

describe("a trusted machine that seals the key to others than the log trusts", () => {
  const cases: readonly (readonly [string, (victim: string) => Forgery["boxes"]])[] = [
    ["leaving one out", (victim) => (boxes) => boxes.filter(({ recipient }) => recipient !== victim)],
    ["leaving the passphrase out", () => (boxes) => boxes.filter(({ recipient }) => recipient !== "passphrase")],
    [
      "to one more",
      () => (boxes) => ascending([...boxes, { ...(boxes[0] as KeyBox), recipient: `${"b".repeat(51)}q` }]),
    ],
    [
      "to another in one's place",
      (victim) => (boxes) =>
        ascending(boxes.map((box) => (box.recipient === victim ? { ...box, recipient: `${"b".repeat(51)}q` } : box))),
    ],
  ]
  for (const [how, boxes] of cases) {
    it(`is not believed: ${how}; repair seals to the right ones`, async () => {
      const { a, b } = await pair()
      const change = boxes(await idOf(a)) as NonNullable<Forgery["boxes"]>
      await forge(b, { items: { planted: "planted" }, boxes: change })
      await expect(a.sync()).rejects.toMatchObject({
        code: "SEAL_BROKEN",
        reason: "boxes for others than the log trusts",
      })
      expect(await a.read("planted")).toBe(null)
      await a.session((open) => open.repair())
      expect((await a.sync()).kind).toBe("in-sync")
    })
  }
})
