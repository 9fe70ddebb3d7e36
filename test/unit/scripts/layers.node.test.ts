import { describe, expect, test } from "vitest"
import { findViolations, LAYERS, layerOf, layersTable, readImports } from "../../../scripts/layers.ts"

/** What the table says against one line of source in one file. */
function violations(file: string, source: string): readonly string[] {
  return findViolations(file, readImports(file, source)).map(({ message }) => message)
}

describe("imports are read however they are written", () => {
  test.each([
    ["static", `import { a } from "node:fs"`],
    ["for its effects", `import "node:fs"`],
    ["type-only", `import type { Stats } from "node:fs"`],
    ["type-only, by name", `import { type Stats } from "node:fs"`],
    ["re-export", `export { readFile } from "node:fs"`],
    ["re-export of everything", `export * from "node:fs"`],
    ["type-only re-export", `export type { Stats } from "node:fs"`],
    ["dynamic", `const fs = await import("node:fs")`],
    ["in a type", `type Stats = import("node:fs").Stats`],
    ["by require", `const fs = require("node:fs")`],
  ])("%s", (_, source) => {
    expect(readImports("src/sync/a.ts", source)).toEqual([{ specifier: "node:fs", line: 1 }])
    expect(violations("src/sync/a.ts", source)).toHaveLength(1)
  })

  test("one that is computed cannot be checked, so it is refused outside of tests and scripts", () => {
    const source = "await import(name)"
    expect(violations("src/sync/a.ts", source)).toEqual(["computes what it imports"])
    expect(violations("test/unit/a.ts", source)).toEqual([])
  })

  test("the line is the import's", () => {
    expect(readImports("src/a.ts", `\n\nimport "x"`)).toEqual([{ specifier: "x", line: 3 }])
  })
})

describe("planted violations are found", () => {
  test.each([
    ["crypto/aead.ts", "../storage/errors.ts"],
    ["storage/chunker.ts", "../src/errors.ts"],
    ["storage/format/pack.ts", "../packWriter.ts"],
    ["storage/verify/header.ts", "../packReader.ts"],
    ["storage/keys.ts", "./remote/git/gitStore.ts"],
    ["src/sync/sync.ts", "../../storage/remote/memoryStore.ts"],
    ["src/sync/sync.ts", "../platform/memory/memoryState.ts"],
    ["src/session.ts", "./platform/node/state/nodeState.ts"],
    ["src/tree/scan/scan.ts", "../../sync/head.ts"],
    ["src/trust/machines.ts", "../../cli/main.ts"],
    ["src/platform/web/webState.ts", "../node/nodeState.ts"],
    ["extension/activate.ts", "../src/platform/node/state/nodeState.ts"],
    ["extension/web.ts", "../src/platform/node/state/nodeState.ts"],
    ["extension/desktop.ts", "../cli/main.ts"],
    ["src/sync/sync.ts", "isomorphic-git"],
    ["crypto/aead.ts", "hpke-js"],
    ["storage/packWriter.ts", "node:zlib"],
    ["src/platform/web/webState.ts", "node:crypto"],
    ["extension/activate.ts", "node:path"],
    ["src/errors.ts", "vscode"],
    ["src/errors.ts", "../../elsewhere/a.ts"],
    ["src/errors.ts", "../nowhere/a.ts"],
  ])("%s may not import %s", (file, specifier) => {
    expect(violations(file, `import type { X } from "${specifier}"`)).toHaveLength(1)
  })

  test("a file in no room", () => {
    expect(violations("lib/a.ts", "")).toEqual(["is in no room of the table"])
  })
})

test.each([
  ["crypto/aead.ts", "@noble/hashes/sha2.js"],
  ["storage/format/pack.ts", "../../crypto/bytes.ts"],
  ["storage/verify/header.ts", "../format/header.ts"],
  ["src/sync/head.ts", "../../storage/remote/store.ts"],
  ["src/sync/head.ts", "../ports/state.ts"],
  ["src/platform/node/state/nodeState.ts", "node:fs/promises"],
  ["extension/desktop.ts", "../src/platform/node/state/nodeState.ts"],
  ["extension/activate.ts", "vscode"],
  ["cli/host.ts", "../src/platform/node/state/nodeState.ts"],
])("%s may import %s", (file, specifier) => {
  expect(violations(file, `import { x } from "${specifier}"`)).toEqual([])
})

test("a file belongs to its innermost row", () => {
  expect(layerOf("src/platform/node/state/nodeState.ts")?.room).toBe("src/platform/node/")
  expect(layerOf("extension/desktop.ts")?.room).toBe("extension/desktop.ts")
  expect(layerOf("README.md")).toBeNull()
})

test("rooms of the neutral core never have Node", () => {
  const neutral = LAYERS.filter(({ room }) => /^(crypto|storage|src)\//.test(room) && !room.includes("/node/"))
  expect(neutral.length).toBeGreaterThan(8)
  expect(neutral.filter(({ node }) => node)).toEqual([])
})

test("the printed table has a row for each room", () => {
  expect(layersTable().split("\n")).toHaveLength(LAYERS.length + 2)
})
