import { isBuiltin } from "node:module"
import type { Metafile } from "esbuild"
import { expect, test } from "vitest"
import { faultsOf, filesOf } from "../../../scripts/bundles.ts"
import type { Entry } from "../../../scripts/entries.ts"

type Output = Metafile["outputs"][string]
type OutputImport = Output["imports"][number]

const web: Entry = { name: "web", source: "w.ts", output: "web/w.js", platform: "vscode-web", budgetKiB: 1 }
const cli: Entry = { name: "cli", source: "c.ts", output: "c.js", platform: "node", budgetKiB: 1 }

function output(bytes: number, imports: readonly OutputImport[] = [], inputs: readonly string[] = []): Output {
  return {
    bytes,
    imports: [...imports],
    exports: [],
    inputs: Object.fromEntries(inputs.map((path) => [path, { bytesInOutput: 1 }])),
  }
}

const outside = (path: string): OutputImport => ({ path, kind: "require-call", external: true })
const faults = (entry: Entry, outputs: Record<string, Output>): readonly string[] =>
  faultsOf(entry, { inputs: {}, outputs }, isBuiltin)

test("the web bundle may leave nothing but vscode to the host", () => {
  expect(faults(web, { "dist/web/w.js": output(1, [outside("vscode")]) })).toEqual([])
  expect(faults(web, { "dist/web/w.js": output(1, [outside("node:fs")]) })).toHaveLength(1)
  expect(faults(web, { "dist/web/w.js": output(1, [outside("path")]) })).toHaveLength(1)
})

test("the web bundle holds no Git library and no file for Node", () => {
  const holding = (input: string) => faults(web, { "dist/web/w.js": output(1, [], [input]) })
  expect(holding("node_modules/isomorphic-git/index.cjs")).toHaveLength(1)
  expect(holding("src/platform/node/nodeCrypto.ts")).toHaveLength(1)
  expect(holding("node_modules/hash-wasm/dist/index.esm.js")).toEqual([])
})

test("the web bundle is one file", () => {
  const chunk: OutputImport = { path: "dist/chunk.js", kind: "dynamic-import" }
  expect(faults(web, { "dist/web/w.js": output(1, [chunk]), "dist/chunk.js": output(1) })).toHaveLength(1)
})

test("a program for Node may leave Node's modules and the keychain, no package else", () => {
  expect(faults(cli, { "dist/c.js": output(1, [outside("node:fs"), outside("@napi-rs/keyring")]) })).toEqual([])
  expect(faults(cli, { "dist/c.js": output(1, [outside("commander")]) })).toHaveLength(1)
})

test("the budget counts what is loaded on demand, and each file once", () => {
  const lazy: OutputImport = { path: "dist/lazy.js", kind: "dynamic-import" }
  const eager: OutputImport = { path: "dist/eager.js", kind: "import-statement" }
  const outputs = {
    "dist/c.js": output(500, [lazy, eager]),
    "dist/eager.js": output(300, [lazy]),
    "dist/lazy.js": output(200, [eager]),
  }
  expect(filesOf(cli, { inputs: {}, outputs }).map(({ path, onDemand }) => [path, onDemand])).toEqual([
    ["dist/c.js", false],
    ["dist/eager.js", false],
    ["dist/lazy.js", true],
  ])
  expect(faults(cli, outputs)).toEqual([])
  expect(faults(cli, { ...outputs, "dist/lazy.js": output(300) })).toHaveLength(1)
})
