import { describe, expect, it } from "vitest"
import * as labels from "../../../crypto/labels.ts"

const entries = Object.entries(labels)

describe("labels", () => {
  it("are all of Sessyn, version 1, in printable ASCII", () => {
    for (const [, label] of entries) expect(label).toMatch(/^sessyn\/v1\/[a-z0-9/-]+$/)
  })

  it("never begin with one another, so that no label and what follows it can pass for another", () => {
    const collisions = entries.flatMap(([name, label]) =>
      entries.filter(([other, longer]) => other !== name && longer.startsWith(label)).map(([other]) => [name, other]),
    )
    expect(collisions).toEqual([])
    expect(entries.length).toBeGreaterThan(10)
  })
})
