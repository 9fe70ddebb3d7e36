import { describe, expect, test } from "vitest"
import type { PlanInput } from "../../../../src/tree/plan/plan.ts"
import { createNames, remoteName } from "../../../../src/tree/names.ts"

describe("the name of the remote version", () => {
  test.each([
    ["notes.txt", "notes.remote.txt"],
    ["a.b.c", "a.b.remote.c"],
    ["Makefile", "Makefile.remote"],
    ["backup.tar.gz", "backup.remote.tar.gz"],
    ["x.tar.zst", "x.remote.tar.zst"],
    ["types.d.ts", "types.remote.d.ts"],
    ["x.d.mts", "x.remote.d.mts"],
    [".env", ".env.remote"],
    [".env.local", ".env.local.remote"],
    [".gitignore", ".gitignore.remote"],
    [".eslintrc.json", ".eslintrc.remote.json"],
    ["Mr. Smith wrote", "Mr. Smith wrote.remote"],
    ["trailing.", "trailing..remote"],
    ["..", "...remote"],
  ])("%s: %s", (name, expected) => {
    expect(remoteName(name, 1, "file")).toBe(expected)
  })

  test("counts from the second on", () => {
    expect(remoteName("notes.txt", 2, "file")).toBe("notes.remote-2.txt")
    expect(remoteName(".env", 3, "file")).toBe(".env.remote-3")
  })

  test("of a folder keeps it whole", () => {
    expect(remoteName("v1.2", 1, "folder")).toBe("v1.2.remote")
  })

  test("is shortened by whole characters where it would be too long", () => {
    const long = `${"🙂".repeat(62)}.txt`
    expect(remoteName(long, 1, "file")).toBe(`${"🙂".repeat(61)}.remote.txt`)
    expect(new TextEncoder().encode(remoteName("é".repeat(127), 12, "file")).length).toBeLessThanOrEqual(255)
  })
})

describe("a name beside another", () => {
  const input: PlanInput = {
    base: new Map([["d/a.remote.txt", { type: "folder", mode: 0 }]]),
    local: new Map(),
    remote: new Map(),
    tombstones: new Map(),
    held: new Map([["d/A.REMOTE-2.txt", "unreadable"]]),
    excluded: (path: string) => path.includes("secret"),
  }

  test("is free and then taken", () => {
    const names = createNames(input)
    expect(names.beside("d/a.txt", "file")).toBe("d/a.remote-3.txt")
    expect(names.beside("d/a.txt", "file")).toBe("d/a.remote-4.txt")
    expect(names.beside("a.txt", "file")).toBe("a.remote.txt")
  })

  test("is none where it could not be synced", () => {
    expect(createNames(input).beside("secret.txt", "file")).toBeNull()
    expect(createNames(input).beside(`${`${"x".repeat(250)}/`.repeat(16)}${"y".repeat(78)}`, "file")).toBeNull()
  })
})
